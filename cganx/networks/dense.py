"""Networks of dense layers alone, for pictures of any size: those of the GAN book's MNIST and least-squares experiments.

After Chaudhary, The GAN Book (2024): skill 2 (the first GAN), skill 3 (mode collapse, convergence failure), skill 7
(LSGAN). Where there is a label it is joined to the latent and to the flattened picture (Mirza and Osindero 2014, section 3.2).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from cganx.networks.dropout import Dropout
from cganx.networks.keras import batch_norm1d, keras_init, leaky_relu
from cganx.networks.layers import ImageShape, Judgement, from_unit, to_unit

__all__ = [
    "COLLAPSING",
    "FAILING",
    "FIRST",
    "LEAST_SQUARES",
    "DenseDiscriminator",
    "DenseGenerator",
    "DensePair",
]

Activation = Callable[[], nn.Module]


@dataclass(frozen=True, kw_only=True)
class DensePair:
    """The widths of both networks, and how they differ from experiment to experiment.

    ``unit_range``: the networks see pictures in 0..1 and end in a sigmoid, else in -1..1 and end in tanh. ``last`` is what
    comes before that. ``dropouts`` belong to the discriminator's layers.
    """

    latent: int
    generator: tuple[int, ...]
    discriminator: tuple[int, ...]
    activation: Activation = nn.ReLU
    batch_norm: bool = True
    unit_range: bool = True
    last: Activation = nn.Identity
    dropouts: tuple[float, ...] = ()


FIRST = DensePair(latent=50, generator=(1200, 1000), discriminator=(256, 128), dropouts=(0.3, 0.5))
COLLAPSING = DensePair(latent=2, generator=(64,), discriminator=(64,), batch_norm=False)
FAILING = DensePair(latent=50, generator=(), discriminator=(512, 256, 128), batch_norm=False, last=nn.ReLU)
LEAST_SQUARES = DensePair(
    latent=100, generator=(256, 512, 1024), discriminator=(512, 256), activation=leaky_relu, unit_range=False
)


class DenseGenerator(nn.Module):
    """Latent [n, latent] ~ N(0, 1), and label weights [n, classes] where there are classes -> picture [n, c, h, w] in -1..1."""

    def __init__(self, pair: DensePair, shape: ImageShape, classes: int) -> None:
        super().__init__()
        self.shape, self.classes, self.latent, self.unit_range = shape, classes, pair.latent, pair.unit_range
        layers: list[nn.Module] = []
        widths = (pair.latent + classes, *pair.generator)
        for before, after in pairwise(widths):
            layers += [nn.Linear(before, after), pair.activation()]
            if pair.batch_norm:
                layers.append(batch_norm1d(after))
        layers += [nn.Linear(widths[-1], shape.channels * shape.height * shape.width), pair.last()]
        self.layers = nn.Sequential(*layers)
        keras_init(self)

    def forward(self, latent: Tensor, label: Tensor | None = None) -> Tensor:
        """Pictures in -1..1."""
        x = latent if label is None or self.classes == 0 else torch.cat([latent, label], dim=1)
        x = self.layers(x).view(-1, self.shape.height, self.shape.width, self.shape.channels).permute(0, 3, 1, 2)
        return from_unit(torch.sigmoid(x)) if self.unit_range else torch.tanh(x)


class DenseDiscriminator(nn.Module):
    """Picture [n, c, h, w] in -1..1, and label weights [n, classes] where there are classes -> `Judgement`, a score alone."""

    def __init__(self, pair: DensePair, shape: ImageShape, classes: int) -> None:
        super().__init__()
        self.classes, self.unit_range = classes, pair.unit_range
        layers: list[nn.Module] = []
        widths = (shape.channels * shape.height * shape.width + classes, *pair.discriminator)
        dropouts = pair.dropouts or (0.0,) * len(pair.discriminator)
        for (before, after), dropout in zip(pairwise(widths), dropouts, strict=True):
            layers += [nn.Linear(before, after), pair.activation()]
            if dropout:
                layers.append(Dropout(dropout))
        self.layers = nn.Sequential(*layers, nn.Linear(widths[-1], 1))
        keras_init(self)

    def forward(self, image: Tensor, label: Tensor | None = None) -> Judgement:
        """How real the pictures are."""
        x = (to_unit(image) if self.unit_range else image).permute(0, 2, 3, 1).flatten(1)
        if label is not None and self.classes:
            x = torch.cat([x, label], dim=1)
        features = self.layers[:-1](x)
        return Judgement(self.layers[-1](features).squeeze(1), features=features)
