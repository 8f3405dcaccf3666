"""``cganx generate``: pictures by the one or by the hundred million, as files, data sets or shards."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TextIO, TypeVar

import click

from cganx import runtime
from cganx.errors import CganxError, RequestError
from cganx_cli.choices import asked_for
from cganx_cli.fill_folder import QUALITY, fill_folder
from cganx_cli.fill_shards import fill_shards
from cganx_cli.formats import format_of
from cganx_cli.layouts import FREE, LAYOUTS, Layout
from cganx_cli.loading import Loading
from cganx_cli.options import (
    class_option,
    code_option,
    device_option,
    json_option,
    model_argument,
    seeds_option,
    truncation_option,
)
from cganx_cli.pictures import FILTERS
from cganx_cli.pipeline import pixels_of
from cganx_cli.requests import Naming, Plan, Product, Rows, Table, Unread
from cganx_cli.seeds import Seeds, drawn_seeds, parse_seeds
from cganx_cli.settings import Settings
from cganx_cli.shards import SHARDS
from cganx_cli.sinks import sink_of
from cganx_cli.templates import Template

__all__ = ["generate"]

MOST_PICTURES = 10**12
MOST_SIDE = 16_384
STDIN = "-"
T = TypeVar("T")


def _size(context: click.Context, parameter: click.Parameter, text: str | None) -> tuple[int, int] | None:
    match = re.fullmatch(r"([0-9]{1,5})(?:x([0-9]{1,5}))?", text or "")
    if text is None:
        return None
    size = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
    if not all(1 <= side <= MOST_SIDE for side in size):
        raise click.BadParameter(f"{text!r} is no size; write N or HEIGHTxWIDTH, at most {MOST_SIDE}", context, parameter)
    return size


def _shard_numbers(context: click.Context, parameter: click.Parameter, text: str | None) -> Seeds | None:
    try:
        return None if text is None else parse_seeds(text)
    except CganxError:
        raise click.BadParameter(f"{text!r} names no shards; write them as 0-3,7", context, parameter) from None


@click.command()
@model_argument
@class_option
@code_option
@seeds_option(None, "Seeds, inclusive ranges; every class goes with every seed. One is drawn and named by default.")
@click.option("--count", type=click.IntRange(1, MOST_PICTURES), metavar="N", help="Draw N seeds in a row, and name them.")
@click.option(
    "--requests",
    "requests",
    metavar="FILE|-",
    help="CSV (label,seed,codes,truncation) or JSON lines of the same, a row a picture; - reads them from stdin as they come.",
)
@click.option(
    "-o", "--out", required=True, metavar="FOLDER|URL", help="The folder to fill, or s3://bucket/folder and the like."
)
@click.option("--name", metavar="TEMPLATE", help="Names by {class}, {seed}, {index}, {model}; the suffix says the format.")
@click.option("--layout", type=click.Choice(list(LAYOUTS)), help="Fill the folder as a data set of this kind.")
@click.option(
    "--format",
    "format_",
    type=click.Choice(["files", *SHARDS]),
    help="A file a picture, or many in one: tars of WebDataset, or Parquet. webdataset where --shards is given, else files.",
)
@click.option("--shards", type=click.IntRange(1, 99_999), metavar="N", help="Cut the seeds into N files; 1 by default.")
@click.option("--shard", callback=_shard_numbers, metavar="0-3,7", help="Make these of the N shards alone: a machine its own.")
@device_option
@click.option(
    "--threads", type=click.IntRange(1, 1024), metavar="N", help="Of the session on the CPU; all by default, on Ray 1."
)
@click.option("--spin", is_flag=True, help="Its threads wait awake, for a machine that does nothing else.")
@click.option("--precise", is_flag=True, help="CUDA: no TF32.")
@click.option("--cuda-graphs", is_flag=True, help="CUDA: capture a run and replay it.")
@click.option("--cuda-batch", type=click.IntRange(1, 4096), default=64, show_default=True, help="CUDA: pictures of every run.")
@truncation_option
@click.option(
    "--mirror", type=click.Choice(["none", "random"]), default="none", show_default=True, help="By the seed's own bit."
)
@click.option("--resize", "size", callback=_size, metavar="N|HxW", help="Resize the pictures.")
@click.option(
    "--filter",
    "filter_",
    type=click.Choice(FILTERS),
    default="lanczos",
    show_default=True,
    help="What resizes; nearest keeps pixels.",
)
@click.option("--quality", type=click.IntRange(1, 100), metavar="Q", help=f"Of JPEG, WebP and AVIF; {QUALITY} by default.")
@click.option(
    "--existing",
    type=click.Choice(["error", "skip", "overwrite"]),
    default="error",
    show_default=True,
    help="What to do where a file is already there; skip keeps those that are whole and the same, and goes on.",
)
@click.option(
    "--batch-size",
    type=click.IntRange(1, 4096),
    show_default="64, or fewer of large pictures",
    help="Pictures in one run.",
)
@click.option(
    "--encoders",
    type=click.IntRange(1, 256),
    metavar="N",
    help="Threads that encode and write; two a processor by default, 16 for a URL.",
)
@click.option(
    "--patience",
    type=click.FloatRange(0, 86_400),
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="How long a server that does not answer is asked again.",
)
@click.option(
    "--engine",
    type=click.Choice(["local", "ray"]),
    default="local",
    show_default=True,
    help="Where shards are made: here, or by the workers of a Ray cluster.",
)
@click.option("--address", metavar="HOST:PORT", help="Of the Ray cluster; RAY_ADDRESS, else one of this machine, by default.")
@click.option("--workers", type=click.IntRange(1, 100_000), metavar="N", help="Of Ray; as many as leave a CPU free by default.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
@json_option("Print a summary as JSON.")
def generate(
    model: str,
    classes: tuple[str, ...],
    codes: tuple[str, ...],
    seeds: Seeds | None,
    count: int | None,
    requests: str | None,
    out: str,
    name: str | None,
    layout: str | None,
    format_: str | None,
    shards: int | None,
    shard: Seeds | None,
    device: str,
    threads: int | None,
    spin: bool,
    precise: bool,
    cuda_graphs: bool,
    cuda_batch: int,
    truncation: float | None,
    mirror: str,
    size: tuple[int, int] | None,
    filter_: str,
    quality: int | None,
    existing: str,
    batch_size: int | None,
    encoders: int | None,
    patience: float,
    engine: str,
    address: str | None,
    workers: int | None,
    quiet: bool,
    as_json: bool,
) -> None:
    """Make pictures with MODEL, a generator's file or a bundled name, as OUT/{class}/{seed}.png.

    The same model, class and seed make the same picture. Each file names all three. Files appear whole or not at all: the same
    command with --existing skip goes on where it was interrupted, and ends with the same bytes.
    """
    started, hired = time.perf_counter(), None
    format_ = format_ or ("files" if shards is None and shard is None else "webdataset")
    _check_combination(
        {
            "--class": bool(classes),
            "--seeds": seeds is not None,
            "--count": count is not None,
            "--requests": requests is not None,
            "stdin": requests == STDIN,
            "--name": name is not None,
            "--layout": layout is not None,
            "index": layout not in (None, "imagefolder"),
            "--quality": quality is not None,
            "--shards": shards is not None,
            "--shard": shard is not None,
            "bulk": format_ != "files",
            "ray": engine == "ray",
            "--address": address is not None or workers is not None,
            "cuda:N": device.startswith("cuda:"),
        }
    )
    needed = SHARDS[format_].package if format_ in SHARDS else None
    if needed is not None and find_spec(needed) is None:
        raise click.ClickException(f'--format {format_} needs {needed}, which is not installed: pip install "cganx[bulk]"')
    if engine == "ray" and find_spec("ray") is None:
        raise click.ClickException('--engine ray needs ray, which is not installed: pip install "cganx[ray]"')
    place = LAYOUTS[layout] if layout else FREE
    template = _as_usage(lambda: _template(place, name, quality)) if format_ == "files" else None
    loading = Loading(device, threads, spin, precise, cuda_graphs, cuda_batch)
    if engine == "ray":
        # What is asked for is checked on this machine's CPU. auto would make the bytes rest on who came to make which shard.
        loading = replace(loading, device="cpu" if device == "auto" else device)
        generator = runtime.load(model, "cpu")
    else:
        generator = loading.load(model)
    batch_size = batch_size or (loading.cuda_batch if loading.device.startswith("cuda") else generator.batch_size)
    settings = Settings(existing, shards, shard, mirror == "random", size, filter_, quality, batch_size, encoders, quiet)
    naming = None if template is None else Naming.of(template, generator.card)
    chosen, coded = asked_for(generator.card, classes, codes)
    plan: Plan | Unread
    drawn = False
    rows = Rows(generator.card, coded, truncation)
    if requests == STDIN:
        assert naming is not None
        plan = Unread(rows, _stdin(), naming, existing)
    elif requests is not None:
        plan = Table.read(rows, Path(requests), naming)
    else:
        drawn = seeds is None
        seeds = drawn_seeds(count or 1) if seeds is None else seeds
        product = Product(chosen, seeds, coded, truncation)
        _as_usage(lambda: _check_product(product, naming))
        plan = product
    sink = sink_of(out, patience)
    sink.reach()
    ran = {"name": str(generator.device), "reason": generator.device.reason}
    with _going_on(seeds if drawn else None, count, quiet=quiet):
        if isinstance(plan, Unread):
            assert naming is not None
            done = fill_folder(generator, plan, naming, place, sink, settings)
        else:
            pixels_of(generator, [next(iter(plan))])  # what the generator does not take is said before anything is there
            if drawn and not quiet:
                click.echo(f"Seed {seeds}, drawn; --seeds {seeds} makes the same again.", err=True)
            if engine == "ray":
                from cganx_cli.on_ray import Cluster, Work, fill_shards_on_ray

                data = Path(runtime.find(model)).read_bytes()
                work = Work.of(data, loading, plan, SHARDS[format_], out, patience, settings)
                done, hired, ran["name"] = fill_shards_on_ray(generator, work, Cluster(address, workers))
            elif naming is None:
                done = fill_shards(generator, plan, SHARDS[format_], sink, settings)
            else:
                done = _as_usage(lambda: fill_folder(generator, plan, naming, place, sink, settings))
    if as_json:
        summary = {
            "model": generator.card.name,
            "sha256": generator.sha256,
            "device": ran,
            "out": out,
            "seeds": None if seeds is None else str(seeds),
            "written": done.written,
            "skipped": done.skipped,
            "mended": done.mended,
            "seconds": round(time.perf_counter() - started, 3),
        }
        click.echo(json.dumps(summary if hired is None else summary | {"workers": hired}, ensure_ascii=False))


@contextmanager
def _going_on(drawn: Seeds | None, count: int | None, *, quiet: bool) -> Iterator[None]:
    """Around the work: who interrupts it hears how to go on."""
    try:
        yield
    except click.Abort:
        seeds = "" if drawn is None else f"--seeds {drawn} (for --count) " if count else f"--seeds {drawn} "
        if not quiet:
            click.echo(f"Stopped; the same command with {seeds}--existing skip goes on.", err=True)
        raise


def _check_combination(given: Mapping[str, bool]) -> None:
    """Options that say two things. Raises click.UsageError."""
    seeds, requests, bulk = given["--seeds"], given["--requests"], given["bulk"]
    chosen = given["--class"] or seeds or given["--count"]
    refused = {
        "--seeds and --count both say which seeds: give one of them": seeds and given["--count"],
        "--requests has a label and a seed in each row: leave --class, --seeds and --count out": requests and chosen,
        "shards have names of their own and hold PNGs: leave --name, --layout and --quality out": bulk
        and (given["--name"] or given["--layout"] or given["--quality"]),
        "--shards and --shard are for --format webdataset and parquet": not bulk and (given["--shards"] or given["--shard"]),
        "--shard makes some of the N shards that --shards N names: give both": given["--shard"] and not given["--shards"],
        "--shard needs --seeds or --requests, the same on every machine": given["--shard"] and not (seeds or requests),
        "--engine ray makes shards, not a file a picture: give --shards N, or --format parquet": given["ray"] and not bulk,
        "--address and --workers belong to --engine ray": given["--address"] and not given["ray"],
        "Ray says which GPU a worker has: say --device cuda": given["ray"] and given["cuda:N"],
        "requests from stdin have no end that is known: write them to a file for shards, or for a layout with an index": given[
            "stdin"
        ]
        and (bulk or given["index"]),
    }
    for sentence, wrong in refused.items():
        if wrong:
            raise click.UsageError(sentence)


def _template(layout: Layout, name: str | None, quality: int | None) -> Template:
    """Raises RequestError."""
    template = layout.template_of(name)
    if quality is not None and not format_of(template.suffix).lossy:
        raise RequestError(f"--quality is for JPEG, WebP and AVIF, and the names end in {template.suffix}")
    format_of(template.suffix)
    return template


def _check_product(product: Product, naming: Naming | None) -> None:
    """Raises RequestError."""
    if product.count > MOST_PICTURES:
        raise RequestError(f"{product.count:,} pictures are more than any disk holds: name fewer seeds")
    if naming is not None:
        product.check(naming)


def _as_usage(call: Callable[[], T]) -> T:
    """Call, and say what a request is refused for as a wrong use of the command."""
    try:
        return call()
    except RequestError as error:
        raise click.UsageError(str(error)) from None


def _stdin() -> TextIO:
    """stdin through a descriptor of its own: a thread may still wait for a line of it when the process ends."""
    return os.fdopen(os.dup(sys.stdin.fileno()), encoding="utf-8-sig", newline="")
