"""The report's charts as SVG text: bars by class, and the table of what was asked for against what was seen."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

__all__ = ["bars", "confusion", "curves"]

INK, PALE, MADE, REAL = "#1d2b36", "#6a7883", "#2a6f97", "#d1495b"
LETTER = 6.6  # pixels of a character at the charts' font size
ROW, BAR, LEFT_MOST = 22, 12, 220
WIDTH = 560
CELLS = 520
NUMBERED = 16  # with more classes the cells hold no numbers
SHORT = 18
PLOT, MOST_TICKS = 240, 8  # the curves' height in pixels, and marks on an axis


def bars(
    title: str, names: Sequence[str], made: Sequence[float | None], real: Sequence[float | None], top: float | None
) -> str:
    """One bar a class, and a mark where real pictures are; ``top`` is the end of the axis, the largest value by default."""
    values = [value for value in (*made, *real) if value is not None and math.isfinite(value)]
    if not values:
        return ""
    end = top or max(values) or 1.0
    left = min(max(LETTER * max(map(len, names)) + 16, 60), LEFT_MOST)
    height = 34 + ROW * len(names)

    def place(value: float) -> float:
        return round(left + (WIDTH - left - 56) * min(value / end, 1.0), 1)

    out = [
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(title)}">',
        f'<text x="0" y="15" font-weight="600" fill="{INK}">{escape(title)}</text>',
    ]
    for row, (name, one, other) in enumerate(zip(names, made, real, strict=True)):
        y = 34 + ROW * row
        out.append(f'<text x="{left - 8}" y="{y + 10}" text-anchor="end" fill="{INK}">{escape(_short(name, 32))}</text>')
        out.append(f'<rect x="{left}" y="{y}" width="{place(end) - left}" height="{BAR}" rx="2" fill="#edf1f4"/>')
        if one is not None and math.isfinite(one):
            out.append(f'<rect x="{left}" y="{y}" width="{max(place(one) - left, 1)}" height="{BAR}" rx="2" fill="{MADE}"/>')
            out.append(f'<text x="{place(end) + 8}" y="{y + 10}" fill="{INK}">{one:.3g}</text>')
        if other is not None and math.isfinite(other):
            out.append(f'<rect x="{place(other) - 1.5}" y="{y - 3}" width="3" height="{BAR + 6}" fill="{REAL}"/>')
    return "\n".join([*out, "</svg>"])


def confusion(names: Sequence[str], counts: Sequence[Sequence[int]]) -> str:
    """A row for each class that was asked for, a column for each that was seen; shares of the row, in percent."""
    size = len(names)
    cell = max(CELLS // size, 10)
    left = min(LETTER * max(len(_short(name, SHORT)) for name in names) + 14, LEFT_MOST)
    top = left * 0.75 + 10
    width, height = left + cell * size + 60, top + cell * size + 8
    out = [f'<svg viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label="confusion matrix">']
    for index, name in enumerate(names):
        middle = cell * index + cell / 2
        said = escape(_short(name, SHORT))
        out.append(f'<text x="{left - 8}" y="{top + middle + 4}" text-anchor="end" fill="{INK}">{said}</text>')
        x, y = left + middle, top - 8
        out.append(f'<text transform="translate({x + 4} {y}) rotate(-45)" fill="{INK}">{said}</text>')
    for row, seen in enumerate(counts):
        total = sum(seen) or 1
        for column, count in enumerate(seen):
            x, y, share = left + cell * column, top + cell * row, count / total
            tone = (MADE if row == column else REAL) if count else "#f3f5f7"
            depth = 1.0 if not count else 0.12 + 0.88 * math.sqrt(share)
            out.append(
                f'<rect x="{x + 1}" y="{y + 1}" width="{cell - 2}" height="{cell - 2}" rx="2" fill="{tone}" '
                f'fill-opacity="{depth:.2f}"><title>asked {escape(names[row])}, seen {escape(names[column])}: '
                f"{count:,}</title></rect>"
            )
            if size <= NUMBERED and count:
                shade = "#fff" if depth > 0.55 else INK
                said = f"{100 * share:.0f}" if share >= 0.01 else "&lt;1"
                out.append(f'<text x="{x + cell / 2}" y="{y + cell / 2 + 4}" text-anchor="middle" fill="{shade}">{said}</text>')
    return "\n".join([*out, "</svg>"])


def curves(title: str, below: str, at: Sequence[int], made: Sequence[float], real: Sequence[float]) -> str:
    """Made and real values as curves over ``at``, two or more rising whole numbers; ``below`` says what these are."""
    every = (*made, *real)
    if len(at) < 2 or not all(map(math.isfinite, every)):
        return ""
    step = _step(max(every) - min(every))
    low, high = math.floor(min(every) / step) * step, (math.floor(max(every) / step) + 1) * step
    left, top, right, bottom = 48, 34, WIDTH - 12, 34 + PLOT

    def x(place: float) -> float:
        return round(left + (right - left) * (place - at[0]) / (at[-1] - at[0]), 1)

    def y(value: float) -> float:
        return round(bottom - (bottom - top) * (value - low) / (high - low), 1)

    out = [
        f'<svg viewBox="0 0 {WIDTH} {bottom + 38}" role="img" aria-label="{escape(title)}">',
        f'<text x="0" y="15" font-weight="600" fill="{INK}">{escape(title)}</text>',
    ]
    for number in range(round((high - low) / step) + 1):
        value = low + step * number
        out.append(f'<line x1="{left}" y1="{y(value)}" x2="{right}" y2="{y(value)}" stroke="#edf1f4"/>')
        out.append(f'<text x="{left - 8}" y="{y(value) + 4}" text-anchor="end" fill="{PALE}">{value:g}</text>')
    for place in at[:: math.ceil(len(at) / MOST_TICKS)]:
        out.append(f'<text x="{x(place)}" y="{bottom + 16}" text-anchor="middle" fill="{PALE}">{place}</text>')
    out.append(f'<text x="{(left + right) / 2}" y="{bottom + 34}" text-anchor="middle" fill="{PALE}">{escape(below)}</text>')
    for values, colour in ((real, REAL), (made, MADE)):
        points = " ".join(f"{x(place)},{y(value)}" for place, value in zip(at, values, strict=True))
        out.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2" stroke-linejoin="round"/>')
    return "\n".join([*out, "</svg>"])


def _step(span: float) -> float:
    """From one mark to the next: 1, 2 or 5 of a power of ten."""
    rough = max(span, 1e-9) / MOST_TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)


def _short(name: str, most: int) -> str:
    return name if len(name) <= most else name[: most - 1] + "…"
