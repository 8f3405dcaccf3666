"""What the options of a recipe change in the game between its players."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor

from cganx.objectives import AdversarialLoss, noisy
from cganx.training.preset import Preset
from cganx.training.sampling import Chances, seeded
from cganx.training.settings import GameSettings
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
    """The update of a run, told of its options; and by name what of them a checkpoint must hold, nothing while all are off."""

    update: Update[Any]
    resumables: Mapping[str, Resumable] = field(default_factory=dict)

    @classmethod
    def build(cls, recipe: Preset[Any], seed: int, device: torch.device) -> Options:
        """The options of the recipe's settings, with streams of the run's seed."""
        game, settings, resumables = recipe.game, recipe.settings, dict[str, Resumable]()

        if isinstance(game, AdversarialLoss) and isinstance(settings, GameSettings) and settings.noisy_labels > 0:
            share, chances = settings.noisy_labels, Chances(seeded(seed, "noisy labels"), device)
            resumables["noisy_labels"] = chances
            game = noisy(game, lambda n: chances.draw(n, 1)[:, 0] < share)

        return cls(dataclasses.replace(recipe.update, loss=game), resumables)  # type: ignore[type-var]
