"""How visible the seam is where a picture meets its own copy, as tiles on a plane do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cganx.errors import RequestError

__all__ = ["SeamRatio", "seam_ratio"]

BLOCK = 1024


class SeamRatio(NamedTuple):
    """The ratio, >= 0, and its standard error by the spread of the pictures."""

    value: float
    error: float


def seam_ratio(pictures: NDArray[np.uint8]) -> SeamRatio:
    """How much the first and last columns (and rows) of pictures differ, over how much neighbours within them do.

    Mean absolute differences over all pictures [n, h, w, c], n >= 1; the mean of both directions, each with its own scale, so
    that grain does not hide a seam across it. 1 is seamless; random crops of textures give 1.4 to 2.4.
    The error is that of a ratio of means (Cochran 1977, Sampling Techniques, section 2.11), 0 for a single picture.

    Raises RequestError for fewer than two pixels a side, and where all pictures are stripes along a direction or of one colour.
    """
    if min(pictures.shape[1:3]) < 2:
        raise RequestError("pictures of fewer than two pixels a side have no neighbours to compare a seam with")
    directions = [np.concatenate(parts) for parts in zip(*_differences(pictures), strict=True)]
    scales = [float(inner.mean()) for _, inner in map(np.transpose, directions)]
    if 0 in scales:
        raise RequestError("neighbouring pixels never differ along one direction: there is nothing to compare a seam with")
    ratios = [float(seam.mean()) / scale for (seam, _), scale in zip(map(np.transpose, directions), scales, strict=True)]
    off = np.mean([one @ (1, -ratio) / scale for one, ratio, scale in zip(directions, ratios, scales, strict=True)], axis=0)
    error = float(off.std(ddof=1)) / len(off) ** 0.5 if len(off) > 1 else 0.0
    return SeamRatio(float(np.mean(ratios)), error)


def _differences(pictures: NDArray[np.uint8]) -> Iterator[list[NDArray[np.float64]]]:
    """Of each block of pictures and each direction [n, 2]: the mean difference at the seam, and that between neighbours."""
    for start in range(0, len(pictures), BLOCK):
        block = pictures[start : start + BLOCK].astype(np.int16)
        yield [
            np.stack([_mean(np.take(block, 0, axis) - np.take(block, -1, axis)), _mean(np.diff(block, axis=axis))], axis=1)
            for axis in (1, 2)
        ]


def _mean(differences: NDArray[np.int16]) -> NDArray[np.float64]:
    mean: NDArray[np.float64] = np.abs(differences).reshape(len(differences), -1).mean(axis=1, dtype=np.float64)
    return mean
