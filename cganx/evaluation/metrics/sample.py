"""What a metric sees of one side: the pictures, and what a classifier of real pictures says of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from cganx.errors import RequestError

__all__ = ["Sample"]

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Sample:
    """One side's n pictures, n >= 1.

    ``pixels`` is uint8 [n, height, width, channels], ``features`` finite float [n, d], ``probabilities`` the classifier's
    softmax [n, classes]. ``labels`` is int64 [n] below ``classes``: what was asked of a generator, or the class of a real
    picture; None where no class was asked for.

    Raises RequestError where these do not fit each other.
    """

    pixels: NDArray[np.uint8]
    features: NDArray[Any]
    probabilities: NDArray[Any]
    labels: NDArray[np.int64] | None = None
    _known: dict[Any, Any] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        if self.pixels.ndim != 4 or self.pixels.dtype != np.uint8 or not len(self.pixels):
            raise RequestError(
                "pictures are uint8 [n, height, width, channels] and at least one, "
                f"not {self.pixels.dtype} {list(self.pixels.shape)}"
            )
        count = len(self)
        for name, rows in (("features", self.features), ("probabilities", self.probabilities)):
            if rows.ndim != 2 or len(rows) != count or not rows.shape[1]:
                raise RequestError(f"{count} pictures need {name} [{count}, ...], not {list(rows.shape)}")
            if rows.dtype.kind != "f" or not np.isfinite(rows).all():
                raise RequestError(f"the {name} must be floating point and finite: look for what made them otherwise")
        if self.probabilities.min() < 0 or np.abs(self.probabilities.sum(axis=1) - 1).max() > 1e-3:
            raise RequestError("probabilities are a softmax: every row >= 0 with sum 1")
        if self.labels is not None:
            classes = self.probabilities.shape[1]
            if self.labels.shape != (count,) or self.labels.dtype.kind not in "iu":
                raise RequestError(f"{count} pictures need as many labels, whole numbers, not {list(self.labels.shape)}")
            if self.labels.min() < 0 or self.labels.max() >= classes:
                raise RequestError(f"labels are from 0 to {classes - 1}: leave pictures without one out")

    def __len__(self) -> int:
        return len(self.pixels)

    def take(self, places: NDArray[np.int64]) -> Sample:
        """The pictures at these places [m], in that order; a place may come several times."""
        labels = None if self.labels is None else self.labels[places]
        return Sample(self.pixels[places], self.features[places], self.probabilities[places], labels)

    def and_also(self, other: Sample) -> Sample:
        """These and then those of another, by the same network; without labels where one of them has none."""
        labels = None if self.labels is None or other.labels is None else np.concatenate([self.labels, other.labels])
        return Sample(
            np.concatenate([self.pixels, other.pixels]),
            np.concatenate([self.features, other.features]),
            np.concatenate([self.probabilities, other.probabilities]),
            labels,
        )

    def once(self, measure: Callable[[Sample], T]) -> T:
        """``measure`` of this sample, computed when it is first asked for: several metrics need the same of one side."""
        if measure not in self._known:
            self._known[measure] = measure(self)
        known: T = self._known[measure]
        return known
