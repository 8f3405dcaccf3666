"""OpenMoji's line drawings and the same in colour, which lie on each other, from its npm package."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from cganx.data.building.drawing import need_renderer, rendered
from cganx.data.building.recipe import Gathered, Item, NpmPackage, Places, missing, unique_names
from cganx.errors import DataError

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["COMMAND", "LICENCE", "NEEDS", "Drawing", "drawings", "gather_lines", "look_for_lines"]

NEEDS, COMMAND = "the npm package openmoji, and resvg-py", "npm pack openmoji@17.0.0 && pip install resvg-py"
LICENCE = "OpenMoji, HfG Schwaebisch Gmuend: CC-BY-SA-4.0"
SIDES = {"lines": "black", "colour": "color"}
"""A side, and the package's word for it."""

DRAWN = 2
LEFT_OUT = frozenset({"component", "flags"})
"""Groups: parts of emoji, and flags, whose line drawings are one empty rectangle."""


def look_for_lines(places: Places) -> str:
    """Empty. DataError where the package is not there, BackendMissing without the renderer."""
    _found(places)
    return ""


def _found(places: Places) -> NpmPackage:
    package = places.npm("openmoji")
    if package is None:
        raise missing("line drawings of emoji come in the npm package openmoji, which is not here", COMMAND)
    need_renderer()
    return package


def gather_lines(places: Places) -> Gathered:
    """Two sides, ``lines`` and ``colour``, by one name an emoji; flags and skin tones, whose lines are one, are left out.

    Raises as `look_for_lines`, and DataError where the package is damaged.
    """
    drawn = drawings(_found(places))
    names = list(unique_names(one.name for one in drawn.values()))
    items = [
        Item(side, name, False, partial(_draw, svg))
        for place, side in enumerate(SIDES)
        for name, svg in zip(names, (one.drawn[place] for one in drawn.values()), strict=True)
    ]
    return Gathered(tuple(SIDES), items, (LICENCE,))


class Drawing(NamedTuple):
    """An emoji of OpenMoji: its name, and its SVG in lines alone and in colour."""

    name: str
    drawn: tuple[bytes, bytes]


def drawings(package: NpmPackage) -> dict[str, Drawing]:
    """Codepoints, as OpenMoji writes them -> the emoji, without flags and skin tones. DataError for a damaged package."""
    try:
        (text,) = package.read("data/openmoji.json")
        known = {
            one["hexcode"]: one["annotation"]
            for one in json.loads(text)
            if not one["skintone"] and one["group"] not in LEFT_OUT
        }
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DataError(f"{package.path}: its data is not laid out as OpenMoji's ({error}): fetch it again") from error
    codes = sorted(known)
    files = package.read(*(f"{folder}/svg/{code}.svg" for folder in SIDES.values() for code in codes))
    both = zip(files[: len(codes)], files[len(codes) :], strict=True)
    return {code: Drawing(known[code], svgs) for code, svgs in zip(codes, both, strict=True)}


def _draw(svg: bytes, side: int) -> Image:
    """Not centred: the two drawings share their place."""
    from PIL.Image import Resampling

    image = rendered(svg.decode("utf-8", "replace"), DRAWN * side)
    return image.resize((side, side), Resampling.BOX)
