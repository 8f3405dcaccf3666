"""Entropy and divergence of class probabilities, in nats."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["LEAST", "entropy", "marginal", "relative_entropy"]

LEAST = 1e-12
"""Smaller probabilities count as this, so that a class that never appears costs much, but not infinitely much."""


def entropy(probabilities: NDArray[Any]) -> NDArray[np.float64]:
    """H(p) of the last axis; 0 where one class is certain, log(classes) where all are alike."""
    values = probabilities.astype(np.float64)
    found: NDArray[np.float64] = -np.sum(values * np.log(np.maximum(values, LEAST)), axis=-1)
    return found


def relative_entropy(one: NDArray[Any], other: NDArray[Any]) -> NDArray[np.float64]:
    """KL(p || q) of the last axis, >= 0 save for rounding."""
    p, q = one.astype(np.float64), other.astype(np.float64)
    found: NDArray[np.float64] = np.sum(p * (np.log(np.maximum(p, LEAST)) - np.log(np.maximum(q, LEAST))), axis=-1)
    return found


def marginal(probabilities: NDArray[Any]) -> NDArray[np.float64]:
    """p(y), the mean over pictures of p(y|x) [n, classes]: float64 [classes]."""
    mean: NDArray[np.float64] = probabilities.mean(axis=0, dtype=np.float64)
    return mean
