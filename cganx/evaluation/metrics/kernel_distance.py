"""The kernel distance of samples; see `cganx.evaluation.kernel`."""

from __future__ import annotations

from cganx.errors import RequestError
from cganx.evaluation.kernel import kernel_sum, mean_kernel
from cganx.evaluation.metrics.sample import Sample

__all__ = ["kernel_distance"]


def kernel_distance(made: Sample, real: Sample) -> float:
    """E k(x, x') + E k(y, y') - 2 E k(x, y) with k(x, y) = (x . y / d + 1)^3.

    Its expectation is 0 where both sides come from one distribution, so that it may be a little below. It does not depend on
    how many pictures there are, save for noise.

    Raises RequestError with fewer than two pictures on a side.
    """
    across = kernel_sum(made.features, real.features) / (len(made) * len(real))
    return made.once(_within) + real.once(_within) - 2 * across


def _within(sample: Sample) -> float:
    if len(sample) < 2:
        raise RequestError("a kernel distance needs at least two pictures on each side")
    return mean_kernel(sample.features)
