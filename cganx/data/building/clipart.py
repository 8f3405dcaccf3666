"""Clip art of the Open Clip Art Library, by category, from Debian's package."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from cganx.data.building.drawing import centred, on_white
from cganx.data.building.recipe import Gathered, Item, Places, missing, unique_names
from cganx.data.picture import Unusable, opened
from cganx.data.sources import held_out

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["COMMAND", "NEEDS", "gather_clipart", "look_for_clipart"]

FOLDER = "usr/share/openclipart/png"
NEEDS, COMMAND = "Debian's openclipart-png", "apt-get install openclipart-png"
NO_KINDS = frozenset({"special", "unsorted"})
FEWEST = 30
"""Pictures that a category needs to be a class: of two buttons nothing is learned."""

LICENCE = "Open Clip Art Library: dedicated to the public domain by its authors"
SHARE, MOST_ELONGATED = 0.92, 4.0


def look_for_clipart(places: Places) -> str:
    """Empty. DataError where the package is not there."""
    _found(places)
    return ""


def _found(places: Places) -> Path:
    top = next(places.debian(FOLDER), None)
    if top is None:
        raise missing("clip art comes in Debian's package openclipart-png, which is not here", COMMAND)
    return top


def gather_clipart(places: Places) -> Gathered:
    """A class a category of some size; a picture a file, on white.

    Links are not followed: they are copies in other categories. DataError where the package is not there.
    """
    top = _found(places)
    folders = sorted(path for path in top.iterdir() if path.is_dir() and path.name not in NO_KINDS)
    items: list[Item] = []
    for folder in folders:
        paths = sorted(path for path in folder.rglob("*.png") if path.is_file() and not path.is_symlink())
        if len(paths) < FEWEST:
            continue
        inner = [path.relative_to(folder).with_suffix("").as_posix() for path in paths]
        for path, plain, test in zip(paths, unique_names(inner), held_out(inner), strict=True):
            items.append(Item(folder.name, plain, bool(test), partial(_draw, path)))
    if not items:
        raise missing(f"{top} holds no picture", COMMAND)
    return Gathered(tuple(dict.fromkeys(item.label for item in items)), items, (LICENCE,))


def _draw(path: Path, side: int) -> Image:
    with opened(path) as image:
        if max(image.size) > MOST_ELONGATED * min(image.size):
            raise Unusable("it is a strip")
        return centred(on_white(image), side, SHARE)
