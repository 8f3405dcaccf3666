"""U-Nets (Ronneberger et al. 2015) as Isola et al. 2017, section 3.2.1, use them to translate pictures.

The book's networks are those of Chaudhary, The GAN Book (2024), skills 8 and 9; norm comes after the activation there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cganx.networks.keras import keras_init, leaky_relu
from cganx.networks.translation import (
    Norm,
    Steps,
    TranslationShape,
    batch_norm,
    context,
    convolution,
    doubling,
    from_source,
    instance_norm,
    keras_batch_norm,
    normal_init,
    start_at_source,
)

__all__ = ["APPLES", "COLOUR", "FACES", "MAPS", "SMALL", "UNetGenerator", "UNetPlan"]


@dataclass(frozen=True, kw_only=True)
class UNetPlan:
    """The widths of halving and of doubling layers; between them one more halving and doubling of width ``bottleneck``.

    ``norm_last``: norm comes after the activation, else before. ``style``: channels of a map that is joined to what the
    third halving layer hands over, 0 for none.
    """

    encoder: tuple[int, ...]
    bottleneck: int
    decoder: tuple[int, ...]
    norm: Norm = instance_norm
    norm_last: bool = True
    style: int = 0
    init: Callable[[nn.Module], None] = keras_init


COLOUR = UNetPlan(  # black and white to colour, 256 pixels: 3,684,099
    encoder=(64, 64, 64, 128, 128, 128, 128),
    bottleneck=128,
    decoder=(128, 128, 128, 128, 64, 64, 64),
    norm=keras_batch_norm,
)
MAPS = UNetPlan(  # aerial pictures to maps, 256 pixels: 54,419,459
    encoder=(64, 128, 256, 512, 512, 512, 512), bottleneck=512, decoder=(512, 512, 512, 512, 256, 128, 64)
)
APPLES = UNetPlan(  # apples and oranges, 256 pixels: 16,888,451
    encoder=(32, 64, 128, 256, 256, 256, 256), bottleneck=512, decoder=(256, 256, 256, 256, 256, 64, 32)
)
FACES = UNetPlan(  # DiscoGAN, 128 pixels: 41,833,475
    encoder=(64, 128, 256, 512, 512, 512), bottleneck=512, decoder=(512, 512, 512, 256, 128, 64)
)
SMALL = UNetPlan(
    encoder=(32, 64, 128),
    bottleneck=128,
    decoder=(128, 64, 32),
    norm=batch_norm,
    norm_last=False,
    init=normal_init,
)


class UNetGenerator(nn.Module):
    """Source [n, c, h, w] in -1..1, and label weights [n, classes] where there are classes -> image [n, C, h, w] in -1..1.

    ``planes``: channels that come with the source. ``from_source``: what is made changes the source, where that is grey or
    both have the same channels.
    """

    takes_mask = False
    open_size = True

    def __init__(
        self, plan: UNetPlan, shape: TranslationShape, classes: int, *, planes: int = 0, from_source: bool = False
    ) -> None:
        super().__init__()
        assert shape.scale == 1
        assert not (planes and from_source)
        self.shape, self.classes, self.multiple = shape, classes, 2 ** (len(plan.encoder) + 1)
        self.from_source = from_source and shape.source.channels in (1, shape.target.channels)

        def activated(features: int, activation: nn.Module, *, normed: bool = True) -> list[nn.Module]:
            norms = [plan.norm(features, classes)] if normed else []
            return [activation, *norms] if plan.norm_last else [*norms, activation]

        down: list[nn.Module] = []
        before = shape.source.channels + planes
        for index, features in enumerate(plan.encoder):
            layer = activated(features, leaky_relu(), normed=index > 0)
            down.append(Steps(*convolution(before, features, 4, 2), *layer))
            before = features
        bottleneck = nn.Sequential(*convolution(before, plan.bottleneck, 4, 2), nn.ReLU())
        handed = [features + plan.style * (index == 2) for index, features in enumerate(plan.encoder)]
        up: list[nn.Module] = []
        before = plan.bottleneck
        for features, beside in zip(plan.decoder, reversed(handed), strict=True):
            up.append(Steps(*doubling(before, features, 4), *activated(features, nn.ReLU())))
            before = features + beside
        self.down, self.bottleneck, self.up = nn.ModuleList(down), bottleneck, nn.ModuleList(up)
        self.last = nn.Sequential(*doubling(before, shape.target.channels, 4))
        plan.init(self)
        if self.from_source:
            start_at_source(self.last[-1])
        self.context = context(self)

    def forward(self, source: Tensor, label: Tensor | None = None) -> Tensor:
        """Images in -1..1."""
        made = self.made(source, label)
        return from_source(made, source) if self.from_source else made.tanh()

    def made(self, x: Tensor, label: Tensor | None = None, style: Tensor | None = None) -> Tensor:
        """Maps before tanh, of what comes in at the first layer, and of a map of the style where the plan has one."""
        handed: list[Tensor] = []
        for down in self.down:
            x = down(x, label)
            handed.append(x)
        if style is not None:
            handed[2] = torch.cat([handed[2], style], dim=1)
        x = self.bottleneck(x)
        for up, beside in zip(self.up, reversed(handed), strict=True):
            x = torch.cat([up(x, label), beside], dim=1)
        maps: Tensor = self.last(x)
        return maps
