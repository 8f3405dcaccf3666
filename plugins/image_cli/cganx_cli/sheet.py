"""``cganx grid``: one labelled sheet, a row a class, a column a seed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import click
import numpy as np
from PIL import Image

from cganx import runtime
from cganx.errors import RequestError
from cganx.grid import sheet, svg_sheet
from cganx_cli.choices import Choice, asked_for
from cganx_cli.files import write_whole
from cganx_cli.options import (
    class_option,
    code_option,
    count_option,
    device_option,
    model_argument,
    seeds_of,
    seeds_option,
    truncation_option,
)
from cganx_cli.png import Provenance, write_png
from cganx_cli.seeds import Seeds

__all__ = ["grid"]

MOST_PICTURES = 20_000
LONGEST_WEBP = 16_383  # pixels a side, by its format
IMAGE_DESCRIPTION = 270


@dataclass(frozen=True)
class _Sheet:
    """What a sheet is made from, as :func:`cganx.grid.sheet` takes it."""

    rows: Sequence[tuple[str, np.ndarray[Any, np.dtype[np.uint8]]]]
    columns: tuple[str, ...]
    scale: int | None


def _write_png(path: Path, what: _Sheet, provenance: Provenance) -> None:
    write_png(path, sheet(what.rows, scale=what.scale, columns=what.columns), provenance)


def _write_webp(path: Path, what: _Sheet, provenance: Provenance) -> None:
    image = sheet(what.rows, scale=what.scale, columns=what.columns)
    if max(image.size) > LONGEST_WEBP:
        raise RequestError(
            f"the sheet is {image.width:,} x {image.height:,}, and WebP ends at {LONGEST_WEBP:,}: take .png or .svg"
        )
    exif = Image.Exif()
    exif[IMAGE_DESCRIPTION] = "; ".join(f"{key}={text}" for key, text in provenance.texts())
    write_whole(path, lambda file: image.save(file, format="WEBP", lossless=True, exif=exif))


def _write_svg(path: Path, what: _Sheet, provenance: Provenance) -> None:
    text = svg_sheet(what.rows, scale=what.scale, columns=what.columns, about=dict(provenance.texts()))
    write_whole(path, lambda file: file.write(text.encode()))


WRITERS: Mapping[str, Callable[[Path, _Sheet, Provenance], None]] = MappingProxyType(
    {".png": _write_png, ".webp": _write_webp, ".svg": _write_svg}
)


@click.command()
@model_argument
@class_option
@code_option
@seeds_option(None, "Seeds, inclusive ranges, one column each; 0-9 by default.")
@count_option
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="The file to write, by its ending .png, .webp (lossless) or .svg; replaced if there.",
)
@device_option
@truncation_option
@click.option("--scale", type=click.IntRange(min=1), metavar="N", help="Enlarge pictures N times; small ones are by default.")
def grid(
    model: str,
    classes: tuple[str, ...],
    codes: tuple[str, ...],
    seeds: Seeds | None,
    count: int | None,
    out: Path,
    device: str,
    truncation: float | None,
    scale: int | None,
) -> None:
    """Make one sheet with MODEL, a generator's file or a bundled name: a row a class, a column a seed.

    Down a column the latent is the same. A sheet holds up to 20,000 pictures; .svg has each of them inside as it is, to be
    shown at any size.
    """
    write = WRITERS.get(out.suffix.lower())
    if write is None:
        raise click.UsageError(f"{out} is none of the sheets that are written: {', '.join(WRITERS)}")
    seeds = seeds_of(seeds, count, "0-9")
    generator = runtime.load(model, device)
    chosen, coded = asked_for(generator.card, classes, codes)
    code = None if coded is None else coded.array
    if len(chosen) * seeds.count > MOST_PICTURES:
        raise click.UsageError(
            f"{len(chosen)} rows of {seeds.count} pictures are more than the {MOST_PICTURES} of one sheet: "
            "name fewer classes or seeds, or use cganx generate"
        )
    columns = list(seeds)
    pictures = generator.stream(((one.label, seed) for one in chosen for seed in columns), codes=code, truncation=truncation)
    rows = [(_head(one), np.stack([next(pictures).pixels for _ in columns])) for one in chosen]
    said = None if coded is None else coded.text
    provenance = Provenance(generator.card.name, generator.sha256, truncation=truncation, code=said)
    write(out, _Sheet(rows, tuple(str(seed) for seed in columns), scale), provenance)


def _head(choice: Choice) -> str:
    """A row's name: that of a class, or a blend with a space where the line may break and without the weight of what is on."""
    if not isinstance(choice.label, Mapping):
        return choice.text
    return ", ".join(part.removesuffix("=1") for part in choice.text.split(","))
