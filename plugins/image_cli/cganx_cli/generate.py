"""``cganx generate``: one PNG for each class and seed."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from PIL import Image

from cganx import runtime
from cganx_cli.choices import Choice, choices, codes_of
from cganx_cli.options import (
    class_option,
    code_option,
    device_option,
    json_option,
    model_argument,
    seeds_option,
    truncation_option,
)
from cganx_cli.png import Provenance, write_png
from cganx_cli.progress import progress_bar
from cganx_cli.seeds import Seeds, drawn_seed

__all__ = ["generate"]


@dataclass(frozen=True)
class _Job:
    choice: Choice
    seed: int
    path: Path


@click.command()
@model_argument
@class_option
@code_option
@seeds_option(None, "Seeds, inclusive ranges; every class goes with every seed. One is drawn and named by default.")
@click.option("-o", "--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="The folder to fill.")
@device_option
@truncation_option
@click.option(
    "--existing",
    type=click.Choice(["error", "skip", "overwrite"]),
    default="error",
    show_default=True,
    help="What to do where a picture's file is already there.",
)
@click.option("--batch-size", type=click.IntRange(1, 4096), default=64, show_default=True, help="Pictures in one run.")
@json_option("Print a summary as JSON.")
def generate(
    model: str,
    classes: tuple[str, ...],
    codes: tuple[str, ...],
    seeds: Seeds | None,
    out: Path,
    device: str,
    truncation: float | None,
    existing: str,
    batch_size: int,
    as_json: bool,
) -> None:
    """Make pictures with MODEL, a generator's file or a bundled name, as OUT/{class}/{seed}.png.

    The same model, class and seed make the same picture. Each PNG names all three in its text. Files appear whole or
    not at all: an interrupted command goes on with --existing skip.
    """
    started = time.perf_counter()
    generator = runtime.load(model, device)
    chosen, coded = choices(generator.card, classes), codes_of(generator.card, codes)
    code = None if coded is None else coded.array
    if seeds is None:
        seeds = drawn_seed()
        click.echo(f"Seed {next(iter(seeds))}, drawn; --seeds {next(iter(seeds))} makes the same again.", err=True)
    if existing == "error" and (first := _first_existing(out, chosen, seeds)) is not None:
        raise click.ClickException(f"{first} is already there, nothing was written: say --existing skip or overwrite")

    jobs, ahead = itertools.tee(_jobs(chosen, seeds, out, skip=existing == "skip"))
    pictures = generator.stream(((job.choice.label, job.seed) for job in ahead), batch_size, codes=code, truncation=truncation)
    written, total = 0, len(chosen) * seeds.count
    with progress_bar(total, "picture") as bar:
        for job, picture in zip(jobs, pictures, strict=True):
            said = None if coded is None else coded.text
            provenance = Provenance(generator.card.name, generator.sha256, picture.label, picture.seed, truncation, said)
            write_png(job.path, _image(picture.pixels), provenance)
            written += 1
            if bar is not None:
                bar.update()
    if as_json:
        summary = {
            "model": generator.card.name,
            "sha256": generator.sha256,
            "device": {"name": str(generator.device), "reason": generator.device.reason},
            "out": str(out),
            "written": written,
            "skipped": total - written,
            "seconds": round(time.perf_counter() - started, 3),
        }
        click.echo(json.dumps(summary, ensure_ascii=False))


def _jobs(chosen: Iterable[Choice], seeds: Seeds, out: Path, *, skip: bool) -> Iterator[_Job]:
    for choice in chosen:
        for seed in seeds:
            job = _Job(choice, seed, out / choice.folder / f"{seed}.png")
            if not (skip and job.path.exists()):
                yield job


def _first_existing(out: Path, chosen: Iterable[Choice], seeds: Seeds) -> Path | None:
    """A file that would be written over. Folders are listed, so that a billion seeds are checked as quickly as one."""
    for choice in chosen:
        folder = out / choice.folder
        if not folder.is_dir():
            continue
        for path in folder.iterdir():
            stem = path.stem
            plain = stem.isascii() and stem.isdecimal() and str(int(stem[:20])) == stem
            if path.suffix.lower() == ".png" and plain and int(stem) in seeds:
                return path
    return None


def _image(pixels: Any) -> Image.Image:
    return Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
