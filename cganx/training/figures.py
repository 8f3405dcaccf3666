"""What was judged of a checkpoint, and which one is the best: the figures lie in the checkpoint itself.

So there is no second file that could disagree with it: the best checkpoint is the one with the best figures of those that
are there, and it stays until a better one is whole.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Protocol

from cganx.errors import TrainingError
from cganx.training.checkpoint import load_checkpoint, steps_of

__all__ = ["FIGURES", "AnyFigures", "Figures", "TranslationFigures", "by_rank", "figures_of"]

FIGURES = "figures"
"""Where they are in a checkpoint's state."""

_log = logging.getLogger("cganx")


class AnyFigures(Protocol):
    """How good a checkpoint's generator is."""

    @property
    def rank(self) -> tuple[float, float]:
        """The lower the better."""

    @property
    def judge(self) -> str:
        """By what it was judged: figures of one judge compare, and no others."""

    def scalars(self) -> dict[str, float]:
        """What changes from checkpoint to checkpoint, by name."""

    def to_dict(self) -> dict[str, Any]:
        """All of it, as JSON takes it."""


@dataclass(frozen=True, kw_only=True)
class Figures:
    """How good a checkpoint's generator is, by ``samples`` of its pictures.

    ``agreement`` is the share of pictures, 0..1, in which the classifier sees the class that was asked for; None where the
    generator does not take the data's classes. ``frechet`` is the Frechet distance to the real test pictures in the
    classifier's features, and ``floor`` that of the real training pictures. ``oracle`` names the classifier, which is right
    on a share of ``oracle_accuracy`` of the real test pictures: figures of one oracle compare, and no others.
    """

    frechet: float
    floor: float
    samples: int
    oracle: str
    oracle_accuracy: float
    agreement: float | None = None

    @property
    def judge(self) -> str:
        """The oracle."""
        return self.oracle

    @property
    def rank(self) -> tuple[float, float]:
        """The lower the better: by the distance, where that is equal by agreement, which alone would reward sameness."""
        return self.frechet, -(self.agreement or 0.0)

    def scalars(self) -> dict[str, float]:
        """What changes from checkpoint to checkpoint, by name; ``frechet_floors`` is the distance in multiples of its floor."""
        out = {} if self.agreement is None else {"agreement": round(self.agreement, 6)}
        out["frechet"] = round(self.frechet, 6)
        if self.floor > 0:
            out["frechet_floors"] = round(self.frechet / self.floor, 4)
        return out

    def to_dict(self) -> dict[str, Any]:
        """All of it, as JSON takes it."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> Figures | None:
        """Those in a checkpoint's state; None where it was not judged, or by other means."""
        try:
            return cls(**{one.name: state[FIGURES][one.name] for one in fields(cls) if one.name in state[FIGURES]})
        except (KeyError, TypeError):
            return None


@dataclass(frozen=True, kw_only=True)
class TranslationFigures:
    """How good a checkpoint of image-to-image is, by ``samples`` held-out pictures.

    ``values`` are the means of what was measured, by name; ``best`` names the one that ranks, ``rising`` says that more of
    it is better.
    """

    values: Mapping[str, float]
    best: str
    rising: bool
    samples: int
    judge: str

    @property
    def rank(self) -> tuple[float, float]:
        """The lower the better."""
        value = self.values[self.best]
        return (-value if self.rising else value), 0.0

    def scalars(self) -> dict[str, float]:
        """What was measured."""
        return {name: round(value, 6) for name, value in self.values.items()}

    def to_dict(self) -> dict[str, Any]:
        """All of it, as JSON takes it."""
        return asdict(self)


def figures_of(state: Mapping[str, Any]) -> AnyFigures | None:
    """The figures in a checkpoint's state; None where it was not judged, or by other means."""
    found = state.get(FIGURES) or {}
    return TranslationFigures(**found) if "values" in found else Figures.of(state)


def by_rank(run: Path, *, quiet: bool = False) -> list[tuple[int, AnyFigures]]:
    """The checkpoints that were judged, best first, with their steps; of equally good ones the newest is first.

    Only those that the judge of the newest one judged. What is damaged is left out, with a sentence in the log unless
    ``quiet``.
    """
    judged: list[tuple[int, AnyFigures]] = []
    for step in reversed(steps_of(run)):
        try:
            figures = figures_of(load_checkpoint(run, step, prefix="none/")[1])
        except TrainingError as error:
            if not quiet:
                _log.warning("%s; whether it is the best cannot be told", str(error).partition("; ")[0])
            continue
        if figures is not None and (not judged or figures.judge == judged[0][1].judge):
            judged.append((step, figures))
    return sorted(judged, key=lambda one: one[1].rank)
