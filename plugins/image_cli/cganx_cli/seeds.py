"""Seeds as people write them: ``0-99,200``, inclusive. Ranges stay ranges, so that huge ones cost nothing."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass

from cganx.errors import SeedError

__all__ = ["Seeds", "drawn_seed", "drawn_seeds", "parse_seeds"]

LIMIT = 2**64


@dataclass(frozen=True)
class Seeds:
    """Seeds in the order given, each once, held as ranges that do not overlap.

    There is no ``len()``, which cannot hold 2**64; use ``count``.
    """

    ranges: tuple[range, ...]

    @property
    def count(self) -> int:
        """How many seeds there are."""
        return sum(one.stop - one.start for one in self.ranges)

    def __iter__(self) -> Iterator[int]:
        for one in self.ranges:
            yield from one

    def __contains__(self, seed: object) -> bool:
        return any(seed in one for one in self.ranges)

    def __str__(self) -> str:
        """As :func:`parse_seeds` reads it."""
        return ",".join(str(one.start) if one.stop - one.start == 1 else f"{one.start}-{one.stop - 1}" for one in self.ranges)

    def __getitem__(self, place: int) -> int:
        """The seed at a place, 0 <= place < count."""
        for one in self.ranges:
            if place < one.stop - one.start:
                return one.start + place
            place -= one.stop - one.start
        raise IndexError(place)

    def part(self, start: int, stop: int) -> Seeds:
        """The seeds at the places start to stop - 1."""
        pieces, before = [], 0
        for one in self.ranges:
            size = one.stop - one.start
            piece = range(one.start + max(0, start - before), one.start + min(size, stop - before))
            if piece.start < piece.stop:
                pieces.append(piece)
            before += size
        return Seeds(tuple(pieces))


def parse_seeds(text: str) -> Seeds:
    """Read seeds and inclusive ranges of seeds, 0 <= seed < 2**64, separated by commas. What comes twice counts once.

    >>> list(parse_seeds("0-3,7"))
    [0, 1, 2, 3, 7]
    >>> list(parse_seeds("5, 4-6"))
    [5, 4, 6]
    >>> parse_seeds("0-18446744073709551615").count == 2**64
    True

    Raises SeedError.
    """
    ranges: list[range] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*([0-9]{1,20})(?:-([0-9]{1,20}))?\s*", part)
        if re.fullmatch(r"\s*-[0-9]+\s*", part):
            raise SeedError(f"{part.strip()} is no seed: seeds are 0 to {LIMIT - 1}")
        if match is None:
            raise SeedError(f"{part.strip()!r} is no seed and no range of seeds; write them as 0-99,200")
        first, last = int(match[1]), int(match[2] or match[1])
        if first > last:
            raise SeedError(f"the range {part.strip()} runs backwards; write {last}-{first}")
        if last >= LIMIT:
            raise SeedError(f"{last} is no seed: seeds are 0 to {LIMIT - 1}")
        ranges += _without(range(first, last + 1), ranges)
    return Seeds(tuple(ranges))


def _without(new: range, taken: list[range]) -> list[range]:
    pieces = [new]
    for old in taken:
        pieces = [
            piece
            for one in pieces
            for piece in (range(one.start, min(one.stop, old.start)), range(max(one.start, old.stop), one.stop))
            if piece.start < piece.stop
        ]
    return pieces


def drawn_seed() -> Seeds:
    """One seed from the system."""
    return drawn_seeds(1)


def drawn_seeds(count: int) -> Seeds:
    """``count`` seeds in a row, from a place that the system draws: a short text says them all, and none is like another."""
    first = secrets.randbelow(LIMIT - count + 1)
    return Seeds((range(first, first + count),))
