"""SRGAN (Ledig et al. 2017): residual networks that make pictures larger, and their discriminator.

The book's are those of Chaudhary, The GAN Book (2024), skill 9. Its discriminator ends in a sigmoid, was trained with squared
errors and answered with cross-entropy, whose gradient vanishes there; ours gives logits, for one loss on both sides.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cganx.networks.keras import batch_norm2d, keras_init
from cganx.networks.translation import (
    PatchPlan,
    Residual,
    TranslationShape,
    context,
    convolution,
    instance_norm,
    start_at_source,
)

__all__ = ["BOOK", "DISCRIMINATOR", "DISCRIMINATOR_SMALL", "SMALL", "SRGANGenerator", "SRGANPlan"]


@dataclass(frozen=True, kw_only=True)
class SRGANPlan:
    """``width`` and number of residual ``blocks``, the first and last layers' ``kernel``, and the features while doubling.

    ``normed``: blocks with norms as in the book (batch norm after the first activation, instance norm after the second
    convolution), else without any (Lim et al. 2017, section 3.1). ``shuffles``: a doubling is a convolution to four times
    the features and a pixel shuffle (Shi et al. 2016), else nearest neighbours and a convolution. ``from_source``: what the
    layers make is added to the source, enlarged by nearest neighbours, and clipped; else tanh ends them.
    """

    width: int
    blocks: int
    kernel: int
    doubling: int
    normed: bool = False
    shuffles: bool = True
    from_source: bool = True


BOOK = SRGANPlan(
    width=64, blocks=16, kernel=9, doubling=256, normed=True, shuffles=False, from_source=False
)  # 64 to 256 pixels: 2,040,643
SMALL = SRGANPlan(width=32, blocks=8, kernel=3, doubling=32)

DISCRIMINATOR = PatchPlan(
    layers=((64, 1), (64, 2), (128, 1), (128, 2), (256, 1), (256, 2), (512, 1), (512, 2)), kernel=3, dense=1024
)  # 5,215,425
DISCRIMINATOR_SMALL = PatchPlan(layers=((32, 2), (32, 1), (64, 2), (64, 1), (128, 2)), kernel=3, dense=128, norm_last=False)


class SRGANGenerator(nn.Module):
    """Source [n, c, h, w] in -1..1 -> image [n, C, scale h, scale w] in -1..1, for scales that are powers of 2."""

    takes_mask = False
    open_size = True
    multiple = 1

    def __init__(self, plan: SRGANPlan, shape: TranslationShape, classes: int) -> None:
        super().__init__()
        assert classes == 0
        assert shape.source.channels == shape.target.channels or not plan.from_source
        doublings = int(math.log2(shape.scale))
        assert shape.scale == 2**doublings
        self.shape, self.classes, self.from_source = shape, classes, plan.from_source
        width = plan.width

        def block() -> Residual:
            inner = [nn.ReLU(), batch_norm2d(width)] if plan.normed else [nn.ReLU()]
            last = [instance_norm(width, 0)] if plan.normed else []
            return Residual(*convolution(width, width, 3), *inner, *convolution(width, width, 3), *last)

        def larger(before: int, after: int) -> list[nn.Module]:
            if plan.shuffles:
                return [*convolution(before, 4 * after, 3), nn.PixelShuffle(2), nn.ReLU()]
            return [nn.Upsample(scale_factor=2, mode="nearest"), *convolution(before, after, 3), nn.ReLU()]

        self.first = nn.Sequential(*convolution(shape.source.channels, width, plan.kernel), nn.ReLU())
        norms = [batch_norm2d(width)] if plan.normed else []
        blocks = [block() for _ in range(plan.blocks)]
        self.blocks = Residual(*blocks, *convolution(width, width, 3), *norms)
        larger_by = [larger(plan.doubling if index else width, plan.doubling) for index in range(doublings)]
        features = plan.doubling if doublings else width
        self.larger = nn.Sequential(*(layer for layers in larger_by for layer in layers))
        self.last = nn.Conv2d(features, shape.target.channels, plan.kernel, padding=plan.kernel // 2)
        keras_init(self)
        if plan.from_source:
            start_at_source(self.last)
        self.context = context(self, shape.scale)

    def forward(self, source: Tensor) -> Tensor:
        """Images in -1..1."""
        made: Tensor = self.last(self.larger(self.blocks(self.first(source))))
        if not self.from_source:
            return torch.tanh(made)
        enlarged = F.interpolate(source, scale_factor=float(self.shape.scale), mode="nearest")
        return (enlarged + made).clamp(-1, 1)
