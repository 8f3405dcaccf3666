"""Density and coverage: precision and recall that outliers cannot inflate, for only the real side draws balls.

Naeem et al. 2020, "Reliable Fidelity and Diversity Metrics for Generative Models", section 3.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cganx.evaluation.metrics.neighbours import balls, nearest, reach
from cganx.evaluation.metrics.sample import Sample

__all__ = ["coverage", "crowds", "density"]

K = 5


def density(made: Sample, real: Sample) -> float:
    """How many real balls a made picture lies in, over 5: >= 0, about 1 for real pictures, above 1 where made ones are
    typical. Raises RequestError with fewer than six real pictures."""
    return float(crowds(made, real).mean())


def coverage(made: Sample, real: Sample) -> float:
    """The share of real pictures that have a made one nearer than their fifth real neighbour, 0..1.

    About 1 - 2^-5 = 0.97 where both sides are alike. Raises RequestError with fewer than six real pictures.
    """
    to_made = nearest(real.features, made.features).distances[:, 0]
    return float((to_made < real.once(reach)[:, K - 1]).mean())


def crowds(made: Sample, real: Sample) -> NDArray[np.float64]:
    """For each made picture [n] the real balls that it lies in, over 5."""
    return balls(made.features, real.features, real.once(reach)[:, K - 1]) / K
