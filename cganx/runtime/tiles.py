"""How a picture of any size is cut into tiles that a graph takes, and how what is made of them becomes one picture.

Along each axis: the picture is continued beyond its far edge by reflection, up to a multiple that the graph asks for. Where
that is more than a tile, tiles begin at multiples too, so that strided layers see the same phases as in the whole, and
overlap. Where the graph's context is known, every tile keeps what is at least that far from its inner edges. Where it is not,
tiles fade into each other over their overlap.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from cganx.errors import RequestError

__all__ = ["Axis", "Canvas", "Grid", "Piece", "reflected"]

Array: TypeAlias = "np.ndarray[Any, Any]"
_OVERLAP = 4  # a tile fades over one part in so many


def up_to(size: int, multiple: int) -> int:
    """The smallest multiple that is not under the size."""
    return -(-size // multiple) * multiple


def _faded(tile: int, multiple: int) -> int:
    """How far tiles overlap that fade into each other: on multiples, where these leave room for it."""
    overlap = tile // _OVERLAP
    return up_to(overlap, multiple) if multiple <= overlap else overlap


class Piece(NamedTuple):
    """A tile along one axis: where it begins, how long it is, and from where to where it is kept, all in source pixels."""

    start: int
    size: int
    first: int
    last: int


@dataclass(frozen=True)
class Axis:
    """One axis of a picture of ``length`` pixels, cut into pieces of one size."""

    length: int
    pieces: tuple[Piece, ...]

    @classmethod
    def of(cls, length: int, whole: int, tile: int, multiple: int, context: int | None) -> Axis:
        """``whole`` is the length continued to a multiple; ``tile`` a multiple. Raises RequestError for tiles all edge."""
        if whole <= tile:
            return cls(length, (Piece(0, whole, 0, length),))
        overlap = _faded(tile, multiple) if context is None else 2 * up_to(context, multiple)
        margin, stride = overlap // 2, tile - overlap
        if stride < 1:
            raise RequestError(
                f"a tile of {tile} pixels is all edge: what this generator makes of a place depends on {margin} pixels "
                f"around it; say tile={2 * margin + max(multiple, margin)} or more, which takes more memory"
            )
        starts = [*range(0, whole - tile, stride), whole - tile]
        ends = [start + margin for start in starts[1:]] + [whole]
        pieces = []
        first = 0
        for start, end in zip(starts, ends, strict=True):
            last = min(end, length)
            if first < last:  # the last tile may hold nothing but what was added by reflection
                pieces.append(Piece(start, tile, first, last))
            first = end
        return cls(length, tuple(pieces))

    def weights(self, scale: int) -> list[Array]:
        """How much each piece counts, float32 [size * scale] each: they fade linearly, and sum to 1 at every place."""
        ramps = []
        total = np.zeros((max(piece.start + piece.size for piece in self.pieces)) * scale, np.float32)
        for number, piece in enumerate(self.pieces):
            ramp = np.ones(piece.size * scale, np.float32)
            if number:
                before = self.pieces[number - 1]
                _fade(ramp, (before.start + before.size - piece.start) * scale)
            if number + 1 < len(self.pieces):
                after = self.pieces[number + 1]
                _fade(ramp[::-1], (piece.start + piece.size - after.start) * scale)
            ramps.append(ramp)
            total[piece.start * scale : (piece.start + piece.size) * scale] += ramp
        return [
            ramp / total[piece.start * scale : (piece.start + piece.size) * scale]
            for ramp, piece in zip(ramps, self.pieces, strict=True)
        ]


def _fade(ramp: Array, length: int) -> None:
    """In place, over its first values; where two fades meet in a short tile both count."""
    ramp[:length] *= (np.arange(length, dtype=np.float32) + np.float32(0.5)) / np.float32(length)


@dataclass(frozen=True)
class Grid:
    """The tiles of a picture, row by row. ``fades``: they are blended, for nobody knows how far a place depends on others."""

    down: Axis
    across: Axis
    fades: bool

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of every tile."""
        return self.down.pieces[0].size, self.across.pieces[0].size

    @property
    def places(self) -> list[tuple[int, int]]:
        """The row and column of every tile."""
        return [(row, column) for row in range(len(self.down.pieces)) for column in range(len(self.across.pieces))]

    def cut(self, picture: Array, row: int, column: int) -> Array:
        """A tile of a picture [height, width, ...], continued by reflection where it reaches beyond the edge."""
        down, across = self.down.pieces[row], self.across.pieces[column]
        rows = picture[reflected(down.start, down.size, len(picture))]
        tile: Array = rows[:, reflected(across.start, across.size, picture.shape[1])]
        return tile


def reflected(start: int, size: int, length: int) -> slice | Array:
    """Which of ``length`` values stand at ``size`` places from ``start`` on, where they go back and forth without end."""
    if start + size <= length:
        return slice(start, start + size)
    period = max(2 * (length - 1), 1)
    places = np.arange(start, start + size) % period
    return np.minimum(places, period - places) if length > 1 else np.zeros(size, np.intp)


class Canvas:
    """A picture uint8 [height, width, channels] that grows tile by tile; ``done`` once all are there.

    ``noise`` keeps what was drawn for it until then.
    """

    def __init__(self, grid: Grid, pixels: Array, scale: int) -> None:
        self.grid, self.pixels, self.scale = grid, pixels, scale
        self.noise: dict[str, Array] = {}
        self._left = len(grid.places)
        if grid.fades and self._left > 1:
            self._weights = grid.down.weights(scale), grid.across.weights(scale)
            height, width = grid.size[0] * scale, (grid.across.pieces[-1].start + grid.size[1]) * scale
            self._band = np.zeros((height, width, pixels.shape[2]), np.float32)

    @property
    def done(self) -> bool:
        """Whether the picture is whole."""
        return self._left == 0

    @property
    def share(self) -> float:
        """How much of it is there, 0..1."""
        return 1 - self._left / len(self.grid.places)

    def put(self, row: int, column: int, made: Array) -> None:
        """What was made of a tile, uint8 [tile height * scale, tile width * scale, channels]; tiles come row by row."""
        self._left -= 1
        if self.grid.fades and len(self.grid.places) > 1:
            self._blend(row, column, made)
            return
        down, across, scale = self.grid.down.pieces[row], self.grid.across.pieces[column], self.scale
        kept = made[(down.first - down.start) * scale : (down.last - down.start) * scale]
        kept = kept[:, (across.first - across.start) * scale : (across.last - across.start) * scale]
        self.pixels[down.first * scale : down.last * scale, across.first * scale : across.last * scale] = kept

    def _blend(self, row: int, column: int, made: Array) -> None:
        down, across = self._weights
        start = self.grid.across.pieces[column].start * self.scale
        weights = down[row][:, None, None] * across[column][None, :, None]
        self._band[:, start : start + made.shape[1]] += made * weights
        if column + 1 < len(across):
            return
        here = self.grid.down.pieces[row].start
        rows = self.grid.down.pieces
        kept = (rows[row + 1].start - here if row + 1 < len(rows) else rows[row].size) * self.scale
        place = self.pixels[here * self.scale : here * self.scale + kept]
        place[:] = np.clip(np.rint(self._band[: len(place), : place.shape[1]]), 0, 255)
        self._band[:-kept] = self._band[kept:]
        self._band[len(self._band) - kept :] = 0
