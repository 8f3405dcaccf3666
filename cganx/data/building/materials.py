"""Crops of textures by material, from Debian's package of UFO: Alien Invasion's textures."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache, partial
from itertools import product
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import TYPE_CHECKING

from cganx.data.building.recipe import Gathered, Item, Places, missing, unique_names
from cganx.data.picture import SUFFIXES, Unusable, opened, pillow
from cganx.data.sources import held_out
from cganx.errors import DataError

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = [
    "ALLOWED",
    "COMMAND",
    "DAMAGED",
    "NEEDS",
    "found_textures",
    "gather_materials",
    "hold_against_a_bomb",
    "licence_of",
    "look_for_materials",
    "members",
    "read_member",
    "stanzas_in",
]

FOLDER, ARCHIVE = "usr/share/games/ufoai/base", "0textures.pk3"
COPYRIGHT = "usr/share/doc/ufoai-textures/copyright"
NEEDS, COMMAND = "Debian's ufoai-textures", "apt-get install ufoai-textures"
AGAIN = "fetch Debian's package ufoai-textures again"

MATERIALS: Mapping[str, str] = MappingProxyType(
    {
        "brick": "brick",
        "concrete": "concrete|e8crete|asphalt|cementwall",
        "earth": "dirt|mud|sand|soil|desert",
        "grass": "grass|jungle",
        "rock": "rock|cliff|stone",
        "roof": "roof",
        "tiles": "tile",
        "wood": "wood|plank|laminate",
    }
)
"""A class's words: the first that is in a file's name says what it shows.

Metal and fabric are no classes: under these names lie dark plates, grates, pipes and whole rugs. Snow has seven textures.
"""

SPECIAL = re.compile(
    r"_(nm|sm|gm|rm|glow|norm|spec)$"  # maps of normals, shine and glow
    r"|tex_(anim|common|doors|lights|pics|shop|ufo|vehicles)/"
    r"|alpha|blend|border|crate|door|edge|light|lamp|sign|trim|vent|window|fence|_way_"
)
NOT_ALIKE = frozenset(
    {
        "tex_buildings/cementwall_btmmtl",  # two materials in one picture
        "tex_buildings/concrete019",
        "tex_buildings/concrete021",
        "tex_buildings/wall_stone_dirt",
        "tex_buildings/woodceiling1b",
        "tex_buildings/woodceiling1bdark",
        "tex_mattn/brick03g",
        "tex_buildings/roof004",  # something on it
        "tex_mattn/concrete004",
        "tex_mattn/grass001",
        "tex_mattn/grass003",
        "tex_misc/biohazard_dirty",
        "tex_misc/glasses_dirty",
        "tex_nature/grass_mowed_dry_a_k1",
        "tex_nature/pjrock6",
        "tex_nature/pjrock16",
        "tex_buildings/e8crete03b",  # parts of a building
        "tex_buildings/e8crete03d",
        "tex_buildings/e8crete03e",
        "tex_buildings/e8crete03f",
        "tex_buildings/e8crete03g",
        "tex_buildings/e8crete_pillar",
        "tex_buildings/e8crete_pillarb",
        "tex_buildings/e8crete_pillarc",
        "tex_mattn/wood002",
        "tex_mattn/wood004",
        "tex_mattn/wood013",
        "tex_mattn/wood021",
        "tex_buildings/wall_dirt1",  # dirt on a wall, tyre tracks in it
        "tex_buildings/wall_dirt2",
        "tex_buildings/wall_dirt3",
        "tex_buildings/wall_dirt4",
        "tex_nature/dirt_se04",
        "tex_nature/dirt_se05",
        "tex_nature/dirt_se10",
        "tex_nature/dirt_se11",
        "tex_nature/dirt_se12",
        "tex_nature/dirt_se13",
        "tex_ctp1/concrete_b_1",  # paint
        "tex_ctp1/concrete_b_2",
        "tex_ctp1/concrete_r_1",
        "tex_ctp1/concrete_r_4",
        "tex_ctp1/concrete_s_1",
        "tex_ctp1/concrete_y_1",
        "tex_ctp1/wood_b_2",
        "tex_ctp1/wood_b_3",
        "tex_ctp1/wood_g_1",
        "tex_mattn/wood003",  # end grain, chips, bark
        "tex_mattn/wood006",
        "tex_mattn/wood026",
        "tex_nature/wood_chips01",
        "tex_nature/wood_chips02",
        "tex_material/wood006",
        "tex_material/wood007",
        "tex_mattn/wall_bricks003",  # as fine as wood
        "tex_trak/tile5e",  # metal
        "tex_buildings/tile_teracotablue",
        "tex_nature/tile_teracota",
        "tex_buildings/streetbricks14",  # too dark to tell
        "tex_material/s_wood003",
        "tex_mattn/wood007a",
        "tex_mattn/wood007b",
        "tex_mattn/wood009",
        "tex_mattn/wood010",
        "tex_nature/stone001",
        "tex_trak/trak4_brick2",
        "tex_trak/trak4_concrete3",
    }
)
"""Textures whose name says another thing than their picture, by eye."""

LEAST_SIDE = 256
SCALES = ((1.5, 4), (2.0, 6))
"""(shorter side of a texture over the side of its crops, places along either side): far and near."""

MOST_FILES, MOST_BYTES = 100_000, 32 * 2**20
DAMAGED = (OSError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError)

ALLOWED = frozenset({"GPL-2", "GPL-2+", "GPL-3+", "Expat", "public-domain"})
"""Other licences of the package: CC-BY-SA binds what is made of the pictures, CC-BY wants each author named."""


def look_for_materials(places: Places) -> str:
    """Empty. DataError where the package or its copyright file is not there."""
    found_textures(places)
    return ""


def found_textures(places: Places) -> tuple[Path, Path]:
    """The archive of textures and the copyright file beside it."""
    folder = next((one for one in places.debian(FOLDER) if (one / ARCHIVE).is_file()), None)
    if folder is None:
        raise missing("textures come in Debian's package ufoai-textures, which is not here", COMMAND)
    top = folder.parents[FOLDER.count("/")]
    if not (top / COPYRIGHT).is_file():
        raise missing(f"{top / COPYRIGHT} is not there, and nothing else says which textures may be used", COMMAND)
    return folder / ARCHIVE, top / COPYRIGHT


def gather_materials(places: Places) -> Gathered:
    """A class a material; a picture a crop of a texture. A texture is wholly in one part.

    Crops lie inside a texture: most repeat without a seam, but not all. DataError where the package is not there, or is
    damaged.
    """
    path, copyright_file = found_textures(places)
    stanzas = list(stanzas_in(copyright_file))
    reduced = lru_cache(maxsize=8)(partial(_reduced, path))
    items: list[Item] = []
    licences: set[str] = set()
    textures = list(_textures(path))
    for texture, plain in zip(textures, unique_names(one.key for one in textures), strict=True):
        licence = licence_of(stanzas, f"base/{texture.member}")
        if licence not in ALLOWED:
            continue
        licences.add(licence)
        (test,) = held_out([texture.key])
        for number, place in enumerate(_places()):
            draw = partial(_draw, reduced, texture.member, place)
            items.append(Item(texture.material, f"{plain}-{number:02}", bool(test), draw))
    if not items:
        raise missing(f"{path} holds no texture that can be used", COMMAND)
    lines = tuple(f"crops of textures of Debian's ufoai-textures, by the UFO:AI team: {one}" for one in sorted(licences))
    used = {item.label for item in items}
    return Gathered(tuple(name for name in MATERIALS if name in used), items, lines)


# ----------------------------------------------------------------------------------------------------------------------
# The archive


@dataclass(frozen=True)
class Texture:
    """A texture: where it lies in the archive, its name there without folder and suffix, and what it shows."""

    member: str
    key: str
    material: str


def _textures(path: Path) -> Iterator[Texture]:
    """Those of the archive that show a material: opaque, large enough, and nothing special by name."""
    try:
        with zipfile.ZipFile(path) as archive, pillow():
            for member in members(archive, path):
                texture = _texture(member)
                if texture is not None and _is_plain(archive, member):
                    yield texture
    except DAMAGED as error:
        raise DataError(f"{path}: not a pk3 (zip) archive, or damaged ({error}): {AGAIN}") from error


def members(archive: zipfile.ZipFile, path: Path) -> list[str]:
    """The names of what is in the archive at ``path``. DataError where they are too many."""
    if len(archive.infolist()) > MOST_FILES:
        raise DataError(f"{path}: it lists over {MOST_FILES:,} files: {AGAIN}")
    return sorted(set(archive.namelist()))


def _texture(member: str) -> Texture | None:
    name = PurePosixPath(member)
    key = name.with_suffix("").as_posix().removeprefix("textures/")
    special = name.suffix.lower() not in SUFFIXES or SPECIAL.search(key.lower()) or key in NOT_ALIKE
    material = next((label for label, words in MATERIALS.items() if re.search(words, name.stem.lower())), None)
    return None if special or material is None else Texture(member, key, material)


def _is_plain(archive: zipfile.ZipFile, member: str) -> bool:
    """Whether its header says that it is opaque and large enough; one that cannot be read is left to the drawing."""
    try:
        with opened(read_member(archive, member)) as image:
            return min(image.size) >= LEAST_SIDE and not image.has_transparency_data
    except Unusable:
        return True


def read_member(archive: zipfile.ZipFile, member: str) -> io.BytesIO:
    """What a file of the archive holds. Unusable where that is damaged, or more than a texture's size."""
    try:
        with archive.open(member) as file:
            text = file.read(MOST_BYTES + 1)
    except DAMAGED as error:
        raise Unusable(f"the archive is damaged there ({error})") from error
    if len(text) > MOST_BYTES:
        raise Unusable(f"a decompression bomb: over {MOST_BYTES:,} bytes")
    return io.BytesIO(text)


# ----------------------------------------------------------------------------------------------------------------------
# Pictures


def _places() -> Iterator[tuple[float, float, float]]:
    """(scale, top, left) of each crop of a texture; the last two in 0..1 of the room that there is."""
    for scale, count in SCALES:
        for row, column in product(range(count), repeat=2):
            yield scale, row / (count - 1), column / (count - 1)


def _reduced(path: Path, member: str, shorter: int) -> Image:
    """A texture in RGB, scaled to that shorter side."""
    from PIL import Image

    try:
        with zipfile.ZipFile(path) as archive, opened(read_member(archive, member)) as image:
            hold_against_a_bomb(image)
            factor = shorter / min(image.size)
            size = (max(shorter, round(image.width * factor)), max(shorter, round(image.height * factor)))
            return image.convert("RGB").resize(size, Image.Resampling.LANCZOS)
    except DAMAGED as error:
        raise Unusable(f"the archive is damaged ({error})") from error


def hold_against_a_bomb(image: Image) -> None:
    """Raise Unusable for what has no texture's size."""
    if max(image.size) > 16 * min(image.size) or image.width * image.height > MOST_BYTES:
        raise Unusable(f"{image.width} x {image.height} pixels are no texture's size")


def _draw(
    reduced: Callable[[str, int], Image],
    member: str,
    place: tuple[float, float, float],
    side: int,
) -> Image:
    scale, down, right = place
    texture = reduced(member, round(scale * side))
    top, left = round(down * (texture.height - side)), round(right * (texture.width - side))
    return texture.crop((left, top, left + side, top + side))


# ----------------------------------------------------------------------------------------------------------------------
# Licences


@dataclass(frozen=True)
class Stanza:
    """Files and their licence's short name, as a copyright file of Debian's format 1.0 says; globs are in fnmatch's form."""

    plain: frozenset[str]
    globs: tuple[str, ...]
    licence: str

    def names(self, path: str) -> bool:
        """Whether the file is one of them."""
        return path in self.plain or any(fnmatchcase(path, glob) for glob in self.globs)


def stanzas_in(path: Path) -> Iterator[Stanza]:
    """The stanzas on files. DataError where there is none: then nothing is known of any file."""
    text = path.read_text(encoding="utf-8", errors="replace")
    found = False
    for block in re.split(r"\n[ \t]*\n", text.replace("\r\n", "\n")):
        fields = _fields(block)
        if "files" in fields:
            found = True
            patterns = fields["files"].split()
            globs = tuple(one.replace("[", "[[]") for one in patterns if {"*", "?"} & set(one))
            first = fields.get("license", "").strip().split("\n")[0].strip()
            yield Stanza(frozenset(patterns), globs, first)
    if not found:
        raise DataError(f"{path}: it says of no file what its licence is (Files: and License:): {AGAIN}")


def _fields(block: str) -> dict[str, str]:
    """Lower-case field names and their values; a line that starts with a blank goes on with the field before."""
    fields: dict[str, str] = {}
    name = ""
    for line in block.splitlines():
        start, colon, value = line.partition(":")
        if line[:1] in (" ", "\t") or not colon:
            fields[name] = f"{fields.get(name, '')}\n{line}"
        else:
            name = start.strip().lower()
            fields[name] = value
    return fields


def licence_of(stanzas: list[Stanza], path: str) -> str:
    """The licence of the last stanza that names the file (format 1.0: the last one counts); empty where none does."""
    return next((one.licence for one in reversed(stanzas) if one.names(path)), "")
