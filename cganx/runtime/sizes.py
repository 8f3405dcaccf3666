"""The sizes of an image-to-image graph whose height and width are open."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from cganx.card import Source
from cganx.runtime.model import Dimension

__all__ = ["Space", "ladder", "shape_at", "smallest"]

MOST_DIGITS = 5
LEAST_TILE = 32  # what is over the limits even then asks for too much


class Space(NamedTuple):
    """Height and width of a source, in pixels."""

    height: int
    width: int

    def at(self, dimension: str | None) -> int | None:
        """What a dimension of that name is: ``height``, ``width/8``, ``width*2``; None for another name."""
        name, times, factor = (dimension or "").partition("*")
        if not times:
            name, times, factor = (dimension or "").partition("/")
        size = {"height": self.height, "width": self.width}.get(name)
        if size is None or not times:
            return size
        if not (factor.isascii() and factor.isdecimal() and len(factor) <= MOST_DIGITS and int(factor)):
            return None
        if times == "*":
            return size * int(factor)
        return None if size % int(factor) else size // int(factor)


def shape_at(name: str, shape: tuple[Dimension, ...], space: Space) -> tuple[int, ...] | None:
    """The shape of an input, without the batch, where the source has that space; None where nothing says it.

    The two last axes of ``source`` and ``mask`` are its height and width, whatever they are called; of others the names of
    the axes decide.
    """
    if name in ("source", "mask") and len(shape) == 3:
        shape = (
            shape[0],
            *(open_ if not isinstance(said, int) else said for said, open_ in zip(shape[1:], space, strict=True)),
        )
    sizes = [size if isinstance(size, int) else space.at(size) for size in shape]
    known = tuple(size for size in sizes if size is not None)
    return known if len(known) == len(sizes) else None


def ladder(source: Source, most: int) -> Iterator[int]:
    """Sides that tiles may have, from the largest on, all multiples of what the source asks for."""
    before, least = 0, min(most, LEAST_TILE)
    while most >= least:
        for side in (most, most * 3 // 4):
            side -= side % source.multiple
            if side and side >= least and side != before:
                yield side
                before = side
        most //= 2


def smallest(source: Source, most: int) -> Iterator[int]:
    """Sides from the smallest on: a graph that mirrors edges runs from some size on."""
    step = 1
    while step * source.multiple <= most:
        yield step * source.multiple
        step = max(step + 1, step * 5 // 4)
