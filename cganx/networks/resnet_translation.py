"""Residual networks that translate pictures (Johnson et al. 2016; Zhu et al. 2017, appendix 7.2), with few or many blocks.

The book's one is that of Chaudhary, The GAN Book (2024), skill 8, horses and zebras; its code applies one block, its summary
has nine, as here.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from cganx.networks.resampling import DoublingConv2d
from cganx.networks.translation import (
    Norm,
    Residual,
    Steps,
    TranslationShape,
    batch_norm,
    context,
    convolution,
    doubling,
    from_source,
    instance_norm,
    normal_init,
    start_at_source,
)

__all__ = ["CARTOON_SMALL", "HORSES", "SMALL", "ResNetGenerator", "ResNetPlan"]


@dataclass(frozen=True, kw_only=True)
class ResNetPlan:
    """``width`` of the first layer, doubled by each of two halvings, and the number of residual ``blocks`` there.

    ``resizes``: pictures are doubled by nearest neighbours and a convolution, which leaves no checkerboard (Odena et al.
    2016), else by transposed convolutions. ``last_norm``: before tanh comes a norm, as in the book.
    """

    width: int
    blocks: int
    norm: Norm
    resizes: bool = False
    last_norm: bool = False


HORSES = ResNetPlan(width=64, blocks=9, norm=instance_norm, last_norm=True)  # horses and zebras: 11,388,617
SMALL = ResNetPlan(width=16, blocks=6, norm=batch_norm, resizes=True)
CARTOON_SMALL = ResNetPlan(width=24, blocks=4, norm=batch_norm, resizes=True)


class ResNetGenerator(nn.Module):
    """Source [n, c, h, w] in -1..1, and label weights [n, classes] where there are classes -> image [n, C, h, w] in -1..1.

    A label chooses or blends gain and bias of every batch norm (Dumoulin et al. 2017, section 2.2). ``from_source``: what is
    made changes the source, where that is grey or both have the same channels.
    """

    takes_mask = False
    open_size = True
    multiple = 4

    def __init__(self, plan: ResNetPlan, shape: TranslationShape, classes: int, *, from_source: bool = False) -> None:
        super().__init__()
        assert shape.scale == 1
        self.shape, self.classes = shape, classes
        self.from_source = from_source and shape.source.channels in (1, shape.target.channels)
        one, two, four = plan.width, 2 * plan.width, 4 * plan.width

        def activated(features: int) -> list[nn.Module]:
            return [plan.norm(features, classes), nn.ReLU()]

        def larger(before: int, after: int) -> list[nn.Module]:
            return [DoublingConv2d(before, after)] if plan.resizes else [*doubling(before, after, 3)]

        def block() -> Residual:
            first, second = (convolution(four, four, 3, reflects=True) for _ in range(2))
            return Residual(*first, *activated(four), *second, plan.norm(four, classes))

        self.layers = Steps(
            *(*convolution(shape.source.channels, one, 7, bias=False, reflects=True), *activated(one)),
            *(*convolution(one, two, 3, 2), *activated(two)),
            *(*convolution(two, four, 3, 2), *activated(four)),
            *(block() for _ in range(plan.blocks)),
            *(*larger(four, two), *activated(two)),
            *(*larger(two, one), *activated(one)),
            *convolution(one, shape.target.channels, 7, reflects=True),
            *([plan.norm(shape.target.channels, classes)] if plan.last_norm else []),
        )
        normal_init(self)
        if self.from_source:
            start_at_source(self.layers[-1])
        self.context = context(self)

    def forward(self, source: Tensor, label: Tensor | None = None) -> Tensor:
        """Images in -1..1."""
        made: Tensor = self.layers(source, label)
        return from_source(made, source) if self.from_source else made.tanh()
