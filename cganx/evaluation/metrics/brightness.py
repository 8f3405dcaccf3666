"""Pictures as brightness, a part at a time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from cganx.evaluation.metrics.sample import Sample

__all__ = ["brightness"]

PART = 500
WEIGHTS = {1: (1.0,), 3: (0.2126, 0.7152, 0.0722)}
"""Of one channel, and of the three of sRGB (ITU-R BT.709, luma)."""


def brightness(sample: Sample) -> Iterator[NDArray[np.float64]]:
    """Float64 [some, height, width] in levels 0..255, until all pictures have come."""
    channels = sample.pixels.shape[3]
    weights = np.array(WEIGHTS.get(channels, (1 / channels,) * channels))
    for start in range(0, len(sample), PART):
        yield sample.pixels[start : start + PART] @ weights
