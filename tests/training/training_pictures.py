"""A data set of stripes for the tests of training."""

from __future__ import annotations

import numpy as np

from cganx.data import DataSet, LabelledImages

# Quick on two cores: a batch of 8, and everything that is written on a schedule written soon.
SMALL = {"batch_size": 8, "checkpoint_every": 10, "grid_every": 10, "log_every": 5}


def pictures(count: int, classes: int, *, height: int = 16, width: int = 16, channels: int = 1) -> LabelledImages:
    """Stripes whose width is the class, with noise; the last picture has no label."""
    random = np.random.default_rng(0)
    labels = np.arange(count) % classes
    stripes = (np.arange(width)[None, :] // (labels[:, None] + 1)) % 2 * 160
    images = stripes[:, None, :, None] + random.integers(0, 60, (count, height, width, channels))
    labels[-1] = -1
    return LabelledImages(images.astype(np.uint8), labels.astype(np.int64))


def data_set(classes: int = 3, **shape: int) -> DataSet:
    names = tuple(f"stripes {index + 1}" for index in range(classes))
    train = pictures(49, classes, **shape)
    return DataSet("stripes", names, train, pictures(13, classes, **shape), f"{classes}{sorted(shape.items())}", "CC0-1.0")
