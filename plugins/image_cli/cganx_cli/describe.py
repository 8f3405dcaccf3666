"""``cganx inspect``: what a generator holds. No session is built, so onnxruntime is not needed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from cganx import runtime
from cganx.card import CARD_KEY, GeneratorCard, Source
from cganx.runtime.model import parse
from cganx_cli.files import write_whole
from cganx_cli.options import json_option, model_argument

__all__ = ["described", "inspect", "sayable", "table"]


@click.command()
@model_argument
@json_option("Print the card as JSON, as it stands in the file.")
@click.option("--sidecar", is_flag=True, help="Also write the card to MODEL.json, for hosts that cannot read metadata.")
def inspect(model: str, as_json: bool, sidecar: bool) -> None:
    """Show what MODEL holds, a generator's file or a bundled name, after all checks that loading it would make."""
    path = runtime.find(model)
    file = runtime.read(path)
    text = parse(memoryview(file.data)).metadata[CARD_KEY]
    if sidecar:
        write_whole(Path(f"{path}.json"), lambda out: out.write(text.encode()))
    if as_json:
        click.echo(text)
        return
    click.echo(table(described(file)))


def described(file: runtime.ModelFile) -> dict[str, str]:
    """What a file holds, as rows of :func:`table`."""
    card = file.card
    rows = {
        "name": card.name,
        "kind": card.kind,
        "classes": ", ".join(f"{number} {name}" for number, name in enumerate(card.classes)) or "none",
        "picture": f"{card.image.width} x {card.image.height}, {card.image.channels} channels, {card.image.color_space}",
    }
    if card.source is not None:
        rows["source"] = _source(card.source)
    if card.latent is not None:
        rows["latent"] = f"{card.latent.size}, {card.latent.distribution}"
    if card.label is not None:
        rows["label input"] = card.label.input
    if card.codes:
        rows["codes"] = ", ".join(card.codes)
    rows["tensors in"] = ", ".join(_tensor(name, shape) for name, shape in file.inputs.items())
    rows["tensors out"] = ", ".join(_tensor(name, _open(name, shape, card)) for name, shape in file.outputs.items())
    for name in ("method", "training", "metrics", "parity", "licences"):
        rows |= _flat(name, getattr(card, name))
    rows["size"] = f"{len(file.data):,} bytes"
    rows["sha256"] = file.sha256
    return rows


def _source(source: Source) -> str:
    size = "any size" if source.height is None else f"{source.width} x {source.height}"
    seen = "the whole picture" if source.context is None else f"{source.context} pixels around a place"
    padded = "" if source.multiple == 1 else f", padded to multiples of {source.multiple}"
    scaled = "" if source.scale == 1 else f", made {source.scale} times as large"
    return f"{size}, {source.channels} channels{padded}{scaled}; a result depends on {seen}"


def _open(name: str, shape: tuple[object, ...], card: GeneratorCard) -> tuple[object, ...]:
    """An output's shape, by the source's names where its size is open: the reader has it at one size alone."""
    if card.source is None or card.source.height is not None:
        return shape
    times = "" if card.source.scale == 1 else f"*{card.source.scale}"
    sides, channels = (f"height{times}", f"width{times}"), card.image.channels
    return (*sides, channels) if name == "pixels" else (channels, *sides)


def _tensor(name: str, shape: tuple[object, ...]) -> str:
    return f"{name} [{', '.join(str(size) for size in ('batch', *shape))}]"


def _flat(name: str, part: Mapping[str, Any]) -> dict[str, str]:
    """Nested objects as rows: ``training.steps``."""
    rows: dict[str, str] = {}
    for key, value in part.items():
        if isinstance(value, Mapping):
            rows |= _flat(f"{name}.{key}", value)
        else:
            rows[f"{name}.{key}"] = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return rows


def table(rows: Mapping[str, str]) -> str:
    """Names and what they are, in two columns."""
    width = max(len(name) for name in rows)
    return "\n".join(sayable(f"{name:<{width}}  {value}") for name, value in rows.items())


def sayable(line: str) -> str:
    """A line that may hold anything that a file says, without what a terminal would obey."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in line)
