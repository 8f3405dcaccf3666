"""One picture: from a file to uint8 [height, width, channels] of the wanted size."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cganx.data.sources import Form
from cganx.errors import BackendMissing

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = [
    "FITS",
    "MOST_PIXELS",
    "SMALLEST",
    "SUFFIXES",
    "Half",
    "Header",
    "Unusable",
    "decode",
    "fitted",
    "header",
    "opened",
    "pillow",
]

Half: TypeAlias = Literal["left", "right"]

SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".bmp", ".dib", ".gif", ".tif", ".tiff"},
)
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "DIB", "GIF", "TIFF")
"""The only decoders that are tried, whatever a file calls itself: Pillow has some that start other programs."""

GREY_MODES = frozenset({"1", "L", "LA", "La", "I;16", "I;16B", "I;16L", "I;16N", "I"})
SIXTEEN_BIT = frozenset({"I;16", "I;16B", "I;16L", "I;16N", "I"})
ORIENTATION = 0x0112
SIDEWAYS = frozenset({5, 6, 7, 8})
SMALLEST = 8
MOST_PIXELS = 80_000_000
"""Under Pillow's own limit of 89 million, so that this one speaks first."""


class Unusable(Exception):
    """A picture that cannot be used; the text is the cause."""


class Header(NamedTuple):
    """A picture's size as it is meant to be seen, and whether its mode can hold no colour."""

    height: int
    width: int
    grey: bool


@contextmanager
def pillow() -> Iterator[None]:
    """Around all work with Pillow: it has to be there, its remarks on odd files are dropped, its bomb warning raised.

    Filters belong to the process: enter this once, before threads are started.
    """
    try:
        from PIL import Image
    except ImportError as error:
        raise BackendMissing("pictures need the package pillow: pip install pillow") from error
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL(\.|$)")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


@contextmanager
def opened(path: Path | IO[bytes]) -> Iterator[Image]:
    """The picture in a file, not decoded yet; raises Unusable, also for what goes wrong inside the block."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path, formats=FORMATS) as image:
            yield image
    except Unusable:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise Unusable(f"a decompression bomb: over {MOST_PIXELS:,} pixels") from error
    except UnidentifiedImageError as error:
        raise Unusable("not a picture that can be read (PNG, JPEG, WebP, BMP, GIF or TIFF)") from error
    except MemoryError as error:
        raise Unusable("it does not fit in memory") from error
    except Exception as error:  # decoders raise whatever a damaged file leads them to
        raise Unusable(str(getattr(error, "strerror", None) or error) or type(error).__name__) from error


def _size(image: Image) -> tuple[int, int]:
    """(height, width) as seen; raises Unusable for a picture that is too big or too small."""
    width, height = image.size
    if width * height > MOST_PIXELS:
        raise Unusable(f"a decompression bomb: {width} x {height} pixels, and {MOST_PIXELS:,} is the most")
    if min(width, height) < SMALLEST:
        raise Unusable(f"too small: {width} x {height} pixels, and a side needs at least {SMALLEST}")
    # of a PNG, getexif would decode all pixels to look for an orientation behind them, where nobody writes it
    has_exif = image.format != "PNG" or "exif" in image.info
    sideways = has_exif and image.getexif().get(ORIENTATION) in SIDEWAYS
    return (width, height) if sideways else (height, width)


def header(path: Path, half: Half | None = None) -> Header:
    """What the file's header says, of the picture or of one half of it; raises Unusable."""
    with opened(path) as image:
        height, width = _size(image)
        return Header(height, width if half is None else _half_width(height, width), image.mode in GREY_MODES)


def _half_width(height: int, width: int) -> int:
    """The width of each of two pictures side by side; raises Unusable where it cannot be two."""
    if width % 2:
        raise Unusable(f"{width} x {height} pixels are no two pictures side by side: the width is odd")
    if width <= height:
        raise Unusable(f"{width} x {height} pixels are no two pictures side by side: it is not wider than high")
    if width // 2 < SMALLEST:
        raise Unusable(f"too small: its halves are {width // 2} pixels wide, and a side needs at least {SMALLEST}")
    return width // 2


def decode(path: Path, form: Form, half: Half | None = None) -> NDArray[np.uint8]:
    """The picture (of several: the first), or one half of it, as uint8 [height, width, channels] of ``form``.

    EXIF orientation is applied, transparency laid on white, 16-bit grey scaled to 8. Raises Unusable.
    """
    from PIL import ImageOps

    with opened(path) as image:
        height, width = _size(image)
        if half is not None:
            width = _half_width(height, width)
            ImageOps.exif_transpose(image, in_place=True)
            left = width if half == "right" else 0
            return fitted(_flat(image.crop((left, 0, left + width, height))), form)
        spare = int(min(height / form.height, width / form.width) / 2)
        if spare > 1:  # JPEG decodes at a fraction of its size; twice the wanted size is left for the resampling
            image.draft(None, (image.width // spare, image.height // spare))
        ImageOps.exif_transpose(image, in_place=True)
        return fitted(_flat(image), form)


def _flat(image: Image) -> Image:
    """``image`` as L or RGB: scaled to 8 bit, on white where it is transparent."""
    from PIL import Image

    if image.mode in SIXTEEN_BIT:
        values = np.asarray(image).astype(np.int64)
        if values.min() < 0 or values.max() > 65535:
            raise Unusable("32-bit grey values: save it with 8 or 16 bits")
        return Image.fromarray(((values + 128) // 257).astype(np.uint8))
    if image.mode == "F":
        raise Unusable("floating-point values: save it with 8 or 16 bits")
    if image.has_transparency_data:
        grey = image.mode in GREY_MODES
        picture = image.convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        return Image.alpha_composite(white, picture).convert("L" if grey else "RGB")
    return _as(image, "L" if image.mode in GREY_MODES else "RGB")


def _as(image: Image, mode: str) -> Image:
    return image if image.mode == mode else image.convert(mode)


def crop_box(height: int, width: int, form: Form) -> tuple[float, float, float, float]:
    """(left, top, right, bottom) of the largest centred box with the aspect of ``form``."""
    scale = min(height / form.height, width / form.width)
    box_height, box_width = min(height, form.height * scale), min(width, form.width * scale)
    left, top = (width - box_width) / 2, (height - box_height) / 2
    if scale == 1:  # nothing is resampled: keep to whole pixels
        left, top = int(left), int(top)
    return left, top, left + box_width, top + box_height


def inner_size(height: int, width: int, form: Form) -> tuple[int, int]:
    """(height, width) of the whole picture scaled to lie within ``form``."""
    scale = min(form.height / height, form.width / width)
    return max(1, min(form.height, round(height * scale))), max(1, min(form.width, round(width * scale)))


def _crop(image: Image, form: Form) -> NDArray[np.uint8]:
    from PIL.Image import Resampling

    box = crop_box(image.height, image.width, form)
    return np.asarray(image.resize((form.width, form.height), Resampling.LANCZOS, box=box))


def _pad(image: Image, form: Form) -> NDArray[np.uint8]:
    from PIL.Image import Resampling

    height, width = inner_size(image.height, image.width, form)
    inner = np.asarray(image.resize((width, height), Resampling.LANCZOS))
    top, left = (form.height - height) // 2, (form.width - width) // 2
    edges = [(top, form.height - height - top), (left, form.width - width - left)]
    return np.pad(inner, edges + [(0, 0)] * (inner.ndim - 2), mode="edge")


FITS: Mapping[str, Callable[[Image, Form], NDArray[np.uint8]]] = {"crop": _crop, "pad": _pad}


def fitted(image: Image, form: Form) -> NDArray[np.uint8]:
    """An L or RGB picture as uint8 [height, width, channels] of ``form``, resampled with Lanczos' filter."""
    pixels = FITS[form.fit](_as(image, "L" if form.channels == 1 else "RGB"), form)
    return pixels.reshape(form.height, form.width, form.channels)
