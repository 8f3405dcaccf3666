"""Normal maps: pictures whose levels are the parts of a vector, red to the right, green up, blue towards who looks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["MIRRORED", "TURNED", "are_normals", "with_axes"]

LOOKED_AT, ALONG = 256, 32
"""Pictures, and pixels along a side of each."""

LENGTH_OFF, SHARE, LEANING = 0.15, 0.95, 0.15

TURNED = ((1, 2), (-2, 1), (-1, -2), (2, -1))
"""Axes, for `with_axes`, of a map that was turned by so many quarters to the left."""
MIRRORED = (-1, 2)
"""Those of a map whose left is its right now."""


def are_normals(pictures: NDArray[np.uint8]) -> bool:
    """Whether pictures [n, h, w, c] are normal maps: nearly all levels stand for vectors of about unit length that look up.

    In the mean they lean to no side; colours of that length, such as light greys, do.
    """
    if pictures.shape[3] != 3 or not len(pictures):
        return False
    each, down, right = (max(1, size // most) for size, most in zip(pictures.shape, (LOOKED_AT, ALONG, ALONG), strict=False))
    few = pictures[::each, ::down, ::right].astype(np.float32) / 127.5 - 1
    unit = np.abs(np.linalg.norm(few, axis=3) - 1) < LENGTH_OFF
    upright = np.abs(few[..., :2].mean(axis=(0, 1, 2))) < LEANING
    return bool(upright.all() and (unit & (few[..., 2] > 0)).mean() > SHARE)


def with_axes(normals: NDArray[np.uint8], axes: tuple[int, int]) -> NDArray[np.uint8]:
    """Normal maps [..., 3] with other axes for red and green: 1 is what was red, 2 what was green, negative turned round."""
    red, green = (normals[..., abs(one) - 1] if one > 0 else 255 - normals[..., abs(one) - 1] for one in axes)
    return np.stack([red, green, normals[..., 2]], axis=-1)
