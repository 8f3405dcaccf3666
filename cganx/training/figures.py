"""What was judged of a checkpoint, and which one is the best: the figures lie in the checkpoint itself.

So there is no second file that could disagree with it: the best checkpoint is the one with the best figures of those that
are there, and it stays until a better one is whole.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from cganx.errors import TrainingError
from cganx.training.checkpoint import load_checkpoint, steps_of

__all__ = ["FIGURES", "Figures", "by_rank"]

FIGURES = "figures"
"""Where they are in a checkpoint's state."""

_log = logging.getLogger("cganx")


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


def by_rank(run: Path, *, quiet: bool = False) -> list[tuple[int, Figures]]:
    """The checkpoints that were judged, best first, with their steps; of equally good ones the newest is first.

    Only those that the oracle of the newest one judged. What is damaged is left out, with a sentence in the log unless
    ``quiet``.
    """
    judged: list[tuple[int, Figures]] = []
    for step in reversed(steps_of(run)):
        try:
            figures = Figures.of(load_checkpoint(run, step, prefix="none/")[1])
        except TrainingError as error:
            if not quiet:
                _log.warning("%s; whether it is the best cannot be told", str(error).partition("; ")[0])
            continue
        if figures is not None and (not judged or figures.oracle == judged[0][1].oracle):
            judged.append((step, figures))
    return sorted(judged, key=lambda one: one[1].rank)
