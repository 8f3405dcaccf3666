"""The memorisation distance: how far made pictures are from the nearest training picture, by the angle of their features.

Bai et al. 2021, "On Training Sample Memorization: Lessons from Benchmarking Generative Modeling with a Large-scale
Competition" (the distance of MiFID).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cganx.evaluation.kernel import blocks
from cganx.evaluation.metrics.sample import Sample

__all__ = ["angles_to_training", "memorisation_distance"]


def memorisation_distance(made: Sample, training: Sample) -> float:
    """The mean of min over training pictures of 1 - |cosine|, 0..1: 0 for copies, and large for what is like nothing.

    Read it beside that of real pictures which were not trained on.
    """
    return float(angles_to_training(made, training).mean())


def angles_to_training(made: Sample, training: Sample) -> NDArray[np.float64]:
    """1 - |cosine| of each made picture [n] with the training picture where it is least."""
    ours, theirs = _directions(made), training.once(_directions)
    likeness = np.empty(len(made))
    for part in blocks(len(made), len(training)):
        likeness[part] = np.abs(ours[part] @ theirs.T).max(axis=1)
    return np.maximum(1 - likeness, 0)


def _directions(sample: Sample) -> NDArray[np.float64]:
    features = sample.features.astype(np.float64)
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    directions: NDArray[np.float64] = np.divide(features, lengths, out=np.zeros_like(features), where=lengths > 0)
    return directions
