"""Two sides held against each other: twins by name, of one aspect."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

import numpy as np

from cganx.data.files import FilePictures
from cganx.data.picture import Header, Unusable, header, pillow
from cganx.data.sides import Gallery, Side
from cganx.data.sources import Progress, natural_key
from cganx.data.workers import in_threads
from cganx.errors import DataError

__all__ = ["matched", "require_apart", "require_same_division"]

NAMED = 3


def require_apart(a: Path, b: Path) -> None:
    """Raise DataError where two folders are one, or one lies in the other."""
    first, second = a.resolve(), b.resolve()
    if first == second:
        raise DataError(f"{a} and {b} are the same folder: give one with what is to be translated and one with what is wanted")
    inner, outer = (a, b) if second in first.parents else (b, a)
    if outer.resolve() in inner.resolve().parents:
        raise DataError(f"{inner} lies in {outer}, so its pictures would be on both sides: move it out")


def require_same_division(sides: Sequence[Side]) -> None:
    """Raise DataError where some sides have a test part and others have none."""
    with_test = [side for side in sides if side.test is not None]
    if with_test and len(with_test) < len(sides):
        without = next(side for side in sides if side.test is None)
        raise DataError(
            f"{with_test[0].where} is divided in train and test, and {without.where} is not: divide both, or neither and one "
            "in ten is held out"
        )


def matched(source: Side, target: Side, progress: Progress) -> tuple[Side, Side]:
    """The sides in one order, each row the twin of the other side's by its path without suffix.

    Raises DataError where twins are missing, a name comes twice, or two twins differ in aspect.
    """
    require_same_division([source, target])
    pairs = list(zip(source.galleries, target.galleries, strict=True))
    _require_twins(pairs)
    made = [_in_order(one, other) for one, other in pairs]
    _require_one_aspect(made, progress)
    sources, targets = zip(*made, strict=True)
    return Side(source.where, *sources), Side(target.where, *targets)


def _require_twins(pairs: Sequence[tuple[Gallery, Gallery]]) -> None:
    for gallery in chain.from_iterable(pairs):
        twice = [name for name, count in Counter(gallery.subjects).items() if count > 1]
        if twice:
            raise DataError(f"{gallery.where}: {twice[0]!r} is there with two suffixes: remove one, or rename it")
    alone = [
        (gallery.where, name)
        for pair in pairs
        for gallery, other in (pair, pair[::-1])
        for name in sorted(set(gallery.subjects) - set(other.subjects), key=natural_key)
    ]
    if alone:
        total = sum(len(one) + len(other) for one, other in pairs)
        listed = "; ".join(
            f"{where} alone has {count:,}: {', '.join(names)}{', ...' if count > NAMED else ''}"
            for where in dict.fromkeys(where for where, _ in alone)
            for count, names in [_few([name for one, name in alone if one == where])]
        )
        raise DataError(
            f"{len(alone):,} of {total:,} pictures have no twin of their name ({listed}): add those, or remove these"
        )


def _few(names: Sequence[str]) -> tuple[int, Sequence[str]]:
    return len(names), names[:NAMED]


def _in_order(source: Gallery, target: Gallery) -> tuple[Gallery, Gallery]:
    place = {name: row for row, name in enumerate(target.subjects)}
    return source, target.chosen(np.array([place[name] for name in source.subjects], dtype=np.int64))


def _require_one_aspect(pairs: Sequence[tuple[Gallery, Gallery]], progress: Progress) -> None:
    unlike: list[str] = []
    for source, target in pairs:
        one, other = source.pictures, target.pictures
        if not isinstance(one, FilePictures) or not isinstance(other, FilePictures):
            continue

        def look(start: int, stop: int, one: FilePictures = one, other: FilePictures = other) -> list[str]:
            found = (_difference(one.paths[one.rows[row]], other.paths[other.rows[row]]) for row in range(start, stop))
            return [difference for difference in found if difference]

        with pillow():
            unlike += chain.from_iterable(in_threads(look, len(source), "comparing sizes", progress))
    if unlike:
        total = sum(len(source) for source, _ in pairs)
        raise DataError(
            f"{len(unlike):,} of {total:,} pairs differ in aspect, so their pictures cannot lie on each other; the first: "
            f"{unlike[0]}: crop one of the two"
        )


def _difference(one: Path, other: Path) -> str:
    """How the aspects of two pictures differ; empty where they do not, or one cannot be read."""
    try:
        first, second = header(one), header(other)
    except Unusable:  # decoding it will tell
        return ""
    if _is_reduced(first, second) or _is_reduced(second, first):
        return ""
    return f"{one} has {first.width} x {first.height} pixels, {other} {second.width} x {second.height}"


def _is_reduced(large: Header, small: Header) -> bool:
    """Whether ``small`` is ``large``, or that reduced by one factor and rounded to whole pixels."""
    if large.height == small.height or large.width == small.width:
        return (large.height, large.width) == (small.height, small.width)
    apart = abs(large.width * small.height - small.width * large.height)
    return small.height < large.height and 2 * apart <= large.width + large.height
