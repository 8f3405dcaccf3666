"""What a preset is: one full recipe."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from cganx.data import Kind, Labels
from cganx.networks import ImageShape
from cganx.objectives import AdversarialLoss, RelativisticLoss, smoothed
from cganx.training.health import RULES, Balance, Rules
from cganx.training.labels import LabelTable
from cganx.training.optimizers import MakeOptimizer, adam
from cganx.training.sampling import Draws, Even, Fakes, HalfLabelled, Order, Share, Shuffled, seeded
from cganx.training.settings import CommonSettings, TargetSettings
from cganx.training.updates import Update

if TYPE_CHECKING:
    from cganx.training.run import RunConfig

__all__ = ["Attributes", "Generator", "Looks", "Preset"]


class Generator(Protocol):
    """What the loop asks of a generator, beside being a `torch.nn.Module`."""

    shape: ImageShape
    classes: int
    latent: int

    def forward(self, latent: Tensor, label: Tensor) -> Tensor:
        """Pictures [n, c, h, w] in -1..1 for latents [n, latent] and label weights [n, classes]."""


_Settings = TypeVar("_Settings", bound=CommonSettings)


@dataclass(frozen=True, kw_only=True)
class Attributes(Generic[_Settings]):
    """What is another one where the labels are attributes, any number of them at once; None: what it is for classes."""

    generator: Callable[[ImageShape, int], nn.Module] | None = None
    update: Update[_Settings] | None = None


class Looks(Protocol):
    """A feature network of losses."""

    def content(self, made: Tensor, wanted: Tensor) -> Tensor:
        """How far apart what two batches of pictures show is; a scalar."""

    def maps(self, image: Tensor) -> Tensor:
        """The coarsest feature maps of pictures."""


@dataclass(frozen=True, kw_only=True)
class Preset(Generic[_Settings]):
    """One full recipe.

    ``generator`` and ``discriminator`` build the networks from the pictures' shape and the number of classes.
    ``update`` is what one step does, losses included; its type says which settings it needs, so a scheme with a class
    head cannot be paired with settings that have no weight for it. ``generator_label`` and ``discriminator_label`` say in
    words how the label enters. ``steps`` is the default length. ``shuffled``: every picture once an epoch, in a new order
    each time; otherwise every picture of a batch is drawn by itself. ``latent`` is ``normal`` or ``uniform``.
    ``attributes`` says what is otherwise for attributes, None where it takes classes alone. Where settings can say that
    pictures repeat, ``generator`` takes ``tileable=True``.
    ``fixed_size`` is the only (height, width) that the network makes, None where it makes all. ``departs`` says where
    and why the recipe is not the original's. ``layout`` is how pictures and weights lie in memory, whichever is measured
    faster: channels last for almost all.
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
    latent: str = "normal"
    optimizer: MakeOptimizer = adam
    fixed_size: tuple[int, int] | None = None
    attributes: Attributes[_Settings] | None = None
    departs: str = ""
    layout: torch.memory_format = torch.channels_last

    @property
    def game(self) -> AdversarialLoss | RelativisticLoss:
        """The update's game, with the targets that the settings ask for."""
        loss = self.update.loss
        if isinstance(self.settings, TargetSettings) and isinstance(loss, AdversarialLoss):
            return smoothed(loss, self.settings.label_smoothing)
        return loss

    @property
    def balance(self) -> Balance:
        """What the health monitor needs to know of the losses."""
        discriminator, generator = self.update.loss.balance
        return Balance(self.update.scale * discriminator, generator)

    def of_kind(self, kind: Kind) -> Preset[_Settings]:
        """The recipe for labels of that kind, with the generator that its settings ask for."""
        other = Attributes[_Settings]() if kind == "class" or self.attributes is None else self.attributes
        generator: Callable[..., nn.Module] = other.generator or self.generator
        if self.settings.repeats:
            generator = partial(generator, tileable=True)
        return replace(self, generator=generator, update=other.update or self.update)

    @property
    def rules(self) -> Rules:
        """What the health monitor watches for."""
        return RULES

    def order(self, config: RunConfig, labels: Labels) -> Order:
        """Which pictures come next; ``labels`` are those of the training pictures."""
        order: Order = (Shuffled if self.shuffled else Draws)(config.pictures, config.seed)
        if self.settings.evenly:
            order = Even(labels[labels >= 0], config.seed)
        if config.taught:
            order = HalfLabelled(order, torch.from_numpy(np.flatnonzero(labels >= 0)), config.seed)
        return order

    def fakes(self, config: RunConfig, labels: Labels, generator: nn.Module, device: torch.device, share: Share) -> Any:
        """What a step draws beside real pictures."""
        evenly = self.settings.evenly
        table = LabelTable.of_attributes(labels) if config.kind == "attributes" else config.labels(evenly=evenly)
        random, latent = seeded(config.seed, "fakes"), int(generator.latent)  # type: ignore[arg-type]
        return Fakes(latent, self.latent, table, random, device, share, codes=len(config.codes))

    def looks(self, device: torch.device) -> Looks | None:  # noqa: ARG002
        """A feature network, where a loss takes one."""
        return None
