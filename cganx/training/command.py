"""The commands `cganx train` and `cganx presets`."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, Literal, get_args

import click

from cganx.data import TASKS
from cganx.data.told import told_data
from cganx.training import loop
from cganx.training.cluster import train_on_ray
from cganx.training.devices import PRECISIONS, is_main
from cganx.training.estimate import estimate
from cganx.training.failing import OnFailure
from cganx.training.preset import Preset
from cganx.training.presets import DEFAULT, PRESETS, find_preset
from cganx.training.run import open_run
from cganx.training.settings import describe, parse
from cganx.training.status import StatusLine

__all__ = ["presets", "train"]


class Size(click.ParamType[tuple[int, int]]):
    """``N`` for a square, or ``HEIGHTxWIDTH``."""

    name = "N|HxW"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        """(height, width) in pixels."""
        height, x, width = str(value).lower().partition("x")
        try:
            return int(height), int(width if x else height)
        except ValueError:
            self.fail(f"{value!r} is no size; write N for a square, or HEIGHTxWIDTH such as 64x48", param, ctx)


@click.command("train", short_help="Train a generator on labelled pictures, or resume a run.")
@click.option("--data", help="A named set, a folder with a subfolder a class, IDX files, an .npz or a CSV.")
@click.option("--pairs", metavar="A B|BOTH", help="Image-to-image: sources and their targets, by name; or pictures of both.")
@click.option("--unpaired", metavar="A B", help="Image-to-image: sources, and what they should be like.")
@click.argument("beside", nargs=-1, metavar="")
@click.option("--source", "side", type=click.Choice(["left", "right"]), help="Where the source is in pictures of both. [left]")
@click.option("--task", type=click.Choice(TASKS), help="Image-to-image: make the sources of --data.")
@click.option("--preset", default=DEFAULT, show_default=True, help="The recipe; `cganx presets` lists them.")
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), default=loop.DEFAULT_OUT, show_default=True, help="The run's directory."
)
@click.option("--steps", type=click.IntRange(min=1), help="Train up to this step. [default: the preset's]")
@click.option(
    "--time-budget",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="Wall time of the command, data and last checkpoint included, summed over resumes.",
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**64 - 1),
    default=0,
    show_default=True,
    help="Of weights, latents, labels and the pictures' order.",
)
@click.option("--device", default="auto", show_default=True, metavar="auto|cpu|cuda[:N]|mps", help="Where to compute.")
@click.option(
    "--on-failure",
    type=click.Choice(get_args(OnFailure)),
    default="warn",
    show_default=True,
    help="When the health monitor names a failure: go on, stop, or go back to the best checkpoint at half the rates.",
)
@click.option(
    "--engine",
    type=click.Choice(["local", "ray"]),
    default="local",
    show_default=True,
    help="Where its processes run: as they were started, or as workers of a Ray cluster.",
)
@click.option("--workers", type=click.IntRange(min=1), metavar="N", help="Workers of the Ray cluster. [default: 1]")
@click.option(
    "--mixed-precision",
    type=click.Choice(PRECISIONS),
    default="no",
    show_default=True,
    help="What the networks compute in; fp16 needs CUDA.",
)
@click.option(
    "--batch-size", type=click.IntRange(min=1), help="Pictures a step, of all processes together. [default: the preset's]"
)
@click.option("--set", "assignments", multiple=True, metavar="KEY=VALUE", help="Change a setting of the preset; repeatable.")
@click.option("--init-from", type=click.Path(path_type=Path), metavar="RUN", help="Start a new run from that run's weights.")
@click.option("--image-size", type=Size(), help="[default: the preset's, else the data's commonest size up to 64, else 64]")
@click.option("--channels", type=click.Choice(["1", "3"]), help="Grey or colour. [default: as the data]")
@click.option(
    "--fit",
    type=click.Choice(["crop", "pad"]),
    default="crop",
    show_default=True,
    help="How pictures of another shape are fitted.",
)
@click.option("--labels-per-class", type=click.IntRange(min=1), metavar="N", help="Keep only so many labels a class.")
@click.option("--skip-unreadable", is_flag=True, help="Go on without pictures that cannot be read.")
@click.option("--dry-run", is_flag=True, help="Say as JSON what the run would be and take, by three real steps; keep nothing.")
def train(
    *,
    data: str | None,
    pairs: str | None,
    unpaired: str | None,
    beside: tuple[str, ...],
    side: Literal["left", "right"] | None,
    task: str | None,
    preset: str,
    out: Path,
    steps: int | None,
    time_budget: float | None,
    seed: int,
    device: str,
    on_failure: OnFailure,
    engine: str,
    workers: int | None,
    mixed_precision: str,
    batch_size: int | None,
    assignments: tuple[str, ...],
    init_from: Path | None,
    image_size: tuple[int, int] | None,
    channels: str | None,
    fit: str,
    labels_per_class: int | None,
    skip_unreadable: bool,
    dry_run: bool,
) -> None:
    """Train a generator on labelled pictures, or on two sides of pictures.

    The same command with the same --out goes on where it stopped; only --steps, --time-budget and --device may
    differ. Ctrl-C writes a checkpoint first.

    Several processes train one run together, each on its part of every batch:
    torchrun --nproc-per-node 2 -m cganx_cli train ...
    """
    started = _process_started()
    settings = parse(assignments)
    if batch_size is not None and "batch_size" in settings:
        raise click.UsageError("the batch size is given twice, by --batch-size and by --set; give it once")
    if workers is not None and engine == "local":
        raise click.UsageError("--workers belongs to --engine ray; several processes of this machine are started by torchrun")
    arguments: dict[str, Any] = {
        "data": told_data(data, pairs, unpaired, beside, side, task),
        "preset": preset,
        "out": out,
        "steps": steps,
        "time_budget": time_budget,
        "seed": seed,
        "device": device,
        "on_failure": on_failure,
        "mixed_precision": mixed_precision,
        "batch_size": batch_size,
        "settings": settings,
        "init_from": init_from,
        "image_size": image_size,
        "channels": None if channels is None else int(channels),
        "fit": fit,
        "labels_per_class": labels_per_class,
        "skip_unreadable": skip_unreadable,
        "started": started,
    }
    if dry_run:
        replaced = ("out", "steps", "time_budget", "settings", "batch_size", "started")
        trial = partial(loop.train, **{name: value for name, value in arguments.items() if name not in replaced})
        asked = settings if batch_size is None else settings | {"batch_size": str(batch_size)}
        found = estimate(trial, preset, out, steps=steps, time_budget=time_budget, settings=asked, seed=seed)
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    try:
        with StatusLine() as line, _logged(line):
            if engine == "ray":
                train_on_ray(workers or 1, arguments)
            else:
                loop.train(**arguments, progress=line, data_progress=line.stage)
    except KeyboardInterrupt:
        if is_main():
            click.echo(f"Stopped. The same command goes on from here: {out}", err=True)
        sys.exit(130)
    if not is_main():
        return
    run = open_run(out)
    if run.step() == 0:
        raise click.ClickException(
            f"the time budget of {time_budget:g} seconds was spent before the first step; give the same command more"
        )
    best = run.best()
    if best is not None:
        figures = "  ".join(f"{name} {value:.3f}" for name, value in best[1].scalars().items())
        click.echo(f"The best checkpoint is that of step {best[0]:,}: {figures}", err=True)
    click.echo(f"{out} is at step {run.step():,}. Make a file of it: cganx export {out} -o model.onnx", err=True)


@click.command("presets", short_help="The training recipes and their settings.")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def presets(*, names: tuple[str, ...], as_json: bool) -> None:
    """The training recipes, or all that is to say of those NAMEd: sources, how the label enters, settings and ranges."""
    chosen = {name: find_preset(name) for name in names} or PRESETS
    if as_json:
        click.echo(json.dumps([_told(name, preset) for name, preset in chosen.items()], indent=2, ensure_ascii=False))
    elif names:
        for name, preset in chosen.items():
            _show(name, preset)
    else:
        for name, preset in chosen.items():
            click.echo(f"{name:<20} {preset.summary}{' (default)' if name == DEFAULT else ''}")
        click.echo("\nSources and settings of one: cganx presets NAME")


def _told(name: str, preset: Preset[Any]) -> dict[str, Any]:
    return {
        "name": name,
        "default": name == DEFAULT,
        "summary": preset.summary,
        "source": preset.source,
        "generator_label": preset.generator_label,
        "discriminator_label": preset.discriminator_label,
        "loss": preset.game.name,
        "conditional": preset.settings.by_label,
        "finds_classes": not preset.settings.by_label and bool(preset.settings.classes(())),
        "latent": preset.latent,
        "size": preset.fixed_size,
        "departs": preset.departs,
        "steps": preset.steps,
        "settings": describe(preset.settings),
    }


def _show(name: str, preset: Preset[Any]) -> None:
    click.echo(f"{name}{' (default)' if name == DEFAULT else ''}")
    click.echo(f"  {preset.summary}")
    click.echo(f"  after: {preset.source}")
    click.echo(f"  label in G: {preset.generator_label}")
    click.echo(f"  label in D: {preset.discriminator_label}")
    click.echo(f"  loss: {preset.game.name}; latents: {preset.latent}; {preset.steps:,} steps by default")
    if preset.fixed_size is not None:
        click.echo("  makes pictures of {} x {} pixels alone".format(*preset.fixed_size))
    if preset.departs:
        click.echo(f"  not as the original: {preset.departs}")
    for one in describe(preset.settings):
        value = str(one["value"]).lower() if isinstance(one["value"], bool) else f"{one['value']:g}"
        span = f" ({one['low']:g} to {one['high']:g})" if "low" in one else ""
        setting = f"{one['name']}={value}"
        click.echo(f"    --set {setting:<32} {one['about']}{span}")
    click.echo()


class _ToLine(logging.Handler):
    """What is logged, in lines between those of the status."""

    def __init__(self, line: StatusLine) -> None:
        super().__init__()
        self._line = line

    def emit(self, record: logging.LogRecord) -> None:
        """Say it."""
        self._line.note(self.format(record))


@contextlib.contextmanager
def _logged(line: StatusLine) -> Iterator[None]:
    """Show what cganx logs, of several processes once."""
    log, handler = logging.getLogger("cganx"), _ToLine(line)
    before = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO if is_main() else logging.ERROR)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(before)


def _process_started() -> float:
    """`time.monotonic()` when this process began, as Linux tells it; elsewhere now, the imports left out."""
    try:
        fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
        since_boot = int(fields[19]) / os.sysconf("SC_CLK_TCK")
        return time.monotonic() - (time.clock_gettime(time.CLOCK_BOOTTIME) - since_boot)
    except (OSError, AttributeError, ValueError, IndexError):
        return time.monotonic()
