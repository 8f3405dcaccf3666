"""The pictures to judge, made through the runtime in large batches, and what must be true of them before they are judged."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cganx.errors import ModelError
from cganx.evaluation.classifier import Progress
from cganx.runtime import Generator
from cganx.runtime.generator import BATCH as USUAL

__all__ = ["JUDGED", "MORE", "TRAINED_ON", "make", "require_pictures"]

BATCH = 256
SEEDS = 2**32
JUDGED, TRAINED_ON, MORE = 0, 2**31, 3 * 2**30
"""Where in an evaluation's 2**32 seeds those of its sets of pictures begin."""

LOOKED_AT = 256


def seeds_of(seed: int, first: int, count: int) -> NDArray[np.uint64]:
    """The seeds uint64 [count] of an evaluation's pictures, by its own ``seed`` below 2**32."""
    return np.uint64(seed * SEEDS + first) + np.arange(count, dtype=np.uint64)


def make(
    generator: Generator, labels: NDArray[np.int64] | None, seeds: NDArray[np.uint64], stage: str, progress: Progress
) -> NDArray[np.uint8]:
    """One picture a seed: uint8 [n, height, width, channels]. ``labels`` [n] are the generator's ids, None without classes."""
    pixels = np.empty((len(seeds), *generator.picture_shape), np.uint8)
    batch = BATCH if generator.batch_size == USUAL else generator.batch_size  # of large pictures few lie in memory at once
    for start in range(0, len(seeds), batch):
        part = slice(start, start + batch)
        pixels[part] = generator.generate(None if labels is None else labels[part], seeds[part], batch_size=batch)
        progress(stage, min(start + batch, len(seeds)), len(seeds))
    return pixels


def require_pictures(
    generator: Generator, pixels: NDArray[np.uint8], labels: NDArray[np.int64] | None, seeds: NDArray[np.uint64]
) -> None:
    """Raise ModelError where a generator gives what is not a number, or nothing but one colour.

    Looked at before rounding are the first pictures and those of one colour, which is what is left of a NaN.
    """
    rows = pixels.reshape(len(pixels), -1, pixels.shape[3])
    flat = (rows == rows[:, :1]).all(axis=(1, 2))
    suspects = np.unique(np.concatenate([np.arange(min(LOOKED_AT, len(pixels))), np.flatnonzero(flat)[:LOOKED_AT]]))
    images = generator.images(None if labels is None else labels[suspects], seeds[suspects])
    broken = suspects[~np.isfinite(images).all(axis=(1, 2, 3))]
    if len(broken):
        what = "" if labels is None else f" of class {generator.card.classes[labels[broken[0]]]!r}"
        raise ModelError(
            f"its picture{what} with seed {seeds[broken[0]]} holds values that are not numbers: export it again from an "
            "earlier checkpoint",
            model=generator.card.name,
        )
    if flat.all():
        raise ModelError(
            f"each of its {len(pixels):,} pictures is of one colour all over, so there is nothing to judge: its training has "
            "failed, export it again from an earlier checkpoint",
            model=generator.card.name,
        )
