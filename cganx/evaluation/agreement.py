"""Label agreement: how often a classifier of real pictures sees the class that was asked of the generator.

The GAN-test of Shmelkov et al. 2018, "How good is my GAN?", section 3. It rewards sameness within a class, so it
never stands alone: read it beside a distance that sees variety.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cganx.errors import RequestError

__all__ = ["Agreement", "agreement"]


@dataclass(frozen=True)
class Agreement:
    """``overall`` is the share of all pictures, 0..1; ``per_class`` that of each class, NaN where none was asked."""

    overall: float
    per_class: tuple[float, ...]


def agreement(asked: NDArray[Any], seen: NDArray[Any], classes: int) -> Agreement:
    """Compare the classes that were ``asked`` for with those that were ``seen``: ids [n] below ``classes``, n >= 1.

    Raises RequestError where the two do not fit each other.
    """
    asked, seen = np.asarray(asked), np.asarray(seen)
    if asked.ndim != 1 or asked.shape != seen.shape or not len(asked):
        raise RequestError(f"ids asked {asked.shape} and seen {seen.shape} must be two lists of one length of at least 1")
    for ids in (asked, seen):
        if ids.dtype.kind not in "iu" or ids.min() < 0 or ids.max() >= classes:
            raise RequestError(f"ids are whole numbers from 0 to {classes - 1}")
    right = asked == seen
    counts = np.bincount(asked, minlength=classes)
    hits = np.bincount(asked[right], minlength=classes)
    shares = np.divide(hits, counts, out=np.full(classes, np.nan), where=counts > 0)
    return Agreement(float(right.mean()), tuple(shares.tolist()))
