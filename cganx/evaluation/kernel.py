"""The cubic kernel between features, and the kernel distance by it: the squared maximum mean discrepancy, without bias.

Binkowski et al. 2018, "Demystifying MMD GANs", section 4 (KID); the estimator is that of Gretton et al. 2012, "A Kernel
Two-Sample Test", lemma 6. KID as published averages it over random subsets of 1,000 pictures. Here all pairs count: the same
expectation, less noise, and no random numbers. Numpy alone: training judges by it too.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["blocks", "kernel_distance", "kernel_sum", "mean_kernel"]

BLOCK = 4_000_000
"""Numbers that are held at once: 32 MB of float64."""


def kernel_distance(made: NDArray[np.float32], real: NDArray[np.float32]) -> float:
    """E k(x, x') + E k(y, y') - 2 E k(x, y) with k(x, y) = (x . y / d + 1)^3.

    ``made`` [n, d] and ``real`` [m, d] are features, n and m at least 2.
    """
    return mean_kernel(made) + mean_kernel(real) - 2 * kernel_sum(made, real) / (len(made) * len(real))


def mean_kernel(features: NDArray[Any]) -> float:
    """The mean of k over pairs of two different rows."""
    exact, count = features.astype(np.float64), len(features)
    with_itself = (np.einsum("nd,nd->n", exact, exact) / exact.shape[1] + 1) ** 3
    return float(kernel_sum(exact, exact) - with_itself.sum()) / (count * (count - 1))


def kernel_sum(one: NDArray[Any], other: NDArray[Any]) -> float:
    """The sum of k over all pairs of a row of each, a block at a time."""
    one, other = one.astype(np.float64), other.astype(np.float64)
    total = 0.0
    for part in blocks(len(one), len(other)):
        base = one[part] @ other.T
        base /= one.shape[1]
        base += 1
        total += float(np.einsum("nm,nm,nm->", base, base, base))
    return total


def blocks(rows: int, columns: int) -> list[slice]:
    """Slices of ``rows`` such that a block of ``columns`` stays small."""
    step = max(BLOCK // columns, 1)
    return [slice(start, min(start + step, rows)) for start in range(0, rows, step)]
