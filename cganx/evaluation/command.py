"""The commands `cganx evaluate` and `cganx compare`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cganx.evaluation.foreign import Subject, foreign_options
from cganx.evaluation.stage_line import StageLine

if TYPE_CHECKING:
    from cganx.card import GeneratorCard
    from cganx.data import DataSet
    from cganx.evaluation.backbones import Backbone

__all__ = ["compare", "evaluate"]

EFFLITE0 = ("fid-efflite0", "kid-efflite0")


def _names(context: click.Context, parameter: click.Parameter, given: tuple[str, ...]) -> tuple[str, ...]:
    if given:
        from cganx.evaluation.suite import NAMES

        for name in given:
            if name not in (*NAMES, *EFFLITE0):
                there = ", ".join((*NAMES, *EFFLITE0))
                raise click.BadParameter(f"there is no figure {name!r}; there are {there}", context, parameter)
    return given


_metrics = click.option(
    "--metrics",
    multiple=True,
    callback=_names,
    metavar="NAME",
    help="Only these figures; repeat it. docs/evaluation.md lists them. [default: all]",
)
_data_help = "Real pictures with the generator's classes: a named set, a folder, IDX files, an .npz or a CSV."
_samples = click.option(
    "--samples", type=click.IntRange(min=2), default=10_000, show_default=True, metavar="N", help="Pictures to make and judge."
)
_seed = click.option(
    "--seed",
    type=click.IntRange(0, 2**32 - 1),
    default=0,
    show_default=True,
    help="Which pictures; equal seeds, equal figures.",
)
_device = click.option(
    "--device", default="auto", show_default=True, metavar="auto|cpu|cuda[:N]", help="What the file runs on."
)
_fit = click.option(
    "--fit",
    type=click.Choice(["crop", "pad"]),
    default="crop",
    show_default=True,
    help="How real pictures get the file's size.",
)
_force = click.option("--force", is_flag=True, help="Go on with a judge that is hardly better than guessing.")


@click.command("evaluate", short_help="Judge a generator's file by real pictures.")
@click.argument("model", metavar="MODEL")
@click.option("--data", required=True, help=_data_help)
@_samples
@_seed
@_metrics
@click.option(
    "--train-samples",
    type=click.IntRange(min=2),
    default=60_000,
    show_default=True,
    metavar="N",
    help="Pictures to make for gan-train, which learns from them in ten passes.",
)
@_fit
@_device
@click.option("--report", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Also write a report.html.")
@click.option("--into-card", is_flag=True, help="Write the figures into the file's own card; its hash changes.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@_force
@click.option(
    "--inception-weights",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    metavar="FILE",
    help="FID's Inception weights as pytorch-fid has them, for fid-inception and kid-inception.",
)
@foreign_options
def evaluate(
    *,
    model: str,
    data: str,
    samples: int,
    seed: int,
    metrics: tuple[str, ...],
    train_samples: int,
    fit: str,
    device: str,
    report: Path | None,
    into_card: bool,
    as_json: bool,
    force: bool,
    inception_weights: Path | None,
    latent_input: str | None,
    label_input_name: str | None,
    output: str | None,
    values: str | None,
    layout: str | None,
    latents: str | None,
) -> None:
    """Judge MODEL, a generator's file or a bundled name, by real pictures.

    A classifier of the real pictures is trained once per data set and kept. Every figure stands beside the same figure of
    real pictures, its counts and an interval. Nothing is truncated.
    """
    subject = Subject(
        model=model,
        latent_input=latent_input,
        label_input_name=label_input_name,
        output=output,
        values=values,
        layout=layout,
        latents=latents,
    )
    if into_card and subject.foreign:
        raise click.UsageError("--into-card needs a file with a card; this one is read by what its options say")
    card = subject.card()
    from cganx.evaluation.suite import NAMES
    from cganx.evaluation.suite import evaluate as judge
    from cganx.evaluation.table import table

    with StageLine() as line:
        dataset = _load(data, card, fit, line)
        generator = subject.load(device, dataset.classes)
        found = judge(
            generator,
            dataset,
            samples=samples,
            seed=seed,
            metrics=[name for name in metrics if name in NAMES] if metrics else NAMES,
            train_samples=train_samples,
            backbones=_backbones(card, metrics, inception_weights),
            force=force,
            progress=line,
        )
        page = None
        if report is not None:
            from cganx.evaluation.report import page as page_of

            line("drawing the report", 0, 1)
            page = page_of(found, generator.card)
    if report is not None and page is not None:
        from cganx.whole_file import whole_file

        with whole_file(report, durable=False) as file:
            file.write(page.encode())
    if into_card:
        from cganx.evaluation.card_writing import write_into_card

        digest = write_into_card(Path(subject.path), found)
        click.echo(f"{subject.path} has the figures in its card; it is now {digest}", err=True)
    click.echo(json.dumps(found.to_dict(), ensure_ascii=False, allow_nan=False) if as_json else table(found))


@click.command("compare", short_help="Generators side by side: pictures, size, speed, figures.")
@click.argument("models", metavar="MODEL...", nargs=-1, required=True)
@click.option(
    "-o", "--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="The PNG to write; replaced if there."
)
@click.option(
    "--pictures", type=click.IntRange(1, 50), default=4, show_default=True, help="Of each class and file, seeds 0, 1 ..."
)
@click.option("--data", help=f"Judge them too. {_data_help}")
@_samples
@_seed
@_metrics
@_fit
@_device
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@_force
def compare(
    *,
    models: tuple[str, ...],
    out: Path,
    pictures: int,
    data: str | None,
    samples: int,
    seed: int,
    metrics: tuple[str, ...],
    fit: str,
    device: str,
    as_json: bool,
    force: bool,
) -> None:
    """Put generators side by side: the same seeds and classes as one sheet, and a table of size, cost and speed.

    With --data also of the figures of `cganx evaluate`, without gan-train and path-length unless --metrics names them.
    """
    from cganx.evaluation.comparison import compared, comparison_table, side_by_side
    from cganx.evaluation.metrics import METRICS
    from cganx.runtime import load
    from cganx.whole_file import whole_file

    generators = [load(model, device) for model in models]
    sheet = side_by_side(generators, pictures)
    with whole_file(out, durable=False) as file:
        sheet.save(file, format="PNG")
    found = [compared(Subject(model=model).path, one) for model, one in zip(models, generators, strict=True)]
    if data is not None:
        from dataclasses import replace

        from cganx.evaluation.suite import NAMES
        from cganx.evaluation.suite import evaluate as judge

        wanted = [name for name in metrics if name in NAMES] or ([] if metrics else list(METRICS))
        with StageLine() as line:
            found = [
                replace(
                    one,
                    evaluation=judge(
                        generator,
                        _load(data, generator.card, fit, line),
                        samples=samples,
                        seed=seed,
                        metrics=wanted,
                        backbones=_backbones(generator.card, metrics, None),
                        force=force,
                        progress=line,
                    ),
                )
                for one, generator in zip(found, generators, strict=True)
            ]
    if as_json:
        click.echo(json.dumps([one.to_dict() for one in found], ensure_ascii=False, allow_nan=False))
    else:
        click.echo(comparison_table(found))


def _load(data: str, card: GeneratorCard, fit: str, line: StageLine) -> DataSet:
    """The data at the generator's size."""
    from cganx.data import load

    image = card.image
    return load(data, image_size=(image.height, image.width), channels=image.channels, fit=fit, progress=line)


def _backbones(card: GeneratorCard, metrics: Sequence[str], weights: Path | None) -> list[Backbone]:
    """The networks beside the oracle: of colour pictures EfficientNet-Lite0, where it is installed; Inception by its file."""
    from cganx.errors import BackendMissing
    from cganx.evaluation.backbones import efflite0, inception

    found = []
    named = any(name in EFFLITE0 for name in metrics)
    if named or (not metrics and card.image.channels == 3):
        try:
            found.append(efflite0())
        except BackendMissing as error:
            if named:
                raise
            click.echo(f"note: fid-efflite0 is left out: {error}", err=True)
    if weights is not None:
        found.append(inception(weights))
    return found
