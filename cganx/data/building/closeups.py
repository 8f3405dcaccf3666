"""Close-ups of emoji in four manners of drawing, for generators that draw photographs: most of a picture is drawn on."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from cganx.data.building import emoji, lines
from cganx.data.building.drawing import SEEN, need_renderer, rendered
from cganx.data.building.recipe import Gathered, Item, NpmPackage, Places, missing, unique_names
from cganx.data.picture import Unusable

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["COMMAND", "NEEDS", "gather_closeups", "look_for_closeups"]

MANNERS = {"ink": "openmoji", "outlined": "openmoji", "flat": "twemoji", "shaded": "noto"}
"""Black lines alone; the same lines around flat colours; flat colours alone; colours that run into each other."""

STYLES = {style.name: style for style in emoji.STYLES}
PACKAGES = {name: "openmoji" if name == "openmoji" else STYLES[name].package for name in dict.fromkeys(MANNERS.values())}
NEEDS = f"the npm packages {', '.join(PACKAGES.values())}, and resvg-py"
COMMAND = f"npm pack openmoji@17.0.0 {PACKAGES['twemoji']} {PACKAGES['noto']} && pip install resvg-py"

WINDOW = 0.6
"""Share of an emoji's side that is seen."""

LEAST_DRAWN = 0.5
"""Share of a close-up that is drawn on; an emoji without such a place is left out."""


def look_for_closeups(places: Places) -> str:
    """Empty. DataError where a package is not there, BackendMissing without the renderer."""
    _found(places)
    return ""


def _found(places: Places) -> dict[str, NpmPackage]:
    found = {name: places.npm(package) for name, package in PACKAGES.items()}
    lacking = [PACKAGES[name] for name, package in found.items() if package is None]
    if lacking:
        raise missing(f"{', '.join(lacking)} is not here, and all are needed", COMMAND)
    need_renderer()
    return {name: package for name, package in found.items() if package is not None}


def gather_closeups(places: Places) -> Gathered:
    """A side a manner; emoji that all have drawn, by one name on all sides. Raises as `look_for_closeups`."""
    found = _found(places)
    outlined = {code.lower().replace("-fe0f", ""): one for code, one in lines.drawings(found["openmoji"]).items()}
    flat, shaded = (emoji.by_codepoints(found[name]) for name in ("twemoji", "noto"))
    common = sorted(outlined.keys() & flat.keys() & shaded.keys())
    items = []
    for code, name in zip(common, unique_names(outlined[code].name for code in common), strict=True):
        ink, colour = (svg.decode("utf-8", "replace") for svg in outlined[code].drawn)
        drawn = {"ink": (ink, colour), "outlined": (colour, colour)}
        drawn |= {manner: (svg, svg) for manner, svg in (("flat", flat[code][1]), ("shaded", shaded[code][1]))}
        items += [Item(manner, name, False, partial(_draw, *drawn[manner])) for manner in MANNERS]
    licences = (lines.LICENCE, *(STYLES[name].licence for name in PACKAGES if name != "openmoji"))
    return Gathered(tuple(MANNERS), items, licences)


def _draw(svg: str, filled: str, side: int) -> Image:
    """The most drawn-on window of an emoji; ``filled`` is the same emoji in colour, which tells what is drawn on."""
    whole = round(side / WINDOW)
    picture = rendered(svg, whole)
    ground = np.asarray(rendered(filled, whole) if filled != svg else picture).min(axis=2) < 256 - SEEN
    places = range(0, whole - side + 1, max(1, side // 16))
    shares = {(row, column): ground[row : row + side, column : column + side].mean() for row in places for column in places}
    row, column = max(shares, key=lambda place: shares[place])
    if shares[row, column] < LEAST_DRAWN:
        raise Unusable("most of it is empty")
    return picture.crop((column, row, column + side, row + side))
