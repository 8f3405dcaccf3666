"""The holes that generators are judged by: squares and strokes in turn, the same for every file."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

__all__ = ["holes"]

SQUARE, BRUSH, STROKE = 0.25, 0.06, 1.2  # of the shorter side: a square's side, half a brush's width, a stroke's way


def holes(count: int, height: int, width: int, seed: int = 0) -> NDArray[np.bool_]:
    """Bool [count, height, width], true in the hole: even ones a square of a quarter of the shorter side, odd ones a stroke."""
    draw = (_square, _stroke)
    return np.stack([draw[number % 2](np.random.default_rng([seed, number]), height, width) for number in range(count)])


def _square(random: np.random.Generator, height: int, width: int) -> NDArray[np.bool_]:
    side = max(round(SQUARE * min(height, width)), 1)
    top, left = random.integers(height - side + 1), random.integers(width - side + 1)
    hole = np.zeros((height, width), bool)
    hole[top : top + side, left : left + side] = True
    return hole


def _stroke(random: np.random.Generator, height: int, width: int) -> NDArray[np.bool_]:
    """A round brush along a way that turns as it goes, from the middle half of the picture."""
    side = min(height, width)
    turns = np.cumsum(random.normal(scale=0.35, size=round(STROKE * side))) + random.uniform(0, 2 * np.pi)
    start = random.uniform(0.25, 0.75, size=2) * (height, width)
    way = start + np.cumsum(np.stack([np.sin(turns), np.cos(turns)], axis=1), axis=0)
    rows, columns = np.clip(np.rint(way), 0, (height - 1, width - 1)).astype(np.int64).T
    line = np.ones((height, width), bool)
    line[rows, columns] = False
    return np.asarray(ndimage.distance_transform_edt(line) <= max(BRUSH * side, 0.5))
