"""A labelled sheet of pictures: one row a class, its name at the row's left. Pillow is imported when it is called."""

from __future__ import annotations

import io
import json
import textwrap
from base64 import b64encode
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from html import escape
from math import ceil, sqrt
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from cganx.errors import BackendMissing, RequestError

if TYPE_CHECKING:
    from PIL import Image, ImageFont

__all__ = ["sheet", "svg_sheet"]

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


Rows = Sequence[tuple[str, npt.NDArray[np.uint8]]]


def sheet(rows: Rows, *, scale: int | None = None, columns: Sequence[str] | None = None) -> Image.Image:
    """A sheet of pictures as a Pillow image: mode L where every picture is grey, else RGB.

    ``rows`` are (name, uint8 [n, height, width, 1 or 3]): one height and width for all, n of its own for each row.
    ``scale`` is a whole factor by which pixels are repeated; by default small pictures are enlarged (28 x 28 to
    56 x 56) and those of 64 pixels and more are left as they are. ``columns`` are texts above the columns, such as
    seeds. Margins and columns grow with the texts, which are never cut off.

    Raises RequestError where the pictures do not fit together, BackendMissing without Pillow.
    """
    plan = _plan(rows, scale, columns)
    width, height = plan.size
    if width * height > MOST_PIXELS:
        raise RequestError(f"the sheet would be {width:,} x {height:,} pixels; take fewer pictures or a smaller scale")
    from PIL import Image, ImageDraw

    canvas = Image.new("L" if plan.channels == 1 else "RGB", plan.size, _tone(PAPER, plan.channels))
    draw = ImageDraw.Draw(canvas)
    for text in plan.texts:
        draw.text((text.x, text.y), text.text, _tone(text.level, plan.channels), plan.font, anchor=text.anchor)
    for cell in plan.cells:
        canvas.paste(_image(cell.pixels.repeat(plan.factor, axis=0).repeat(plan.factor, axis=1)), (cell.x, cell.y))
    return canvas


def svg_sheet(
    rows: Rows,
    *,
    scale: int | None = None,
    columns: Sequence[str] | None = None,
    about: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """The sheet of :func:`sheet` as SVG: each picture is a PNG inside, in its own size, that is shown with its pixels sharp.

    Each has its row's name and its column's text as a title. ``about`` goes into the metadata, as JSON. Raises what
    :func:`sheet` does, but is not bound in pixels.
    """
    plan = _plan(rows, scale, columns)
    width, height = plan.size
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'font-family="Helvetica, Arial, sans-serif" font-size="{plan.points}">',
        f"<metadata>{escape(json.dumps(dict(about)))}</metadata>",
        f'<rect width="{width}" height="{height}" fill="{_hex(PAPER)}"/>',
    ]
    for text in plan.texts:
        anchor = {"m": "middle", "r": "end"}[text.anchor[0]]
        out.append(
            f'<text x="{text.x:.1f}" y="{text.y:.1f}" dominant-baseline="central" text-anchor="{anchor}" '
            f'fill="{_hex(text.level)}" textLength="{text.width:.1f}" lengthAdjust="spacingAndGlyphs">{_xml(text.text)}</text>'
        )
    shown = f'width="{plan.cell[0]}" height="{plan.cell[1]}" style="image-rendering:pixelated"'
    for cell in plan.cells:
        data = io.BytesIO()
        _image(cell.pixels).save(data, format="PNG")
        png = b64encode(data.getvalue()).decode()
        title = _xml(", ".join(one for one in (cell.row, cell.column) if one))
        out.append(
            f'<image x="{cell.x}" y="{cell.y}" {shown} href="data:image/png;base64,{png}"><title>{title}</title></image>'
        )
    return "\n".join([*out, "</svg>\n"])


@dataclass(frozen=True)
class _Text:
    """A line of text: where its anchor is (Pillow's, ``mm`` the middle, ``rm`` the right end), and how wide it is."""

    text: str
    x: float
    y: float
    width: float
    anchor: str
    level: int


@dataclass(frozen=True, eq=False)
class _Cell:
    """A picture, where its corner is, and what its row and column are called."""

    pixels: npt.NDArray[np.uint8]
    x: int
    y: int
    row: str
    column: str


@dataclass(frozen=True, eq=False)
class _Plan:
    """Where everything of a sheet is. cell: (width, height) of a picture as it is shown."""

    size: tuple[int, int]
    channels: int
    factor: int
    cell: tuple[int, int]
    points: int
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont
    texts: tuple[_Text, ...]
    cells: tuple[_Cell, ...]


def _plan(rows: Rows, scale: int | None, columns: Sequence[str] | None) -> _Plan:
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
    measure = ImageDraw.Draw(Image.new("L", (1, 1))).textlength
    line_height = ceil(1.25 * points)
    gap, margin = max(4, points // 4), points

    count = max(len(pictures) for _, pictures in rows)
    heads = [" ".join(text.split()) for text in columns or ()][:count]
    names = [textwrap.wrap(name, LINE_CHARACTERS) for name, _ in rows]
    pitch = gap + max(cell_width, *(ceil(measure(head, font=font)) + gap for head in heads), 0)
    left = 2 * margin + max((ceil(measure(line, font=font)) for lines in names for line in lines), default=0)
    top = margin + (line_height if heads else 0)

    texts, cells = [], []
    for column, head in enumerate(heads):
        middle = left + column * pitch + (pitch - gap) / 2
        texts.append(_Text(head, middle, top - line_height / 2, measure(head, font=font), "mm", PALE_INK))
    for (name, pictures), lines in zip(rows, names, strict=True):
        row_height = max(cell_height, line_height * len(lines))
        first = top + (row_height - line_height * (len(lines) - 1)) / 2
        for number, line in enumerate(lines):
            y = first + number * line_height
            texts.append(_Text(line, left - margin, y, measure(line, font=font), "rm", INK))
        for column, pixels in enumerate(pictures):
            x = left + column * pitch + (pitch - gap - cell_width) // 2
            head = heads[column] if column < len(heads) else ""
            cells.append(_Cell(pixels, x, top + (row_height - cell_height) // 2, name, head))
        top += row_height + gap
    size = (left + pitch * count - gap + margin, top - gap + margin)
    return _Plan(size, channels, factor, (cell_width, cell_height), points, font, tuple(texts), tuple(cells))


def _common_shape(rows: Rows) -> tuple[int, int, int]:
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


def _image(pixels: npt.NDArray[np.uint8]) -> Image.Image:
    from PIL import Image

    return Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)


def _xml(text: str) -> str:
    """A text as XML takes it, which has no place for control characters."""
    return escape("".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text))


def _hex(level: int) -> str:
    return f"#{level:02x}{level:02x}{level:02x}"


def _tone(level: int, channels: int) -> int | tuple[int, int, int]:
    return level if channels == 1 else (level, level, level)
