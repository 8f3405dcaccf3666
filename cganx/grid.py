"""A labelled sheet of pictures: one row a class, its name at the row's left. Pillow is imported when it is called."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from contextlib import suppress
from math import ceil, sqrt
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from cganx.errors import BackendMissing, RequestError

if TYPE_CHECKING:
    from PIL import Image, ImageFont

__all__ = ["sheet"]

PAPER, INK, PALE_INK = 255, 32, 112  # grey levels: one look for grey sheets and RGB ones
COMFORTABLE_SIDE = 56  # smaller pictures are enlarged to about this
MOST_PIXELS = 1 << 28
LINE_CHARACTERS = 32  # a longer name goes on in the next line
# Pillow's own font has hardly more than ASCII; other texts are tried in fonts that systems bring.
WIDER_FONTS = (
    "NotoSansCJK-Regular.ttc",
    "Arial Unicode.ttf",
    "msyh.ttc",
    "DejaVuSans.ttf",
    "NotoSans-Regular.ttf",
    "Arial.ttf",
)


def sheet(
    rows: Sequence[tuple[str, npt.NDArray[np.uint8]]],
    *,
    scale: int | None = None,
    columns: Sequence[str] | None = None,
) -> Image.Image:
    """A sheet of pictures as a Pillow image: mode L where every picture is grey, else RGB.

    ``rows`` are (name, uint8 [n, height, width, 1 or 3]): one height and width for all, n of its own for each row.
    ``scale`` is a whole factor by which pixels are repeated; by default small pictures are enlarged (28 x 28 to
    56 x 56) and those of 64 pixels and more are left as they are. ``columns`` are texts above the columns, such as
    seeds. Margins and columns grow with the texts, which are never cut off.

    Raises RequestError where the pictures do not fit together, BackendMissing without Pillow.
    """
    try:
        from PIL import Image, ImageDraw
    except ImportError:
        raise BackendMissing('a sheet of pictures needs Pillow, which is not installed: pip install "cganx[cli]"') from None

    height, width, channels = _common_shape(rows)
    factor = max(1, round(COMFORTABLE_SIDE / sqrt(height * width))) if scale is None else scale
    if factor < 1:
        raise RequestError(f"scale is {scale}; it is a whole number of at least 1")
    cell_height, cell_width = height * factor, width * factor

    points = max(13, round(0.14 * min(cell_height, cell_width)))
    font = _font(points, [*(name for name, _ in rows), *(columns or ())])
    text_width = ImageDraw.Draw(Image.new("L", (1, 1))).textlength
    line_height = ceil(1.25 * points)
    gap, margin = max(4, points // 4), points

    count = max(len(pictures) for _, pictures in rows)
    heads = [" ".join(text.split()) for text in columns or ()][:count]
    names = [textwrap.wrap(name, LINE_CHARACTERS) for name, _ in rows]
    pitch = gap + max(cell_width, *(ceil(text_width(head, font=font)) + gap for head in heads), 0)
    left = 2 * margin + max((ceil(text_width(line, font=font)) for lines in names for line in lines), default=0)
    top = margin + (line_height if heads else 0)
    row_heights = [max(cell_height, line_height * len(lines)) for lines in names]

    size = (left + pitch * count - gap + margin, top + sum(row_heights) + gap * (len(rows) - 1) + margin)
    if size[0] * size[1] > MOST_PIXELS:
        raise RequestError(f"the sheet would be {size[0]:,} x {size[1]:,} pixels; take fewer pictures or a smaller scale")
    canvas = Image.new("L" if channels == 1 else "RGB", size, _tone(PAPER, channels))
    draw = ImageDraw.Draw(canvas)
    for column, head in enumerate(heads):
        middle = left + column * pitch + (pitch - gap) / 2
        draw.text((middle, top - line_height / 2), head, _tone(PALE_INK, channels), font, anchor="mm")
    for (_, pictures), lines, row_height in zip(rows, names, row_heights, strict=True):
        first = top + (row_height - line_height * (len(lines) - 1)) / 2
        for number, line in enumerate(lines):
            draw.text((left - margin, first + number * line_height), line, _tone(INK, channels), font, anchor="rm")
        for column, pixels in enumerate(pictures):
            x = left + column * pitch + (pitch - gap - cell_width) // 2
            canvas.paste(_enlarged(pixels, factor), (x, top + (row_height - cell_height) // 2))
        top += row_height + gap
    return canvas


def _common_shape(rows: Sequence[tuple[str, npt.NDArray[np.uint8]]]) -> tuple[int, int, int]:
    if not any(len(pictures) for _, pictures in rows):
        raise RequestError("a sheet needs at least one picture")
    for name, pictures in rows:
        if pictures.dtype != np.uint8 or pictures.ndim != 4 or pictures.shape[3] not in (1, 3) or 0 in pictures.shape[1:]:
            raise RequestError(f"row {name!r} is {pictures.dtype} {list(pictures.shape)}, not uint8 [n, height, width, 1 or 3]")
    sizes = sorted({pictures.shape[1:3] for _, pictures in rows})
    if len(sizes) > 1:
        raise RequestError(f"the pictures of one sheet have one size; these have {sizes} (height, width)")
    return *sizes[0], max(pictures.shape[3] for _, pictures in rows)


def _font(points: int, texts: Sequence[str]) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    from PIL import ImageFont

    if not all(text.isascii() for text in texts):
        for name in WIDER_FONTS:
            with suppress(OSError):
                return ImageFont.truetype(name, points)
    return ImageFont.load_default(points)


def _enlarged(pixels: npt.NDArray[np.uint8], factor: int) -> Image.Image:
    from PIL import Image

    large = pixels.repeat(factor, axis=0).repeat(factor, axis=1)
    return Image.fromarray(large[:, :, 0] if large.shape[2] == 1 else large)


def _tone(level: int, channels: int) -> int | tuple[int, int, int]:
    return level if channels == 1 else (level, level, level)
