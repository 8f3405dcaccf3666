"""The data sets that can be built, by name."""

from __future__ import annotations

import difflib
import string
from collections.abc import Mapping
from functools import partial
from types import MappingProxyType

from cganx.data.building import clipart, closeups, emoji, letters, lines, materials, mnist, normals
from cganx.data.building.recipe import DIVIDED_SIDES, PLAIN, SIDES, Recipe
from cganx.errors import DataError

__all__ = ["RECIPES", "find_recipe"]


def _characters(summary: str, characters: str) -> Recipe:
    return Recipe(
        summary=summary,
        size=32,
        channels=1,
        needs=letters.NEEDS,
        command=letters.COMMAND,
        look=letters.look_for_fonts,
        gather=partial(letters.gather_letters, characters),
    )


RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {
        "letters": _characters("Capital letters of many fonts, A to Z.", string.ascii_uppercase),
        "letters-and-digits": _characters(
            "Capital letters and digits of many fonts, A to Z and 0 to 9.", string.ascii_uppercase + string.digits
        ),
        "small-letters": _characters("Small letters of many fonts, a to z.", string.ascii_lowercase),
        "digits": _characters("Digits of many fonts, 0 to 9.", string.digits),
        "emoji": Recipe(
            summary="Emoji of four designers in nine groups.",
            size=64,
            channels=3,
            needs=emoji.NEEDS,
            command=emoji.COMMAND,
            look=emoji.look_for_emoji,
            gather=emoji.gather_emoji,
        ),
        "emoji-kinds": Recipe(
            summary="Emoji of three designers in six kinds that a small network can draw: faces, flags, hearts ...",
            size=48,
            channels=3,
            needs=emoji.KINDS_NEEDS,
            command=emoji.KINDS_COMMAND,
            look=emoji.look_for_emoji_kinds,
            gather=emoji.gather_emoji_kinds,
        ),
        "clipart": Recipe(
            summary="Clip art in 15 categories.",
            size=64,
            channels=3,
            needs=clipart.NEEDS,
            command=clipart.COMMAND,
            look=clipart.look_for_clipart,
            gather=clipart.gather_clipart,
        ),
        "materials": Recipe(
            summary="Crops of textures of eight materials: brick, concrete, earth, grass, rock, roof, tiles, wood.",
            size=64,
            channels=3,
            needs=materials.NEEDS,
            command=materials.COMMAND,
            look=materials.look_for_materials,
            gather=materials.gather_materials,
        ),
        "textures": Recipe(
            summary="Crops of textures, whatever they show, without classes.",
            size=128,
            channels=3,
            needs=materials.NEEDS,
            command=materials.COMMAND,
            look=materials.look_for_materials,
            gather=normals.gather_textures,
            layout=PLAIN,
            train="--data {out} --task superresolve",
        ),
        "texture-normals": Recipe(
            summary="Pairs: crops of textures, and of their maps of normals.",
            size=128,
            channels=3,
            needs=materials.NEEDS,
            command=materials.COMMAND,
            look=materials.look_for_materials,
            gather=normals.gather_normals,
            layout=DIVIDED_SIDES,
            train="--pairs {out}/albedo {out}/normals",
        ),
        "openmoji-lines": Recipe(
            summary="Pairs: line drawings of emoji, and the same in colour.",
            size=128,
            channels=3,
            needs=lines.NEEDS,
            command=lines.COMMAND,
            look=lines.look_for_lines,
            gather=lines.gather_lines,
            layout=SIDES,
            train="--pairs {out}/lines {out}/colour",
        ),
        "emoji-styles": Recipe(
            summary="Emoji as four designers draw them, one folder a designer, by equal names.",
            size=128,
            channels=3,
            needs=emoji.STYLES_NEEDS,
            command=emoji.COMMAND,
            look=emoji.look_for_emoji_styles,
            gather=emoji.gather_emoji_styles,
            layout=SIDES,
            train="--unpaired {out}/noto {out}/twemoji",
        ),
        "drawing-styles": Recipe(
            summary="Close-ups of emoji in four manners of drawing, one folder a manner: ink, outlined, flat, shaded.",
            size=96,
            channels=3,
            needs=closeups.NEEDS,
            command=closeups.COMMAND,
            look=closeups.look_for_closeups,
            gather=closeups.gather_closeups,
            layout=SIDES,
            train="--unpaired PHOTOGRAPHS {out}",
        ),
        "mnist": Recipe(
            summary="Handwritten digits, 0 to 9.",
            size=mnist.SIDE,
            channels=1,
            needs=mnist.NEEDS,
            command=mnist.COMMAND,
            look=mnist.look_for_mnist,
            gather=mnist.gather_mnist,
        ),
    }
)


def find_recipe(name: str) -> Recipe:
    """The recipe of that name. DataError with the nearest name, or all of them."""
    if name not in RECIPES:
        near = difflib.get_close_matches(name, RECIPES, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(RECIPES)}"
        raise DataError(f"no data set {name!r} can be built; {hint}")
    return RECIPES[name]
