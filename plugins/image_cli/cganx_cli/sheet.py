"""``cganx grid``: one labelled sheet, a row a class, a column a seed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click
import numpy as np

from cganx import runtime
from cganx.grid import sheet
from cganx_cli.choices import Choice, choices, codes_of
from cganx_cli.options import class_option, code_option, device_option, model_argument, seeds_option, truncation_option
from cganx_cli.png import Provenance, write_png
from cganx_cli.seeds import Seeds

__all__ = ["grid"]

MOST_PICTURES = 20_000


@click.command()
@model_argument
@class_option
@code_option
@seeds_option("0-9", "Seeds, inclusive ranges, one column each; 0-9 by default.")
@click.option(
    "-o", "--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="The PNG to write; replaced if there."
)
@device_option
@truncation_option
@click.option("--scale", type=click.IntRange(min=1), metavar="N", help="Enlarge pictures N times; small ones are by default.")
def grid(
    model: str,
    classes: tuple[str, ...],
    codes: tuple[str, ...],
    seeds: Seeds,
    out: Path,
    device: str,
    truncation: float | None,
    scale: int | None,
) -> None:
    """Make one sheet with MODEL, a generator's file or a bundled name: a row a class, a column a seed."""
    generator = runtime.load(model, device)
    chosen, coded = choices(generator.card, classes), codes_of(generator.card, codes)
    code = None if coded is None else coded.array
    if len(chosen) * seeds.count > MOST_PICTURES:
        raise click.UsageError(
            f"{len(chosen)} rows of {seeds.count} pictures are more than the {MOST_PICTURES} of one sheet: "
            "name fewer classes or seeds, or use cganx generate"
        )
    columns = list(seeds)
    pictures = generator.stream(((one.label, seed) for one in chosen for seed in columns), codes=code, truncation=truncation)
    rows = [(_head(one), np.stack([next(pictures).pixels for _ in columns])) for one in chosen]
    image = sheet(rows, scale=scale, columns=[str(seed) for seed in columns])
    said = None if coded is None else coded.text
    write_png(out, image, Provenance(generator.card.name, generator.sha256, truncation=truncation, code=said))


def _head(choice: Choice) -> str:
    """A row's name: that of a class, or a blend with a space where the line may break and without the weight of what is on."""
    if not isinstance(choice.label, Mapping):
        return choice.text
    return ", ".join(part.removesuffix("=1") for part in choice.text.split(","))
