"""The page: what was judged, every figure beside what it must be read with, the pictures, and the card."""

from __future__ import annotations

import json
from collections.abc import Iterable
from html import escape

import numpy as np

from cganx.card import GeneratorCard
from cganx.errors import BackendMissing
from cganx.evaluation.figures import Evaluation, Figure
from cganx.evaluation.metrics.spectrum import spectrum
from cganx.evaluation.report.charts import bars, confusion, curves
from cganx.evaluation.report.pictures import alike_pairs, by_class, nearest_pairs, shares_seen
from cganx.evaluation.table import BETTER, number

__all__ = ["card_section", "document", "page", "require_pillow"]

STYLE = """
:root { color-scheme: light }
* { box-sizing: border-box }
body { font: 15px/1.55 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; color: #1d2b36; background: #f4f6f8;
  margin: 0 }
main { max-width: 1240px; margin: 0 auto; padding: 2.2em 1.4em 4em }
h1 { font-size: 1.9em; margin: 0; letter-spacing: -.01em } h2 { font-size: 1.2em; margin: 0 0 .7em }
.sub { color: #54626d; margin: .3em 0 1.6em } .sub b { color: #1d2b36; font-weight: 600 }
section { background: #fff; border: 1px solid #dfe5ea; border-radius: 10px; padding: 1.3em 1.5em; margin-bottom: 1.3em }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(220px, 1fr)); gap: 1.1em; margin-bottom: 1.3em }
.tile { background: #fff; border: 1px solid #dfe5ea; border-radius: 10px; padding: 1em 1.2em }
.tile .big { font-size: 2em; font-weight: 650; line-height: 1.15; letter-spacing: -.02em }
.tile .what { color: #54626d } .tile .real { color: #b0384a }
table { border-collapse: collapse; width: 100%; font-size: .93em }
th { text-align: left; color: #54626d; font-weight: 600; border-bottom: 2px solid #dfe5ea; padding: .35em .8em .35em 0 }
td { padding: .42em .8em .42em 0; border-bottom: 1px solid #edf1f4; vertical-align: top }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
td.v { font-weight: 650 } td.r { color: #b0384a } .dim { color: #6a7883 } .note { color: #6a7883; font-size: .88em }
code, pre { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: .86em }
pre { background: #f4f6f8; border-radius: 6px; padding: 1em; overflow: auto; max-height: 34em; margin: 0 }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(430px, 1fr)); gap: 1.4em; align-items: start }
td code { white-space: nowrap } section > figure + figure { margin-top: 1.2em }
figure { margin: 0; overflow-x: auto } figcaption { color: #54626d; font-size: .9em; margin-top: .4em }
img { max-width: 100%; height: auto }
svg { display: block; width: 100%; height: auto; max-width: 760px; margin-bottom: 1em }
svg text { font: 11px system-ui, "DejaVu Sans", sans-serif }
.key i { display: inline-block; width: .8em; height: .8em; border-radius: 2px; margin-right: .4em; vertical-align: -1px }
.key span { margin-right: 1.4em }
p { max-width: 62em; margin: .4em 0 .9em }
@media print { body { background: #fff } section { break-inside: avoid } }
"""

KEY = (
    '<p class="key"><span><i style="background:#2a6f97"></i>made pictures</span>'
    '<span><i style="background:#d1495b"></i>real pictures</span></p>'
)
TILES = ("label-agreement", "frechet-distance", "gan-train", "coverage")


FEWEST_PIXELS = 4  # of a side with a spectrum


def page(evaluation: Evaluation, card: GeneratorCard) -> str:
    """The whole page as HTML text. Raises BackendMissing without Pillow, which draws its pictures."""
    require_pillow()
    body = [
        *_head(evaluation, card),
        *_tiles(evaluation),
        *_pictures(evaluation),
        *_table(evaluation),
        *_classes(evaluation),
        *_spectrum(evaluation),
        *_alike(evaluation),
        *_nearest(evaluation),
        *card_section(card),
    ]
    return document(f"{evaluation.model} judged by {evaluation.data}", body)


def require_pillow() -> None:
    """Raise BackendMissing without Pillow."""
    try:
        import PIL  # noqa: F401
    except ImportError:
        raise BackendMissing('the report\'s pictures need Pillow, which is not installed: pip install "cganx[cli]"') from None


def document(title: str, body: Iterable[str]) -> str:
    """A whole page with the report's looks."""
    lines = "\n".join(body)
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)} - cganx</title>
<style>{STYLE}</style></head>
<body><main>
{lines}
</main></body></html>
"""


def _head(evaluation: Evaluation, card: GeneratorCard) -> Iterable[str]:
    image, judge = card.image, evaluation.judge
    yield f"<h1>{escape(evaluation.model)}</h1>"
    colour = "grey" if image.channels == 1 else "colour"
    yield (
        f'<p class="sub">{image.width} x {image.height}, {colour}, {len(card.classes) or "no"} classes; '
        f"judged by <b>{escape(evaluation.data)}</b> with <b>{evaluation.samples:,}</b> pictures, seed {evaluation.seed}, "
        f"without truncation.<br>The judge is a classifier of the real training pictures, right on "
        f"<b>{judge.accuracy:.4f}</b> of {judge.pictures:,} real test pictures "
        f"(<code>{escape(judge.name)}</code>).<br>File <code>{evaluation.sha256}</code>"
    )
    if evaluation.left_out:
        names = ", ".join(escape(name) for name in evaluation.left_out)
        yield f"<br>Left out, for only the generator or the data has them: {names}"
    yield "</p>"


def _tiles(evaluation: Evaluation) -> Iterable[str]:
    figures = {figure.name: figure for figure in evaluation.figures if figure.value is not None}
    yield '<div class="tiles">'
    for figure in (figures[name] for name in TILES if name in figures):
        real = "" if figure.real is None else f'<div class="real">real pictures: {number(figure.real)}</div>'
        yield f'<div class="tile"><div class="what">{escape(figure.title)}</div>'
        yield f'<div class="big">{number(figure.value)}</div>{real}</div>'
    yield "</div>"


def _pictures(evaluation: Evaluation) -> Iterable[str]:
    evidence = evaluation.evidence
    yield '<section><h2>Pictures</h2><div class="pair">'
    yield by_class(evidence.made, evaluation.classes, "Made: at even steps through all, not chosen.")
    yield by_class(evidence.test, evaluation.classes, "Real: at even steps through the test pictures.")
    yield "</div></section>"


def _table(evaluation: Evaluation) -> Iterable[str]:
    yield "<section><h2>Figures</h2>"
    yield (
        "<p>No figure stands alone. <b>Real</b> is the same figure of so many real pictures in place of the made ones: what a "
        "perfect generator would reach. The interval says how far the figure would move if other pictures were made, 95 % of "
        "the time. These features are not Inception's, so no figure compares with a published FID or KID.</p>"
    )
    yield '<table><tr><th>Figure</th><th class="n">Value</th><th class="n">95 % interval</th><th class="n">Real</th>'
    yield '<th class="n">Of</th><th>Better</th><th class="n">Made</th><th class="n">Real pictures</th></tr>'
    networks: dict[str, None] = {}
    for figure in evaluation.figures:
        networks.setdefault(figure.features)
        mark = list(networks).index(figure.features) + 1
        yield from _row(figure, mark)
    yield "</table>"
    notes = "<br>".join(f"<sup>{mark}</sup> {escape(said)}" for mark, said in enumerate(networks, 1))
    yield f'<p class="note">Features: {notes}</p></section>'


def _row(figure: Figure, mark: int) -> Iterable[str]:
    note = f'<div class="note">{escape(figure.note)}</div>' if figure.note else ""
    span = "" if figure.low is None else f"{number(figure.low)} to {number(figure.high)}"
    real = f"{figure.reference_samples:,} {figure.reference}" if figure.reference_samples else ""
    yield f'<tr><td>{escape(figure.title)} <sup class="dim">{mark}</sup>'
    yield f' <code class="dim">{escape(figure.name)}</code>{note}</td>'
    yield f'<td class="n v">{number(figure.value)}</td><td class="n">{span}</td>'
    of = "" if figure.real is None else f"{figure.real_samples:,}"
    yield f'<td class="n r">{number(figure.real, "")}</td><td class="n dim">{of}</td>'
    yield f'<td class="dim">{BETTER[figure.better]}</td>'
    yield f'<td class="n dim">{figure.samples:,}</td><td class="n dim">{real}</td></tr>'


def _classes(evaluation: Evaluation) -> Iterable[str]:
    if not evaluation.by_class or evaluation.confusion is None:
        return
    names = [one.name for one in evaluation.by_class]
    real = [float(share) for share in shares_seen(evaluation.evidence.test, len(names))]
    distances, floors = ([one.distance for one in evaluation.by_class], [one.real_distance for one in evaluation.by_class])
    yield f'<section><h2>Class by class</h2><div class="pair"><div>{KEY}'
    agreements = [one.agreement for one in evaluation.by_class]
    yield bars("Share in which the judge sees the class that was asked for", names, agreements, real, 1.0)
    yield bars("Frechet distance to the real pictures of the class", names, distances, floors, None)
    yield "</div><div><p>A row for each class that was asked for, a column for each that the judge saw; percent of the row.</p>"
    yield confusion(names, evaluation.confusion)
    yield "</div></div></section>"


def _spectrum(evaluation: Evaluation) -> Iterable[str]:
    if min(evaluation.evidence.made.pixels.shape[1:3]) < FEWEST_PIXELS:
        return
    made, real = (10 * np.log10(one.once(spectrum)) for one in (evaluation.evidence.mixed, evaluation.evidence.test))
    yield "<section><h2>Coarse and fine structure</h2>"
    yield (
        "<p>The power at each spatial frequency. Made pictures below the real ones at the right are blurred, above them noisy "
        "or full of patterns; the figure <code>spectrum-distance</code> is the mean of the difference.</p>"
    )
    yield KEY
    frequencies = range(1, len(made) + 1)
    yield curves("Power in decibels", "periods across the shorter side", frequencies, made.tolist(), real.tolist())
    yield "</section>"


def _alike(evaluation: Evaluation) -> Iterable[str]:
    made = evaluation.evidence.mixed
    if len(made) < 2:
        return
    yield "<section><h2>Made pictures that are most alike</h2>"
    yield (
        "<p>Are they the same picture? Where pairs are, a class has few different ones: the figure "
        "<code>birthday-support</code> counts such pairs.</p>"
    )
    yield alike_pairs(made)
    yield "</section>"


def _nearest(evaluation: Evaluation) -> Iterable[str]:
    yield "<section><h2>Nearest training pictures</h2>"
    yield (
        "<p>Are any of them copies? The made pictures that come nearest to one that was trained on. Real test pictures have "
        "near ones too: compare the figures <code>memorisation-distance</code> and <code>authenticity</code>.</p>"
    )
    yield from nearest_pairs(evaluation.evidence)
    yield "</section>"


def card_section(card: GeneratorCard) -> Iterable[str]:
    """The card's own text."""
    text = json.dumps(json.loads(card.to_json()), indent=2, ensure_ascii=False)
    yield f"<section><h2>The file's card</h2><pre>{escape(text)}</pre></section>"
