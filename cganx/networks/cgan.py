"""Two conditional GANs whose discriminator sees the label as planes of the picture (Mirza and Osindero 2014, section 3.2).

`CGAN...`: the chapter "Building GANs for Conditional Image Creation" of a TensorFlow project book: one plane a class.
`Planes...`: Chaudhary, The GAN Book (2024), skill 6: one plane from a dense layer.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cganx.networks.dropout import Dropout
from cganx.networks.keras import SameConv2d, SameConvTranspose2d, batch_norm2d, keras_init, leaky_relu
from cganx.networks.layers import ImageShape, Judgement, cut

__all__ = ["CGANDiscriminator", "CGANGenerator", "PlanesDiscriminator", "PlanesGenerator"]

DROPOUT = 0.5
MOMENTUM = 0.99  # TensorFlow's default for batch norm


def _block(layer: nn.Module, features: int) -> list[nn.Module]:
    return [layer, batch_norm2d(features, MOMENTUM), leaky_relu(), Dropout(DROPOUT)]


class CGANGenerator(nn.Module):
    """Latent [n, 96], even over -1..1, and label weights [n, classes] -> picture [n, c, h, w] in -1..1.

    Latent and label are joined; a dense layer to a quarter of the size, two doublings by 5x5 transposed convolutions.
    Sizes that are no multiple of 4 are cut from the middle of the next one that is.
    """

    def __init__(self, shape: ImageShape, classes: int, latent: int = 96) -> None:
        super().__init__()
        self.shape, self.classes, self.latent = shape, classes, latent
        self.base = (-(-shape.height // 4), -(-shape.width // 4))
        self.dense = nn.Linear(latent + classes, 512 * self.base[0] * self.base[1])
        self.layers = nn.Sequential(
            *(batch_norm2d(512, MOMENTUM), leaky_relu(), Dropout(DROPOUT)),
            *_block(SameConvTranspose2d(512, 256, 5, stride=2), 256),
            *_block(SameConvTranspose2d(256, 128, 5, stride=2), 128),
            SameConvTranspose2d(128, shape.channels, 5),
        )
        keras_init(self)

    def forward(self, latent: Tensor, label: Tensor) -> Tensor:
        """Pictures in -1..1."""
        x = self.dense(torch.cat([latent, label], dim=1)).view(-1, *self.base, 512).permute(0, 3, 1, 2)
        return cut(torch.tanh(self.layers(x)), self.shape)


class CGANDiscriminator(nn.Module):
    """Picture [n, c, h, w] and label weights [n, classes], a constant plane for each class -> `Judgement`, a score alone."""

    def __init__(self, shape: ImageShape, classes: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *_block(SameConv2d(shape.channels + classes, 32, 5, stride=2), 32),
            *_block(SameConv2d(32, 64, 5, stride=2), 64),
            *_block(SameConv2d(64, 128, 5), 128),
        )
        self.score = nn.Linear(128 * -(-shape.height // 4) * -(-shape.width // 4), 1)
        keras_init(self)

    def forward(self, image: Tensor, label: Tensor) -> Judgement:
        """How real the pictures are as pictures of their label."""
        planes = label[:, :, None, None].expand(-1, -1, *image.shape[2:])
        flat = self.layers(torch.cat([image, planes], dim=1)).permute(0, 2, 3, 1).flatten(1)
        return Judgement(self.score(flat).squeeze(1), features=flat)


class PlanesGenerator(nn.Module):
    """Latent [n, 100] ~ N(0, 1) and label weights [n, classes] -> picture [n, c, 28, 28] in -1..1.

    Latent and label through dense layers to 4 maps and 1 of 5x5, then 5 to 9, 15, 21 and 28 pixels without strides.
    629,448 parameters at 10 classes in grey, batch norm's running statistics counted as Keras does.
    """

    def __init__(self, shape: ImageShape, classes: int, latent: int = 100) -> None:
        super().__init__()
        self.shape, self.classes, self.latent = shape, classes, latent
        self.from_latent = nn.Linear(latent, 100)
        self.from_label = nn.Linear(classes, 25)
        self.layers = nn.Sequential(
            *(nn.ConvTranspose2d(5, 64, 5), nn.ReLU(), batch_norm2d(64)),
            *(nn.ConvTranspose2d(64, 64, 7), nn.ReLU(), batch_norm2d(64)),
            *(nn.ConvTranspose2d(64, 128, 7), nn.ReLU()),
            nn.ConvTranspose2d(128, shape.channels, 8),
        )
        keras_init(self)

    def forward(self, latent: Tensor, label: Tensor) -> Tensor:
        """Pictures in -1..1."""
        maps = F.relu(self.from_latent(latent)).view(-1, 5, 5, 4).permute(0, 3, 1, 2)
        plane = F.relu(self.from_label(label)).view(-1, 1, 5, 5)
        return torch.tanh(self.layers(torch.cat([maps, plane], dim=1)))


class PlanesDiscriminator(nn.Module):
    """Picture [n, c, 28, 28] and label weights [n, classes], a dense layer's plane -> `Judgement`, a score alone."""

    def __init__(self, shape: ImageShape, classes: int) -> None:
        super().__init__()
        self.from_label = nn.Linear(classes, 28 * 28)
        self.layers = nn.Sequential(
            *(nn.Conv2d(shape.channels + 1, 128, 3, stride=2), leaky_relu()),
            *(nn.Conv2d(128, 128, 3, stride=2), leaky_relu(), batch_norm2d(128)),
            *(nn.Conv2d(128, 64, 3), leaky_relu(), batch_norm2d(64)),
            *(nn.Conv2d(64, 64, 3), leaky_relu(), batch_norm2d(64)),
        )
        self.score = nn.Linear(256, 1)
        keras_init(self)

    def forward(self, image: Tensor, label: Tensor) -> Judgement:
        """How real the pictures are as pictures of their label."""
        plane = F.leaky_relu(self.from_label(label), 0.2).view(-1, 1, 28, 28)
        flat = self.layers(torch.cat([image, plane], dim=1)).permute(0, 2, 3, 1).flatten(1)
        return Judgement(self.score(flat).squeeze(1), features=flat)
