"""Letters and digits, rendered from the fonts of Debian packages: EMNIST's place."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from cganx.data.building.drawing import centred
from cganx.data.building.recipe import Gathered, Item, Places, missing, unique_names
from cganx.data.picture import Unusable, pillow
from cganx.data.sources import held_out

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFont import FreeTypeFont

__all__ = ["COMMAND", "NEEDS", "gather_letters", "look_for_fonts"]


@dataclass(frozen=True)
class Fonts:
    """The fonts of a Debian package: where it puts them, and on what terms."""

    package: str
    folder: str
    licence: str


FONT_EXCEPTION = "GPL-2+ with the font exception"
FONTS = (
    Fonts("fonts-adf-*", "usr/share/fonts/truetype/adf", FONT_EXCEPTION),
    Fonts("fonts-cantarell", "usr/share/fonts/opentype/cantarell", "OFL-1.1"),
    Fonts("fonts-comfortaa", "usr/share/fonts/truetype/comfortaa", "OFL-1.1"),
    Fonts("fonts-crosextra-*", "usr/share/fonts/truetype/crosextra", "OFL-1.1 and Apache-2.0"),
    Fonts("fonts-dejavu", "usr/share/fonts/truetype/dejavu", "Bitstream Vera"),
    Fonts("fonts-ebgaramond", "usr/share/fonts/opentype/ebgaramond", "OFL-1.1"),
    Fonts("fonts-inconsolata", "usr/share/fonts/truetype/inconsolata", "OFL-1.1"),
    Fonts("fonts-junicode", "usr/share/fonts/opentype/junicode", "OFL-1.1"),
    Fonts("fonts-lato", "usr/share/fonts/truetype/lato", "OFL-1.1"),
    Fonts("fonts-liberation", "usr/share/fonts/truetype/liberation", "OFL-1.1"),
    Fonts("fonts-linuxlibertine", "usr/share/fonts/opentype/linux-libertine", f"{FONT_EXCEPTION}, or OFL-1.1"),
    Fonts("fonts-lmodern", "usr/share/texmf/fonts/opentype/public/lm", "GUST Font License"),
    Fonts("fonts-open-sans", "usr/share/fonts/truetype/open-sans", "Apache-2.0"),
    Fonts("fonts-quicksand", "usr/share/fonts/truetype/quicksand", "OFL-1.1"),
    Fonts("fonts-roboto-slab", "usr/share/fonts/opentype/roboto/slab", "Apache-2.0"),
    Fonts("fonts-roboto-unhinted", "usr/share/fonts/truetype/roboto/unhinted", "Apache-2.0"),
    Fonts("fonts-urw-base35", "usr/share/fonts/opentype/urw-base35", "AGPL-3 with the font exception"),
)
NEEDS = "Debian's fonts, any of " + ", ".join(fonts.package for fonts in FONTS)
SUGGESTED = (
    "fonts-dejavu",
    "fonts-liberation",
    "fonts-lmodern",
    "fonts-urw-base35",
    "fonts-junicode",
    "fonts-lato",
)
COMMAND = f"apt-get install {' '.join(SUGGESTED)}"
SUFFIXES = frozenset({".ttf", ".otf"})
NOT_THERE = "\U0010fffe"
"""No character: what a font draws for those that it lacks."""

KEYS = "Keyboard"
"""A family of pictures of keys says so in its name."""

DRAWN = 4
"""How many times larger than the picture a glyph is drawn, so that no hint bends it and its middle is a true one."""

SHARE = 0.8


def look_for_fonts(places: Places) -> str:
    """Which fonts are not there; empty where all are. DataError where none is."""
    found = [fonts for fonts, _ in _found(places)]
    others = [fonts.package for fonts in FONTS if fonts not in found]
    return f"fonts of {len(found)} packages are here; more come with {', '.join(others)}" if others else ""


def gather_letters(characters: str, places: Places) -> Gathered:
    """A class a character, white on black; a picture a face. A typeface is wholly in one part.

    Faces that lack one of the characters, or draw two of them alike, are left out. DataError where there is no font.
    """
    items: list[Item] = []
    used: list[Fonts] = []
    with pillow():
        for fonts, paths in _found(places):
            faces = [(path, font) for path in paths if (font := _usable(path, characters)) is not None]
            if faces:
                used.append(fonts)
            names = unique_names(" ".join(map(str, font.getname())) for _, font in faces)
            package = fonts.package.rstrip("-*")
            for name, (path, font) in zip(names, faces, strict=True):
                typeface = f"{package} {(font.getname()[0] or path.stem).split()[0]}"
                (test,) = held_out([typeface])
                items += [Item(one, f"{package}-{name}", bool(test), partial(_draw, path, one)) for one in characters]
    if not items:
        raise missing(f"no font here can show all of {characters}", COMMAND)
    licences = tuple(f"pictures of glyphs of Debian's {fonts.package}: {fonts.licence}" for fonts in used)
    return Gathered(tuple(characters), items, licences)


def _found(places: Places) -> list[tuple[Fonts, list[Path]]]:
    """The font files of each package that is there."""
    found = []
    for fonts in FONTS:
        paths = [path for folder in places.debian(fonts.folder) for path in sorted(folder.rglob("*")) if _is_font(path)]
        if paths:
            found.append((fonts, paths))
    if not found:
        raise missing(f"letters are drawn from {NEEDS}, and none is here", COMMAND)
    return found


def _is_font(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and path.is_file() and not path.is_symlink()


def _usable(path: Path, characters: str) -> FreeTypeFont | None:
    """The face at a small size, None where it cannot show all the characters."""
    font = _opened(path, 32)
    if font is None:
        return None
    try:
        shapes = {_shape(font, one) for one in characters} - {_shape(font, NOT_THERE), (0, 0, b"")}
    except (OSError, ValueError):  # what FreeType makes of a damaged glyph
        return None
    if KEYS in str(font.getname()[0]):
        return None
    return font if len(shapes) == len(characters) else None


def _shape(font: FreeTypeFont, character: str) -> tuple[int, int, bytes]:
    mask = font.getmask(character)
    return (*mask.size, bytes(mask)) if mask.getbbox() else (0, 0, b"")


def _opened(path: Path, size: int) -> FreeTypeFont | None:
    from PIL import ImageFont

    try:
        return ImageFont.truetype(path, size, layout_engine=ImageFont.Layout.BASIC)
    except (OSError, ValueError):
        return None


def _draw(path: Path, character: str, side: int) -> Image:
    from PIL import Image, ImageDraw

    font = _opened(path, DRAWN * side)
    if font is None:
        raise Unusable("the font cannot be opened")
    left, top, right, bottom = font.getbbox(character)
    image = Image.new("L", (math.ceil(right - left) + 2, math.ceil(bottom - top) + 2))
    ImageDraw.Draw(image).text((1 - left, 1 - top), character, fill=255, font=font)
    return centred(image, side, SHARE)
