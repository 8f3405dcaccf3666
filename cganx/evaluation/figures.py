"""What an evaluation says: every figure beside what it must be read with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from cganx.evaluation.metrics import Sample

__all__ = ["ClassFigures", "Evaluation", "Evidence", "Figure", "Judge", "as_rows", "short", "shortened"]


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One figure. ``value`` is None where it cannot be had, and ``note`` says why.

    ``low`` and ``high`` are its 95 % interval. ``real`` is the same figure of real pictures in place of the made ones: what a
    perfect generator would reach. That is of ``real_samples`` pictures, the figure itself of ``samples`` made ones, and both
    stand beside ``reference_samples`` real ones of the split ``reference``, in the features of ``network``, which is right on
    ``network_accuracy`` of the real test pictures where it tells their classes.
    """

    name: str
    title: str
    better: Literal["higher", "lower", "neither"]
    value: float | None
    low: float | None = None
    high: float | None = None
    real: float | None = None
    real_samples: int = 0
    samples: int = 0
    reference: str = "test"
    reference_samples: int = 0
    network: str = ""
    network_accuracy: float | None = None
    note: str = ""
    source: str = ""

    @property
    def features(self) -> str:
        """The network that looked, and how often it is right on real test pictures where it tells their classes."""
        if self.network_accuracy is None:
            return self.network
        return f"{self.network}, right on {self.network_accuracy:.4f} of the real test pictures"


@dataclass(frozen=True, kw_only=True)
class ClassFigures:
    """One class: the share of its pictures in which the judge sees it, their distance to the real ones of it, and how many.

    ``real_distance`` is that of real training pictures; both are None with too few pictures.
    """

    name: str
    samples: int
    agreement: float
    distance: float | None
    real_distance: float | None


@dataclass(frozen=True, kw_only=True)
class Judge:
    """The classifier that judged, and its ``accuracy`` on so many labelled ``pictures`` of the real test split."""

    name: str
    accuracy: float
    pictures: int


@dataclass(frozen=True, eq=False)
class Evidence:
    """The pictures behind the figures: what was made, and the real ones of both splits.

    ``made`` is even over the classes, ``mixed`` in the class shares of the test pictures: the same where these are even.
    """

    made: Sample
    mixed: Sample
    test: Sample
    training: Sample


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """A generator's file judged by a data set.

    ``fingerprint`` is that of the data. ``classes`` are those that both have, ``left_out`` what only one of them has.
    ``confusion`` [asked][seen] counts pictures by class, None where none was asked for. ``evidence`` is not part of
    :meth:`to_dict`.
    """

    model: str
    sha256: str
    data: str
    fingerprint: str
    samples: int
    seed: int
    classes: tuple[str, ...]
    left_out: tuple[str, ...]
    judge: Judge
    figures: tuple[Figure, ...]
    by_class: tuple[ClassFigures, ...]
    confusion: tuple[tuple[int, ...], ...] | None
    evidence: Evidence = field(repr=False, compare=False)

    def __getitem__(self, name: str) -> Figure:
        """The figure of that name. Raises KeyError."""
        return {figure.name: figure for figure in self.figures}[name]

    def to_dict(self) -> dict[str, Any]:
        """All that it says, as JSON takes it."""
        kept = {name: value for name, value in vars(self).items() if name not in ("evidence", "judge", "figures", "by_class")}
        return kept | {
            "judge": asdict(self.judge),
            "figures": [asdict(figure) for figure in self.figures],
            "by_class": [asdict(one) for one in self.by_class],
        }

    def for_card(self) -> Mapping[str, Any]:
        """What a generator's card keeps of it: the figures that could be had, what they were judged by, agreement by class."""
        figures = {figure.name: shortened(figure, self.seed) for figure in self.figures if figure.value is not None}
        return {
            "data": self.data,
            "fingerprint": self.fingerprint,
            "judge": asdict(self.judge),
            "figures": figures,
            "agreement_by_class": {one.name: short(one.agreement) for one in self.by_class},
        }


def short(value: float | None) -> float | None:
    """With five digits, as a card has it."""
    return None if value is None else float(f"{value:.5g}")


def shortened(figure: Figure, seed: int) -> dict[str, Any]:
    """A figure of an evaluation's ``seed`` as a card has it."""
    span = None if figure.low is None else [short(figure.low), short(figure.high)]
    kept = {"value": short(figure.value), "interval": span, "real": short(figure.real)}
    counts = {"samples": figure.samples, "real_samples": figure.real_samples, "seed": seed}
    return kept | counts


def as_rows(counts: NDArray[np.int64]) -> tuple[tuple[int, ...], ...]:
    """A table of counts as JSON and dataclasses take it."""
    return tuple(tuple(row) for row in counts.tolist())
