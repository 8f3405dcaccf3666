"""Two auxiliary classifier GANs: the label enters the generator alone, and the discriminator names it (Odena et al. 2017).

`ACGAN...`: Brownlee's Keras tutorial "How to Develop an Auxiliary Classifier GAN (AC-GAN) From Scratch".
`BookACGAN...`: Chaudhary, The GAN Book (2024), skill 6.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cganx.networks.cdcgan import LabelPlane
from cganx.networks.dropout import Dropout
from cganx.networks.keras import SameConv2d, SameConvTranspose2d, batch_norm1d, batch_norm2d, keras_init, leaky_relu
from cganx.networks.layers import ImageShape, Judgement, cut

__all__ = ["ACGANDiscriminator", "ACGANGenerator", "BookACGANDiscriminator", "BookACGANGenerator"]

MOMENTUM = 0.99  # Keras's default for batch norm
DROPOUT = 0.5


class ACGANGenerator(nn.Module):
    """Latent [n, 100] ~ N(0, 1) and label weights [n, classes] -> picture [n, c, h, w] in -1..1.

    384 maps of a quarter of the size and one plane of the label, then two doublings by 5x5 transposed convolutions. Sizes
    that are no multiple of 4 are cut from the middle of the next one that is.
    """

    def __init__(self, shape: ImageShape, classes: int, latent: int = 100) -> None:
        super().__init__()
        self.shape, self.classes, self.latent = shape, classes, latent
        self.base = (-(-shape.height // 4), -(-shape.width // 4))
        self.dense = nn.Linear(latent, 384 * self.base[0] * self.base[1])
        self.layers = nn.Sequential(
            *(SameConvTranspose2d(385, 192, 5, stride=2), batch_norm2d(192, MOMENTUM), nn.ReLU()),
            SameConvTranspose2d(192, shape.channels, 5, stride=2),
        )
        _normal_init(self)
        self.label = LabelPlane(classes, *self.base)

    def forward(self, latent: Tensor, label: Tensor) -> Tensor:
        """Pictures in -1..1."""
        maps = F.relu(self.dense(latent)).view(-1, *self.base, 384).permute(0, 3, 1, 2)
        return cut(torch.tanh(self.layers(torch.cat([maps, self.label(label)], dim=1))), self.shape)


class ACGANDiscriminator(nn.Module):
    """Picture [n, c, h, w] -> `Judgement` with class logits; what label it should have is not told."""

    def __init__(self, shape: ImageShape, classes: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [SameConv2d(shape.channels, 32, 3, stride=2), leaky_relu(), Dropout(DROPOUT)]
        for before, after, stride in ((32, 64, 1), (64, 128, 2), (128, 256, 1)):
            layers += [SameConv2d(before, after, 3, stride=stride), batch_norm2d(after, MOMENTUM), leaky_relu()]
            layers.append(Dropout(DROPOUT))
        self.layers = nn.Sequential(*layers)
        features = 256 * -(-shape.height // 4) * -(-shape.width // 4)
        self.score = nn.Linear(features, 1)
        self.class_head = nn.Linear(features, classes)
        _normal_init(self)

    def forward(self, image: Tensor, label: Tensor | None = None) -> Judgement:  # noqa: ARG002
        """How real the pictures are, and which class they look like."""
        flat = self.layers(image).permute(0, 2, 3, 1).flatten(1)
        return Judgement(self.score(flat).squeeze(1), self.class_head(flat), flat)


class BookACGANGenerator(nn.Module):
    """Latent [n, 100] ~ N(0, 1) and label weights [n, classes] -> picture [n, c, 28, 28] in -1..1.

    5 to 11, 23, 25 and 28 pixels. 649,377 parameters at 10 classes in grey, running statistics counted as Keras does.
    """

    def __init__(self, shape: ImageShape, classes: int, latent: int = 100) -> None:
        super().__init__()
        self.shape, self.classes, self.latent = shape, classes, latent
        self.from_latent = nn.Linear(latent, 128)
        self.from_label = nn.Linear(classes, 32)
        self.dense = nn.Sequential(nn.Linear(160, 1600), nn.ReLU(), batch_norm1d(1600))
        self.layers = nn.Sequential(
            *(nn.ConvTranspose2d(64, 128, 3, stride=2), nn.ReLU(), batch_norm2d(128)),
            *(nn.ConvTranspose2d(128, 128, 3, stride=2), nn.ReLU(), batch_norm2d(128)),
            *(nn.ConvTranspose2d(128, 128, 3), nn.ReLU()),
            nn.ConvTranspose2d(128, shape.channels, 4),
        )
        keras_init(self)

    def forward(self, latent: Tensor, label: Tensor) -> Tensor:
        """Pictures in -1..1."""
        x = torch.cat([F.relu(self.from_latent(latent)), F.relu(self.from_label(label))], dim=1)
        return torch.tanh(self.layers(self.dense(x).view(-1, 5, 5, 64).permute(0, 3, 1, 2)))


class BookACGANDiscriminator(nn.Module):
    """Picture [n, c, 28, 28] -> `Judgement` with class logits; 561,675 parameters at 10 classes in grey."""

    def __init__(self, shape: ImageShape, classes: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *(nn.Conv2d(shape.channels, 128, 3, stride=2), leaky_relu()),
            *(nn.Conv2d(128, 128, 3, stride=2), leaky_relu(), batch_norm2d(128)),
            *(nn.Conv2d(128, 128, 3), leaky_relu(), batch_norm2d(128)),
            *(nn.Conv2d(128, 128, 4), leaky_relu(), batch_norm2d(128)),
        )
        self.score = nn.Linear(128, 1)
        self.class_head = nn.Linear(128, classes)
        keras_init(self)

    def forward(self, image: Tensor, label: Tensor | None = None) -> Judgement:  # noqa: ARG002
        """How real the pictures are, and which class they look like."""
        flat = self.layers(image).flatten(1)
        return Judgement(self.score(flat).squeeze(1), self.class_head(flat), flat)


def _normal_init(module: nn.Module) -> None:
    """N(0, 0.02) weights, zero biases (Radford et al. 2016, section 4)."""
    for layer in module.modules():
        if isinstance(layer, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.normal_(layer.weight, std=0.02)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
