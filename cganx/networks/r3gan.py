"""R3GAN's networks: residual blocks without normalisation (Huang et al. 2024, The GAN is dead; long live the GAN!, section 3).

Inverted bottlenecks with grouped 3x3 convolutions, biased activations, bilinear resampling and a learned 'basis' at the
coarsest size; initialised so that every residual branch starts at zero (Zhang et al. 2019, Fixup). Widths are chosen for two
CPU cores: under 1.5 million parameters together at 28 to 64 pixels.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cganx.networks.layers import ImageShape, Judgement, base_size, cut, upsamplings

__all__ = ["R3GANDiscriminator", "R3GANGenerator"]

LATENT = 64
EMBEDDING = 64
WIDTHS = (32, 64, 128)  # from the finest stage to the coarsest; coarser ones stay at the last
BLOCKS = 2  # a stage
EXPANSION = 2
GROUP = 16  # channels that a 3x3 convolution joins
GAIN = math.sqrt(2 / (1 + 0.2**2))  # of a leaky ReLU with slope 0.2 (He et al. 2015, equation 15)


class ResidualBlock(nn.Module):
    """x + narrow(act(grouped 3x3(act(widen(x))))), [n, features, h, w] of the same shape (figure 2 of the paper)."""

    def __init__(self, features: int) -> None:
        super().__init__()
        wide = EXPANSION * features
        self.widen = _convolution(features, wide, 1)
        self.spatial = _convolution(wide, wide, 3, groups=wide // GROUP)
        self.narrow = nn.Conv2d(wide, features, 1, bias=False)
        nn.init.zeros_(self.narrow.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Features with the branch added."""
        wide = F.leaky_relu(self.widen(x), 0.2)
        made: Tensor = x + self.narrow(F.leaky_relu(self.spatial(wide), 0.2))
        return made


def _convolution(before: int, after: int, kernel: int, groups: int = 1) -> nn.Conv2d:
    """With a bias, which is that of the paper's biased activation behind it."""
    layer = nn.Conv2d(before, after, kernel, padding=kernel // 2, groups=groups)
    nn.init.normal_(layer.weight, std=GAIN / math.sqrt(layer.weight[0].numel()))
    nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    return layer


def _plain(layer: nn.Linear | nn.Conv2d) -> nn.Module:
    nn.init.normal_(layer.weight, std=1 / math.sqrt(layer.weight[0].numel()))
    return layer


def _stage(features: int) -> nn.Sequential:
    return nn.Sequential(*(ResidualBlock(features) for _ in range(BLOCKS)))


def _widths(shape: ImageShape) -> list[int]:
    return [WIDTHS[min(stage, len(WIDTHS) - 1)] for stage in range(upsamplings(shape) + 1)]


class R3GANGenerator(nn.Module):
    """Latent [n, 64] ~ N(0, 1) and label weights [n, classes] -> picture [n, c, h, w], about -1..1 but without a bound."""

    def __init__(self, shape: ImageShape, classes: int) -> None:
        super().__init__()
        self.shape, self.classes, self.latent = shape, classes, LATENT
        widths = _widths(shape)[::-1]
        self.embedding = _plain(nn.Linear(classes, EMBEDDING, bias=False)) if classes else None
        self.basis = nn.Parameter(torch.randn(widths[0], *base_size(shape)))
        self.modulation = _plain(nn.Linear(LATENT + (EMBEDDING if classes else 0), widths[0], bias=False))
        self.stages = nn.ModuleList(_stage(width) for width in widths)
        self.widths = nn.ModuleList(_plain(nn.Conv2d(before, after, 1, bias=False)) for before, after in pairwise(widths))
        self.to_image = _plain(nn.Conv2d(widths[-1], shape.channels, 1, bias=False))

    def forward(self, latent: Tensor, label: Tensor | None = None) -> Tensor:
        """Pictures for latents [n, 64] and label weights [n, classes]."""
        if self.embedding is not None:
            latent = torch.cat([latent, self.embedding(label)], dim=1)
        x = self.basis * self.modulation(latent)[:, :, None, None]
        for stage, width in zip(self.stages, self.widths, strict=False):
            # The 1x1 convolution first, at a quarter of the cost: it commutes with the resampling.
            x = F.interpolate(width(stage(x)), scale_factor=2.0, mode="bilinear")
        return cut(self.to_image(self.stages[-1](x)), self.shape)


class R3GANDiscriminator(nn.Module):
    """Picture [n, c, h, w] and label weights [n, classes] -> `Judgement`, a score alone: features projected on the label."""

    def __init__(self, shape: ImageShape, classes: int) -> None:
        super().__init__()
        self.classes = classes
        widths = _widths(shape)
        self.from_image = _plain(nn.Conv2d(shape.channels, widths[0], 1, bias=False))
        self.stages = nn.ModuleList(_stage(width) for width in widths)
        self.widths = nn.ModuleList(_plain(nn.Conv2d(before, after, 1, bias=False)) for before, after in pairwise(widths))
        height, width = shape.height, shape.width
        for _ in self.widths:
            height, width = -(-height // 2), -(-width // 2)
        self.basis = nn.Parameter(torch.randn(widths[-1], height, width) / math.sqrt(height * width))
        self.features = _plain(nn.Linear(widths[-1], EMBEDDING if classes else 1, bias=False))
        self.embedding = _plain(nn.Linear(classes, EMBEDDING, bias=False)) if classes else None

    def forward(self, image: Tensor, label: Tensor | None = None) -> Judgement:
        """How real the pictures are as pictures of their label."""
        x = self.from_image(image)
        for stage, width in zip(self.stages, self.widths, strict=False):
            x = width(F.avg_pool2d(stage(x), 2, ceil_mode=True, count_include_pad=False))
        pooled = (self.stages[-1](x) * self.basis).sum(dim=(2, 3))
        x = self.features(pooled)
        if self.embedding is None:
            return Judgement(x.squeeze(1), features=pooled)
        return Judgement((x * self.embedding(label)).sum(dim=1) / math.sqrt(EMBEDDING), features=pooled)
