"""Pictures drawn evenly over their classes, or in the shares that the classes have among other pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["divided", "drawn_evenly", "drawn_like", "turns"]

MISSING = 0.01
"""The share of pictures that may be missing from classes which have too few: less than a random division of a set moves."""


def divided(total: int, labels: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    """So many pictures, divided over the classes [classes] as ``labels`` are: rounded, those that lose most rounded up."""
    whole, rest = np.divmod(np.bincount(labels, minlength=classes) * total, len(labels))
    counts: NDArray[np.int64] = whole.astype(np.int64)
    counts[np.argsort(-rest, kind="stable")[: total - int(whole.sum())]] += 1
    return counts


def turns(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many of its class come before each [n]."""
    found = np.empty(len(labels), np.int64)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        found[members] = np.arange(len(members))
    return found


def drawn_evenly(labels: NDArray[np.int64], most: int, seed: int) -> NDArray[np.int64]:
    """At most so many places, as evenly of the classes as they come; the same for the same seed."""
    return _drawn(labels, np.ones(int(labels.max()) + 1), most, seed)


def drawn_like(labels: NDArray[np.int64], others: NDArray[np.int64], most: int, seed: int) -> NDArray[np.int64]:
    """At most so many places, in the class shares of ``others``: fewer, where a class has too few for its share.

    Where the classes of ``others`` are even, it draws as :func:`drawn_evenly` does.
    """
    classes = int(max(labels.max(), others.max())) + 1
    there = np.bincount(labels, minlength=classes)
    low, high = 1, min(most, 2 * len(labels))
    while low < high:
        middle = (low + high + 1) // 2
        missing = np.maximum(divided(middle, others, classes) - there, 0).sum()
        low, high = (middle, high) if missing <= MISSING * middle else (low, middle - 1)
    return _drawn(labels, np.bincount(others, minlength=classes), low, seed)


def _drawn(labels: NDArray[np.int64], shares: NDArray[Any], most: int, seed: int) -> NDArray[np.int64]:
    """Those that come first when every class deals its pictures, shuffled, at a pace that goes with its share > 0."""
    shuffled = np.random.default_rng(seed).permutation(len(labels))
    dealt = labels[shuffled]
    with np.errstate(divide="ignore"):
        time = (turns(dealt) + 0.5) / shares[dealt]
    return np.sort(shuffled[np.argsort(time, kind="stable")[:most]])
