"""Perceptual path length: how much pictures change for a small step of the latent, in features.

Karras et al. 2019, "A Style-Based Generator Architecture for Generative Adversarial Networks", section 4.1. Features of the
caller's choice stand for LPIPS, so that figures compare between generators of one data set only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.stats.mstats import trimmed_mean, trimmed_stde

from cganx.errors import RequestError

__all__ = ["STEP", "Draw", "Features", "PathLength", "linear", "perceptual_path_length", "spherical"]

Draw: TypeAlias = Callable[[NDArray[np.float32], "NDArray[np.int64] | None"], NDArray[Any]]
"""Latents [n, l] and labels [n], or None, to pictures [n, ...]."""

Features: TypeAlias = Callable[[NDArray[Any]], NDArray[Any]]
"""Pictures [n, ...] to features [n, d]."""

Between: TypeAlias = Callable[[NDArray[Any], NDArray[Any], NDArray[np.float64]], NDArray[np.float64]]

STEP = 0.01
"""The paper's is 1e-4, where 8-bit pictures do not change at all."""

BATCH = 256
TRIM = (0.01, 0.01)


class PathLength(NamedTuple):
    """The trimmed mean of the paths, >= 0, and its standard error by their spread."""

    value: float
    error: float


def spherical(one: NDArray[Any], other: NDArray[Any], share: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points [n, l] on great circles from ``one`` [n, l] to ``other``, at ``share`` [n] of the way: for normal latents."""
    a, b = _direction(one), _direction(other)
    angle = np.arccos(np.clip(np.sum(a * b, axis=1, keepdims=True), -1, 1))
    upright = _direction(b - np.sum(a * b, axis=1, keepdims=True) * a)
    turned = np.cos(share[:, None] * angle) * a + np.sin(share[:, None] * angle) * upright
    lengths = linear(np.linalg.norm(one, axis=1, keepdims=True), np.linalg.norm(other, axis=1, keepdims=True), share)
    found: NDArray[np.float64] = turned * lengths
    return found


def linear(one: NDArray[Any], other: NDArray[Any], share: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points [n, l] on lines from ``one`` [n, l] to ``other``, at ``share`` [n] of the way: for uniform latents."""
    found: NDArray[np.float64] = one + share[:, None] * (other.astype(np.float64) - one)
    return found


def perceptual_path_length(
    draw: Draw,
    features: Features,
    one: NDArray[np.float32],
    other: NDArray[np.float32],
    labels: NDArray[np.int64] | None = None,
    *,
    between: Between = spherical,
    step: float = STEP,
    seed: int = 0,
) -> PathLength:
    """The mean of |f(G(z(t))) - f(G(z(t + step)))|^2 / step^2 over n paths, t even in 0..1; the outer 2 % are left out.

    Args:
        draw: the generator G, called with at most 256 latents at once. Its pictures are best not rounded to 8 bits.
        features: f, the feature network.
        one, other: the ends of the paths, latents [n, l] each.
        labels: the classes to ask for, [n]; a path keeps its class.
        between: :func:`spherical`, or :func:`linear` where latents are uniform.
        step: the length of a step, in paths: 0 < step < 1.
        seed: of the places t.

    Raises RequestError where ends and labels do not fit, there are not two paths, or ``step`` is out of range.
    """
    if one.ndim != 2 or one.shape != other.shape or len(one) < 2 or (labels is not None and len(labels) != len(one)):
        raise RequestError(
            f"at least two paths are needed, with two ends [n, latent] and one label each, not {list(one.shape)}, "
            f"{list(other.shape)} and {'no' if labels is None else len(labels)} labels"
        )
    if not 0 < step < 1:
        raise RequestError(f"a step of {step} is not between 0 and 1: {STEP} suits 8-bit pictures")
    share = np.random.default_rng(seed).uniform(0, 1, len(one))
    lengths = np.empty(len(one))
    for start in range(0, len(one), BATCH):
        part = slice(start, start + BATCH)
        asked = None if labels is None else labels[part]
        here, there = (
            features(draw(between(one[part], other[part], share[part] + ahead).astype(np.float32), asked)).astype(np.float64)
            for ahead in (0.0, step)
        )
        lengths[part] = np.sum((here - there) ** 2, axis=1) / step**2
    return PathLength(float(trimmed_mean(lengths, TRIM)), float(trimmed_stde(lengths, TRIM)))


def _direction(vectors: NDArray[Any]) -> NDArray[np.float64]:
    values = vectors.astype(np.float64)
    lengths = np.linalg.norm(values, axis=1, keepdims=True)
    directions: NDArray[np.float64] = np.divide(values, lengths, out=np.zeros_like(values), where=lengths > 0)
    return directions
