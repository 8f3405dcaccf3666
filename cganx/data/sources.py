"""What a source reader hands on: where the data came from, and its pictures and labels before they are packed."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cganx.card import is_name
from cganx.data.dataset import Labels
from cganx.errors import DataError

__all__ = [
    "LICENCES",
    "Contents",
    "Failure",
    "Form",
    "Part",
    "Pictures",
    "Progress",
    "Source",
    "Survey",
    "held_out",
    "licence_line",
    "natural_key",
]

Progress = Callable[[str, int, int], None]
HELD_OUT_SHARE = 0.1
LICENCES = "licences.txt"
"""The file in a class folder that says on what terms its pictures are, a line a source."""


@dataclass(frozen=True)
class Form:
    """What every picture becomes: ``height`` x ``width`` pixels, 1 or 3 channels; ``fit`` is ``crop`` or ``pad``."""

    height: int
    width: int
    channels: int
    fit: str = "crop"


@dataclass(frozen=True)
class Failure:
    """A picture that cannot be used: its place in the part, its name and the cause."""

    index: int
    name: str
    cause: str


@dataclass(frozen=True)
class Survey:
    """What the headers say: how often each (height, width) comes, and whether none can hold colour."""

    sizes: Counter[tuple[int, int]]
    grey: bool
    failures: tuple[Failure, ...] = ()


@dataclass(frozen=True)
class Filled:
    """What came of decoding: whether every picture turned out grey, and those that failed."""

    grey: bool
    failures: tuple[Failure, ...] = ()


class Pictures(Protocol):
    """Pictures that can be looked over cheaply, and then written into a packed array."""

    def __len__(self) -> int: ...

    def survey(self, progress: Progress) -> Survey:
        """Read sizes and modes, not pixels."""

    def ready(self, form: Form) -> NDArray[np.uint8] | None:
        """The pictures as they are, uint8 [n, height, width, channels], where nothing has to be done; else None."""

    def fill(self, target: NDArray[np.uint8], chosen: NDArray[np.int64], form: Form, progress: Progress) -> Filled:
        """Write picture ``chosen[i]`` to ``target[i]``; a failure's ``index`` counts in ``target``."""


@dataclass(frozen=True)
class Part:
    """The training or the test part; ``labels`` is int64 [n], -1 where there is none, or uint8 [n, attributes]."""

    pictures: Pictures
    labels: Labels


@dataclass(frozen=True)
class Contents:
    """An opened source."""

    classes: tuple[str, ...]
    train: Part
    test: Part


@dataclass(frozen=True)
class Source:
    """A source that was found, not yet read.

    ``files`` are all files that it is made of: their names, sizes and times tell whether a packed copy is still
    good. ``open`` reads it; its argument is a folder for scratch files, used for what is too big for memory.
    """

    name: str
    files: Sequence[Path]
    open: Callable[[Path], Contents] = field(repr=False)
    licence: str = ""


def held_out(names: Iterable[str]) -> NDArray[np.bool_]:
    """Which of the pictures are held out for the test part: one in ten, by a hash of the name.

    A picture stays on its side whatever is added to the set beside it.
    """
    bound = int(HELD_OUT_SHARE * 2**64)
    digests = (hashlib.sha256(name.encode("utf-8", "surrogateescape")).digest() for name in names)
    return np.fromiter((int.from_bytes(digest[:8], "big") < bound for digest in digests), dtype=np.bool_)


def licence_line(lines: Iterable[str]) -> str:
    """Lines on the licences of a set's sources as one, for the generator's card."""
    return "; ".join(plain for line in lines if (plain := " ".join(line.split())))


def natural_key(name: str) -> tuple[list[str | int], str]:
    """Sort key that puts ``2`` before ``10`` and pays no heed to case, yet orders any two different names."""
    pieces = re.split(r"([0-9]+)", name)
    return [int(piece) if i % 2 else piece.casefold() for i, piece in enumerate(pieces)], name


def check_names(classes: Sequence[str], where: str) -> tuple[str, ...]:
    """The class names as a tuple; raises DataError for one that is empty, repeated, or that no card takes."""
    for name in classes:
        if not name.strip():
            raise DataError(f"{where}: class {classes.index(name)} has an empty name")
        if any("\ud800" <= letter <= "\udfff" for letter in name):
            raise DataError(f"{where}: the class name {name!r} is not valid Unicode: rename it")
        if not is_name(name):
            raise DataError(f"{where}: the class name {name[:100]!r} is very long or holds control characters: rename it")
    repeated = [name for name, count in Counter(classes).items() if count > 1]
    if repeated:
        raise DataError(f"{where}: two classes have the same name {repeated[0]!r}: rename one")
    return tuple(classes)
