"""The distance of colours: brightness and contrast of each channel, picture by picture.

The low-level statistics of Borji 2019, "Pros and Cons of GAN Evaluation Measures", of which mean and deviation
make a Gaussian; the distance is Dowson and Landau's.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from cganx.errors import RequestError
from cganx.evaluation.frechet import frechet, gaussian
from cganx.evaluation.metrics.sample import Sample

__all__ = ["colour_distance", "colours"]

PART = 1000


def colour_distance(made: Sample, real: Sample) -> float:
    """The Frechet distance (its root) of :func:`colours`, in levels 0..255: 10 is as if all pictures were 10 levels brighter.

    Raises RequestError with fewer than two pictures on a side, or another number of channels.
    """
    if made.pixels.shape[3] != real.pixels.shape[3]:
        raise RequestError("colours are compared of pictures with as many channels: load both sides with the same")
    return math.sqrt(frechet(gaussian(made.once(colours)), gaussian(real.once(colours))))


def colours(sample: Sample) -> NDArray[np.float64]:
    """The mean of each channel and its deviation over each picture's pixels, in levels: float64 [n, 2 channels]."""
    parts = []
    for start in range(0, len(sample), PART):
        pixels = sample.pixels[start : start + PART].astype(np.float64)
        parts.append(np.concatenate([pixels.mean(axis=(1, 2)), pixels.std(axis=(1, 2))], axis=1))
    return np.concatenate(parts)
