"""The kernel distance: the squared maximum mean discrepancy of features under a cubic kernel, without bias.

Binkowski et al. 2018, "Demystifying MMD GANs", section 4 (KID); the estimator is that of Gretton et al. 2012, "A Kernel
Two-Sample Test", lemma 6. KID as published averages it over random subsets of 1,000 pictures. Here all pairs count: the same
expectation, less noise, and no random numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cganx.errors import RequestError
from cganx.evaluation.metrics.neighbours import blocks
from cganx.evaluation.metrics.sample import Sample

__all__ = ["kernel_distance"]


def kernel_distance(made: Sample, real: Sample) -> float:
    """E k(x, x') + E k(y, y') - 2 E k(x, y) with k(x, y) = (x . y / d + 1)^3.

    Its expectation is 0 where both sides come from one distribution, so that it may be a little below. It does not depend on
    how many pictures there are, save for noise.

    Raises RequestError with fewer than two pictures on a side.
    """
    across = _kernel_sum(made.features, real.features) / (len(made) * len(real))
    return made.once(_within) + real.once(_within) - 2 * across


def _within(sample: Sample) -> float:
    """The mean kernel of two different pictures of a sample."""
    count = len(sample)
    if count < 2:
        raise RequestError("a kernel distance needs at least two pictures on each side")
    features = sample.features.astype(np.float64)
    with_itself = (np.einsum("nd,nd->n", features, features) / features.shape[1] + 1) ** 3
    return float(_kernel_sum(features, features) - with_itself.sum()) / (count * (count - 1))


def _kernel_sum(one: NDArray[Any], other: NDArray[Any]) -> float:
    one, other = one.astype(np.float64), other.astype(np.float64)
    total = 0.0
    for part in blocks(len(one), len(other)):
        base = one[part] @ other.T
        base /= one.shape[1]
        base += 1
        total += float(np.einsum("nm,nm,nm->", base, base, base))
    return total
