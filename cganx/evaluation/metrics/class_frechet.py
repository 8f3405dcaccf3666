"""The Frechet distance class by class: within a class it sees the variety that the whole hides.

Miyato and Koyama 2018, "cGANs with Projection Discriminator", section 4 (intra FID).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from cganx.errors import RequestError
from cganx.evaluation.frechet import Gaussian, frechet, gaussian
from cganx.evaluation.metrics.sample import Sample

__all__ = ["class_distances", "class_frechet"]


def class_frechet(made: Sample, real: Sample) -> float:
    """The mean of :func:`class_distances`, every class counted alike."""
    return float(np.mean(list(class_distances(made, real).values())))


def class_distances(made: Sample, real: Sample) -> Mapping[int, float]:
    """The squared Frechet distance of each class that was asked for to the real pictures of that class.

    Raises RequestError without labels, or where one side has fewer than two pictures of a class.
    """
    ours, theirs = made.once(_gaussians), real.once(_gaussians)
    for label in ours:
        if label not in theirs:
            raise RequestError(f"there is no real picture of class {label} to compare with: leave the class out")
    return {label: frechet(one, theirs[label]) for label, one in ours.items()}


def _gaussians(sample: Sample) -> Mapping[int, Gaussian]:
    if sample.labels is None:
        raise RequestError("a distance by class needs the labels of both sides")
    return {int(label): _gaussian(sample, sample.labels == label) for label in np.unique(sample.labels)}


def _gaussian(sample: Sample, of_class: NDArray[np.bool_]) -> Gaussian:
    if of_class.sum() < 2:
        raise RequestError("a class with a single picture has no variety to compare: every class needs at least two")
    return gaussian(sample.features[of_class])
