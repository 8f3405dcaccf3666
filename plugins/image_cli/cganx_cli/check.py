"""``cganx check``: whether a generator's file is sound."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import click

from cganx import checking
from cganx_cli.options import device_option, json_option, model_argument

__all__ = ["check"]


@click.command()
@model_argument
@device_option
@json_option("Print the findings as JSON, with figures for every label.")
@click.pass_context
def check(context: click.Context, model: str, device: str, as_json: bool) -> None:
    """Check MODEL, a generator's file or a bundled name: what it holds first, then what it makes.

    The runtime's reader, its hash, card and licences, ONNX's own checker where onnx is installed, then pictures: whether they
    are the same in any batch, finite at extreme latents, and different from label to label and seed to seed. The exit code
    is 1 where a check fails.
    """
    report = checking.check(model, device)
    click.echo(json.dumps(_as_json(report), ensure_ascii=False) if as_json else _as_text(report))
    if not report.passed:
        context.exit(1)


def _as_json(report: checking.Check) -> dict[str, Any]:
    return {
        "model": report.model,
        "name": None if report.card is None else report.card.name,
        "sha256": report.sha256,
        "bytes": report.bytes,
        "device": report.device,
        "passed": report.passed,
        "checks": [asdict(one) for one in report.findings],
        "labels": [asdict(one) for one in report.labels],
    }


def _as_text(report: checking.Check) -> str:
    name, verdict = (max(len(getattr(one, column)) for one in report.findings) for column in ("name", "verdict"))
    rows = [f"{one.name:<{name}}  {one.verdict:<{verdict}}  {one.said}" for one in report.findings]
    counts = {ending: sum(one.verdict == ending for one in report.findings) for ending in ("failed", "skipped", "passed")}
    summary = ", ".join(f"{count} {ending}" for ending, count in counts.items() if count)
    return "\n".join([*rows, f"{report.model}: {report.bytes:,} bytes, {summary}"])
