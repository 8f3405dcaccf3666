"""Sharpness: how much the brightness bends from pixel to pixel, against real pictures.

Pech-Pacheco et al. 2000, "Diatom autofocusing in brightfield microscopy: a comparative study": the variance of the Laplacian.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cganx.errors import RequestError
from cganx.evaluation.metrics.brightness import brightness
from cganx.evaluation.metrics.sample import Sample

__all__ = ["relative_sharpness", "sharpness", "sharpness_ratio"]


def sharpness_ratio(made: Sample, real: Sample) -> float:
    """The mean sharpness of the made pictures over that of the real ones, >= 0: 1 is ideal, below it blur, above it noise.

    Raises RequestError where the real pictures are flat.
    """
    return float(relative_sharpness(made, real).mean())


def relative_sharpness(made: Sample, real: Sample) -> NDArray[np.float64]:
    """The sharpness of each made picture [n] over the mean of the real ones."""
    scale = float(real.once(sharpness).mean())
    if scale == 0:
        raise RequestError("the real pictures are of one colour each: there is no sharpness to compare with")
    return made.once(sharpness) / scale


def sharpness(sample: Sample) -> NDArray[np.float64]:
    """The variance of the Laplacian within each picture [n]. Raises RequestError for fewer than three pixels a side."""
    if min(sample.pixels.shape[1:3]) < 3:
        raise RequestError("pictures of fewer than three pixels a side have no sharpness")
    parts = []
    for pictures in brightness(sample):
        around = pictures[:, :-2, 1:-1] + pictures[:, 2:, 1:-1] + pictures[:, 1:-1, :-2] + pictures[:, 1:-1, 2:]
        parts.append((around - 4 * pictures[:, 1:-1, 1:-1]).var(axis=(1, 2)))
    return np.concatenate(parts)
