"""Line charts as SVG text: steps to the right, one line a series."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

__all__ = ["chart"]

Series = Mapping[str, Sequence[tuple[float, float]]]

WIDTH, HEIGHT = 560, 268
LEFT, RIGHT, TOP, BOTTOM = 62, 12, 48, 30
MOST_POINTS = 300
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#999999")  # Okabe and Ito 2008


def chart(title: str, series: Series, *, low: float | None = None, high: float | None = None) -> str:
    """An ``<svg>`` of the series, each a list of (step, value); ``low`` and ``high`` widen the value axis to them.

    Long series are drawn as means of neighbouring points. Without any point an empty text.
    """
    drawn = {name: _thinned(points) for name, points in series.items() if points}
    values = [value for points in drawn.values() for _, value in points]
    if not values:
        return ""
    bottom, top, step = _axis(
        min(values) if low is None else min(low, *values), max(values) if high is None else max(high, *values)
    )
    last = max(points[-1][0] for points in drawn.values()) or 1

    def place(at: float, value: float) -> tuple[float, float]:
        x = LEFT + (WIDTH - LEFT - RIGHT) * at / last
        y = TOP + (HEIGHT - TOP - BOTTOM) * (top - value) / (top - bottom)
        return round(x, 1), round(y, 1)

    out = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img">',
        f'<text x="{LEFT}" y="18" font-weight="bold">{escape(title)}</text>',
    ]
    for index in range(round((top - bottom) / step) + 1):
        value = bottom + index * step
        x, y = place(0, value)
        out.append(f'<line x1="{x}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}" class="grid"/>')
        out.append(f'<text x="{x - 6}" y="{y + 4}" text-anchor="end">{value:.4g}</text>')
    for share in (0.0, 0.5, 1.0):
        x, _ = place(share * last, bottom)
        anchor = {0.0: "start", 0.5: "middle", 1.0: "end"}[share]
        out.append(f'<text x="{x}" y="{HEIGHT - 10}" text-anchor="{anchor}">{share * last:,.0f}</text>')
    across = LEFT
    for (name, points), colour in zip(drawn.items(), COLOURS * (1 + len(drawn) // len(COLOURS)), strict=False):
        path = " ".join(f"{x},{y}" for x, y in (place(*point) for point in points))
        out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.6"/>')
        if len(points) == 1:
            x, y = place(*points[0])
            out.append(f'<circle cx="{x}" cy="{y}" r="3" fill="{colour}"/>')
        out.append(f'<rect x="{across}" y="28" width="10" height="10" fill="{colour}"/>')
        out.append(f'<text x="{across + 14}" y="37">{escape(name)}</text>')
        across += 24 + round(6.4 * len(name))
    return "\n".join([*out, "</svg>"])


def _thinned(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    size = math.ceil(len(points) / MOST_POINTS)
    parts = [points[start : start + size] for start in range(0, len(points), size)]
    return [(part[-1][0], math.fsum(value for _, value in part) / len(part)) for part in parts]


def _axis(low: float, high: float) -> tuple[float, float, float]:
    """The ends and the step of an axis of round numbers that holds low to high in three to seven steps."""
    if high - low < 1e-9 * max(1.0, abs(high)):
        low, high = low - 0.5, high + 0.5
    rough = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(one * power for one in (1, 2, 2.5, 5, 10) if one * power >= rough)
    return math.floor(low / step) * step, math.ceil(high / step) * step, step
