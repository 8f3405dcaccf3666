"""Emoji in four styles, by Unicode's group or in a few kinds, drawn from the SVG of Iconify's npm packages."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from cganx.data.building.drawing import centred, need_renderer, rendered
from cganx.data.building.recipe import Gathered, Item, NpmPackage, Places, missing, unique_names
from cganx.data.sources import held_out
from cganx.errors import DataError

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = [
    "COMMAND",
    "KINDS_COMMAND",
    "KINDS_NEEDS",
    "NEEDS",
    "STYLES",
    "Style",
    "by_codepoints",
    "gather_emoji",
    "gather_emoji_kinds",
    "gather_emoji_styles",
    "look_for_emoji",
    "look_for_emoji_kinds",
    "look_for_emoji_styles",
]


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

ANIMALS = "bear|boar|chicken|fox|frog|hamster|koala|lion|panda|polar-bear|raccoon|unicorn|wolf"
FRUIT = (
    "banana|cherries|grapes|green-apple|kiwi-fruit|lemon|lime|mango|melon|peach|pear|pineapple|red-apple|strawberry|tangerine"
)
KINDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "animals": (
            "Animals Nature|Smileys Emotion",
            rf"(cat|cow|dog|monkey|mouse|pig|rabbit|tiger)-face|{ANIMALS}|.+-cat|cat-with-.+|smiling-cat-with-.+|.+-no-evil-monkey",
        ),
        "clocks": ("Travel Places", r".+-(oclock|thirty)"),
        "faces": ("Smileys Emotion", r"(?!(alien|cat|monkey)-).*face(-.+)?"),
        "flags": ("Flags", r"flag-.+"),
        "fruit": ("Food Drink", FRUIT),
        "hearts": ("Smileys Emotion", r"(?!broken|mending).+-heart"),
    }
)
"""Kinds of emoji whose pictures are alike enough for a small network: their groups, and what their names are."""


def _needs(styles: tuple[Style, ...]) -> str:
    return f"the npm packages {', '.join(style.package for style in styles)} (any of them), and resvg-py"


def _command(styles: tuple[Style, ...]) -> str:
    return f"npm pack {' '.join(style.package for style in styles)} && pip install resvg-py"


FREE = tuple(style for style in STYLES if "-SA-" not in style.licence)
"""The styles that do not ask for their own licence on what is made of them."""

NEEDS, COMMAND = _needs(STYLES), _command(STYLES)
STYLES_NEEDS = NEEDS.replace("any", "all")
KINDS_NEEDS, KINDS_COMMAND = _needs(FREE), _command(FREE)
TONES = frozenset({"1f3fb", "1f3fc", "1f3fd", "1f3fe", "1f3ff"})
TONE = re.compile(r"(-(medium-)?(light|dark)|-medium)+$")
DRAWN, SHARE = 2, 0.9  # resvg's own edges are smooth; twice the size leaves room to bring the subject to its place


def look_for_emoji(places: Places) -> str:
    """Which styles are not there; empty where all are. DataError where none is, BackendMissing without the renderer."""
    return _lacking(STYLES, places)


def look_for_emoji_kinds(places: Places) -> str:
    """The same of the styles that `gather_emoji_kinds` takes."""
    return _lacking(FREE, places)


def gather_emoji(places: Places) -> Gathered:
    """A class a group; a picture an emoji and style, on white. An emoji is in one part in all styles.

    Skin tones are left out: five near copies of hands and people. Raises as `look_for_emoji`.
    """
    return _gathered(STYLES, tuple(GROUPS.values()), lambda category, _: GROUPS.get(category), places)


def gather_emoji_kinds(places: Places) -> Gathered:
    """A class a kind: faces, hearts, flags and others that a small network can draw, in the styles without share-alike terms.

    Else as `gather_emoji`.
    """
    return _gathered(FREE, tuple(KINDS), _kind, places)


def look_for_emoji_styles(places: Places) -> str:
    """Empty. DataError where one of the styles is not there, BackendMissing without the renderer."""
    _all_found(places)
    return ""


def gather_emoji_styles(places: Places) -> Gathered:
    """A side a style; an emoji that all designers have drawn, by one name on all sides. Skin tones are left out.

    Raises as `look_for_emoji_styles`.
    """
    found = _all_found(places)
    drawn = [by_codepoints(package) for _, package in found]
    common = sorted(set.intersection(*(set(one) for one in drawn)))
    items = [
        Item(style.name, name, False, partial(_draw, one[codepoints][1]))
        for codepoints, name in zip(common, unique_names(drawn[0][one][0] for one in common), strict=True)
        for (style, _), one in zip(found, drawn, strict=True)
    ]
    return Gathered(tuple(style.name for style, _ in found), items, tuple(style.licence for style, _ in found))


def _all_found(places: Places) -> list[tuple[Style, NpmPackage]]:
    found = _found(STYLES, places)
    others = [style.package for style in STYLES if style not in [one for one, _ in found]]
    if others:
        raise missing(f"{', '.join(others)} is not here, and all four styles are needed", COMMAND)
    return found


def by_codepoints(package: NpmPackage) -> dict[str, tuple[str, str]]:
    """Codepoints of an emoji -> its name and SVG; skin tones and how a browser is told to show it in colour left out."""
    icons, characters = (json.loads(text) for text in package.read("icons.json", "chars.json"))
    try:
        size = (float(icons.get("width", 16)), float(icons.get("height", 16)))
        return {
            codepoints.replace("-fe0f", ""): (name, _svg(icons["icons"][name], size))
            for codepoints, name in characters.items()
            if name in icons["icons"] and not TONES & set(codepoints.split("-"))
        }
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DataError(f"{package.path}: its icons are not laid out as Iconify's ({error}): fetch it again") from error


def _kind(category: str, name: str) -> str | None:
    fits = (kind for kind, (groups, names) in KINDS.items() if re.fullmatch(groups, category) and re.fullmatch(names, name))
    return next(fits, None)


Sorting = Callable[[str, str], "str | None"]
"""(group, name) of an emoji -> its class, None where it has none."""


def _lacking(styles: tuple[Style, ...], places: Places) -> str:
    found = [style for style, _ in _found(styles, places)]
    others = [style.package for style in styles if style not in found]
    return f"{len(found)} of {len(styles)} styles are here; others are in {', '.join(others)}" if others else ""


def _gathered(styles: tuple[Style, ...], classes: tuple[str, ...], sort: Sorting, places: Places) -> Gathered:
    found = _found(styles, places)
    items = [item for style, package in found for item in _items(style, package, sort)]
    return Gathered(classes, items, tuple(style.licence for style, _ in found))


def _found(styles: tuple[Style, ...], places: Places) -> list[tuple[Style, NpmPackage]]:
    found = [(style, package) for style in styles if (package := places.npm(style.package)) is not None]
    if not found:
        raise missing("emoji come in npm packages, none of which is here", _command(styles))
    need_renderer()
    return found


def _items(style: Style, package: NpmPackage, sort: Sorting) -> Iterator[Item]:
    icons, metadata = (json.loads(text) for text in package.read("icons.json", "metadata.json"))
    try:
        size = (float(icons.get("width", 16)), float(icons.get("height", 16)))
        for category, names in metadata["categories"].items():
            known = set(names)
            for name in names:
                group = sort(category.replace("& ", ""), name)
                icon = icons["icons"].get(name)
                if group is None or icon is None or _is_tone(name, group, known):
                    continue
                (test,) = held_out([f"{group}/{name}"])
                yield Item(group, f"{name}-{style.name}", bool(test), partial(_draw, _svg(icon, size)))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DataError(f"{package.path}: its icons are not laid out as Iconify's ({error}): fetch it again") from error


def _is_tone(name: str, group: str, known: set[str]) -> bool:
    return "skin-tone" in name or (group == "people" and TONE.search(name) is not None and TONE.sub("", name) in known)


def _svg(icon: Mapping[str, Any], size: tuple[float, float]) -> str:
    width, height = float(icon.get("width", size[0])), float(icon.get("height", size[1]))
    box = f"{float(icon.get('left', 0)):g} {float(icon.get('top', 0)):g} {width:g} {height:g}"
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}">{icon["body"]}</svg>'


def _draw(svg: str, side: int) -> Image:
    return centred(rendered(svg, DRAWN * side), side, SHARE)
