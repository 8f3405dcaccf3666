"""Pictures of people's own: where they lie, and from a file's bytes to pixels and back, alpha beside them."""

from __future__ import annotations

import glob
import io
import os
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cganx.data.picture import GREY_MODES, MOST_PIXELS, SIXTEEN_BIT, SUFFIXES, Unusable, opened
from cganx_cli.formats import Format
from cganx_cli.provenance import Provenance
from cganx_cli.sinks import SCRATCH

__all__ = ["STDIN", "Given", "Unpacked", "encoded", "given", "marked", "read_source", "unpacked"]

STDIN = "-"
MOST_BYTES = 1 << 30
LARGE = 1 << 22  # pixels, from which on Pillow packs a PNG: cganx's own packer holds many times the picture
Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Given:
    """A picture to read: its path (None for stdin), and the name, with folders, that what is made of it gets a suffix to."""

    path: Path | None
    name: str

    @property
    def called(self) -> str:
        """What people call it."""
        return "stdin" if self.path is None else str(self.path)


@dataclass(frozen=True)
class Unpacked:
    """uint8 [height, width, 1 or 3], and uint8 [height, width] of how opaque it is where that is not everywhere the same."""

    pixels: Array
    alpha: Array | None


def given(texts: Sequence[str], without: Sequence[Path]) -> tuple[list[Given], list[str]]:
    """Files, folders (with all below them), globs and ``-``; and a sentence for each text that leads to no picture.

    Links to folders are not followed, and a folder of ``without`` that lies in another is no source.
    """
    found: dict[str, Given] = {}
    faults = []
    apart = {os.path.realpath(folder) for folder in without}
    for text in texts:
        paths = [text]
        if text != STDIN and not os.path.lexists(text) and glob.has_magic(text):
            paths = sorted(glob.glob(text, recursive=True))  # noqa: PTH207 - Path has none for absolute ones
        pictures = [one for path in paths for one in _below(path, apart)]
        found |= {one.called: one for one in pictures if one.called not in found}
        if not pictures:
            faults.append(f"{text}: there is no picture (a folder's are known by their suffix: {' '.join(sorted(SUFFIXES))})")
    return list(found.values()), faults


def _below(text: str, apart: Set[str]) -> Iterator[Given]:
    if text == STDIN:
        yield Given(None, "stdin")
        return
    if not Path(text).is_dir():
        yield Given(Path(text), Path(text).stem)
        return
    for folder, folders, files in os.walk(text):
        folders[:] = sorted(
            one for one in folders if not one.startswith(SCRATCH) and os.path.realpath(Path(folder, one)) not in apart
        )
        for name in sorted(files):
            path = Path(folder, name)
            if path.suffix.lower() in SUFFIXES:
                yield Given(path, path.relative_to(text).with_suffix("").as_posix())


def read_source(one: Given, stdin: Any) -> bytes:
    """Raises Unusable."""
    if one.path is None:
        data: bytes = stdin.read(MOST_BYTES + 1)
    else:
        try:
            if not one.path.is_file():
                cause = "it is no regular file" if one.path.exists() else "there is no such file"
                raise Unusable(cause)
            with one.path.open("rb") as file:
                data = file.read(MOST_BYTES + 1)
        except OSError as error:
            raise Unusable(f"it cannot be read: {error.strerror or error}") from None
    if not data:
        raise Unusable("it is empty")
    if len(data) > MOST_BYTES:
        raise Unusable(f"it has more than {MOST_BYTES:,} bytes")
    return data


def unpacked(data: bytes) -> Unpacked:
    """The first picture in a file: upright, in sRGB, with 8 bits. Raises Unusable."""
    from PIL import ImageOps

    with opened(io.BytesIO(data)) as image:
        width, height = image.size
        if width * height > MOST_PIXELS:
            raise Unusable(f"a decompression bomb: {width} x {height} pixels, and {MOST_PIXELS:,} is the most")
        ImageOps.exif_transpose(image, in_place=True)
        if image.mode == "F":
            raise Unusable("floating-point values: save it with 8 or 16 bits")
        if image.mode in SIXTEEN_BIT:
            values = np.asarray(image).astype(np.int64)
            if values.min() < 0 or values.max() > 65535:
                raise Unusable("32-bit grey values: save it with 8 or 16 bits")
            return Unpacked(((values + 128) // 257).astype(np.uint8)[:, :, None], None)
        grey = image.mode in GREY_MODES
        alpha = np.asarray(image.convert("RGBA").getchannel("A")) if image.has_transparency_data else None
        plain = image.convert("L") if grey else _in_srgb(image)
        pixels = np.asarray(plain).reshape(*plain.size[::-1], 1 if grey else 3)
        return Unpacked(pixels, alpha if alpha is not None and (alpha < 255).any() else None)


def _in_srgb(image: Any) -> Any:
    """RGB, by the picture's own colour profile where it has one that can be followed."""
    profile = image.info.get("icc_profile")
    plain = image if image.mode in ("RGB", "CMYK") else image.convert("RGBA").convert("RGB")
    if profile:
        from PIL import ImageCms

        try:
            own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            return ImageCms.profileToProfile(plain, own, ImageCms.createProfile("sRGB"), outputMode="RGB")
        except (ImageCms.PyCMSError, OSError, ValueError):  # of another kind of colours than the picture's, or damaged
            pass
    return plain.convert("RGB")


def marked(data: bytes) -> Array:
    """A mask, uint8 [height, width], 1 where a picture is at least half white. Raises Unusable."""
    pixels = unpacked(data).pixels
    mask: Array = (pixels.mean(axis=2) >= 128).astype(np.uint8)
    return mask


def encoded(format_: Format, pixels: Array, alpha: Array | None, scale: int, provenance: Provenance) -> bytes:
    """A file's bytes. Alpha is resized with the picture; a format that cannot hold it has the picture on white."""
    from PIL import Image

    if alpha is not None:
        height, width = pixels.shape[:2]
        resized = Image.fromarray(alpha)
        if scale > 1:
            resized = resized.resize((width, height), Image.Resampling.BICUBIC)
        opaque = np.asarray(resized)[:, :, None]
        if format_.magic == b"\xff\xd8\xff":
            share = opaque.astype(np.float32) / np.float32(255)
            pixels = np.rint(pixels * share + np.float32(255) * (1 - share)).astype(np.uint8)
        else:
            pixels = np.concatenate([pixels, opaque], axis=2)
    if pixels.shape[0] * pixels.shape[1] > LARGE and format_.magic.startswith(b"\x89PNG"):
        return _large_png(pixels, provenance)
    (data,) = format_.encode(np.ascontiguousarray(pixels)[None], [provenance])
    return data


def _large_png(pixels: Array, provenance: Provenance) -> bytes:
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    for key, text in provenance.texts():
        info.add_text(key, text)
    file = io.BytesIO()
    Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels).save(
        file, format="PNG", pnginfo=info, compress_level=3
    )
    return file.getvalue()
