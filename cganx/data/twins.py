"""Pictures that show the same: found by small copies of them, and kept on one side of a split."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from cganx.data.sources import HELD_OUT_SHARE, Form

__all__ = ["THUMBNAIL", "grouped", "held_out_groups", "twins"]

SIDE = 16
THUMBNAIL = Form(SIDE, SIDE, 3)
"""What pictures are compared at."""

NEAR, ALIKE = 5.0, 0.2
"""Twins differ by at most so many levels, root mean square over a thumbnail, and but for their brightness by at most so
much of their own contrast. The second keeps pictures apart on which there is little: thin lines on white, plain plaster."""
FLAT = 0.5
"""Where there is no contrast at all: what rounding leaves between two pictures of one colour, in levels."""

AXES, MORE_AXES, COARSE = 4, 16, 4
ROWS, PAIRS = 4096, 2**15
REACH = NEAR * SIDE * 3**0.5 * (1 + 1e-4)
"""How far apart twins are at most, along whatever axis."""


def twins(thumbnails: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Which pictures are near-duplicates, as pairs int64 [k, 2], from thumbnails uint8 [n, 16, 16, 3].

    Copies that were saved anew, enlarged or recoloured a little are found; mirrored, moved and cut ones are not. The
    search is exact: twins are near along every axis, so only pictures in the same or a neighbouring cell of a grid
    along a few principal axes are compared, first along more axes. Its cost grows about as n log n, unless nearly all
    pictures look alike.
    """
    flat = thumbnails.reshape(len(thumbnails), SIDE * SIDE * 3)
    found = [np.empty((0, 2), dtype=np.int64)]
    if len(flat) < 2:
        return found[0]
    contrast, along = _contrast(flat), _projected(flat)
    for one, other in _candidates(np.floor(along[:AXES].T / REACH).astype(np.int64)):
        i, j = one, other
        for axis in along:
            near = np.abs(axis[i] - axis[j]) <= REACH
            i, j = i[near], j[near]
        for start in range(0, len(i), PAIRS):
            stretch = slice(start, start + PAIRS)
            near = _are_twins(flat, contrast, i[stretch], j[stretch])
            found.append(np.stack([i[stretch][near], j[stretch][near]], axis=1))
    return np.concatenate(found)


def _are_twins(
    flat: NDArray[np.uint8], contrast: NDArray[np.float32], i: NDArray[np.int64], j: NDArray[np.int64]
) -> NDArray[np.bool_]:
    difference = flat[i].astype(np.float32) - flat[j]
    square = np.einsum("nd,nd->n", difference, difference) / flat.shape[1]
    shift = np.square(difference.reshape(len(i), -1, 3).mean(axis=1)).mean(axis=1)
    bound = np.maximum(FLAT, ALIKE * np.minimum(contrast[i], contrast[j]))
    near: NDArray[np.bool_] = (square <= NEAR**2) & (square - shift <= np.square(bound))
    return near


def _contrast(flat: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The standard deviation within each picture, channel by channel: a plain colour has none."""
    pixels = flat.reshape(len(flat), -1, 3)
    return np.concatenate([np.sqrt(block.var(axis=1, dtype=np.float32).mean(axis=1)) for block in _blocks(pixels)])


def _blocks(rows: NDArray[np.uint8]) -> Iterator[NDArray[np.uint8]]:
    for start in range(0, len(rows), ROWS):
        yield rows[start : start + ROWS]


def _projected(flat: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Where each picture lies along the principal axes of 4 x 4 means, float32 [axes, n], that of the greatest spread first.

    The axes are orthonormal among the pictures too, which is all that the search needs.
    """
    block = SIDE // COARSE
    coarse = np.concatenate(
        [one.reshape(len(one), COARSE, block, COARSE, block, 3).mean(axis=(2, 4), dtype=np.float32) for one in _blocks(flat)]
    ).reshape(len(flat), -1)
    centred = (coarse - coarse.mean(axis=0)) * block
    _, axes = np.linalg.eigh(centred.T @ centred)
    return np.ascontiguousarray((centred @ axes[:, : -MORE_AXES - 1 : -1]).T)


def _candidates(cells: NDArray[np.int64]) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Pairs of rows in the same or neighbouring cells, each pair once, a stretch at a time."""
    cells = cells - cells.min(axis=0) + 1
    strides = np.cumprod([1, *(cells.max(axis=0) + 2)[:-1]])
    keys = cells @ strides
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    steps = np.stack(np.meshgrid(*[[-1, 0, 1]] * cells.shape[1], indexing="ij"), axis=-1).reshape(-1, cells.shape[1])
    places = np.arange(len(keys))
    for offset in (steps @ strides).tolist():
        if offset < 0:  # the other of the two will meet this one
            continue
        first = places + 1 if offset == 0 else np.searchsorted(keys, keys + offset, "left")
        last = np.searchsorted(keys, keys + offset, "right")
        yield from _expanded(order, first, np.maximum(last, first))


def _expanded(
    order: NDArray[np.int64], first: NDArray[np.int64], last: NDArray[np.int64]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """(row i, each of the rows ``first[i]`` to ``last[i]``), about a million pairs a time."""
    counts = last - first
    stretches = np.cumsum(counts) // 2**20
    for stretch in range(int(stretches[-1]) + 1):
        rows = np.flatnonzero((stretches == stretch) & (counts > 0))
        if not len(rows):
            continue
        many = counts[rows]
        within = np.arange(many.sum()) - np.repeat(np.cumsum(many) - many, many)
        yield order[np.repeat(rows, many)], order[np.repeat(first[rows], many) + within]


def grouped(count: int, pairs: NDArray[np.int64]) -> NDArray[np.int64]:
    """The group of each of ``count`` things, int64 [count], called by its first; each of ``pairs`` [k, 2] is in one."""
    parent = list(range(count))

    def root(one: int) -> int:
        while parent[one] != one:
            parent[one] = parent[parent[one]]
            one = parent[one]
        return one

    for one, other in pairs.tolist():
        first, second = sorted((root(one), root(other)))
        parent[second] = first
    return np.array([root(one) for one in range(count)], dtype=np.int64)


def held_out_groups(
    names: Sequence[str], groups: NDArray[np.int64], sides: Sequence[NDArray[np.int64]] | None = None
) -> NDArray[np.bool_]:
    """Which of the things called ``names`` are held out: about one in ten, a group wholly or not at all.

    A hash of a group's first name in the alphabet decides; a group of more than a tenth of all is not held out while there
    is a smaller one. Each of ``sides``, places of things, has something on both parts if it has two groups.
    """
    _, group, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    first = [""] * len(sizes)
    for name, one in sorted(zip(names, group.tolist(), strict=True), reverse=True):
        first[one] = name
    places = np.array([_place(name) for name in first])
    large = np.where(sizes > max(1, HELD_OUT_SHARE * len(names)), sizes, 0)
    out = (large == 0) & (places < HELD_OUT_SHARE)
    for side in sides if sides is not None else [np.arange(len(names))]:
        among = np.unique(group[side])
        in_order = among[np.lexsort((places[among], large[among]))]
        if not out[among].any():
            out[in_order[:1]] = True
        if out[among].all():
            out[in_order[-1:]] = False
    held: NDArray[np.bool_] = out[group]
    return held


def _place(name: str) -> float:
    """Where a name stands in 0..1, by its hash."""
    digest = hashlib.sha256(name.encode("utf-8", "surrogateescape")).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
