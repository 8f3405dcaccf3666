"""Samples of which only what a test names matters."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cganx.evaluation.metrics import Sample

CLASSES = 4


def of_features(features: ArrayLike, labels: NDArray[np.int64] | None = None) -> Sample:
    values = np.asarray(features, np.float32)
    count = len(values)
    return Sample(np.zeros((count, 4, 4, 1), np.uint8), values, np.full((count, CLASSES), 1 / CLASSES), labels)


def of_probabilities(probabilities: ArrayLike, labels: NDArray[np.int64] | None = None) -> Sample:
    values = np.asarray(probabilities, np.float64)
    count = len(values)
    return Sample(np.zeros((count, 4, 4, 1), np.uint8), np.zeros((count, 2), np.float32), values, labels)


def of_pixels(pixels: NDArray[Any]) -> Sample:
    count = len(pixels)
    return Sample(pixels.astype(np.uint8), np.zeros((count, 2), np.float32), np.ones((count, 1)))


def normal(seed: int, count: int, size: int = 5, shift: float = 0.0, scale: float = 1.0) -> NDArray[np.float32]:
    return (np.random.default_rng(seed).normal(shift, scale, (count, size))).astype(np.float32)
