"""Random points from a counter: what a seed means, on every machine and in every language.

Philox4x32-10 (Salmon, Moraes, Dror, Shaw: Parallel random numbers: as easy as 1, 2, 3; SC 2011) with the key
(low, high) 32 bits of the seed and the counter words (block, round, stream, 0). Stream 0 is `latent`, stream N + 1 is
`noise.N`. Each block gives four words in order; u = (word + 0.5) / 2**32. Box and Muller's transform in float64 on the
pairs (w0, w1) and (w2, w3), cosine first, is rounded to float32. Truncation redraws an entry from the same place of the
next round. So a latent rests on its seed alone: not on the batch, the order or the thread.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from cganx.errors import RequestError

__all__ = ["SMALLEST_TRUNCATION", "normal", "philox", "uniform"]

SMALLEST_TRUNCATION = 0.01
_MULTIPLIERS = np.array([0xD2511F53, 0xCD9E8D57], np.uint64)
_WEYL = np.array([0x9E3779B9, 0xBB67AE85], np.uint64)
_ROUNDS = 10
_FEW = 128  # blocks of one seed from which on numpy is faster
_BUMPS = (np.arange(_ROUNDS, dtype=np.uint64)[:, None] * _WEYL)[:, :, None]  # [rounds, 2, 1]
_LOW = np.array(0xFFFFFFFF, np.uint64)
_HALF = np.array(32, np.uint64)


def philox(seeds: np.ndarray[Any, Any], blocks: int, round_: int = 0, stream: int = 0) -> np.ndarray[Any, Any]:
    """The words of counters (0..blocks-1, round, stream, 0) under each seed.

    ``seeds`` is uint64 [n]. Returns the 32-bit words as uint64 [2, 2, n * blocks], the blocks of a seed side by side: w0 and
    w2, then w1 and w3.
    """
    if len(seeds) == 1 and blocks <= _FEW:
        return _philox_of_one(int(seeds[0]), blocks, round_, stream)
    count = len(seeds) * blocks
    keys = ((np.array((seeds & _LOW, seeds >> _HALF)) + _BUMPS) & _LOW).repeat(blocks, axis=2)
    multipliers = _MULTIPLIERS.repeat(count).reshape(2, count)
    words = np.empty((2, 2, count), np.uint64)
    even, (low, product, high) = words[0], np.empty((3, 2, count), np.uint64)
    crossed = high[::-1]
    even[0].reshape(-1, blocks)[:] = np.arange(blocks, dtype=np.uint64)
    even[1], low[1], low[0] = stream, round_, 0  # low holds w3 and w1, as the products leave them
    for step in keys:
        np.multiply(even, multipliers, out=product)
        np.right_shift(product, _HALF, out=high)
        np.bitwise_xor(high, low, out=high)
        np.bitwise_xor(crossed, step, out=even)
        np.bitwise_and(product, _LOW, out=low)
    words[1] = low[::-1]
    return words


def _philox_of_one(seed: int, blocks: int, round_: int, stream: int) -> np.ndarray[Any, Any]:
    """The same in whole numbers of Python, one word in every 64 bits of them.

    For one picture numpy's calls cost more than the numbers, and these are a third of it.
    """
    ones, counter = _lanes(blocks)
    mask = ones * 0xFFFFFFFF
    low_key, high_key = seed & 0xFFFFFFFF, seed >> 32
    w0, w1, w2, w3 = counter, ones * round_, ones * stream, 0
    for _ in range(_ROUNDS):
        first, second = w0 * 0xD2511F53, w2 * 0xCD9E8D57
        w0, w2 = (second >> 32 & mask) ^ w1 ^ ones * low_key, (first >> 32 & mask) ^ w3 ^ ones * high_key
        w1, w3 = second & mask, first & mask
        low_key, high_key = low_key + 0x9E3779B9 & 0xFFFFFFFF, high_key + 0xBB67AE85 & 0xFFFFFFFF
    drawn = b"".join([word.to_bytes(8 * blocks, "little") for word in (w0, w2, w1, w3)])
    return np.frombuffer(drawn, "<u8").reshape(2, 2, blocks)


@lru_cache(64)
def _lanes(blocks: int) -> tuple[int, int]:
    """1 and the number of the lane in every 64 bits."""
    ones = sum(1 << 64 * lane for lane in range(blocks))
    return ones, sum(lane << 64 * lane for lane in range(blocks))


def _units(seeds: np.ndarray[Any, Any], size: int, round_: int, stream: int) -> np.ndarray[Any, Any]:
    """The words of so many values as numbers in 0..1, float64, in the shape that philox gives them."""
    numbers: np.ndarray[Any, Any] = philox(seeds, -(-size // 4), round_, stream).astype(np.float64)
    numbers += 0.5
    numbers *= 2.0**-32
    return numbers


def _normal(seeds: np.ndarray[Any, Any], size: int, round_: int, stream: int) -> np.ndarray[Any, Any]:
    first, second = _units(seeds, size, round_, stream)
    radius = np.sqrt(-2.0 * np.log(first))
    second *= 2.0 * np.pi
    values = np.empty((first.shape[1], 2, 2), np.float32)
    cosine, sine = values.transpose(2, 1, 0)
    np.multiply(radius, np.cos(second), out=cosine)
    np.multiply(radius, np.sin(second), out=sine)
    return _rows(values, size)


def _rows(values: np.ndarray[Any, Any], size: int) -> np.ndarray[Any, Any]:
    """Values by block, pair and place in it -> [n, size]."""
    return values.reshape(-1, 4 * -(-size // 4))[:, :size]


def normal(
    seeds: np.ndarray[Any, Any], size: int, *, stream: int = 0, truncation: np.ndarray[Any, Any] | None = None
) -> np.ndarray[Any, Any]:
    """N(0, 1) values, float32 [n, size], for uint64 seeds [n].

    ``truncation`` float64 [n] redraws every entry whose magnitude is over its picture's bound (>= 0.01).
    """
    values = _normal(seeds, size, 0, stream)
    if truncation is None:
        return values
    if np.isnan(truncation).any() or (truncation.size and truncation.min() < SMALLEST_TRUNCATION):
        raise RequestError(f"truncation must be at least {SMALLEST_TRUNCATION}; for the mean picture give latents of zeros")
    values = values.copy()
    round_ = 0
    while True:
        outside = np.abs(values.astype(np.float64)) > truncation[:, None]
        rows = np.flatnonzero(outside.any(axis=1))
        if not len(rows):
            return values
        round_ += 1
        redrawn = _normal(seeds[rows], size, round_, stream)
        values[rows] = np.where(outside[rows], redrawn, values[rows])


def uniform(seeds: np.ndarray[Any, Any], size: int, *, stream: int = 0) -> np.ndarray[Any, Any]:
    """Values 2u - 1, float32 [n, size], for uint64 seeds [n]."""
    values = 2.0 * _units(seeds, size, 0, stream) - 1.0
    return _rows(values.transpose(2, 1, 0).astype(np.float32, order="C"), size)
