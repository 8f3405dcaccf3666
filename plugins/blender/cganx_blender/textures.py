# SPDX-FileCopyrightText: 2026 The cganx authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Large seamless textures from small ones: image quilting on a torus, with numpy alone.

Efros and Freeman 2001, Image Quilting for Texture Synthesis and Transfer: patches are laid in raster order, each the one that
agrees best with what lies there already, and cut in along the path of least difference. Here the plane is a torus, so the last
patches meet the first and the texture's own edges are seams like any other; the pictures are tori too, so a patch may start at
any of their pixels, and all starts are compared at once by Fourier transforms.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

__all__ = ["LARGEST", "Quilt", "near", "quilt", "seamless_texture"]

Array = np.ndarray[Any, Any]

LARGEST = 1024
PATCH = 64  # pixels, or the picture's side where that is more
OVERLAP = 5 / 16  # of a patch
SPREAD = 0.3  # radians: pictures this near in latent space share their layout and colours, not their details

_TOLERANCE = 0.1  # of the best match; the patches within it are as good, and one is drawn
_REACH = 3  # patches around that show the same place of a picture are what an eye sees as repetition
_RADIUS = 4.0  # pixels: how near is the same place
_REPEATED, _REPEATED_PROFILE = 1.0, 0.1  # what repeating costs, in variances of the pictures
_GUIDED, _STRUCTURED = 10.0, 0.3  # how strongly courses and planks hold, and from which share of the variance in full
_OFFSET, _GAIN = 1.5, 1.6  # deviations of colour and contrast up to which a picture can be matched to the first
_MOST, _TRIED = 12, 5  # pictures in all, and for each patch: more cost time and bring nothing to see


@dataclass(frozen=True)
class Quilt:
    """The texture, uint8 [size, size, c], and which patch each pixel comes from, int [size, size]."""

    texture: Array
    patches: Array


def seamless_texture(pictures: Array, size: int, seed: int) -> Array:
    """A texture uint8 [size, size, c] that repeats without a seam, of pictures uint8 [n, h, w, c] that do so too.

    It looks like the first picture; those of the others that can be matched to it in colour and contrast keep it from repeating
    (``near`` says where to find such).
    A size equal to the picture's gives the first picture itself. The same arguments give the same texture.
    Raises ValueError for other pictures and for a size below the picture's sides or above LARGEST.
    """
    return quilt(pictures, size, seed).texture


def quilt(pictures: Array, size: int, seed: int) -> Quilt:
    """``seamless_texture`` with the places of its cuts."""
    _check(pictures, size)
    if pictures.shape[1:3] == (size, size):
        return Quilt(pictures[0].copy(), np.zeros((size, size), int))
    alike = _matched(pictures.transpose(0, 3, 1, 2).astype(np.float64))
    mean = alike.mean(axis=(0, 2, 3), keepdims=True)[0]
    alike -= mean  # the errors below are small differences of large sums
    random = np.random.default_rng(seed)
    guides = [_guide(alike, axis, size, random) for axis in (0, 1)]
    canvas, patches = _Quilting(alike, (size, size), _REPEATED, guides).laid(random)
    turn = [-1 - _quietest(canvas, axis) for axis in (0, 1)]
    texture = np.clip(np.rint(np.roll(canvas, turn, (1, 2)) + mean), 0, 255).astype(np.uint8)
    return Quilt(np.ascontiguousarray(texture.transpose(1, 2, 0)), np.roll(patches, turn, (0, 1)))


def near(latents: Array, spread: float = SPREAD) -> Array:
    """Normal latents [n, d] turned towards the first: float32 [n, d], the first as it is, the others ``spread`` radians off it.

    A generator makes pictures of them that look like the first one's, as ``seamless_texture`` wants them.
    """
    turned = np.cos(spread) * latents[:1] + np.sin(spread) * latents
    turned[0] = latents[0]
    result: Array = turned.astype(np.float32)
    return result


def _check(pictures: Array, size: int) -> None:
    if pictures.dtype != np.uint8 or pictures.ndim != 4 or not all(pictures.shape):
        raise ValueError(f"a texture is made of pictures uint8 [n, h, w, c], not {pictures.dtype} {list(pictures.shape)}")
    smallest = max(pictures.shape[1:3])
    if not smallest <= size <= LARGEST:
        raise ValueError(f"the size of a texture of these pictures is from {smallest} to {LARGEST} pixels, not {size}")


def _matched(pictures: Array) -> Array:
    """The pictures [n, c, h, w] that can be given the first one's mean and deviation of each channel, with these.

    The most alike come first.
    """
    means, deviations = pictures.mean((2, 3)), pictures.std((2, 3)) + 1e-3
    slopes = [np.abs(np.roll(pictures, 1, axis) - pictures).mean((2, 3)) for axis in (2, 3)]
    features = np.concatenate([means, deviations, *(2 * slope for slope in slopes)], axis=1)
    gains = deviations[0] / deviations
    contrast = np.linalg.norm(deviations, axis=1) / np.linalg.norm(deviations[0])
    offsets = np.linalg.norm(means - means[0], axis=1) / np.linalg.norm(deviations[0])
    order = np.argsort(np.linalg.norm(features - features[0], axis=1), kind="stable")
    fit = (offsets <= _OFFSET) & (np.abs(np.log(contrast)) <= np.log(_GAIN))
    kept = order[fit[order]][:_MOST]
    gains = np.clip(gains, 1 / _GAIN, _GAIN)
    means, gains = means[:, :, None, None], gains[:, :, None, None]
    matched: Array = ((pictures - means) * gains + means[0])[kept]
    return matched


def _guide(pictures: Array, axis: int, size: int, random: np.random.Generator) -> Array:
    """Courses of bricks (axis 0) and planks (axis 1) run through: what holds each row or column of patches to a common profile.

    The profile is the quilted mean of the pictures across the axis, as in the paper's texture transfer; where the pictures have
    no such structure, it weighs next to nothing. Costs [patches, n, h, 1] or [patches, n, 1, w].
    """
    profiles = pictures.mean(axis=3 - axis, keepdims=True)
    weight = _GUIDED * min(1.0, profiles.var() / max(pictures.var(), 1e-9) / _STRUCTURED) ** 2
    shape = (size, 1) if axis == 0 else (1, size)
    profile, _ = _Quilting(profiles, shape, _REPEATED_PROFILE, ()).laid(random)
    shifts = _Shifts(profiles)
    wanted = [profile.take(span % size, axis + 1) for span in _spans(size, shifts.shape[axis])[0]]
    return np.stack([weight * shifts.errors(part, np.ones(part.shape[1:])) for part in wanted])


def _quietest(canvas: Array, axis: int) -> int:
    """The row or column that differs least from the next: an edge there cuts no joint."""
    steps = np.abs(canvas - np.roll(canvas, -1, axis + 1)).mean(axis=(0, 2 - axis))
    return int(steps.argmin())


class _Shifts:
    """Pictures [n, c, h, w], compared with something at all their h x w shifts."""

    def __init__(self, pictures: Array) -> None:
        self.shape = pictures.shape[2:]
        self._spectra = np.fft.rfft2(pictures.swapaxes(0, 1))
        self._squares = np.fft.rfft2((pictures**2).sum(axis=1))

    def errors(self, wanted: Array, known: Array, which: Array | slice = slice(None)) -> Array:
        """The mean squared difference [n, h, w] of those from wanted [c, height, width] where known [height, width].

        What is wanted elsewhere is 0.
        """
        count, *spectra = np.conj(np.fft.rfft2(_folded(np.concatenate([known[None], -2 * wanted]), self.shape)))
        products = self._squares[which] * count
        for channel, spectrum in zip(self._spectra, spectra, strict=True):
            products += channel[which] * spectrum
        sums = np.fft.irfft2(products, self.shape)
        sums += (wanted**2).sum()
        sums /= max(known.sum(), 1)
        errors: Array = np.maximum(sums, 0, out=sums)
        return errors


class _Quilting:
    """A canvas that fills with patches of the pictures [n, c, h, w], whose mean is 0."""

    def __init__(self, pictures: Array, shape: tuple[int, int], repeated: float, guides: Sequence[Array]) -> None:
        self._guides = guides
        self._shifts = _Shifts(pictures)
        self._variance = max(float((pictures**2).sum(axis=1).mean()), 1e-9)
        self._repeated = repeated * self._variance * np.fft.rfft2(_bump(self._shifts.shape))
        self._spans, self._overlaps = zip(*map(_spans, shape, self._shifts.shape), strict=True)
        longest = [max(map(len, spans)) for spans in self._spans]
        self._pictures = np.pad(pictures, [(0, 0), (0, 0), *((0, more) for more in longest)], mode="wrap")
        self._canvas = np.zeros((pictures.shape[1], *shape))
        self._owners = np.full(shape, -1)
        self._phases = np.full((*map(len, self._spans), 2), -1)
        self._used = np.zeros(len(pictures))

    def laid(self, random: np.random.Generator) -> tuple[Array, Array]:
        """The filled canvas, and the number of the patch that each pixel comes from."""
        for block in np.ndindex(*self._phases.shape[:2]):
            self._lay(block, random)
        return self._canvas, self._owners

    def _lay(self, block: tuple[int, ...], random: np.random.Generator) -> None:
        spans = [spans[i] for i, spans in zip(block, self._spans, strict=True)]
        origin = np.array([span[0] for span in spans])
        place = self._place(spans)
        there, known = self._canvas[:, *place], self._owners[place] >= 0
        tried = np.lexsort((random.random(len(self._used)), self._used))[:_TRIED]
        chosen, *shift = self._choice(self._costs(block, tried, origin, there, known), random)
        self._used[tried[chosen]] += 1
        self._phases[block] = (shift - origin) % self._shifts.shape
        source = (slice(s, s + len(span)) for s, span in zip(shift, spans, strict=True))
        difference = self._pictures[tried[chosen], :, *source] - there

        kept = self._cut(block, (difference**2).sum(axis=0)) | ~known
        share = _softened(kept)
        share[~known] = 1
        self._canvas[:, *place] = there + share * difference
        owners = self._owners[place]
        owners[kept] = np.ravel_multi_index(block, self._phases.shape[:2])
        self._owners[place] = owners

    def _place(self, spans: Sequence[Array]) -> tuple[Any, ...]:
        """An index of the canvas there; slices, which are faster, where the patch does not reach beyond an end."""
        if all(span[-1] < length for span, length in zip(spans, self._owners.shape, strict=True)):
            return tuple(slice(span[0], span[-1] + 1) for span in spans)
        return np.ix_(*(span % length for span, length in zip(spans, self._owners.shape, strict=True)))

    def _costs(self, block: tuple[int, ...], tried: Array, origin: Array, there: Array, known: Array) -> Array:
        """What each of the pictures tried at each shift costs there: [n, h, w]."""
        costs = self._shifts.errors(there, known, tried)
        costs += self._repetition(block, origin)
        for i, guide in zip(block, self._guides, strict=False):
            costs += guide[i, tried]
        return costs

    def _repetition(self, block: tuple[int, ...], origin: Array) -> Array:
        """High at the shifts that continue one of the patches around as plain tiling would: [h, w]."""
        reach = np.arange(-_REACH, _REACH + 1)
        around = (np.unique((i + reach) % count) for i, count in zip(block, self._phases.shape[:2], strict=True))
        phases = self._phases[np.ix_(*around)].reshape(-1, 2)
        shifts = (phases[phases[:, 0] >= 0] + origin) % self._shifts.shape
        places = np.zeros(self._shifts.shape)
        np.add.at(places, tuple(shifts.T), 1)
        spread: Array = np.fft.irfft2(np.fft.rfft2(places) * self._repeated, self._shifts.shape)
        return spread

    def _choice(self, costs: Array, random: np.random.Generator) -> tuple[int, ...]:
        """One of the cheapest: picture, row, column."""
        best = costs.min()
        among = np.flatnonzero(costs <= best + _TOLERANCE * max(best, 0.1 * self._variance))
        return tuple(int(index) for index in np.unravel_index(random.choice(among), costs.shape))

    def _cut(self, block: tuple[int, ...], difference: Array) -> Array:
        """Which pixels the new patch takes, by least-cost cuts through its overlaps with what may lie on its four sides."""
        kept = np.ones(difference.shape, bool)
        for axis, (cost, inside) in enumerate(((difference.T, kept.T), (difference, kept))):
            overlap, last = self._overlaps[axis], self._phases.shape[axis] - 1
            length = np.arange(cost.shape[1])
            if block[axis] > 0:
                inside &= length >= _path(cost[:, :overlap])[:, None]
            if block[axis] == last > 0:
                inside &= length < (len(length) - overlap + _path(cost[:, len(length) - overlap :]))[:, None]
        return kept


def _path(costs: Array) -> Array:
    """The cheapest way down through costs [length, width], one column a row, moving by at most one: int [length]."""
    totals = np.full((costs.shape[0], costs.shape[1] + 2), np.inf)
    left, middle, right = totals[:, :-2], totals[:, 1:-1], totals[:, 2:]
    middle[:] = costs
    least = np.empty(costs.shape[1])
    for one, two, three, below in zip(left, middle, right, middle[1:], strict=False):
        np.minimum(one, two, out=least)
        np.minimum(least, three, out=least)
        below += least
    *above, last = totals.tolist()
    column = last.index(min(last))
    path = [column]
    for row in reversed(above):
        column = min((column, column - 1, column + 1), key=row.__getitem__)
        path.append(column)
    return np.array(path[::-1]) - 1


def _softened(kept: Array) -> Array:
    """The mask [height, width] with its border spread over three pixels, so that a cut is no sharper than the texture."""
    padded = np.pad(kept.astype(np.float64), 1, mode="edge")
    rows = padded[:-2] + 2 * padded[1:-1] + padded[2:]
    softened: Array = (rows[:, :-2] + 2 * rows[:, 1:-1] + rows[:, 2:]) / 16
    return softened


def _folded(values: Array, shape: tuple[int, ...]) -> Array:
    """What falls on each place of a torus of that shape when values [c, height, width] are wound round it, summed."""
    folded = np.zeros((len(values), *shape))
    for top, left in np.ndindex(*(-(-length // side) for length, side in zip(values.shape[1:], shape, strict=True))):
        part = values[:, top * shape[0] : (top + 1) * shape[0], left * shape[1] : (left + 1) * shape[1]]
        folded[:, : part.shape[1], : part.shape[2]] += part
    return folded


def _bump(shape: tuple[int, ...]) -> Array:
    """1 at the origin of a torus of that shape, falling to 0 within a few pixels."""
    rows, columns = (np.minimum(np.arange(side), side - np.arange(side)) for side in shape)
    bump: Array = np.exp(-(rows[:, None] ** 2 + columns**2) / (2 * _RADIUS**2))
    return bump


def _spans(length: int, side: int) -> tuple[list[Array], int]:
    """The places along a side that each patch covers, running on into the next, the last beyond the end; and how far on."""
    patch = max(PATCH, side)
    overlap = min(round(OVERLAP * patch), length // 4)
    count = max(2, -(-length // (patch - overlap))) if length > 1 else 1
    edges = np.rint(np.linspace(0, length, count + 1)).astype(int)
    return [np.arange(start, stop + overlap) for start, stop in pairwise(edges)], overlap
