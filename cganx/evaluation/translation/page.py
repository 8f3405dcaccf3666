"""The report of an image-to-image evaluation: one HTML file with held-out examples and every figure beside the baselines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

from cganx.card import GeneratorCard
from cganx.evaluation.report.page import card_section, document, require_pillow
from cganx.evaluation.report.pictures import embedded
from cganx.evaluation.table import BETTER, number
from cganx.evaluation.translation.figures import Comparison, TranslationEvaluation
from cganx.evaluation.translation.table import DISTANCES, MARKS, judged_by
from cganx.grid import sheet

__all__ = ["translation_page"]

EXAMPLES, WORST = 12, 4
SHOWN = 128  # pixels of a side, about: smaller pictures are enlarged by a whole factor


def translation_page(evaluation: TranslationEvaluation, card: GeneratorCard) -> str:
    """The whole page as HTML text. Raises BackendMissing without Pillow, which draws its pictures."""
    require_pillow()
    body = [
        *_head(evaluation),
        *_shortcomings(evaluation),
        *_examples(evaluation),
        *_figures(evaluation),
        *_styles(evaluation),
        *card_section(card),
    ]
    return document(f"{evaluation.model} judged by {evaluation.data}", body)


def _head(evaluation: TranslationEvaluation) -> Iterable[str]:
    yield f"<h1>{escape(evaluation.model)}</h1>"
    yield f'<p class="sub">judged by <b>{escape(judged_by(evaluation))}</b><br>File <code>{evaluation.sha256}</code></p>'


def _shortcomings(evaluation: TranslationEvaluation) -> Iterable[str]:
    rivals = sum(beside.verdict is not None for one in evaluation.comparisons for beside in one.beside)
    said = evaluation.shortcomings
    yield f"<section><h2>{'Where it falls short' if said else 'Baselines'}</h2>"
    if said:
        yield "<ul>" + "".join(f"<li>{escape(one)}</li>" for one in said) + "</ul>"
    else:
        yield f"<p>It beats its baselines in each of {rivals} comparisons.</p>"
    yield "</section>"


def _examples(evaluation: TranslationEvaluation) -> Iterable[str]:
    examples = evaluation.examples
    count = len(examples.columns["source"])
    some = np.arange(min(count, EXAMPLES)) * count // min(count, EXAMPLES)
    yield "<section><h2>Held-out examples</h2>"
    yield _sheet(evaluation, some, "At even steps through the held-out pictures, not chosen.")
    if len(examples.worst) > WORST:
        yield _sheet(evaluation, examples.worst[:WORST], "The worst by peak signal-to-noise ratio.")
    yield "</section>"


def _sheet(evaluation: TranslationEvaluation, places: NDArray[np.int64], caption: str) -> str:
    columns = evaluation.examples.columns
    channels = max(pictures.shape[3] for pictures in columns.values())
    rows = [("", np.stack([_coloured(pictures[place], channels) for pictures in columns.values()])) for place in places]
    side = max(columns["source"].shape[1:3])
    return embedded(sheet(rows, scale=max(SHOWN // side, 1), columns=list(columns)), caption)


def _coloured(picture: NDArray[np.uint8], channels: int) -> NDArray[np.uint8]:
    return picture if picture.shape[2] == channels else np.repeat(picture, channels, axis=2)


def _figures(evaluation: TranslationEvaluation) -> Iterable[str]:
    yield "<section><h2>Figures</h2>"
    yield (
        "<p>Below the file's figure are those of baselines on the same held-out pictures. The interval says how far a figure "
        "would move with other pictures, 95 % of the time. <b>Real</b> is that of training targets: what a perfect generator "
        "would reach. Features are EfficientNet-Lite0's: no figure compares with a published LPIPS, FID or KID.</p>"
    )
    yield '<table><tr><th>Figure</th><th>Of</th><th class="n">Value</th><th class="n">95 % interval</th><th></th>'
    yield '<th class="n">Real</th><th>Better</th><th class="n">Pictures</th><th>Features</th></tr>'
    for one in evaluation.comparisons:
        yield from _rows(one)
    yield "</table>"
    said = [f"<b>{escape(name)}</b>: {escape(about)}" for name, about in evaluation.baselines.items()]
    said += [escape(one) for one in evaluation.missing]
    yield f'<p class="note">{"<br>".join(said)}</p></section>'


def _rows(comparison: Comparison) -> Iterable[str]:
    figure = comparison.figure
    note = f'<div class="note">{escape(figure.note)}</div>' if figure.note else ""
    yield f'<tr><td>{escape(figure.title)} <code class="dim">{escape(figure.name)}</code>{note}</td><td>the file</td>'
    yield f'<td class="n v">{number(figure.value)}</td>{_interval(figure.low, figure.high)}<td></td>'
    yield f'<td class="n r">{number(figure.real, "")}</td><td class="dim">{BETTER[figure.better]}</td>'
    yield f'<td class="n dim">{figure.samples:,}</td><td class="dim">{escape(figure.network)}</td></tr>'
    for one in comparison.beside if figure.value is not None else ():
        yield f'<tr><td></td><td class="dim">{escape(one.name)}</td><td class="n">{number(one.value)}</td>'
        yield f'{_interval(one.low, one.high)}<td class="n r">{MARKS[one.verdict]}</td><td colspan="4"></td></tr>'


def _interval(low: float | None, high: float | None) -> str:
    return f'<td class="n">{"" if low is None else f"{number(low)} to {number(high)}"}</td>'


def _styles(evaluation: TranslationEvaluation) -> Iterable[str]:
    if not evaluation.styles:
        return
    names = [one.name for one in evaluation.styles]
    yield f"<section><h2>Styles</h2><p>{escape(DISTANCES.capitalize())}. Source: that of untranslated pictures.</p>"
    yield f"<table><tr><th>Asked for</th>{_cells(names, 'th')}<th>Nearest</th>{_cells(('Source', 'Real'), 'th')}</tr>"
    for one in evaluation.styles:
        distances = "".join(
            f'<td class="n{" v" if name == one.nearest else ""}">{number(one.distances[name])}</td>' for name in names
        )
        yield f"<tr><td>{escape(one.name)}</td>{distances}<td>{escape(one.nearest or '-')}</td>"
        yield f"{_cells((number(one.untranslated), number(one.real)), 'td')}</tr>"
    yield "</table></section>"


def _cells(texts: Sequence[str], kind: str) -> str:
    return "".join(f'<{kind} class="n">{escape(text)}</{kind}>' for text in texts)
