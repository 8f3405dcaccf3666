"""The second judge's network: residual where the oracle is plain, with other pictures to learn from and another seed."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cganx.evaluation.classifier import FEATURES, Architecture, FeatureNetwork, Recipe, to_input
from cganx.training.augmentation import cut_out

__all__ = ["RECIPE", "RESIDUAL", "Residual"]

WIDTHS = (24, 48, 96)
START = 14
"""Side of the map that the first stage sees, about, whatever the picture's size."""

SCALING, SHIFT, CUTOUT = 0.1, 0.14, 0.25
"""Up to this share of the size; of half the side; of the side."""

RECIPE = Recipe(passes=8, at_least=100_000, at_most=450_000, learning_rate=3e-3, weight_decay=0.05, seed=1729)


class Block(nn.Module):
    """Pre-activation residual block: [n, before, h, w] -> [n, width, h / stride, w / stride]. He et al. 2016."""

    def __init__(self, before: int, width: int, stride: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.BatchNorm2d(before), nn.BatchNorm2d(width)
        self.conv1 = nn.Conv2d(before, width, 3, stride, padding=1, bias=False)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.skip = nn.Identity() if before == width else nn.Conv2d(before, width, 1, stride, bias=False)

    def forward(self, maps: Tensor) -> Tensor:
        active = F.relu(self.norm1(maps))
        kept = self.skip(maps if isinstance(self.skip, nn.Identity) else active)
        out: Tensor = kept + self.conv2(F.relu(self.norm2(self.conv1(active))))
        return out


class Residual(FeatureNetwork):
    """Strided convolutions to maps of about 14 pixels a side, three residual blocks, and the mean over all places.

    Unlike the oracle's, its features say how much of something there is, not where.
    """

    def __init__(self, channels: int, side: int, classes: int) -> None:
        super().__init__()
        halvings = max(round(np.log2(side / START)), 0)
        layers: list[nn.Module] = [nn.Conv2d(channels, WIDTHS[0], 5, stride=2 if halvings else 1, padding=2, bias=False)]
        for _ in range(halvings - 1):
            layers += [nn.BatchNorm2d(WIDTHS[0]), nn.ReLU(inplace=True)]
            layers += [nn.Conv2d(WIDTHS[0], WIDTHS[0], 3, stride=2, padding=1, bias=False)]
        before = WIDTHS[0]
        for width in WIDTHS:
            layers.append(Block(before, width, 1 if before == width else 2))
            before = width
        layers += [nn.BatchNorm2d(before), nn.ReLU(inplace=True), nn.Conv2d(before, FEATURES, 1, bias=False)]
        layers += [nn.BatchNorm2d(FEATURES), nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
        self.body = nn.Sequential(*layers)
        self.norm = nn.BatchNorm1d(FEATURES, affine=False)
        self.head = nn.Linear(FEATURES, classes)

    def features(self, images: Tensor) -> Tensor:
        features: Tensor = self.norm(self.body(images))
        return features

    def classify(self, features: Tensor) -> Tensor:
        logits: Tensor = self.head(features)
        return logits


def varied(pixels: Tensor, random: torch.Generator) -> Tensor:
    """Half of the pictures moved and enlarged or made smaller a little, and half with a square cut out.

    Every pixel stays one of the picture's own: by bilinear ones it would learn to overlook blur.
    """
    images, count = to_input(pixels), len(pixels)
    resized, cut = torch.rand(2, count, generator=random).round().unbind()
    high, wide, down, right, cut_down, cut_right = (2 * torch.rand(6, count, generator=random) - 1).unbind()
    none = torch.zeros(count)
    across = torch.stack([1 + resized * SCALING * wide, none, resized * SHIFT * right], dim=1)
    along = torch.stack([none, 1 + resized * SCALING * high, resized * SHIFT * down], dim=1)
    grid = F.affine_grid(torch.stack([across, along], dim=1), list(images.shape), align_corners=False)
    images = F.grid_sample(images, grid, mode="nearest", padding_mode="border", align_corners=False)
    return cut_out(images, CUTOUT, cut, cut_down, cut_right).contiguous(memory_format=torch.channels_last)


RESIDUAL = Architecture("second-judge", 1, Residual, varied)
