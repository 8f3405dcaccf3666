"""What the options of a recipe change in the game between its players, and in the pictures that the discriminator sees."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Protocol

import torch
from torch import Tensor

from cganx.objectives import AdversarialLoss, noisy, watched
from cganx.training.augmentation import STANDARD, AdaptiveProbability, Augmenter, Roller, Strengths
from cganx.training.preset import Preset
from cganx.training.sampling import ALL, Chances, Share, seeded
from cganx.training.settings import CommonSettings, GameSettings, Settings
from cganx.training.updates import Update

__all__ = ["Options", "Resumable"]


class Resumable(Protocol):
    """Something whose state belongs into a checkpoint."""

    def state(self) -> dict[str, Tensor]:
        """All that it needs to go on from here."""

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a state."""


@dataclass(frozen=True)
class Options:
    """The update of a run, told of its options; and by name what of them a checkpoint must hold, nothing while all are off.

    ``augment`` is None where the discriminator sees pictures as they are, ``roll`` where it sees made ones so.
    """

    update: Update[Any]
    augment: Augmenter | None = None
    roll: Roller | None = None
    resumables: Mapping[str, Resumable] = field(default_factory=dict)

    @classmethod
    def build(
        cls,
        recipe: Preset[Any],
        seed: int,
        device: torch.device,
        share: Share = ALL,
        average: Callable[[list[Tensor]], None] = lambda _: None,
    ) -> Options:
        """The options of the recipe's settings, with streams of the run's seed.

        ``share`` is the process's, ``average`` puts means over the processes into tensors.
        """
        game, settings, resumables = recipe.game, recipe.settings, dict[str, Resumable]()

        if isinstance(game, AdversarialLoss) and isinstance(settings, GameSettings) and settings.noisy_labels > 0:
            wrong, chances = settings.noisy_labels, Chances(seeded(seed, "noisy labels"), device, share)
            resumables["noisy_labels"] = chances
            game = noisy(game, lambda n: chances.draw(n, 1)[:, 0] < wrong)

        strengths, probability = _strengths(settings), None
        if isinstance(game, AdversarialLoss) and isinstance(settings, GameSettings) and settings.ada_target > 0:
            strengths = STANDARD if strengths == Strengths() else strengths
            probability = AdaptiveProbability(settings.ada_target, settings.ada_pictures, device, share, average)
            game = watched(game, probability.watch)
        augment = None
        if strengths != Strengths():
            augment = Augmenter(strengths, Chances(seeded(seed, "augmentation"), device, share), probability)
            resumables["augmentation"] = augment

        roll = None
        if settings.repeats:
            roll = Roller(Chances(seeded(seed, "rolls"), device, share))
            resumables["rolls"] = roll

        update = dataclasses.replace(recipe.update, loss=game)  # type: ignore[type-var]
        return cls(update, augment, roll, resumables)

    def figures(self) -> dict[str, float]:
        """What a line of stats says of them."""
        if self.augment is None or self.augment.probability is None:
            return {}
        return {"augmentation": round(float(self.augment.probability.value), 6)}


def _strengths(settings: CommonSettings) -> Strengths:
    if not isinstance(settings, Settings):
        return Strengths()
    return Strengths(**{one.name: getattr(settings, f"augment_{one.name}") for one in fields(Strengths)})
