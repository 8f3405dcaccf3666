"""InfoGAN as in the GAN book (Chaudhary, The GAN Book, 2024, skill 6), and with continuous codes (Chen et al. 2016, section 5).

The code enters the generator as a label would: a categorical one, continuous ones, or both side by side. A head on the
discriminator's features guesses it from the picture.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cganx.networks.keras import batch_norm2d, keras_init, leaky_relu
from cganx.networks.layers import ImageShape, Judgement

__all__ = ["InfoGANDiscriminator", "InfoGANGenerator"]


class InfoGANGenerator(nn.Module):
    """Latent [n, 50] ~ N(0, 1) and code [n, classes] -> picture [n, c, 28, 28] in -1..1.

    ``classes`` counts the categories and the continuous codes together. 5 to 11, 23, 25 and 28 pixels. 531,425 parameters
    at 10 categories in grey, running statistics counted as Keras does.
    """

    def __init__(self, shape: ImageShape, classes: int, latent: int = 50) -> None:
        super().__init__()
        self.shape, self.classes, self.latent = shape, classes, latent
        self.from_latent = nn.Linear(latent, 64)
        self.from_code = nn.Linear(classes, 32)
        self.dense = nn.Linear(96, 1600)
        self.layers = nn.Sequential(
            *(nn.ConvTranspose2d(64, 128, 3, stride=2), nn.ReLU(), batch_norm2d(128)),
            *(nn.ConvTranspose2d(128, 128, 3, stride=2), nn.ReLU(), batch_norm2d(128)),
            *(nn.ConvTranspose2d(128, 128, 3), nn.ReLU(), batch_norm2d(128)),
            nn.ConvTranspose2d(128, shape.channels, 4),
        )
        keras_init(self)

    def forward(self, latent: Tensor, label: Tensor, code: Tensor | None = None) -> Tensor:
        """Pictures in -1..1; ``label`` is the whole code, or its categories with the continuous ones in ``code``."""
        chosen = label if code is None else torch.cat([label, code], dim=1)
        x = torch.cat([F.relu(self.from_latent(latent)), F.relu(self.from_code(chosen))], dim=1)
        return torch.tanh(self.layers(F.relu(self.dense(x)).view(-1, 5, 5, 64).permute(0, 3, 1, 2)))


class InfoGANDiscriminator(nn.Module):
    """Picture [n, c, 28, 28] -> `Judgement` whose class logits guess the code (the head Q of the paper's section 4).

    They are the logits of the categories and, after them, the means of the continuous codes.
    428,929 parameters in grey and 650 more in the head, running statistics counted as Keras does.
    """

    def __init__(self, shape: ImageShape, classes: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *(nn.Conv2d(shape.channels, 128, 3, stride=2), leaky_relu()),
            *(nn.Conv2d(128, 128, 3, stride=2), leaky_relu(), batch_norm2d(128)),
            *(nn.Conv2d(128, 128, 3), leaky_relu(), batch_norm2d(128)),
            *(nn.Conv2d(128, 64, 4), leaky_relu(), batch_norm2d(64)),
        )
        self.score = nn.Linear(64, 1)
        self.class_head = nn.Linear(64, classes)
        keras_init(self)

    def forward(self, image: Tensor, label: Tensor | None = None) -> Judgement:  # noqa: ARG002
        """How real the pictures are, and which code they were made with."""
        flat = self.layers(image).flatten(1)
        return Judgement(self.score(flat).squeeze(1), self.class_head(flat), flat)
