"""The report's charts as SVG text: bars by class, and the table of what was asked for against what was seen."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

__all__ = ["bars", "confusion"]

INK, PALE, MADE, REAL = "#1d2b36", "#6a7883", "#2a6f97", "#d1495b"
LETTER = 6.6  # pixels of a character at the charts' font size
ROW, BAR, LEFT_MOST = 22, 12, 220
WIDTH = 560
CELLS = 520
NUMBERED = 16  # with more classes the cells hold no numbers
SHORT = 18


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


def _short(name: str, most: int) -> str:
    return name if len(name) <= most else name[: most - 1] + "…"
