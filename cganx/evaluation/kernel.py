"""The kernel distance of a few pictures, as training judges by it; `cganx.evaluation.metrics` has that of many."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["kernel_distance"]


def kernel_distance(made: NDArray[np.float32], real: NDArray[np.float32]) -> float:
    """E k(x, x') + E k(y, y') - 2 E k(x, y) with k(x, y) = (x . y / d + 1)^3 (Binkowski et al. 2018), unbiased.

    ``made`` [n, d] and ``real`` [m, d] are features, n and m at least 2.
    """
    one, other = made.astype(np.float64), real.astype(np.float64)
    return _within(one) + _within(other) - 2 * float(_kernel(one, other).mean())


def _within(features: NDArray[np.float64]) -> float:
    kernel, count = _kernel(features, features), len(features)
    return float(kernel.sum() - np.trace(kernel)) / (count * (count - 1))


def _kernel(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    kernel: NDArray[np.float64] = (one @ other.T / one.shape[1] + 1) ** 3
    return kernel
