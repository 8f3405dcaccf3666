"""``cganx translate``: people's own pictures into others, by a generator that turns a picture into a picture."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import numpy as np

from cganx import runtime
from cganx.data.picture import Unusable, pillow
from cganx.errors import LabelError, RequestError
from cganx_cli.choices import Chooser
from cganx_cli.describe import sayable
from cganx_cli.fill_folder import QUALITY
from cganx_cli.formats import FORMATS, Format, format_of
from cganx_cli.interrupt import stop_on_interrupt
from cganx_cli.loading import Loading
from cganx_cli.options import complete_class, device_option, json_option, model_argument
from cganx_cli.provenance import Provenance
from cganx_cli.reporter import Reporter
from cganx_cli.seeds import drawn_seed
from cganx_cli.sinks import LocalSink, opened
from cganx_cli.sources import STDIN, Given, given, read_source
from cganx_cli.turning import Turning

__all__ = ["translate"]

UNCOMPARED = frozenset({"cganx.version", "cganx.model"})  # another release makes the same picture; the hash says which model
UNTURNED = (Unusable, RequestError, MemoryError)  # what is one picture's fault


@click.command()
@model_argument
@click.argument("sources", nargs=-1, required=True, metavar="IN...")
@click.option("-o", "--out", required=True, metavar="FOLDER|FILE|-", help="A folder; of one picture also a file, or stdout.")
@click.option(
    "--class",
    "--style",
    "label",
    metavar="NAME",
    shell_complete=complete_class,
    help="Where the generator has styles: one by name or id, or a blend as ink=0.7,wash=0.3.",
)
@click.option("--seed", type=click.IntRange(0, 2**64 - 1), metavar="N", help="Of generators that take noise; drawn by default.")
@click.option(
    "--mask",
    type=click.Path(exists=True, path_type=Path),
    metavar="FILE|FOLDER",
    help="White is filled: one mask for all, or a folder with a mask of each picture's name.",
)
@click.option("--mask-alpha", is_flag=True, help="What is transparent is filled.")
@click.option("--tile", type=click.IntRange(1, 65_536), metavar="N", help="Pixels of a tile's side; see docs/translate.md.")
@click.option(
    "--format",
    "format_",
    metavar="SUFFIX",
    help=f"Of the files: {', '.join(name[1:] for name in FORMATS)}; by default the source's, or png where there is no such.",
)
@click.option("--quality", type=click.IntRange(1, 100), metavar="Q", help=f"Of JPEG, WebP and AVIF; {QUALITY} by default.")
@click.option(
    "--existing",
    type=click.Choice(["error", "skip", "overwrite"]),
    default="error",
    show_default=True,
    help="What to do where a file is already there; skip keeps those that are whole and the same, and goes on.",
)
@device_option
@click.option("--threads", type=click.IntRange(1, 1024), metavar="N", help="Of the session on the CPU; all by default.")
@click.option("--spin", is_flag=True, help="Its threads wait awake, for a machine that does nothing else.")
@click.option("--precise", is_flag=True, help="CUDA: no TF32.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
@json_option("Print a summary as JSON.")
def translate(
    model: str,
    sources: tuple[str, ...],
    out: str,
    label: str | None,
    seed: int | None,
    mask: Path | None,
    mask_alpha: bool,
    tile: int | None,
    format_: str | None,
    quality: int | None,
    existing: str,
    device: str,
    threads: int | None,
    spin: bool,
    precise: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """Turn pictures into pictures with MODEL, a generator of kind image-to-image.

    IN is a file, a folder with all below it, a glob, or - for stdin. Pictures of any size; alpha is kept, EXIF's orientation is
    applied, colours become sRGB. Files appear whole or not at all: the same command with --existing skip goes on where it was
    interrupted. A picture that cannot be read is named, the others go on, and the exit code is 1.
    """
    started = time.perf_counter()
    to_stdout = out == STDIN
    if to_stdout and as_json:
        raise click.UsageError("stdout is the picture's: leave --json out, or give -o a file")
    if list(sources).count(STDIN) > 1:
        raise click.UsageError("stdin holds one picture: give - once")
    pictures, faults = given(sources, [Path(one) for one in (None if to_stdout else out, mask) if one is not None])
    single = len(pictures) == 1 and not faults and not Path(sources[0]).is_dir()
    file = Path(out) if not to_stdout and single and _is_file_name(out) else None
    if to_stdout and not single:
        raise click.UsageError("stdout takes one picture: give one file, or -o a folder")
    try:
        suffixes = [_suffix(one, format_, file) for one in pictures]
        formats = [format_of(suffix) for suffix in suffixes]
    except RequestError as error:
        raise click.UsageError(str(error)) from None
    if quality is not None and formats and not any(one.lossy for one in formats):
        raise click.UsageError("--quality is for JPEG, WebP and AVIF; say --format jpg")
    if existing == "skip" and any(one.texts is None for one in formats):
        raise click.UsageError("--existing skip needs files that say what they are of: .npy and .raw do not")
    names = [file.name] if file is not None else [f"{one.name}{suffix}" for one, suffix in zip(pictures, suffixes, strict=True)]
    _check_names(names, pictures)
    generator = Loading(device, threads, spin, precise).load(model)
    work = _work(generator, label, seed, mask, mask_alpha, tile, quality, quiet)
    sink = None if to_stdout else LocalSink(str(file.parent if file is not None else out))
    if sink is not None:
        sink.reach()
        _check_places(sink, names, pictures)
        taken = next((name for name in names if sink.exists(name)), None) if existing == "error" else None
        if taken is not None:
            raise click.ClickException(
                f"{sink.place(taken)} is already there, nothing was written: say --existing skip or overwrite"
            )
    for fault in faults:
        click.echo(fault, err=True)
    written = skipped = 0
    failed = len(faults)
    rows = list(zip(pictures, names, formats, strict=True))
    with pillow(), stop_on_interrupt() as stop, Reporter(len(rows), "picture", quiet=quiet) as reporter:
        if sink is None:
            _to_stdout(work, pictures[0], formats[0])
            written = 1
        else:
            with opened(sink):
                for ended in _each(work, rows, sink, skips=existing == "skip", new=existing == "error"):
                    written, skipped, failed = written + (ended == 1), skipped + (ended == 0), failed + (ended < 0)
                    reporter.count(int(ended == 1), int(ended != 1))
                    if stop.is_set():
                        raise click.Abort
    if as_json:
        summary = {
            "model": generator.card.name,
            "sha256": generator.sha256,
            "device": {"name": str(generator.device), "reason": generator.device.reason},
            "out": out,
            "seed": work.seed,
            "written": written,
            "skipped": skipped,
            "failed": failed,
            "seconds": round(time.perf_counter() - started, 3),
        }
        click.echo(json.dumps(summary, ensure_ascii=False))
    if failed:
        raise click.ClickException(f"{failed:,} of {len(rows) + len(faults):,} could not be turned; the others are done")


def _each(
    work: Turning, rows: Sequence[tuple[Given, str, Format]], sink: LocalSink, *, skips: bool, new: bool
) -> Iterator[int]:
    """1 for a picture that was written, 0 for one that was there, -1 for one that could not be."""
    for one, name, format_ in rows:
        try:
            data = read_source(one, sys.stdin.buffer)
            provenance, make = work.made(one, data, format_)
            if skips and _is_there(sink, name, format_, provenance):
                yield 0
                continue
            made = make()
        except UNTURNED as error:
            click.echo(sayable(f"{one.called}: ") + _said(error), err=True)
            yield -1
            continue
        sink.write(name, made, new=new)
        yield 1


def _to_stdout(work: Turning, one: Given, format_: Format) -> None:
    """Raises click.ClickException."""
    try:
        made = work.made(one, read_source(one, sys.stdin.buffer), format_)[1]()
    except UNTURNED as error:
        raise click.ClickException(f"{one.called}: {_said(error)}") from None
    sys.stdout.buffer.write(made)
    sys.stdout.buffer.flush()


def _said(error: Exception) -> str:
    """A sentence; the runtime's own names Python's arguments."""
    text = "it does not fit in memory" if isinstance(error, MemoryError) else str(error).partition("\n")[0]
    return sayable(text.replace("say tile=", "say --tile ").replace("or tile=", "or --tile "))


def _is_there(sink: LocalSink, name: str, format_: Format, provenance: Provenance) -> bool:
    """Whether a file is whole and of this picture. Raises click.ClickException for one that is another's."""
    data = sink.read(name)
    if data is None:
        return False
    assert format_.texts is not None
    texts = format_.texts(data)
    wanted = dict(provenance.texts())
    if texts is None and format_.magic.startswith(data[: len(format_.magic)]):
        return False  # a part of a file
    keys = {key for key in {*wanted, *(texts or {})} - UNCOMPARED if key.startswith("cganx.")}
    if texts is None or any(texts.get(key) != wanted.get(key) for key in keys):
        raise click.ClickException(
            f"{sink.place(name)} is there, and of another picture, model or option: "
            "choose another folder, or say --existing overwrite"
        )
    return True


def _work(
    generator: runtime.Generator,
    label: str | None,
    seed: int | None,
    mask: Path | None,
    mask_alpha: bool,
    tile: int | None,
    quality: int | None,
    quiet: bool,
) -> Turning:
    """Raises LabelError and RequestError, before anything is made."""
    card = generator.card
    if card.source is None:
        raise RequestError(f"{card.name} makes pictures from seeds: cganx generate is its command")
    if mask is not None and mask_alpha:
        raise click.UsageError("--mask and --mask-alpha both say what is filled: give one of them")
    if ("mask" in generator.inputs) != (mask is not None or mask_alpha):
        takes = "fills what a mask marks: give --mask or --mask-alpha" if "mask" in generator.inputs else "takes no mask"
        raise click.UsageError(f"{card.name} {takes}")
    if label is None and card.classes:
        raise click.UsageError(
            f"{card.name} has styles: say --style {card.classes[0]}, or another of {', '.join(card.classes[:12])}"
        )
    try:
        choice = Chooser(card).one(label)
    except LabelError as error:
        raise click.BadParameter(str(error), param_hint="'--style'") from None
    noisy = any(name.startswith("noise.") for name in generator.inputs)
    if noisy and seed is None:
        (seed,) = drawn_seed()
        if not quiet:
            click.echo(f"Seed {seed}, drawn; --seed {seed} makes the same again.", err=True)
    text = None if choice.label is None else choice.text
    # Also what the generator would say of the tile, once and not for each picture.
    one = np.zeros((1, 1, 1, card.source.channels), np.uint8)
    generator.translate(one, label=choice.label, tile=tile, mask=one[..., 0] if "mask" in generator.inputs else None)
    return Turning(generator, choice.label, text, seed if noisy else None, mask, mask_alpha, tile, quality)


def _is_file_name(out: str) -> bool:
    return Path(out).suffix.lower() in FORMATS and not Path(out).is_dir()


def _suffix(one: Given, format_: str | None, file: Path | None) -> str:
    if file is not None:
        if format_ is not None:
            raise RequestError(f"{file.name} says its format: leave --format out")
        return file.suffix
    if format_ is not None:
        return f".{format_.removeprefix('.')}"
    own = one.path.suffix.lower() if one.path is not None else ""
    return own if own in FORMATS else ".png"


def _check_names(names: Sequence[str], pictures: Sequence[Given]) -> None:
    """Raises click.UsageError where two pictures would be one file."""
    seen: dict[str, Given] = {}
    for name, one in zip(names, pictures, strict=True):
        other = seen.setdefault(name.casefold(), one)
        if other is not one:
            raise click.UsageError(f"{other.called} and {one.called} would both be {name}: give them folders of their own")


def _check_places(sink: LocalSink, names: Sequence[str], pictures: Sequence[Given]) -> None:
    """Raises click.UsageError where what is made would take a source's place."""
    own = {os.path.realpath(one.path): one for one in pictures if one.path is not None}
    for name in names:
        one = own.get(os.path.realpath(sink.place(name)))
        if one is not None:
            raise click.UsageError(f"{one.called} would be replaced by what is made of it: give -o another folder")
