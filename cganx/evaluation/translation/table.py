"""An image-to-image evaluation as text for a terminal."""

from __future__ import annotations

from cganx.evaluation.table import BETTER, aligned, number
from cganx.evaluation.translation.figures import Comparison, TranslationEvaluation

__all__ = ["DISTANCES", "MARKS", "judged_by", "translation_table"]

MARKS = {"beaten": "", "not beaten": "not beaten", "too close": "too close to tell", None: ""}
DISTANCES = "kernel distance of pictures asked for in a style (row) to real ones of each style (column)"


def translation_table(evaluation: TranslationEvaluation) -> str:
    """Every figure in a line, each baseline's in one below it; then styles, what baselines are, what is not beaten, notes."""
    rows: list[tuple[str, ...]] = [("figure", "of", "value", "95 % interval", "", "real", "better", "pictures", "features")]
    for one in evaluation.comparisons:
        rows += _rows(one)
    parts = [f"{evaluation.model} judged by {judged_by(evaluation)}", aligned(rows, right={2, 5, 7})]
    parts += _styles(evaluation)
    parts.append("\n".join(f"{name}: {about}" for name, about in evaluation.baselines.items()))
    if evaluation.shortcomings:
        parts.append("\n".join(["It falls short:", *(f"  {said}" for said in evaluation.shortcomings)]))
    notes = [f"{one.figure.name}: {one.figure.note}" for one in evaluation.comparisons if one.figure.note]
    notes += evaluation.missing
    return "\n\n".join([*parts, *(["\n".join(notes)] if notes else [])])


def judged_by(evaluation: TranslationEvaluation) -> str:
    """The data, how many held-out pictures, how."""
    how = evaluation.task or ("pairs" if evaluation.paired else "unpaired")
    return f"{evaluation.data} ({how}): {evaluation.samples:,} held-out pictures, seed {evaluation.seed}"


def _rows(comparison: Comparison) -> list[tuple[str, ...]]:
    figure = comparison.figure
    counts = f"{figure.samples:,}"
    rows: list[tuple[str, ...]] = [
        (
            figure.name,
            "the file",
            number(figure.value),
            _interval(figure.low, figure.high),
            "",
            number(figure.real, ""),
            BETTER[figure.better],
            counts,
            figure.network,
        )
    ]
    rows += [
        ("", one.name, number(one.value), _interval(one.low, one.high), MARKS[one.verdict], "", "", "", "")
        for one in comparison.beside
        if figure.value is not None
    ]
    return rows


def _interval(low: float | None, high: float | None) -> str:
    return "" if low is None else f"{number(low)} to {number(high)}"


def _styles(evaluation: TranslationEvaluation) -> list[str]:
    if not evaluation.styles:
        return []
    names = [one.name for one in evaluation.styles]
    rows: list[tuple[str, ...]] = [("style", *names, "nearest", "source", "real", "made", "held-out")]
    rows += [
        (
            one.name,
            *(number(one.distances[name]) for name in names),
            one.nearest or "-",
            number(one.untranslated),
            number(one.real),
            f"{one.samples:,}",
            f"{one.reference_samples:,}",
        )
        for one in evaluation.styles
    ]
    return [f"{DISTANCES}:\n{aligned(rows, right=set(range(1, len(rows[0]))) - {len(names) + 1})}"]
