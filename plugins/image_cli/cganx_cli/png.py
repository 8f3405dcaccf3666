"""PNG files that say what made them.

Pictures by the thousand are encoded here and not by Pillow, in a third of its time for files of about the same size: rows are
filtered for a whole array at once, and zlib's run-length strategy takes what the filter leaves.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cganx_cli.files import write_whole
from cganx_cli.provenance import Provenance

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["SIGNATURE", "Provenance", "encode_png", "png_texts", "write_png"]

SIGNATURE = b"\x89PNG\r\n\x1a\n"
PAETH = 4
BAND = 2**18  # values that are filtered at once
_COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}  # the even ones have alpha
Array = np.ndarray[Any, Any]


def write_png(path: Path, image: Image.Image, provenance: Provenance) -> None:
    """Write a PNG with its provenance as text, whole or not at all."""
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    for key, text in provenance.texts():
        info.add_text(key, text)
    write_whole(path, lambda file: image.save(file, format="PNG", pnginfo=info))


def encode_png(pixels: Array, provenances: Sequence[Provenance]) -> Iterator[bytes]:
    """A PNG of each of n pictures, uint8 [n, height, width, 1 to 4]. The same bytes for a picture whatever stands beside it."""
    _, height, width, channels = pixels.shape
    size = struct.pack(">IIBBBBB", width, height, 8, _COLOUR_TYPES[channels], 0, 0, 0)
    start, end = SIGNATURE + _chunk(b"IHDR", size), _chunk(b"IEND", b"")
    for rows, provenance in zip(_filtered(pixels), provenances, strict=True):
        packer = zlib.compressobj(1, zlib.DEFLATED, zlib.MAX_WBITS, 8, zlib.Z_RLE)
        packed = packer.compress(rows) + packer.flush()
        yield b"".join([start, *(_text(*pair) for pair in provenance.texts()), _chunk(b"IDAT", packed), end])


def _filtered(pixels: Array) -> Array:
    """uint8 [n, height, 1 + width * channels]: each row behind the number of its filter. Paeth's for colour, none for grey."""
    count, height, width, channels = pixels.shape
    rows = pixels.reshape(count, height, width * channels)
    out = np.zeros((count, height, 1 + width * channels), np.uint8)
    if channels == 1:
        out[:, :, 1:] = rows
        return out
    out[:, :, 0] = PAETH
    band = max(1, BAND // max(1, count * width * channels))  # what is in between takes a dozen times the memory
    for top in range(0, height, band):
        _paeth(rows, out, top, min(top + band, height), channels)
    return out


def _paeth(rows: Array, out: Array, top: int, bottom: int, channels: int) -> None:
    """Filter the rows from ``top`` to ``bottom``."""
    padded = np.zeros((len(rows), bottom - top + 1, rows.shape[2] + channels), np.int16)
    padded[:, 1:, channels:] = rows[:, top:bottom]
    if top:
        padded[:, 0, channels:] = rows[:, top - 1]
    left, up, corner = padded[:, 1:, :-channels], padded[:, :-1, channels:], padded[:, :-1, :-channels]
    down, right = up - corner, left - corner  # as far as the estimate left + up - corner is from left, and from up
    to_corner = np.abs(down + right)
    to_left, to_up = np.abs(down, out=down), np.abs(right, out=right)
    nearest = np.where(to_up <= to_corner, up, corner)
    predicted = np.where(to_left <= np.minimum(to_up, to_corner), left, nearest)
    np.subtract(rows[:, top:bottom], predicted, out=out[:, top:bottom, 1:], casting="unsafe")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return b"".join([struct.pack(">I", len(data)), kind, data, struct.pack(">I", zlib.crc32(data, zlib.crc32(kind)))])


@lru_cache(maxsize=256)
def _text(key: str, text: str) -> bytes:
    """All but the seed come again and again."""
    try:
        return _chunk(b"tEXt", key.encode() + b"\0" + text.encode("latin-1"))
    except UnicodeEncodeError:
        return _chunk(b"iTXt", key.encode() + b"\0\0\0\0\0" + text.encode("utf-8", "surrogatepass"))


def png_texts(data: bytes) -> dict[str, str] | None:
    """The texts of a PNG that is whole: each chunk's checksum holds, and the last is there. None where it is not."""
    texts: dict[str, str] = {}
    for kind, content in _chunks(data):
        if kind == b"IEND":
            return texts
        key, _, text = content.partition(b"\0")
        try:
            if kind == b"tEXt":
                texts[key.decode("latin-1")] = text.decode("latin-1")
            elif kind == b"iTXt" and text[:1] == b"\0":  # not compressed, which is how cganx and Pillow write it
                texts[key.decode("latin-1")] = text[2:].split(b"\0", 2)[2].decode("utf-8", "surrogatepass")
        except (UnicodeDecodeError, IndexError):
            return None
    return None


def _chunks(data: bytes) -> Iterable[tuple[bytes, bytes]]:
    if not data.startswith(SIGNATURE):
        return
    at = len(SIGNATURE)
    while at + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        content, at = data[at + 8 : at + 8 + length], at + 12 + length
        if at > len(data) or zlib.crc32(content, zlib.crc32(kind)) != int.from_bytes(data[at - 4 : at], "big"):
            return
        yield kind, content
