"""``cganx walk``: an animation on a way through the latent space."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import click
import numpy as np

from cganx import latent, runtime
from cganx.errors import CganxError, RequestError
from cganx.latent import Movie, Screen, Stop, Walk
from cganx.latent.movies import MOST_FPS, require_writable
from cganx_cli.choices import Choice, asked_for
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
from cganx_cli.png import Provenance
from cganx_cli.progress import progress_bar
from cganx_cli.seeds import Seeds, parse_seeds

__all__ = ["walk"]

MOST_TILES = 400
MOST_STOPS = 10_000


@dataclass(frozen=True)
class _Request:
    """What the ways of a walk are made from. points: float32 [seeds, latent]. codes: [codes], None for 0."""

    generator: runtime.Generator
    chosen: tuple[Choice, ...]
    points: Any
    codes: Any
    directions: tuple[int, ...]
    reach: float

    @property
    def labels(self) -> list[Any]:
        return [one.label for one in self.chosen]


@dataclass(frozen=True)
class _Through:
    """A kind of walk: its stops, seeds where none are given, whether seeds and classes are tiles, and a way that it wants."""

    stops: Callable[[_Request], list[Stop]]
    seeds: str = "0"
    seeds_are_tiles: bool = True
    classes_are_tiles: bool = True
    straight: bool = False


def _seeds(request: _Request) -> list[Stop]:
    return latent.through_latents(request.generator, request.points, request.labels, codes=request.codes)


def _classes(request: _Request) -> list[Stop]:
    return latent.through_classes(request.generator, request.points, request.labels, codes=request.codes)


def _directions(request: _Request) -> list[Stop]:
    found = latent.principal_directions(request.generator, count=max(request.directions), labels=request.labels)
    vectors = found.vectors[[number - 1 for number in request.directions]]
    return latent.along_directions(
        request.generator, request.points, vectors, request.labels, reach=request.reach, codes=request.codes
    )


def _truncation(request: _Request) -> list[Stop]:
    return latent.through_truncation(request.generator, request.points, request.labels, codes=request.codes)


def _codes(request: _Request) -> list[Stop]:
    return latent.through_codes(request.generator, request.points, request.labels, codes=request.codes)


THROUGH: Mapping[str, _Through] = MappingProxyType(
    {
        "seeds": _Through(_seeds, "0-5", seeds_are_tiles=False),
        "classes": _Through(_classes, classes_are_tiles=False),
        "directions": _Through(_directions, straight=True),
        "truncation": _Through(_truncation, straight=True),
        "codes": _Through(_codes),
    }
)


def _numbers(context: click.Context, parameter: click.Parameter, text: str) -> tuple[int, ...]:
    try:
        found = parse_seeds(text)
    except CganxError:
        raise click.BadParameter(f"{text!r} is not written as 1-3,5", context, parameter) from None
    if 0 in found or found.count > MOST_TILES:
        raise click.BadParameter("directions are counted from 1", context, parameter)
    return tuple(found)


@click.command()
@model_argument
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="The file to write, by its ending .gif, .apng, .png, .webp or .mp4; without one a folder of PNG files.",
)
@click.option(
    "--through",
    type=click.Choice(list(THROUGH)),
    default="seeds",
    show_default=True,
    help="What the walk passes; what else is named lies side by side in each frame.",
)
@class_option
@code_option
@seeds_option(None, "Seeds, inclusive ranges. 0-5 by default for a walk through seeds, else 0.")
@count_option
@click.option("--frames", type=click.IntRange(1, 100_000), default=24, show_default=True, help="From each stop to the next.")
@click.option("--fps", type=click.IntRange(1, MOST_FPS), default=24, show_default=True, help="Frames a second.")
@click.option("--loop/--once", default=True, show_default=True, help="Lead back to the first stop and repeat for ever, or end.")
@click.option(
    "--direction",
    "directions",
    callback=_numbers,
    default="1-3",
    show_default=True,
    metavar="1-3,5",
    help="Principal directions, the strongest is 1.",
)
@click.option(
    "--reach",
    type=click.FloatRange(0, 100, min_open=True),
    default=3.0,
    show_default=True,
    help="How far along a direction.",
)
@device_option
@truncation_option
@click.option(
    "--columns", type=click.IntRange(1, MOST_TILES), metavar="N", help="Tiles side by side. Nearly a square by default."
)
@click.option("--scale", type=click.IntRange(min=1), metavar="N", help="Enlarge pictures N times; small ones are by default.")
def walk(
    model: str,
    out: Path,
    through: str,
    classes: tuple[str, ...],
    codes: tuple[str, ...],
    seeds: Seeds | None,
    count: int | None,
    frames: int,
    fps: int,
    loop: bool,
    directions: tuple[int, ...],
    reach: float,
    device: str,
    truncation: float | None,
    columns: int | None,
    scale: int | None,
) -> None:
    """Make an animation with MODEL, a generator's file or a bundled name, on a way through its latent space.

    Through seeds each class is a tile, and the others show what changes with the seed alone; through classes each seed is a
    tile. A file that is there is replaced.
    """
    try:
        require_writable(out, fps)
    except RequestError as error:
        raise click.UsageError(str(error)) from None
    kind = THROUGH[through]
    numbers = seeds_of(seeds, count, kind.seeds)
    generator = runtime.load(model, device)
    chosen, coded = asked_for(generator.card, classes, codes)
    _require_measure(kind, numbers, chosen)
    points = latent.of_seeds(generator, numbers, truncation=truncation)
    request = _Request(generator, chosen, points, None if coded is None else coded.array, directions, reach)
    way = latent.lerp if kind.straight else None
    route = latent.walk(generator, kind.stops(request), frames=frames, loop=loop, way=way)
    screen = Screen.of(route.tiles, generator.picture_shape, columns=columns, scale=scale)
    provenance = Provenance(
        generator.card.name, generator.sha256, truncation=truncation, code=None if coded is None else coded.text
    )
    try:
        latent.write_movie(out, Movie(_shown(route, screen), len(route), fps, loop, dict(provenance.texts())))
    except OSError as error:
        raise click.ClickException(f"cannot write {out}: {error.strerror or error}") from None


def _require_measure(kind: _Through, seeds: Seeds, chosen: tuple[Choice, ...]) -> None:
    tiles = (seeds.count if kind.seeds_are_tiles else 1) * (len(chosen) if kind.classes_are_tiles else 1)
    if tiles > MOST_TILES:
        raise click.UsageError(f"a frame of {tiles:,} tiles is more than {MOST_TILES}: name fewer classes or seeds")
    if seeds.count > MOST_STOPS:
        raise click.UsageError(f"a walk passes at most {MOST_STOPS:,} seeds, not {seeds.count:,}")


def _shown(route: Walk, screen: Screen) -> Iterator[np.ndarray[Any, np.dtype[np.uint8]]]:
    with progress_bar(len(route), "frame") as bar:
        for tiles in route:
            yield screen.frame(tiles)
            if bar is not None:
                bar.update()
