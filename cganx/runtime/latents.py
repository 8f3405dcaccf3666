"""Random points from a counter: what a seed means, on every machine and in every language.

Philox4x32-10 (Salmon, Moraes, Dror, Shaw: Parallel random numbers: as easy as 1, 2, 3; SC 2011) with the key
(low, high) 32 bits of the seed and the counter words (block, round, stream, 0). Stream 0 is `latent`, stream N + 1 is
`noise.N`. Each block gives four words in order; u = (word + 0.5) / 2**32. Box and Muller's transform in float64 on the
pairs (w0, w1) and (w2, w3), cosine first, is rounded to float32. Truncation redraws an entry from the same place of the
next round. So a latent rests on its seed alone: not on the batch, the order or the thread.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cganx.errors import RequestError

__all__ = ["SMALLEST_TRUNCATION", "normal", "philox", "uniform"]

SMALLEST_TRUNCATION = 0.01
_MULTIPLIERS = np.array([0xD2511F53, 0xCD9E8D57], np.uint64)
_WEYL = np.array([0x9E3779B9, 0xBB67AE85], np.uint64)
_ROUNDS = 10
_BUMPS = (np.arange(_ROUNDS, dtype=np.uint64)[:, None] * _WEYL)[:, :, None]  # [rounds, 2, 1]
_LOW = np.array(0xFFFFFFFF, np.uint64)
_HALF = np.array(32, np.uint64)


def philox(seeds: np.ndarray[Any, Any], blocks: int, round_: int = 0, stream: int = 0) -> tuple[np.ndarray[Any, Any], ...]:
    """The words of counters (0..blocks-1, round, stream, 0) under each seed.

    ``seeds`` is uint64 [n]. Returns (even, odd), each uint64 [2, n * blocks] of 32-bit words, the blocks of a seed side by
    side: even holds w0 and w2, odd w1 and w3.
    """
    count = len(seeds) * blocks
    keys = ((np.array((seeds & _LOW, seeds >> _HALF)) + _BUMPS) & _LOW).repeat(blocks, axis=2)
    multipliers = _MULTIPLIERS.repeat(count).reshape(2, count)
    even, low, product, high = np.empty((4, 2, count), np.uint64)
    crossed = high[::-1]
    even[0].reshape(-1, blocks)[:] = np.arange(blocks, dtype=np.uint64)
    even[1], low[1], low[0] = stream, round_, 0  # low holds w3 and w1, as the products leave them
    # Whole rows and `out` throughout: for one picture the calls cost more than the numbers.
    for step in keys:
        np.multiply(even, multipliers, out=product)
        np.right_shift(product, _HALF, out=high)
        np.bitwise_xor(high, low, out=high)
        np.bitwise_xor(crossed, step, out=even)
        np.bitwise_and(product, _LOW, out=low)
    return even, low[::-1]


def _unit(words: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    numbers: np.ndarray[Any, Any] = words.astype(np.float64)
    numbers += 0.5
    numbers *= 2.0**-32
    return numbers


def _normal(seeds: np.ndarray[Any, Any], size: int, round_: int, stream: int) -> np.ndarray[Any, Any]:
    even, odd = philox(seeds, -(-size // 4), round_, stream)
    radius = np.sqrt(-2.0 * np.log(_unit(even)))
    angle = (2.0 * np.pi) * _unit(odd)
    return _in_order(radius * np.cos(angle), radius * np.sin(angle), size)


def _in_order(first: np.ndarray[Any, Any], second: np.ndarray[Any, Any], size: int) -> np.ndarray[Any, Any]:
    """Values by pair, [2, n * blocks] each -> float32 [n, size] in the order of the words."""
    values = np.empty((first.shape[1], 2, 2), np.float32)
    values[:, 0, 0], values[:, 1, 0] = first
    values[:, 0, 1], values[:, 1, 1] = second
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
    even, odd = philox(seeds, -(-size // 4), 0, stream)
    return _in_order(2.0 * _unit(even) - 1.0, 2.0 * _unit(odd) - 1.0, size)
