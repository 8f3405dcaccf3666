"""Precision and recall: the share of one side that lies where the other side is, by balls that reach to the third neighbour.

Kynkaanniemi et al. 2019, "Improved Precision and Recall Metric for Assessing Generative Models", section 2.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cganx.evaluation.metrics.neighbours import balls, reach
from cganx.evaluation.metrics.sample import Sample

__all__ = ["precise", "precision", "recall"]

K = 3


def precision(made: Sample, real: Sample) -> float:
    """The share of made pictures that could be real ones, 0..1. Raises RequestError with fewer than six pictures a side."""
    return float(precise(made, real).mean())


def recall(made: Sample, real: Sample) -> float:
    """The share of real pictures that could have been made, 0..1. Raises RequestError with fewer than six pictures a side."""
    return float((balls(real.features, made.features, made.once(reach)[:, K - 1]) > 0).mean())


def precise(made: Sample, real: Sample) -> NDArray[np.bool_]:
    """Which made pictures [n] are nearer to some real one than its third neighbour is."""
    return balls(made.features, real.features, real.once(reach)[:, K - 1]) > 0
