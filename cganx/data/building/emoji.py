"""Emoji in four styles, by Unicode's group, drawn from the SVG of Iconify's npm packages."""

from __future__ import annotations

import importlib.util
import io
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from cganx.data.building.drawing import centred, on_white
from cganx.data.building.recipe import Gathered, Item, NpmPackage, Places, missing
from cganx.data.picture import Unusable
from cganx.data.sources import held_out
from cganx.errors import BackendMissing, DataError

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["COMMAND", "NEEDS", "gather_emoji", "look_for_emoji"]


@dataclass(frozen=True)
class Style:
    """A set of emoji by one designer."""

    name: str
    licence: str

    @property
    def package(self) -> str:
        """The npm package that holds it."""
        return f"@iconify-json/{self.name}"


STYLES = (
    Style("fluent-emoji-flat", "Fluent Emoji by Microsoft: MIT"),
    Style("noto", "Noto Emoji by Google: Apache-2.0"),
    Style("openmoji", "OpenMoji, HfG Schwaebisch Gmuend: CC-BY-SA-4.0"),
    Style("twemoji", "Twemoji by Twitter, Inc and other contributors: CC-BY-4.0"),
)
GROUPS: Mapping[str, str] = MappingProxyType(
    {
        "Activities": "activities",
        "Animals Nature": "animals",
        "Flags": "flags",
        "Food Drink": "food",
        "Objects": "objects",
        "People Body": "people",
        "Smileys Emotion": "smileys",
        "Symbols": "symbols",
        "Travel Places": "travel",
    }
)
"""Unicode's groups, without the ampersand that some packages leave out."""

NEEDS = f"the npm packages {', '.join(style.package for style in STYLES)} (any of them), and resvg-py"
COMMAND = f"npm pack {' '.join(style.package for style in STYLES)} && pip install resvg-py"
TONE = re.compile(r"(-(medium-)?(light|dark)|-medium)+$")
DRAWN, SHARE = 2, 0.9  # resvg's own edges are smooth; twice the size leaves room to bring the subject to its place


def look_for_emoji(places: Places) -> str:
    """Which styles are not there; empty where all are. DataError where none is, BackendMissing without the renderer."""
    found = [style for style, _ in _found(places)]
    others = [style.package for style in STYLES if style not in found]
    return f"{len(found)} of {len(STYLES)} styles are here; others are in {', '.join(others)}" if others else ""


def gather_emoji(places: Places) -> Gathered:
    """A class a group; a picture an emoji and style, on white. An emoji is in one part in all styles.

    Skin tones are left out: five near copies of hands and people. Raises as `look_for_emoji`.
    """
    found = _found(places)
    items = [item for style, package in found for item in _items(style, package)]
    return Gathered(tuple(GROUPS.values()), items, tuple(style.licence for style, _ in found))


def _found(places: Places) -> list[tuple[Style, NpmPackage]]:
    found = [(style, package) for style in STYLES if (package := places.npm(style.package)) is not None]
    if not found:
        raise missing("emoji come in npm packages, none of which is here", COMMAND)
    if importlib.util.find_spec("resvg_py") is None:
        raise BackendMissing("emoji are drawn with the package resvg-py: pip install resvg-py")
    return found


def _items(style: Style, package: NpmPackage) -> Iterator[Item]:
    icons, metadata = (json.loads(text) for text in package.read("icons.json", "metadata.json"))
    try:
        size = (float(icons.get("width", 16)), float(icons.get("height", 16)))
        for category, names in metadata["categories"].items():
            group = GROUPS.get(category.replace("& ", ""))
            known = set(names)
            for name in names if group is not None else ():
                icon = icons["icons"].get(name)
                if icon is None or _is_tone(name, str(group), known):
                    continue
                (test,) = held_out([name])
                yield Item(str(group), f"{name}-{style.name}", bool(test), partial(_draw, _svg(icon, size)))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DataError(f"{package.path}: its icons are not laid out as Iconify's ({error}): fetch it again") from error


def _is_tone(name: str, group: str, known: set[str]) -> bool:
    return "skin-tone" in name or (group == "people" and TONE.search(name) is not None and TONE.sub("", name) in known)


def _svg(icon: Mapping[str, Any], size: tuple[float, float]) -> str:
    width, height = float(icon.get("width", size[0])), float(icon.get("height", size[1]))
    box = f"{float(icon.get('left', 0)):g} {float(icon.get('top', 0)):g} {width:g} {height:g}"
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}">{icon["body"]}</svg>'


def _draw(svg: str, side: int) -> Image:
    import resvg_py
    from PIL import Image

    try:
        png = resvg_py.svg_to_bytes(svg_string=svg, width=DRAWN * side)
    except ValueError as error:
        raise Unusable(f"its SVG cannot be drawn ({error})") from error
    with Image.open(io.BytesIO(bytes(png)), formats=("PNG",)) as image:
        return centred(on_white(image), side, SHARE)
