"""A line chart as a picture: sizes to the right, each twice the last as far, values upwards from zero."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, cycle, pairwise
from typing import TypeAlias

from PIL import Image, ImageDraw, ImageFont

__all__ = ["Line", "plot"]

WIDTH, HEIGHT = 960, 600
LEFT, RIGHT, BOTTOM = 90, 30, 56
FINE = 2  # drawn so many times as large, then reduced: Pillow's lines have no soft edges
PAPER, INK, PALE_INK, RULE = "#ffffff", "#202020", "#606060", "#dddddd"
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#999999")  # Okabe and Ito 2008
DASH, HOLE = 14, 9
Point: TypeAlias = tuple[float, float]


@dataclass(frozen=True)
class Line:
    """A name, and points (size, value, low, high): the bar from low to high is drawn at each."""

    name: str
    points: tuple[tuple[int, float, float, float], ...]
    dashed: bool = False


def plot(title: str, lines: Sequence[Line]) -> Image.Image:
    """The chart as an RGB image of 960 x 600, with a legend of the lines' names."""
    sizes = sorted({point[0] for line in lines for point in line.points})
    highest = max(point[3] for line in lines for point in line.points)
    step = _step(highest)
    most = step * math.ceil(highest / step)
    span = math.log2(sizes[-1] / sizes[0])
    font, large = ImageFont.load_default(FINE * 15), ImageFont.load_default(FINE * 18)
    canvas = Image.new("RGB", (FINE * WIDTH, FINE * HEIGHT), PAPER)
    draw = ImageDraw.Draw(canvas)
    marks = _legend(draw, lines, font)
    top = marks[-1][1] / FINE + 18

    def place(size: float, value: float) -> Point:
        share = math.log2(size / sizes[0]) / span if span else 0.5
        x = LEFT + (WIDTH - LEFT - RIGHT) * (0.03 + 0.94 * share)
        return FINE * x, FINE * (HEIGHT - BOTTOM - (HEIGHT - BOTTOM - top) * value / most)

    draw.text((FINE * LEFT, FINE * 20), title, INK, large, anchor="lm")
    for number in range(round(most / step) + 1):
        _, y = place(sizes[0], number * step)
        draw.line((FINE * LEFT, y, FINE * (WIDTH - RIGHT), y), RULE, FINE)
        draw.text((FINE * (LEFT - 10), y), f"{number * step:,.6g}", PALE_INK, font, anchor="rm")
    for size in sizes:
        x, y = place(size, 0)
        draw.text((x, y + FINE * 18), f"{size:,}", PALE_INK, font, anchor="mm")
    draw.text((FINE * (LEFT + WIDTH - RIGHT) / 2, FINE * (HEIGHT - 16)), "batch", PALE_INK, font, anchor="mm")
    for line, colour, (x, y) in zip(lines, cycle(COLOURS), marks, strict=False):
        where = [place(size, value) for size, value, _, _ in line.points]
        for start, end in chain(_pieces([(x, y), (x + FINE * 32, y)], line.dashed), _pieces(where, line.dashed)):
            draw.line((*start, *end), colour, 2 * FINE + 1)
        draw.text((x + FINE * 38, y), line.name, INK, font, anchor="lm")
        for size, value, low, high in line.points:
            x, y = place(size, value)
            draw.line((x, place(size, low)[1], x, place(size, high)[1]), colour, 2 * FINE)
            draw.circle((x, y), 4 * FINE, colour)
    return canvas.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)


def _legend(
    draw: ImageDraw.ImageDraw, lines: Sequence[Line], font: ImageFont.FreeTypeFont | ImageFont.ImageFont
) -> list[Point]:
    """Where the mark of each line is; a row that is full goes on in the next."""
    x, y = float(FINE * LEFT), float(FINE * 46)
    marks: list[Point] = []
    for line in lines:
        width = FINE * 60 + draw.textlength(line.name, font)
        if marks and x + width > FINE * WIDTH:
            x, y = float(FINE * LEFT), y + FINE * 22
        marks.append((x, y))
        x += width
    return marks


def _pieces(points: Sequence[Point], dashed: bool) -> Iterator[tuple[Point, Point]]:
    """The parts of a way that are drawn: all of it, or dashes."""
    for start, end in pairwise(points):
        count = math.ceil(math.dist(start, end) / (FINE * (DASH + HOLE))) if dashed else 1
        share = DASH / (DASH + HOLE) if dashed else 1.0
        for number in range(count):
            yield _between(start, end, number / count), _between(start, end, (number + share) / count)


def _between(start: Point, end: Point, share: float) -> Point:
    return start[0] + share * (end[0] - start[0]), start[1] + share * (end[1] - start[1])


def _step(high: float) -> float:
    """A round step of an axis that reaches ``high`` in three to six of them."""
    rough = (high or 1.0) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    return next(one * power for one in (1.0, 2.0, 2.5, 5.0, 10.0) if one * power >= rough)
