"""The training picture that is nearest to each made one, in features and in pixels: what to look at for copies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cganx.errors import RequestError
from cganx.evaluation.metrics.neighbours import nearest
from cganx.evaluation.metrics.sample import Sample

__all__ = ["NearestPictures", "nearest_in_features", "nearest_in_pixels"]

VALUES = 1024
PART = 1000


@dataclass(frozen=True, eq=False)
class NearestPictures:
    """For each of n made pictures the ``places`` int64 [n] of its nearest training picture and the ``distances`` [n] to it."""

    places: NDArray[np.int64]
    distances: NDArray[np.float64]

    def closest(self, count: int) -> NDArray[np.int64]:
        """The made pictures [at most ``count``] that are nearest to a training picture, the nearest first."""
        return np.argsort(self.distances, kind="stable")[:count]


def nearest_in_features(made: Sample, training: Sample) -> NearestPictures:
    """By Euclidean distance of features."""
    found = nearest(made.features, training.features)
    return NearestPictures(found.places[:, 0], found.distances[:, 0])


def nearest_in_pixels(made: Sample, training: Sample) -> NearestPictures:
    """By the root mean square difference of pixels, in levels 0..255.

    Larger pictures are looked for by their thumbnails of at most 1,024 values; the distance is that of the whole pictures.
    Raises RequestError where the two sides' pictures are not of one size.
    """
    if made.pixels.shape[1:] != training.pixels.shape[1:]:
        raise RequestError(
            f"pictures {list(made.pixels.shape[1:])} and {list(training.pixels.shape[1:])} have no pixels to compare: "
            "load both sides at one size"
        )
    places = nearest(made.once(_thumbnails), training.once(_thumbnails)).places[:, 0]
    distances = np.empty(len(made))
    for start in range(0, len(made), PART):
        part = slice(start, start + PART)
        difference = made.pixels[part].astype(np.float64) - training.pixels[places[part]]
        distances[part] = np.sqrt(np.mean(difference**2, axis=(1, 2, 3)))
    return NearestPictures(places, distances)


def _thumbnails(sample: Sample) -> NDArray[np.float32]:
    """Float32 [n, at most 1,024]: the means of square blocks of pixels, 1 x 1 where the pictures are small."""
    _, height, width, channels = sample.pixels.shape
    side = 1
    while -(-height // side) * -(-width // side) * channels > VALUES and side < max(height, width):
        side += 1
    rows, columns = np.arange(0, height, side), np.arange(0, width, side)
    area = np.diff(rows, append=height)[:, None, None] * np.diff(columns, append=width)[:, None]
    parts = []
    for start in range(0, len(sample), PART):
        pixels = sample.pixels[start : start + PART].astype(np.float32)
        blocks = np.add.reduceat(np.add.reduceat(pixels, rows, axis=1), columns, axis=2) / area.astype(np.float32)
        parts.append(blocks.reshape(len(pixels), -1))
    return np.concatenate(parts)
