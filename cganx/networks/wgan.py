"""Generators and critics of the GAN book's Wasserstein experiments (Chaudhary, The GAN Book, 2024, skill 7).

`WGAN...` after Arjovsky et al. 2017, `WGANGP...` after Gulrajani et al. 2017. With classes the label enters both as one more
plane, as in `cganx.networks.cdcgan`; without, they are the book's.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from cganx.networks.cdcgan import LabelPlane
from cganx.networks.dropout import Dropout
from cganx.networks.keras import SameConv2d, SameConvTranspose2d, batch_norm2d, keras_init, leaky_relu
from cganx.networks.layers import ImageShape, Judgement, cut

__all__ = ["WGANCritic", "WGANGPCritic", "WGANGPGenerator", "WGANGenerator"]

LATENT = 100
WIDTH = 128


class _Generator(nn.Module):
    """A dense layer to 128 maps of a quarter of the size, a plane of the label, and ``layers`` with two doublings."""

    def __init__(self, shape: ImageShape, classes: int, layers: nn.Sequential) -> None:
        super().__init__()
        self.shape, self.classes, self.latent = shape, classes, LATENT
        self.base = (-(-shape.height // 4), -(-shape.width // 4))
        self.dense = nn.Linear(LATENT, WIDTH * self.base[0] * self.base[1])
        self.layers = layers
        keras_init(self)
        self.label = LabelPlane(classes, *self.base) if classes else None

    def forward(self, latent: Tensor, label: Tensor | None = None) -> Tensor:
        """Pictures [n, c, h, w] in -1..1 for latents [n, 100] ~ N(0, 1)."""
        x = self.dense(latent).view(-1, *self.base, WIDTH).permute(0, 3, 1, 2)
        if self.label is not None:
            x = torch.cat([x, self.label(label)], dim=1)
        return cut(torch.tanh(self.layers(x)), self.shape)


class _Critic(nn.Module):
    """Blocks on the picture and a plane of the label, and a linear score."""

    def __init__(self, shape: ImageShape, classes: int, blocks: list[nn.Module], features: int) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*blocks)
        self.score = nn.Linear(features, 1)
        keras_init(self)
        self.label = LabelPlane(classes, shape.height, shape.width) if classes else None

    def forward(self, image: Tensor, label: Tensor | None = None) -> Judgement:
        """How real the pictures are, on a scale without ends."""
        x = image if self.label is None else torch.cat([image, self.label(label)], dim=1)
        flat = self.blocks(x).permute(0, 2, 3, 1).flatten(1)
        return Judgement(self.score(flat).squeeze(1), features=flat)


class WGANGenerator(_Generator):
    """1,079,297 parameters at 28 x 28 grey pictures without classes, running statistics counted as Keras does."""

    def __init__(self, shape: ImageShape, classes: int) -> None:
        layers = nn.Sequential(
            *(SameConvTranspose2d(WIDTH + int(classes > 0), 128, 3, stride=2), batch_norm2d(128), nn.ReLU()),
            *(SameConvTranspose2d(128, 128, 3, stride=2), batch_norm2d(128), nn.ReLU()),
            *(SameConvTranspose2d(128, 128, 3), nn.ReLU()),
            SameConvTranspose2d(128, shape.channels, 4),
        )
        super().__init__(shape, classes, layers)


class WGANCritic(_Critic):
    """523,393 parameters at 28 x 28 grey pictures without classes, running statistics counted as Keras does."""

    def __init__(self, shape: ImageShape, classes: int) -> None:
        first = shape.channels + int(classes > 0)
        blocks: list[nn.Module] = [SameConv2d(first, 64, 3, stride=2), leaky_relu(), Dropout(0.25)]
        for before, after, stride in ((64, 128, 2), (128, 128, 2), (128, 256, 1)):
            blocks += [SameConv2d(before, after, 3, stride=stride), batch_norm2d(after), leaky_relu(), Dropout(0.25)]
        super().__init__(shape, classes, blocks, 256 * _eighth(shape))


class WGANGPGenerator(_Generator):
    """1,028,673 parameters at 28 x 28 grey pictures without classes, running statistics counted as Keras does."""

    def __init__(self, shape: ImageShape, classes: int) -> None:
        layers = nn.Sequential(
            *(SameConvTranspose2d(WIDTH + int(classes > 0), 128, 4, stride=2), batch_norm2d(128), nn.ReLU()),
            *(SameConvTranspose2d(128, 64, 4, stride=2), batch_norm2d(64), nn.ReLU()),
            SameConvTranspose2d(64, shape.channels, 4),
        )
        super().__init__(shape, classes, layers)


class WGANGPCritic(_Critic):
    """The book's critic with layer norm where it has batch norm: the penalty is about each picture by itself.

    So Gulrajani et al. 2017, section 4. 99,649 parameters at 28 x 28 grey pictures without classes; the book's 100,097
    count batch norm's 448 running statistics.
    """

    def __init__(self, shape: ImageShape, classes: int) -> None:
        first = shape.channels + int(classes > 0)
        blocks: list[nn.Module] = [SameConv2d(first, 16, 3, stride=2), leaky_relu(), Dropout(0.25)]
        for before, after, stride in ((16, 32, 2), (32, 64, 2), (64, 128, 1)):
            blocks += [SameConv2d(before, after, 3, stride=stride), nn.GroupNorm(1, after), leaky_relu(), Dropout(0.25)]
        super().__init__(shape, classes, blocks, 128 * _eighth(shape))


def _eighth(shape: ImageShape) -> int:
    """Places that are left of a picture after three strides of 2."""
    return math.ceil(shape.height / 8) * math.ceil(shape.width / 8)
