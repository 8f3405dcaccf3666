"""``cganx explore``: labelled sheets of the latent space, and an index that says what each shows."""

from __future__ import annotations

import html
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
import numpy as np

from cganx import runtime
from cganx.errors import CganxError, DataError, LabelError, RequestError
from cganx.latent.points import latent_of
from cganx.latent.sheets import SHEETS, Group, Sheet, View
from cganx_cli.choices import asked_for
from cganx_cli.files import write_whole
from cganx_cli.options import (
    class_option,
    code_option,
    count_option,
    device_option,
    json_option,
    model_argument,
    seeds_of,
    seeds_option,
    truncation_option,
)
from cganx_cli.png import Provenance, write_png
from cganx_cli.progress import progress_bar, stage_shown
from cganx_cli.seeds import Seeds, parse_seeds

__all__ = ["explore"]

MOST_SEEDS = 40  # columns of a sheet
MOST_GROUP = 10_000


@dataclass(frozen=True)
class _Left:
    """A sheet that this generator has not, and why."""

    name: str
    reason: str


@click.command()
@model_argument
@click.option("-o", "--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="The folder to fill.")
@click.option(
    "--sheet",
    "sheets",
    multiple=True,
    type=click.Choice(list(SHEETS)),
    help="A sheet to make; repeat it for more. All that this generator has by default.",
)
@class_option
@code_option
@seeds_option(None, "Seeds, inclusive ranges: columns of sheets, and points to start from; 0-9 by default.")
@count_option
@click.option(
    "--group",
    "groups",
    multiple=True,
    metavar="NAME=0-8,20",
    help="Seeds for averages and arithmetic; repeat it for more. The brightest and the darkest of 256 by default.",
)
@click.option(
    "--picture",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A picture whose nearest one is searched for. Of another size, its middle is taken and resized.",
)
@truncation_option
@device_option
@click.option("--scale", type=click.IntRange(min=1), metavar="N", help="Enlarge pictures N times; small ones are by default.")
@json_option("Print what was written, left out and found as JSON.")
def explore(
    model: str,
    out: Path,
    sheets: tuple[str, ...],
    classes: tuple[str, ...],
    codes: tuple[str, ...],
    seeds: Seeds | None,
    count: int | None,
    groups: tuple[str, ...],
    picture: Path | None,
    truncation: float | None,
    device: str,
    scale: int | None,
    as_json: bool,
) -> None:
    """Show the latent space of MODEL, a generator's file or a bundled name, on sheets in OUT with an index.html.

    Sheets of one class show the first that --class names. Sheets that are there are replaced.
    """
    seeds = seeds_of(seeds, count, "0-9")
    if not 2 <= seeds.count <= MOST_SEEDS:
        raise click.UsageError(f"sheets are of 2 to {MOST_SEEDS} seeds, not {seeds.count}")
    if "picture" in sheets and picture is None:
        raise click.UsageError("the sheet picture is of a given one: say --picture FILE")
    grouped = [_group(text, number) for number, text in enumerate(groups)]
    generator = runtime.load(model, device)
    latent_of(generator.card)  # it raises where there is none, before anything is written
    chosen, coded = asked_for(generator.card, classes, codes)
    view = View(
        generator,
        [(one.text, one.label) for one in chosen],
        list(seeds),
        None if coded is None else coded.array.astype(np.float32),
        grouped,
        None if picture is None else _read(picture, generator.picture_shape),
        truncation=truncation,
    )
    view.points(view.seeds)  # a truncation that this latent does not take is said before anything is written
    wanted = sheets or [name for name in SHEETS if name != "picture" or picture is not None]
    said = None if coded is None else coded.text
    provenance = Provenance(generator.card.name, generator.sha256, truncation=truncation, code=said)
    made: list[Sheet] = []
    left: list[_Left] = []
    with progress_bar(len(wanted), "sheet") as bar:
        view = replace(view, progress=stage_shown(bar))
        for name in wanted:
            try:
                one = SHEETS[name](view)
            except (RequestError, LabelError) as error:
                if sheets:
                    raise
                left.append(_Left(name, str(error)))
            else:
                write_png(out / f"{name}.png", one.image(scale), provenance)
                made.append(one)
            if bar is not None:
                bar.update()
    _write_found(out, made)
    write_whole(out / "index.html", lambda file: file.write(_index(generator, made, left).encode()))
    _say(out, made, left, as_json)


def _group(text: str, number: int) -> Group:
    name, _, seeds = text.rpartition("=")
    try:
        each = parse_seeds(seeds)
        if each.count > MOST_GROUP:
            raise RequestError(f"a group has at most {MOST_GROUP:,} seeds, not {each.count:,}")
    except CganxError as error:
        raise click.BadParameter(str(error), param_hint="--group") from None
    return Group(name or f"group {number + 1}", tuple(each))


def _read(path: Path, shape: tuple[int, int, int]) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """The picture as the generator makes them, with a sentence where its size was another."""
    from cganx.data.picture import Unusable, decode, header, pillow
    from cganx.data.sources import Form

    height, width, channels = shape
    try:
        with pillow():
            found = header(path)
            pixels = decode(path, Form(height, width, channels, "crop"))
    except Unusable as error:
        raise DataError(f"{path} cannot be used: {error}") from None
    if (found.height, found.width) != (height, width):
        click.echo(
            f"{path.name} is {found.width} x {found.height} pixels: its middle, resized to {width} x {height}, is "
            "searched for.",
            err=True,
        )
    return pixels


def _write_found(out: Path, made: list[Sheet]) -> None:
    """The points behind the sheet of the nearest picture, for ``generate(latents=...)``."""
    for one in made:
        if one.found:
            points = [
                {
                    "label": found.text,
                    "distance": round(found.distance, 6),
                    "latent": found.latent.tolist(),
                    **({} if found.codes is None else {"codes": found.codes.tolist()}),
                }
                for found in one.found
            ]
            text = json.dumps(points, ensure_ascii=False)
            write_whole(out / f"{one.name}.json", lambda file, text=text: file.write(text.encode()))  # type: ignore[misc]


def _say(out: Path, made: list[Sheet], left: list[_Left], as_json: bool) -> None:
    found = [one for sheet in made for one in sheet.found]
    if as_json:
        summary = {
            "out": str(out),
            "sheets": {one.name: one.caption for one in made},
            "left_out": {one.name: one.reason for one in left},
            "nearest": [{"label": one.text, "distance": round(one.distance, 6)} for one in found],
        }
        click.echo(json.dumps(summary, ensure_ascii=False))
        return
    for one in left:
        click.echo(f"No sheet {one.name}: {one.reason}", err=True)
    if found:
        click.echo(
            f"The nearest picture is {found[0].distance:.4f} away" + (f": {found[0].text}" if found[0].text else ""), err=True
        )


def _index(generator: runtime.Generator, made: list[Sheet], left: list[_Left]) -> str:
    """A page without network access: each sheet under its title with what it shows."""
    parts = [
        f"<section><h2>{html.escape(one.title)}</h2><p>{html.escape(one.caption)}</p>"
        f'<a href="{one.name}.png"><img src="{one.name}.png" alt="{html.escape(one.title)}"></a></section>'
        for one in made
    ]
    if left:
        items = "".join(f"<li>{html.escape(one.name)}: {html.escape(one.reason)}</li>" for one in left)
        parts.append(f"<section><h2>Left out</h2><ul>{items}</ul></section>")
    name = html.escape(generator.card.name)
    return PAGE.format(name=name, sha256=generator.sha256, sections="\n".join(parts))


PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{name}: latent space</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem }}
body {{ color: #222; background: #fff }}
h1, h2 {{ line-height: 1.2 }} section {{ margin-top: 2.5rem }} img {{ max-width: 100%; height: auto }} p {{ max-width: 46rem }}
code {{ overflow-wrap: anywhere }}
</style></head><body>
<h1>{name}: latent space</h1><p>Model <code>{sha256}</code></p>
{sections}
</body></html>
"""
