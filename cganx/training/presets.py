"""The presets: one full recipe each, in one table."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Generic, Protocol, TypeVar

from torch import Tensor, nn

from cganx.errors import TrainingError
from cganx.networks import (
    CDCGANDiscriminator,
    CDCGANGenerator,
    ImageShape,
    SNGANDiscriminator,
    SNGANGenerator,
)
from cganx.objectives import HINGE, NON_SATURATING
from cganx.training.settings import ClassHeadSettings, Settings
from cganx.training.updates import Alternating, Joint, Update

__all__ = ["DEFAULT", "PRESETS", "Generator", "Preset", "find_preset"]


class Generator(Protocol):
    """What the loop asks of a generator, beside being a `torch.nn.Module`."""

    shape: ImageShape
    classes: int
    latent: int

    def forward(self, latent: Tensor, label: Tensor) -> Tensor:
        """Pictures [n, c, h, w] in -1..1 for latents [n, latent] and label weights [n, classes]."""


_Settings = TypeVar("_Settings", bound=Settings)


@dataclass(frozen=True, kw_only=True)
class Preset(Generic[_Settings]):
    """One full recipe.

    ``generator`` and ``discriminator`` build the networks from the pictures' shape and the number of classes.
    ``update`` is what one step does, losses included; its type says which settings it needs, so a scheme with a class
    head cannot be paired with settings that have no weight for it. ``generator_label`` and ``discriminator_label`` say in
    words how the label enters. ``steps`` is the default length. ``shuffled``: every picture once an epoch, in a new order
    each time; otherwise every picture of a batch is drawn by itself.
    """

    summary: str
    source: str
    generator: Callable[[ImageShape, int], nn.Module]
    discriminator: Callable[[ImageShape, int], nn.Module]
    generator_label: str
    discriminator_label: str
    update: Update[_Settings]
    settings: _Settings
    steps: int
    shuffled: bool = True


DEFAULT = "sngan-small"
PRESETS: Mapping[str, Preset[Any]] = MappingProxyType(
    {
        "sngan-small": Preset[ClassHeadSettings](
            summary="Small and quick: spectral norm, hinge loss, projection and class head, averaged weights.",
            source="Miyato et al. 2018; Miyato and Koyama 2018; Odena et al. 2017; Yazici et al. 2019 (the average)",
            generator=SNGANGenerator,
            discriminator=SNGANDiscriminator,
            generator_label="concatenated to the latent; class-conditional batch norm at every stage",
            discriminator_label="projection; class head",
            update=Joint(HINGE),
            settings=ClassHeadSettings(
                batch_size=64,
                generator_rate=4e-4,
                discriminator_rate=8e-4,
                beta1=0.0,
                beta2=0.99,
                rate_horizon=16_000,
                ema_decay=0.999,
                class_weight=0.1,
            ),
            steps=16_000,
        ),
        "cdcgan": Preset[Settings](
            summary="The conditional DCGAN of a well-known Keras tutorial, step for step: a baseline to compare with.",
            source="Brownlee, How to Develop a Conditional GAN (cGAN) From Scratch; Mirza and Osindero 2014",
            generator=CDCGANGenerator,
            discriminator=CDCGANDiscriminator,
            generator_label="embedding, a linear plane concatenated to the first features",
            discriminator_label="embedding, a linear plane concatenated to the picture",
            update=Alternating(NON_SATURATING),
            settings=Settings(batch_size=128, beta1=0.5, epsilon=1e-7),
            steps=46_800,
            shuffled=False,
        ),
    }
)


def find_preset(name: str) -> Preset[Any]:
    """The preset of that name. Raises TrainingError with the nearest name, or all of them."""
    if name not in PRESETS:
        near = difflib.get_close_matches(name, PRESETS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(PRESETS)}."
        raise TrainingError(f"there is no preset {name!r}; {hint}")
    return PRESETS[name]
