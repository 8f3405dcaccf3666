"""The classifier two-sample test: can a picture's side be told from its nearest neighbour?

Lopez-Paz and Oquab 2017, "Revisiting Classifier Two-Sample Tests", section 3, with the classifier that Xu et al. 2018, "An
empirical study on evaluation metrics of generative adversarial networks", section 2, prefer: one nearest neighbour, leave one
out. Unlike a trained classifier it has nothing to tune, and it falls below one half where pictures are copies.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cganx.evaluation.metrics.neighbours import nearest, reach
from cganx.evaluation.metrics.sample import Sample

__all__ = ["two_sample"]


def two_sample(made: Sample, real: Sample) -> float:
    """The share of pictures, 0..1, whose nearest other is of their own side, as many of each side as the smaller one has.

    0.5 is ideal, 1 where the sides can be told apart, below 0.5 where made pictures are nearer to real ones than those are to
    each other. Raises RequestError with fewer than six pictures a side.
    """
    count = min(len(made), len(real))
    made, real = _some(made, count), _some(real, count)
    return (_own_side(made, real) + _own_side(real, made)) / 2


def _own_side(sample: Sample, other: Sample) -> float:
    own: NDArray[np.float64] = sample.once(reach)[:, 0]
    across = nearest(sample.features, other.features).distances[:, 0]
    return float(np.where(own == across, 0.5, own < across).mean())


def _some(sample: Sample, count: int) -> Sample:
    """So many of the pictures, the same each time."""
    if count == len(sample):
        return sample
    return sample.take(np.sort(np.random.default_rng(0).permutation(len(sample))[:count]))
