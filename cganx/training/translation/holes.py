"""Holes to be filled: squares, and strokes of any form."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Holes"]

STROKES, TURNS = (1, 4), (2, 6)  # a stroke is a broken line
MOST_FILLED = 0.4  # of a picture; a hole that is larger is drawn anew


@dataclass(frozen=True)
class Holes:
    """How holes are drawn: ``square`` pixels a side (0: none), half of them in ``free_form`` where there are squares too."""

    square: int
    free_form: bool

    def draw(self, number: int, height: int, width: int) -> NDArray[np.uint8]:
        """A mask [height, width] that is 1 in the hole; the same number, the same hole."""
        random = np.random.default_rng([number, 1])
        if self.free_form and (self.square == 0 or random.integers(2)):
            return _strokes(random, height, width)
        mask = np.zeros((height, width), np.uint8)
        tall, wide = min(self.square, height), min(self.square, width)
        top, left = random.integers(height - tall + 1), random.integers(width - wide + 1)
        mask[top : top + tall, left : left + wide] = 1
        return mask


def _strokes(random: np.random.Generator, height: int, width: int) -> NDArray[np.uint8]:
    """Strokes of a round brush along broken lines, as Yu et al. 2019, section 3.4, draw them."""
    side = min(height, width)
    rows, columns = np.mgrid[:height, :width]
    while True:
        mask = np.zeros((height, width), np.uint8)
        for _ in range(random.integers(*STROKES, endpoint=True)):
            point = random.uniform((0, 0), (height, width))
            radius, angle = side * random.uniform(0.04, 0.09), random.uniform(0, 2 * np.pi)
            for _ in range(random.integers(*TURNS, endpoint=True)):
                angle += random.uniform(-1, 1) * 0.4 * np.pi
                end = point + side * random.uniform(0.1, 0.3) * np.array((np.sin(angle), np.cos(angle)))
                along = end - point
                away = np.stack([rows - point[0], columns - point[1]], axis=-1)
                share = np.clip(away @ along / (along @ along), 0, 1)[..., None]
                mask |= (np.linalg.norm(away - share * along, axis=-1) <= radius).astype(np.uint8)
                point = np.clip(end, 0, (height, width))
        if 0 < mask.mean() <= MOST_FILLED:
            return mask
