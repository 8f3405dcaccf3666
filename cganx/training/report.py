"""``report.html``: what a run has come to, as one page that opens anywhere; its pictures are those in ``samples/``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from cganx.training.chart import chart
from cganx.training.checkpoint import write_whole
from cganx.training.directory import read_stats
from cganx.training.health import FAILURE, RESTARTED, Finding, remedies
from cganx.training.run import Run

__all__ = ["REPORT", "write_report"]

REPORT = "report.html"
MOST_GRIDS = 12
HELD_OUT = {
    "psnr": "PSNR of held-out pictures, dB",
    "ssim": "SSIM of held-out pictures",
    "distance": "distance of held-out pictures in feature maps",
    "kernel": "kernel distance to held-out pictures",
    "round_trip": "PSNR there and back, dB",
}
"""What image-to-image is judged by, and the chart's title."""

STYLE = """
:root { color-scheme: light dark }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1180px; margin: 2em auto; padding: 0 1em }
h1 { font-size: 1.5em; margin-bottom: 0 } h2 { font-size: 1.1em; margin-top: 2em }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(460px, 1fr)); gap: 1em }
svg { width: 100%; background: #fff; color: #222; border: 1px solid #ddd }
svg text { font: 11px system-ui, sans-serif; fill: #222 }
.grid { stroke: #e4e4e4 }
.failing { border-left: 5px solid #d55e00; padding: .2em 1em; background: #d55e0018 }
.well { border-left: 5px solid #009e73; padding: .2em 1em; background: #009e7318 }
figure { margin: 0 } figcaption { font-size: .85em }
.latest img { max-width: 100%; image-rendering: pixelated }
.strip { display: grid; grid-template-columns: repeat(auto-fill, minmax(250px, 1fr)); gap: 1em } .strip img { width: 100% }
table { border-collapse: collapse } td, th { text-align: left; padding: .1em 1em .1em 0; vertical-align: top }
code { background: #8883; padding: 0 .3em }
"""


def write_report(run: Run) -> Path:
    """Write the run's ``report.html`` from its config, stats.jsonl and sample grids; returns its path.

    Raises TrainingError where it cannot be written.
    """
    lines = read_stats(run.path)
    findings = [Finding(line[FAILURE], line["step"], line["evidence"]) for line in lines if FAILURE in line]
    grids = sorted((run.path / "samples").glob("step-*.png"))
    body = [
        *_head(run, lines),
        *_health(run, lines, findings),
        *_latest(grids),
        "<h2>Over time</h2>",
        '<div class="charts">',
        *_charts(lines),
        "</div>",
        *_strip(grids),
        *_settings(run),
    ]
    page = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<title>{escape(run.path.resolve().name)} - cganx</title>
<style>{STYLE}</style></head>
<body>
{chr(10).join(body)}
</body></html>
"""
    path = run.path / REPORT
    write_whole(path, page.encode())
    return path


def _head(run: Run, lines: Sequence[Mapping[str, Any]]) -> Iterable[str]:
    config = run.config
    yield f"<h1>{escape(run.path.resolve().name)}</h1>"
    size = f"{config.height} x {config.width}, {'grey' if config.channels == 1 else 'colour'}"
    yield (
        f"<p>preset <b>{escape(config.preset)}</b> on <b>{escape(config.data)}</b>: {config.pictures:,} pictures, {size}, "
        f"{len(config.classes) or 'no'} classes"
    )
    if lines:
        yield f"<br>step {lines[-1]['step']:,} after {lines[-1].get('seconds', 0) / 60:,.1f} minutes"
    yield "</p>"


def _health(run: Run, lines: Sequence[Mapping[str, Any]], findings: Sequence[Finding]) -> Iterable[str]:
    yield "<h2>Health</h2>"
    for finding in findings:
        tries = "".join(f"<li><code>{escape(one)}</code></li>" for one in remedies(finding.name, run.preset.settings))
        yield f'<div class="failing"><b>{escape(finding.name)}</b>, seen at step {finding.step:,}: {escape(finding.evidence)}.'
        yield f"<br>In a new run, try one of: <ul>{tries}</ul></div>"
    if not findings:
        checked = sum("variety" in line for line in lines)
        yield f'<p class="well">No failure is seen, after {checked} checkup{"" if checked == 1 else "s"}.</p>'


def _latest(grids: Sequence[Path]) -> Iterable[str]:
    if grids:
        yield f"<h2>Made at step {_step(grids[-1]):,}</h2>"
        yield f'<figure class="latest"><img src="samples/{grids[-1].name}" alt=""></figure>'


def _charts(lines: Sequence[Mapping[str, Any]]) -> Iterable[str]:
    known = {"accuracy", "agreement", "frechet", "frechet_floors", "variety", "nearest", "duplicates", "sensitivity"}
    known |= {
        "step",
        "seconds",
        "images_per_second",
        "separation",
        "score_spread",
        "augmentation",
        RESTARTED,
        FAILURE,
        "evidence",
    }
    known |= {"reach_low", "reach_high", "real_low", "real_high", "change", "test_accuracy"}
    known |= {*HELD_OUT}
    losses = dict.fromkeys(name for line in lines for name in line if name not in known)

    def of(*names: str) -> dict[str, list[tuple[float, float]]]:
        numbers = (int, float)
        return {name: [(line["step"], line[name]) for line in lines if isinstance(line.get(name), numbers)] for name in names}

    yield chart("losses", of(*losses))
    yield chart("how often the discriminator is right", of("accuracy", "separation"), low=0.5, high=1.0)
    yield chart("label agreement", of("agreement"), low=0.0, high=1.0)
    yield chart("Frechet distance, in real-against-real floors", of("frechet_floors"), low=0.0)
    for name, title in HELD_OUT.items():
        yield chart(title, of(name))
    yield chart("how much pictures differ, real ones being 1", of("variety", "nearest", "duplicates"), low=0.0, high=1.0)
    yield chart("images a second", of("images_per_second"), low=0.0)


def _strip(grids: Sequence[Path]) -> Iterable[str]:
    if len(grids) < 2:
        return
    count = min(MOST_GRIDS, len(grids))
    chosen = [grids[round(index * (len(grids) - 1) / (count - 1))] for index in range(count)]
    yield '<h2>The same latents at earlier steps</h2><div class="strip">'
    for path in chosen:
        link = f"samples/{path.name}"
        yield f'<figure><a href="{link}"><img src="{link}" loading="lazy" alt=""></a>'
        yield f"<figcaption>step {_step(path):,}</figcaption></figure>"
    yield "</div>"


def _settings(run: Run) -> Iterable[str]:
    yield "<h2>Settings</h2><table>"
    for name, value in {"seed": run.config.seed, **run.config.settings}.items():
        yield f"<tr><td>{escape(name)}</td><td>{escape(str(value))}</td></tr>"
    yield "</table>"


def _step(path: Path) -> int:
    return int(path.stem.removeprefix("step-"))
