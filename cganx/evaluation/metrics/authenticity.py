"""Authenticity: the share of made pictures that are no nearer to a training picture than the next training picture is.

Alaa et al. 2022, "How Faithful is your Synthetic Data? Sample-level Metrics for Evaluating and Auditing Generative Models".
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cganx.evaluation.metrics.neighbours import nearest
from cganx.evaluation.metrics.sample import Sample

__all__ = ["authentic", "authenticity"]


def authenticity(made: Sample, training: Sample) -> float:
    """The share, 0..1, of pictures that :func:`authentic` finds: 0 where all are copies.

    About the figure of real pictures which were not trained on is ideal; noise is authentic too. Raises RequestError with
    fewer than two training pictures.
    """
    return float(authentic(made, training).mean())


def authentic(made: Sample, training: Sample) -> NDArray[np.bool_]:
    """Which made pictures [n] are farther from their nearest training picture than its nearest training picture is."""
    found = nearest(made.features, training.features)
    hit, place = np.unique(found.places[:, 0], return_inverse=True)
    # Of the hit ones alone: a whole training split against itself would take longest of all. The first is it itself.
    between = nearest(training.features[hit], training.features, 2).distances[:, 1]
    farther: NDArray[np.bool_] = found.distances[:, 0] > between[place]
    return farther
