"""Picture formats by the suffix of a file's name: how pictures become bytes, and how bytes say what made them."""

from __future__ import annotations

import difflib
import io
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from cganx.errors import RequestError
from cganx_cli.png import SIGNATURE, encode_png, png_texts
from cganx_cli.provenance import Provenance

__all__ = ["FORMATS", "Format", "format_of"]

DESCRIPTION = 0x010E  # EXIF's ImageDescription, which every viewer shows
SOFTWARE = 0x0131
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


def _exif_texts(data: bytes) -> dict[str, str] | None:
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data)) as image:
            image.load()
            described = image.getexif().get(DESCRIPTION)
    except (OSError, SyntaxError, ValueError, EOFError, UserWarning):  # which of them depends on where the file ends
        return None
    try:
        texts = json.loads(str(described))
    except ValueError:
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
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        return None


_JPEG = Format(_by_pillow("JPEG", subsampling=0), _exif_texts, b"\xff\xd8\xff", lossy=True, feature="jpg")
_TIFF = Format(_by_pillow("TIFF", compression="tiff_adobe_deflate"), _exif_texts, b"II*\0", feature="libtiff")
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
