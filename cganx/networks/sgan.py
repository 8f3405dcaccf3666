"""The semi-supervised GAN of the GAN book (Chaudhary, The GAN Book, 2024, skill 6), with the game of Salimans et al. 2016.

The book's discriminator has a head of its own for real or fake. Here the class logits l_k alone say both (Salimans et al.
2016, section 5): a softmax over the classes and one more, "fake", whose logit is held at 0, calls a picture real with
probability Z / (Z + 1), where Z = sum_k exp l_k. So log Z is the realness score, and what is learned about realness and
about classes is the same.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from cganx.networks.keras import batch_norm1d, batch_norm2d, keras_init, leaky_relu
from cganx.networks.layers import ImageShape, Judgement

__all__ = ["SGANDiscriminator", "SGANGenerator"]


class SGANGenerator(nn.Module):
    """Latent [n, 100] ~ N(0, 1) -> picture [n, c, 28, 28] in -1..1; takes no label.

    5 to 11, 23, 25 and 28 pixels. 540,097 parameters in grey, running statistics counted as Keras does.
    """

    def __init__(self, shape: ImageShape, classes: int = 0, latent: int = 100) -> None:
        super().__init__()
        self.shape, self.classes, self.latent = shape, classes, latent
        self.dense = nn.Sequential(nn.Linear(latent, 1600), nn.ReLU(), batch_norm1d(1600))
        self.layers = nn.Sequential(
            *(nn.ConvTranspose2d(64, 128, 3, stride=2), nn.ReLU(), batch_norm2d(128)),
            *(nn.ConvTranspose2d(128, 128, 3, stride=2), nn.ReLU(), batch_norm2d(128)),
            *(nn.ConvTranspose2d(128, 128, 3), nn.ReLU()),
            nn.ConvTranspose2d(128, shape.channels, 4),
        )
        keras_init(self)

    def forward(self, latent: Tensor, label: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """Pictures in -1..1."""
        return torch.tanh(self.layers(self.dense(latent).view(-1, 5, 5, 64).permute(0, 3, 1, 2)))


class SGANDiscriminator(nn.Module):
    """Picture [n, c, 28, 28] -> `Judgement` whose score is the log-sum-exp of its class logits, with the 128 features.

    562,058 parameters at 10 classes in grey: the book's 562,316 without its head for real or fake (129) and without the
    logit of its class "fake" (129), which is a constant here.
    """

    def __init__(self, shape: ImageShape, classes: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *(nn.Conv2d(shape.channels, 128, 3, stride=2), leaky_relu(), batch_norm2d(128)),
            *(nn.Conv2d(128, 128, 3, stride=2), leaky_relu(), batch_norm2d(128)),
            *(nn.Conv2d(128, 128, 3), leaky_relu(), batch_norm2d(128)),
            *(nn.Conv2d(128, 128, 4), leaky_relu(), batch_norm2d(128)),
        )
        self.class_head = nn.Linear(128, classes)
        keras_init(self)

    def forward(self, image: Tensor, label: Tensor | None = None) -> Judgement:  # noqa: ARG002
        """How real the pictures are, and which class they show."""
        features = self.layers(image).flatten(1)
        logits = self.class_head(features)
        return Judgement(torch.logsumexp(logits, dim=1), logits, features)
