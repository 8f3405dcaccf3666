"""Textures and their maps of normals, from Debian's package of UFO: Alien Invasion's textures."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from itertools import product
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cganx.data.building.materials import (
    ALLOWED,
    COMMAND,
    DAMAGED,
    found_textures,
    hold_against_a_bomb,
    licence_of,
    members,
    read_member,
    stanzas_in,
)
from cganx.data.building.recipe import Gathered, Item, Places, missing, unique_names
from cganx.data.picture import SUFFIXES, Unusable, opened, pillow
from cganx.data.sources import held_out
from cganx.errors import DataError

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["ALBEDO", "NORMALS", "gather_normals", "gather_textures"]

ALBEDO, NORMALS = "albedo", "normals"
MAPS = re.compile(r"_(nm|sm|gm|rm|glow|norm|spec|blend)$|tex_(anim|common|pics|ufo|vehicles|lights)/|blend|terrain")
"""What is no photograph of a surface, by name: maps, signs, and parts of machines."""

LEAST_SIDE, ALONG, MOST_ALONG = 256, 2, 4
"""A crop is half of a texture's shorter side; a whole texture at that size would have lost its relief."""

SLOPE, MOST_SCALED, STEEPEST = 0.3, 3.0, 4.0
"""Root mean square of a texture's slopes, to which they are scaled, by a factor of up to 3 either way.

Colours do not say how deep a relief is, and its makers chose as they liked: what learns from all of their depths makes maps
that are nearly flat. In Blender the strength of a normal map is a slider."""

LEAST_RELIEF = 8.0
"""Levels, the standard deviation of a crop's slopes: below it a map is as good as flat, and teaches that all are."""

FLAT, MOST_INWARDS = (128, 128, 255), 0.1
LEAST_FIT = 0.2
TOGETHER = 0.02
VARIANT = re.compile(r"(?<=[0-9])[a-z]+$")
"""What tells textures apart that differ in colour alone: they are one subject."""


class Texture(NamedTuple):
    """A texture in the archive, its name there without folder and suffix, its map of normals, and width over height."""

    member: str
    key: str
    normals: str | None
    aspect: float


def gather_normals(places: Places) -> Gathered:
    """Crops of textures and the same crops of their maps of normals, each texture wholly in one part.

    DataError where the package is not there, or is damaged.
    """
    return _gathered(places, (ALBEDO, NORMALS))


def gather_textures(places: Places) -> Gathered:
    """Crops of textures, whatever they show, each texture wholly in one part. DataError as above."""
    return _gathered(places, (ALBEDO,))


def _gathered(places: Places, sides: tuple[str, ...]) -> Gathered:
    path, copyright_file = found_textures(places)
    stanzas = list(stanzas_in(copyright_file))
    reduced = lru_cache(maxsize=16)(partial(_reduced, path))
    items: list[Item] = []
    licences: set[str] = set()
    textures = [one for one in _textures(path) if NORMALS not in sides or one.normals is not None]
    for texture, plain in zip(textures, unique_names(one.key for one in textures), strict=True):
        used = {licence_of(stanzas, f"base/{one}") for one in (texture.member, texture.normals)[: len(sides)]}
        if not used <= ALLOWED:
            continue
        licences |= used
        (test,) = held_out([VARIANT.sub("", texture.key)])
        for number, place in enumerate(_places(texture.aspect)):
            for label, member in zip(sides, (texture.member, texture.normals or ""), strict=False):
                draw = partial(_draw, reduced, member, place, label == NORMALS)
                items.append(Item(label, f"{plain}-{number:02}", bool(test), draw))
    if not items:
        raise missing(f"{path} holds no texture that can be used", COMMAND)
    lines = tuple(f"crops of textures of Debian's ufoai-textures, by the UFO:AI team: {one}" for one in sorted(licences))
    return Gathered(sides, items, lines)


def _textures(path: Path) -> Iterator[Texture]:
    """Those that are opaque and large enough, with their maps of normals where these lie on them."""
    try:
        with zipfile.ZipFile(path) as archive, pillow():
            keys = {PurePosixPath(member).with_suffix("").as_posix(): member for member in members(archive, path)}
            for key, member in keys.items():
                if PurePosixPath(member).suffix.lower() not in SUFFIXES or MAPS.search(key.lower()):
                    continue
                size = _opaque_size(archive, member)
                if size is None or min(size) < LEAST_SIDE:
                    continue
                normals = keys.get(f"{key}_nm")
                other = normals and _opaque_size(archive, normals, opaque=False)
                lies_on = other and abs(size[0] * other[1] / (size[1] * other[0]) - 1) < TOGETHER
                yield Texture(member, key.removeprefix("textures/"), normals if lies_on else None, size[0] / size[1])
    except DAMAGED as error:
        raise DataError(f"{path}: not a pk3 (zip) archive, or damaged ({error}): {COMMAND} fetches it again") from error


def _opaque_size(archive: zipfile.ZipFile, member: str, opaque: bool = True) -> tuple[int, int] | None:
    """(width, height), by the header; None where it is transparent though it should not be, or cannot be read."""
    try:
        with opened(read_member(archive, member)) as image:
            return None if opaque and image.has_transparency_data else image.size
    except Unusable:
        return None


def _places(aspect: float) -> Iterator[tuple[float, float]]:
    """(top, left) of each crop, in 0..1 of the room that there is; crops hardly overlap."""
    across = min(MOST_ALONG, max(ALONG, int(ALONG * aspect)))
    down = min(MOST_ALONG, max(ALONG, int(ALONG / aspect)))
    for row, column in product(range(down), range(across)):
        yield row / (down - 1), column / (across - 1)


def _reduced(path: Path, member: str, shorter: int, is_normals: bool) -> Image:
    """The colours of a picture, whatever its transparency (that of a map of normals is height), at that shorter side."""
    from PIL import Image

    try:
        with zipfile.ZipFile(path) as archive, opened(read_member(archive, member)) as image:
            hold_against_a_bomb(image)
            factor = shorter / min(image.size)
            size = (max(shorter, round(image.width * factor)), max(shorter, round(image.height * factor)))
            colours = image.convert("RGB")
            if not is_normals:
                return colours.resize(size, Image.Resampling.HAMMING)
            return _of_one_depth(_with_y_up(_facing_out(colours).resize(size, Image.Resampling.HAMMING)))
    except DAMAGED as error:
        raise Unusable(f"the archive is damaged ({error})") from error


def _draw(
    reduced: Callable[[str, int, bool], Image], member: str, place: tuple[float, float], is_normals: bool, side: int
) -> Image:
    whole = reduced(member, ALONG * side, is_normals)
    top, left = round(place[0] * (whole.height - side)), round(place[1] * (whole.width - side))
    crop = whole.crop((left, top, left + side, top + side))
    return _unit(crop) if is_normals else crop


def _facing_out(image: Image) -> Image:
    """A map of normals with what faces inwards made flat: holes that were painted black. Unusable where that is much."""
    from PIL import Image

    normals = np.array(image)
    inwards = normals[..., 2] < FLAT[2] // 2
    if inwards.mean() > MOST_INWARDS:
        raise Unusable("much of its map of normals is none")
    normals[inwards] = FLAT
    return Image.fromarray(normals)


def _with_y_up(image: Image) -> Image:
    """A map of normals with green for what faces up, as OpenGL and Blender have it; the package has maps of either kind.

    Slopes are derivatives of one height, so the change of one across is that of the other down, with this sign alone.
    Unusable where neither sign fits.
    """
    from PIL import Image

    normals = np.array(image)
    red, green = (normals[..., channel].astype(np.float64) for channel in (0, 1))
    across, down = np.gradient(green, axis=1), -np.gradient(red, axis=0)
    fit = float((across * down).sum() / np.sqrt((across**2).sum() * (down**2).sum() + 1.0))
    if abs(fit) < LEAST_FIT:
        raise Unusable("which way is up in its map of normals cannot be told")
    if fit < 0:
        normals[..., 1] = 255 - normals[..., 1]
    return Image.fromarray(normals)


def _vectors(image: Image) -> NDArray[np.float32]:
    """What a map of normals holds, [h, w, 3] of length 127.5. Level 0 lies between two; the one that is common means flat.

    Half a level is little, but `_of_one_depth` makes the slopes of shallow maps several times as large.
    """
    levels = np.asarray(image)
    return levels - np.array([_flat(levels[..., 0]), _flat(levels[..., 1]), 127.5], dtype=np.float32)


def _flat(levels: NDArray[np.uint8]) -> float:
    lower, upper = int(np.sum(levels == 127)), int(np.sum(levels == 128))
    if max(lower, upper) < 2 * min(lower, upper) or lower == upper:
        return 127.5
    return 128.0 if upper > lower else 127.0


def _of_one_depth(image: Image) -> Image:
    """A map of normals with slopes of `SLOPE`, as far as that goes."""
    from PIL import Image

    normals = _vectors(image)
    slopes = normals[..., :2] / np.maximum(normals[..., 2:], 1.0)
    size = float(np.sqrt(np.square(np.clip(slopes, -STEEPEST, STEEPEST)).sum(axis=2).mean()))
    slopes *= min(max(SLOPE / max(size, 1e-6), 1 / MOST_SCALED), MOST_SCALED)
    vectors = np.concatenate([slopes, np.ones_like(slopes[..., :1])], axis=2)
    vectors /= np.linalg.norm(vectors, axis=2, keepdims=True)
    return Image.fromarray(np.rint(vectors * 127.5 + 127.5).clip(0, 255).astype(np.uint8))


def _unit(image: Image) -> Image:
    """A map of normals, each of length 1 again: averages of several are shorter. Unusable where it is flat."""
    from PIL import Image

    normals = _vectors(image)
    relief = float(normals[..., :2].std(axis=(0, 1)).max())
    if relief < LEAST_RELIEF:
        raise Unusable("its map of normals is flat")
    length = np.maximum(np.linalg.norm(normals, axis=2, keepdims=True), 1.0)
    return Image.fromarray(np.rint(normals / length * 127.5 + 127.5).clip(0, 255).astype(np.uint8))
