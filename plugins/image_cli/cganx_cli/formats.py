"""Picture formats by the suffix of a file's name: how pictures become bytes, and how bytes say what made them."""

from __future__ import annotations

import difflib
import io
import json
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from cganx.errors import RequestError
from cganx_cli.png import SIGNATURE, encode_png, png_texts
from cganx_cli.provenance import Provenance

__all__ = ["FORMATS", "Format", "format_of", "quiet_pillow"]

DESCRIPTION = 0x010E  # EXIF's ImageDescription, which every viewer shows
SOFTWARE = 0x0131
_TIFF_TYPES = {
    kind: form for form, kinds in {"B": (1, 2, 6, 7), "H": (3, 8), "I": (4, 9, 11), "Q": (5, 10, 12)}.items() for kind in kinds
}
EARLIEST = (1980, 1, 1, 0, 0, 0)  # of a zip's times, so that the bytes do not tell when they were written
Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Format:
    """A kind of picture file.

    ``encode`` makes a file's bytes of each of n pictures, uint8 [n, height, width, channels]. ``texts`` gives the provenance of
    a file that is whole, {} where it has none, None where it is not whole; a format without ``texts`` cannot hold any.
    ``magic`` is how its files begin. ``lossy`` formats have a quality. ``feature`` is what Pillow must have been built with.
    """

    encode: Callable[[Array, Sequence[Provenance]], Iterator[bytes]]
    texts: Callable[[bytes], dict[str, str] | None] | None = None
    magic: bytes = b""
    lossy: bool = False
    feature: str | None = None


def format_of(suffix: str) -> Format:
    """The format of a file name's suffix. Raises RequestError with those that there are."""
    known = FORMATS.get(suffix.lower())
    if known is None:
        near = difflib.get_close_matches(suffix.lower(), FORMATS, n=1)
        hint = f"did you mean {near[0]}?" if near else f"take one of {' '.join(FORMATS)}"
        raise RequestError(
            f"the suffix {suffix!r} is no picture format; {hint}" if suffix else f"a name needs a suffix; {hint}"
        )
    if known.feature is not None:
        from PIL import features

        if not features.check(known.feature):
            raise RequestError(f"this Pillow cannot write {suffix}; take .png, or install a newer Pillow")
    return known


def _by_pillow(name: str, **options: object) -> Callable[[Array, Sequence[Provenance]], Iterator[bytes]]:
    def encode(pixels: Array, provenances: Sequence[Provenance]) -> Iterator[bytes]:
        from PIL import Image

        for one, provenance in zip(pixels, provenances, strict=True):
            exif = Image.Exif()
            exif[DESCRIPTION] = json.dumps(dict(provenance.texts()))
            exif[SOFTWARE] = f"cganx {provenance.version}"
            quality = {} if provenance.quality is None else {"quality": provenance.quality}
            file = io.BytesIO()
            image = Image.fromarray(one[:, :, 0] if one.shape[2] == 1 else one)
            image.save(file, format=name, exif=exif, **quality, **options)
            yield file.getvalue()

    return encode


@contextmanager
def quiet_pillow() -> Iterator[None]:
    """Around reading what may be damaged: Pillow's remarks on it are dropped.

    Filters belong to the process: enter this once, before threads are started.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL(\.|$)")
        yield


def _exif_texts(data: bytes) -> dict[str, str] | None:
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data)) as image:
            image.load()
            described = image.getexif().get(DESCRIPTION)
    except Exception:  # which one depends on where the file ends or is damaged, and on the decoder
        return None
    return _described(described)


def _tiff_texts(data: bytes) -> dict[str, str] | None:
    """Of a file as cganx writes it, by itself: libtiff takes some that are cut off for whole, and tells stderr of others."""
    if not data.startswith(b"II*\0"):
        return {} if data.startswith((b"MM\0*", b"MM\0+", b"II+\0")) else None  # whole or not, it is another's
    try:
        tags = dict(_tiff_tags(data))
        strips = [data[start : start + size] for start, size in zip(tags.get(273, ()), tags.get(279, ()), strict=True)]
        if any(len(strip) < size for strip, size in zip(strips, tags.get(279, ()), strict=True)):
            return None
        texts = _described(bytes(tags.get(DESCRIPTION, ())).rstrip(b"\0").decode("latin-1"))
        if "cganx.sha256" not in texts:
            return texts
        size = tags[257][0] * tags[256][0] * tags.get(277, (1,))[0]
        whole = size == sum(_unpacked(strip, size) for strip in strips)
    except (struct.error, zlib.error, LookupError, ValueError):
        return None
    return texts if whole else None


def _unpacked(strip: bytes, most: int) -> int:
    """How many bytes are in a deflated strip. Raises zlib.error, also where its end is missing."""
    unpacker = zlib.decompressobj()
    size = len(unpacker.decompress(strip, most + 1))
    if not unpacker.eof:
        raise zlib.error("cut off")
    return size


def _tiff_tags(data: bytes) -> Iterator[tuple[int, tuple[int, ...]]]:
    """(tag, values) of the first directory, but for types that there are not. Raises struct.error where a part is missing."""
    (at,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, at)
    struct.unpack_from("<I", data, at + 2 + 12 * count)  # where the next one is
    for place in range(at + 2, at + 2 + 12 * count, 12):
        tag, kind, length = struct.unpack_from("<HHI", data, place)
        form = _TIFF_TYPES.get(kind)
        if form is None:
            continue
        size = length * struct.calcsize(form)
        start = place + 8 if size <= 4 else struct.unpack_from("<I", data, place + 8)[0]
        if start + size > len(data):
            raise struct.error
        yield tag, struct.unpack_from(f"<{length}{form}", data, start)


def _described(described: object) -> dict[str, str]:
    """A description that is JSON; {} where it is something else."""
    try:
        texts = json.loads(str(described))
    except (ValueError, RecursionError):
        return {}
    return texts if isinstance(texts, dict) else {}


def _npy(one: Array) -> bytes:
    file = io.BytesIO()
    np.save(file, one, allow_pickle=False)
    return file.getvalue()


def _encode_npy(pixels: Array, provenances: Sequence[Provenance]) -> Iterator[bytes]:
    del provenances
    return map(_npy, pixels)


def _encode_raw(pixels: Array, provenances: Sequence[Provenance]) -> Iterator[bytes]:
    del provenances
    return (one.tobytes() for one in pixels)


def _encode_npz(pixels: Array, provenances: Sequence[Provenance]) -> Iterator[bytes]:
    for one, provenance in zip(pixels, provenances, strict=True):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as packed:
            for name, value in [("pixels", one), *((key, np.array(text)) for key, text in provenance.texts())]:
                packed.writestr(zipfile.ZipInfo(f"{name}.npy", EARLIEST), _npy(value), zipfile.ZIP_DEFLATED)
        yield file.getvalue()


def _npz_texts(data: bytes) -> dict[str, str] | None:
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as packed:
            return {name: str(packed[name]) for name in packed.files if packed[name].dtype.kind in "Uu"}
    except Exception:  # numpy's, zipfile's and zlib's have no common base
        return None


_JPEG = Format(_by_pillow("JPEG", subsampling=0), _exif_texts, b"\xff\xd8\xff", lossy=True, feature="jpg")
_TIFF = Format(_by_pillow("TIFF", compression="tiff_adobe_deflate"), _tiff_texts, b"II*\0", feature="libtiff")
FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        ".png": Format(encode_png, png_texts, SIGNATURE),
        ".jpg": _JPEG,
        ".jpeg": _JPEG,
        ".webp": Format(_by_pillow("WEBP"), _exif_texts, b"RIFF", lossy=True, feature="webp"),
        ".avif": Format(_by_pillow("AVIF", max_threads=1), _exif_texts, b"\0\0\0", lossy=True, feature="avif"),
        ".tif": _TIFF,
        ".tiff": _TIFF,
        ".npy": Format(_encode_npy),
        ".npz": Format(_encode_npz, _npz_texts, b"PK\3\4"),
        ".raw": Format(_encode_raw),
    }
)
