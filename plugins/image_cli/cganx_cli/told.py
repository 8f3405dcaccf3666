"""What a picture says of itself, in whatever place its format has for that."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html import unescape
from typing import TYPE_CHECKING, NamedTuple

from cganx.errors import RequestError
from cganx_cli.pictures import FILTERS

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["Resize", "Told", "told"]

IMAGE_DESCRIPTION, USER_COMMENT, EXIF_FIELDS = 270, 0x9286, 0x8769
CHARACTER_CODES = {b"ASCII\0\0\0": "ascii", b"UNICODE\0": "utf-16", bytes(8): "utf-8"}
LINE = re.compile(r"cganx\.(\w+)\s*[=:]\s*(.*?)(?=[;\n]\s*cganx\.|\n|$)")
ATTRIBUTE = re.compile(r"cganx:(\w+)\s*=\s*\"([^\"]*)\"|<cganx:(\w+)>([^<]*)</cganx:")
RESIZE = re.compile(r"([1-9][0-9]{0,4})x([1-9][0-9]{0,4}) (\w+)")
LONGEST = 1 << 16
SAID_ONLY = ("version",)  # of the file, not of what is in it
HASH = re.compile("[0-9a-f]{64}")


class Resize(NamedTuple):
    """What a picture was resized to, and by which filter."""

    height: int
    width: int
    filter: str


@dataclass(frozen=True)
class Told:
    """What decided a picture, as far as it says so; ``others`` holds what else it says, by key.

    ``source`` to ``tile`` are of a picture that was made of another; see Provenance.
    """

    model: str | None = None
    sha256: str | None = None
    label: str | None = None
    seed: int | None = None
    truncation: float | None = None
    code: str | None = None
    mirrored: bool = False
    resize: Resize | None = None
    quality: int | None = None
    source: str | None = None
    source_sha256: str | None = None
    mask: str | None = None
    tile: int | None = None
    others: Mapping[str, str] = field(default_factory=dict)


def told(image: Image.Image) -> Told:
    """What an opened picture says: PNG text, EXIF's description or comment, or XMP. Its pixels are not decoded for it.

    Raises RequestError where it says nothing, or no hash of a model, or what ``cganx generate`` and ``cganx translate`` do not
    write: a seed, truncation or tile that is no such number, a mirror or size of other words, a source without its hash.
    """
    found: dict[str, str] = {}
    for text in _texts(image):
        for key, value in _pairs(text):
            found.setdefault(key, value)
    if "sha256" not in found:
        raise RequestError("it does not say what made it: there is no cganx.sha256 in its PNG text, EXIF, XMP or arrays")
    seed, truncation = found.pop("seed", None), found.pop("truncation", None)
    mirror, resize = found.pop("mirror", None), found.pop("resize", None)
    for key in SAID_ONLY:
        found.pop(key, None)
    if mirror not in (None, "horizontal"):
        raise RequestError(f"it says cganx.mirror={mirror[:40]!r}, where 'horizontal' is all that is known")
    source, mask, quality = found.pop("source", None), found.pop("mask", None), found.pop("quality", None)
    digest, tile = found.pop("source_sha256", None), found.pop("tile", None)
    if (digest is None) != (source is None) or (digest is not None and not HASH.fullmatch(digest)):
        raise RequestError("it says what picture it was made of, but not by a name and a hash as cganx translate does")
    if mask not in (None, "alpha") and not HASH.fullmatch(str(mask)):
        raise RequestError(f"it says cganx.mask={str(mask)[:40]!r}, which is neither alpha nor a hash")
    return Told(
        model=found.pop("model", None),
        sha256=found.pop("sha256"),
        label=found.pop("label", None),
        seed=None if seed is None else _seed(seed),
        truncation=None if truncation is None else _truncation(truncation),
        code=found.pop("code", None),
        mirrored=mirror is not None,
        resize=None if resize is None else _resize(resize),
        quality=None if quality is None else _whole("quality", quality, 100),
        source=source,
        source_sha256=digest,
        mask=mask,
        tile=None if tile is None else _whole("tile", tile, 65_536),
        others=found,
    )


def _texts(image: Image.Image) -> Iterator[str | Mapping[str, object]]:
    """Each text that may hold it; PNG's are pairs already."""
    yield {key: value for key, value in image.info.items() if isinstance(key, str) and isinstance(value, str)}
    for name in ("comment", "xmp", "XML:com.adobe.xmp"):
        value = image.info.get(name)
        if isinstance(value, (str, bytes)):
            yield value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    # Of a PNG getexif would decode all pixels to look for it behind them, where nobody writes it.
    if image.format != "PNG" or "exif" in image.info:
        exif = image.getexif()
        yield str(exif.get(IMAGE_DESCRIPTION, ""))
        comment = exif.get_ifd(EXIF_FIELDS).get(USER_COMMENT, b"")
        if isinstance(comment, bytes):
            yield comment[8:].decode(CHARACTER_CODES.get(comment[:8], "utf-8"), "replace")
        else:
            yield str(comment)


def _pairs(text: str | Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """(key without its ``cganx.``, value), from pairs, JSON, XMP, or ``cganx.model=fashion; cganx.seed=7``."""
    if isinstance(text, str) and text.lstrip().startswith("{") and len(text) < LONGEST:
        try:
            text = json.loads(text)
        except (ValueError, RecursionError):
            return
    if isinstance(text, Mapping):
        for key, value in text.items():
            if str(key).startswith("cganx.") and isinstance(value, (str, int, float)):
                yield str(key).removeprefix("cganx."), str(value)
        return
    text = text[:LONGEST]
    for match in LINE.finditer(text):
        yield match[1], match[2].strip()
    for match in ATTRIBUTE.finditer(text):
        yield match[1] or match[3], unescape(match[2] if match[1] else match[4])


def _seed(text: str) -> int:
    if not re.fullmatch("[0-9]{1,20}", text) or int(text) >= 2**64:
        raise RequestError(f"it says cganx.seed={text[:40]!r}, which is no seed")
    return int(text)


def _whole(key: str, text: str, most: int) -> int:
    if not re.fullmatch("[0-9]{1,6}", text) or not 1 <= int(text) <= most:
        raise RequestError(f"it says cganx.{key}={text[:40]!r}, which is no number from 1 to {most:,}")
    return int(text)


def _truncation(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise RequestError(f"it says cganx.truncation={text[:40]!r}, which is no number over 0")
    return value


def _resize(text: str) -> Resize:
    match = RESIZE.fullmatch(text)
    if match is None or match[3] not in FILTERS:
        raise RequestError(f"it says cganx.resize={text[:40]!r}, which is no height x width and filter")
    return Resize(int(match[1]), int(match[2]), match[3])
