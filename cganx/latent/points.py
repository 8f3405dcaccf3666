"""Points of the latent space: from seeds, between others, means of groups, sums and differences.

Latents are float32 [..., latent]. Everything here returns a new array; no argument is changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from math import isfinite
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cganx.card import GeneratorCard, Latent
from cganx.errors import RequestError, SeedError
from cganx.runtime import Generator, latents

__all__ = [
    "Floats",
    "Way",
    "arithmetic",
    "checked",
    "latent_of",
    "lerp",
    "mean",
    "norm_preserving_mean",
    "of_seeds",
    "slerp",
    "stream_seeds",
    "truncate",
    "way_of",
    "whole",
    "within",
]

Floats: TypeAlias = NDArray[np.float32]
Way: TypeAlias = Callable[[ArrayLike, ArrayLike, ArrayLike], Floats]
"""How one point becomes another: :func:`lerp` or :func:`slerp`."""

SMALLEST_NORM = 1e-12


def latent_of(card: GeneratorCard) -> Latent:
    """The card's latent. Raises RequestError where the generator takes none."""
    if card.latent is None:
        raise RequestError(f"{card.name} takes no latent: it has no latent space to move in")
    return card.latent


def checked(values: ArrayLike) -> NDArray[np.float64]:
    """As float64, for computing. Raises RequestError where a value is not a finite number."""
    array = _numbers(values)
    if array is None or array.ndim == 0:
        raise RequestError("latents are arrays of finite numbers [..., latent]")
    return array


def _numbers(values: ArrayLike) -> NDArray[np.float64] | None:
    """As float64; None where it is anything but finite numbers."""
    try:
        array = np.asarray(values)
    except ValueError:  # rows of unlike lengths
        return None
    return array.astype(np.float64) if array.dtype.kind in "fiu" and np.isfinite(array).all() else None


def _between(one: ArrayLike, other: ArrayLike, share: ArrayLike) -> list[NDArray[np.float64]]:
    """Start, end and share, all of one shape. Raises RequestError where they do not fit together."""
    start, end, way = checked(one), checked(other), _numbers(share)
    if way is None:
        raise RequestError("the share of the way is a finite number, or [n] of them: 0 is one end, 1 the other")
    try:
        if start.shape[-1] == end.shape[-1]:
            return list(np.broadcast_arrays(start, end, way[..., None]))
    except ValueError:
        pass
    raise RequestError(
        f"points of shapes {list(start.shape)} and {list(end.shape)} and shares of shape {list(way.shape)} do not fit "
        "together: give [latent] or [n, latent] of one latent, and one share or n"
    )


def of_seeds(generator: Generator, seeds: int | Iterable[int], *, truncation: float | None = None) -> Floats:
    """What these seeds draw, float32 [n, latent]: the very points that ``generate`` uses for them.

    truncation: entries of a normal latent over it are redrawn (>= 0.01). Raises SeedError, RequestError.
    """
    latent = latent_of(generator.card)
    each: list[Any] = list(seeds) if isinstance(seeds, Iterable) else [seeds]
    for seed in each:
        if isinstance(seed, (bool, np.bool_)) or not isinstance(seed, (int, np.integer)) or not 0 <= int(seed) < 2**64:
            raise SeedError(f"a seed is an integer with 0 <= seed < 2**64, not {seed!r}")
    numbers = np.array([int(seed) for seed in each], np.uint64)
    if truncation is not None:
        if latent.distribution != "normal":
            raise RequestError(f"truncation needs a normal latent; that of {generator.card.name} is {latent.distribution}")
        return latents.normal(numbers, latent.size, truncation=np.full(len(numbers), truncation, np.float64))
    return {"normal": latents.normal, "uniform": latents.uniform}[latent.distribution](numbers, latent.size)


def stream_seeds(seed: int, count: int) -> NDArray[np.uint64]:
    """``count`` seeds of a search's own stream, others for each ``seed``. Raises SeedError, RequestError."""
    whole(count, "points")
    if not isinstance(seed, (int, np.integer)) or not 0 <= int(seed) < 2**64 // count:
        raise SeedError(f"the seed of {count:,} random points is an integer with 0 <= seed < {2**64 // count:,}, not {seed!r}")
    return np.uint64(int(seed) * count) + np.arange(count, dtype=np.uint64)


def whole(value: object, name: str) -> None:
    """Raise RequestError where a count is not a whole number of at least 1."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise RequestError(f"{name} is {value!r}, not a whole number of at least 1")


def lerp(one: ArrayLike, other: ArrayLike, share: ArrayLike) -> Floats:
    """Points on the straight line, at ``share`` of the way: ``one`` at 0, ``other`` at 1.

    one, other: [latent] or [n, latent]. share: a number, or [n] for n points. Right for uniform latents; among normal ones the
    points near the middle of two are shorter than any that the generator was trained on. Raises RequestError.
    """
    start, end, way = _between(one, other, share)
    return _exact(start, end, way, start + way * (end - start))


def slerp(one: ArrayLike, other: ArrayLike, share: ArrayLike) -> Floats:
    """Points on the great circle, at ``share`` of the way; the length goes evenly from that of ``one`` to that of ``other``.

    Arguments as for :func:`lerp`. Right for normal latents, nearly all of which lie near a sphere of radius sqrt(latent).
    Opposite points are joined through a fixed direction at right angles; where one is the origin it is the straight line.
    Source: Shoemake, Animating rotation with quaternion curves, SIGGRAPH 1985; White, Sampling generative networks, 2016,
    section 2.1, with direction and length moved apart.
    """
    start, end, way = _between(one, other, share)
    way = way[..., :1]
    lengths = [np.linalg.norm(point, axis=-1, keepdims=True) for point in (start, end)]
    a, b = [point / np.maximum(length, SMALLEST_NORM) for point, length in zip((start, end), lengths, strict=True)]
    cosine = np.clip((a * b).sum(axis=-1, keepdims=True), -1.0, 1.0)
    upright = b - cosine * a
    # The second projection takes out what rounding left of `a`; a turn of 180 degrees leaves nothing, and may go any way.
    upright = np.where(np.linalg.norm(upright, axis=-1, keepdims=True) < 1e-9, _apart(a), upright)
    upright -= (upright * a).sum(axis=-1, keepdims=True) * a
    upright /= np.maximum(np.linalg.norm(upright, axis=-1, keepdims=True), SMALLEST_NORM)
    angle = np.arctan2(np.linalg.norm(b - cosine * a, axis=-1, keepdims=True), cosine) * way
    turned = (np.cos(angle) * a + np.sin(angle) * upright) * (lengths[0] + way * (lengths[1] - lengths[0]))
    straight = start + way * (end - start)
    flat = np.minimum(*lengths) < SMALLEST_NORM
    return _exact(start, end, way, np.where(flat, straight, turned))


def _apart(direction: NDArray[np.float64]) -> NDArray[np.float64]:
    """For each unit vector the axis that it has least of."""
    axes: NDArray[np.float64] = np.eye(direction.shape[-1])[np.abs(direction).argmin(axis=-1)]
    return axes


def _exact(
    start: NDArray[np.float64], end: NDArray[np.float64], way: NDArray[np.float64], between: NDArray[np.float64]
) -> Floats:
    """The ends themselves where the way is 0 or 1, so that loops close to the bit."""
    return np.where(way == 0.0, start, np.where(way == 1.0, end, between)).astype(np.float32)


_WAYS: Mapping[str, Way] = MappingProxyType({"normal": slerp, "uniform": lerp})


def way_of(generator: Generator) -> Way:
    """:func:`slerp` for normal latents, :func:`lerp` for uniform ones."""
    return _WAYS[latent_of(generator.card).distribution]


def mean(points: ArrayLike) -> Floats:
    """The mean of latents [n, latent], float32 [latent].

    The mean of n normal latents is sqrt(n) times shorter than they are, so its picture is nearer to the average one: strongly
    truncated. :func:`norm_preserving_mean` has the direction without that.
    """
    return _mean(points).astype(np.float32)


def norm_preserving_mean(points: ArrayLike) -> Floats:
    """The mean of latents [n, latent], stretched to the mean length of them, float32 [latent].

    Raises RequestError where they cancel each other out.
    """
    middle = _mean(points)
    return _stretched(middle, float(np.linalg.norm(checked(points), axis=-1).mean())).astype(np.float32)


def _mean(points: ArrayLike) -> NDArray[np.float64]:
    array = checked(points)
    if array.ndim != 2 or not len(array):
        raise RequestError(f"a mean is of latents [n, latent], at least one of them, not of shape {list(array.shape)}")
    middle: NDArray[np.float64] = array.mean(axis=0)
    return middle


def _stretched(point: NDArray[np.float64], length: float) -> NDArray[np.float64]:
    own = float(np.linalg.norm(point))
    if own < SMALLEST_NORM < length:
        raise RequestError("these latents cancel each other out: their sum is the origin, which has no direction")
    return point * (length / own) if own >= SMALLEST_NORM else point


def arithmetic(
    base: ArrayLike, plus: ArrayLike, minus: ArrayLike, *, strength: float = 1.0, preserve_norm: bool = True
) -> Floats:
    """``base + strength * (mean(plus) - mean(minus))``, float32 [latent].

    base: [latent]. plus, minus: groups of latents [n, latent]. With ``preserve_norm`` the sum is brought back to the length of
    ``base``: the difference changes what the picture shows, and not how typical it is.
    Raises RequestError. Source: Radford, Metz, Chintala 2016, section 6.3.2.
    """
    start, more, less = checked(base), _mean(plus), _mean(minus)
    if start.shape != more.shape or start.shape != less.shape:
        raise RequestError(
            f"the base is one latent and the groups [n, latent] of the same size, not {list(start.shape)}, "
            f"[n, {len(more)}] and [n, {len(less)}]"
        )
    if not isfinite(strength):
        raise RequestError(f"strength is {strength!r}, not a finite number")
    moved = start + strength * (more - less)
    return (_stretched(moved, float(np.linalg.norm(start))) if preserve_norm else moved).astype(np.float32)


def truncate(points: ArrayLike, bound: float) -> Floats:
    """Latents with every entry cut to -bound..bound, float32 of the same shape.

    It moves smoothly with the bound, as an animation wants. ``generate``'s truncation redraws such entries instead.
    """
    if not bound > 0:
        raise RequestError(f"truncation must be a number over 0, not {bound!r}")
    return np.clip(checked(points), -bound, bound).astype(np.float32)


def within(generator: Generator, points: ArrayLike) -> Floats:
    """Latents [..., latent] as the generator knows them: uniform ones cut to -1..1, normal ones as they are.

    Raises RequestError where their size is another than the generator's.
    """
    values, latent = checked(points), latent_of(generator.card)
    if values.shape[-1] != latent.size:
        raise RequestError(f"the latents of {generator.card.name} have {latent.size} entries, these {values.shape[-1]}")
    limit = {"normal": np.inf, "uniform": 1.0}[latent.distribution]
    return np.clip(values, -limit, limit).astype(np.float32)
