"""An evaluation as text for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from cganx.evaluation.figures import Evaluation, Figure

__all__ = ["BETTER", "aligned", "number", "table"]

BETTER: Mapping[str, str] = MappingProxyType({"higher": "more", "lower": "less", "neither": "as real"})
"""Which way a figure is better, in a word."""


def number(value: float | None, none: str = "-") -> str:
    """A figure with about four digits."""
    if value is None:
        return none
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def table(evaluation: Evaluation) -> str:
    """Every figure in a line, with its interval, that of real pictures, counts and features; then the classes, then notes."""
    judge = evaluation.judge
    head = (
        f"{evaluation.model} judged by {evaluation.data}: {evaluation.samples:,} pictures, seed {evaluation.seed}\n"
        f"judge: {judge.name}, right on {judge.accuracy:.4f} of {judge.pictures:,} real test pictures"
    )
    networks = list(dict.fromkeys(figure.features for figure in evaluation.figures))
    rows: list[tuple[str, ...]] = [
        ("figure", "value", "95 % interval", "real", "of", "better", "made", "real pictures", "features")
    ]
    rows += [_row(figure, networks.index(figure.features) + 1) for figure in evaluation.figures]
    parts = [head, aligned(rows, right={1, 3, 4, 6, 7}), _marked("features", networks)]
    if evaluation.by_class:
        classes = [("class", "agreement", "distance", "real", "made")]
        classes += [
            (one.name, number(one.agreement), number(one.distance), number(one.real_distance), f"{one.samples:,}")
            for one in evaluation.by_class
        ]
        parts.append(aligned(classes, right={1, 2, 3, 4}))
    if evaluation.left_out:
        parts.append(f"left out, for only the generator or the data has them: {', '.join(evaluation.left_out)}")
    notes = [f"{figure.name}: {figure.note}" for figure in evaluation.figures if figure.note]
    return "\n\n".join([*parts, *(["\n".join(notes)] if notes else [])])


def _row(figure: Figure, mark: int) -> tuple[str, ...]:
    return (
        figure.name,
        number(figure.value),
        "" if figure.low is None else f"{number(figure.low)} to {number(figure.high)}",
        number(figure.real, ""),
        "" if figure.real is None else f"{figure.real_samples:,}",
        BETTER[figure.better],
        f"{figure.samples:,}",
        f"{figure.reference_samples:,} {figure.reference}" if figure.reference_samples else "",
        f"({mark})",
    )


def _marked(what: str, said: Sequence[str]) -> str:
    return "\n".join(f"{what} ({mark}): {one}" for mark, one in enumerate(said, 1))


def aligned(rows: Sequence[Sequence[str]], right: set[int]) -> str:
    """Rows of one length as columns; those in ``right`` end alike."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(
            text.rjust(width) if column in right else text.ljust(width)
            for column, (text, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    return "\n".join(line.rstrip() for line in lines)
