"""The Frechet distance between two samples' features; the maths is in :mod:`cganx.evaluation.frechet`.

Heusel et al. 2017, "GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium", section 4. In a
classifier's features of the data at hand, not Inception's: it is never called FID.
"""

from __future__ import annotations

import numpy as np

from cganx.evaluation.frechet import Gaussian, frechet, gaussian
from cganx.evaluation.metrics.sample import Sample

__all__ = ["frechet_distance", "gaussian_of"]


def frechet_distance(made: Sample, real: Sample) -> float:
    """The squared distance, >= 0; 0 where both have the same mean and covariance. Few pictures make it larger."""
    return frechet(made.once(gaussian_of), real.once(gaussian_of))


def gaussian_of(sample: Sample) -> Gaussian:
    """The Gaussian of a sample's features, every class counted alike where there are classes, as the oracle's reals are."""
    if sample.labels is None:
        return gaussian(sample.features)
    return gaussian(sample.features, (1.0 / np.maximum(np.bincount(sample.labels), 1))[sample.labels])
