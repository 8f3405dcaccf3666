"""The commands `cganx evaluate` and `cganx compare`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from cganx.data import TASKS, Task
from cganx.evaluation.foreign import Subject, foreign_options
from cganx.evaluation.stage_line import StageLine

if TYPE_CHECKING:
    from cganx.card import GeneratorCard
    from cganx.data import DataSet, TranslationData
    from cganx.evaluation.backbones import Backbone, Stages
    from cganx.evaluation.card_writing import Written
    from cganx.evaluation.figures import Evaluation

__all__ = ["compare", "evaluate"]

EFFLITE0 = ("fid-efflite0", "kid-efflite0")
SCORES_EFFLITE0 = ("inception-score-efflite0", "mode-score-efflite0", "am-score-efflite0")


def _names(context: click.Context, parameter: click.Parameter, given: tuple[str, ...]) -> tuple[str, ...]:
    if given:
        from cganx.evaluation.suite import NAMES
        from cganx.evaluation.translation.suite import NAMES as OF_TRANSLATION

        every = (*NAMES, *EFFLITE0, *SCORES_EFFLITE0, *OF_TRANSLATION)
        for name in given:
            if name not in every:
                there = ", ".join(every)
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
@click.argument("beside", nargs=-1, metavar="")
@click.option("--data", help=_data_help)
@click.option("--pairs", metavar="A B|BOTH", help="Image-to-image: sources and their targets, by name; or pictures of both.")
@click.option("--unpaired", metavar="A B", help="Image-to-image: sources, and what they should be like.")
@click.option("--source", "side", type=click.Choice(["left", "right"]), help="Where the source is in pictures of both. [left]")
@click.option("--task", type=click.Choice(TASKS), help="Image-to-image: make the sources of --data.")
@click.option("--back", metavar="FILE", help="Image-to-image: the file that goes the way back, for round trips.")
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
    beside: tuple[str, ...],
    data: str | None,
    pairs: str | None,
    unpaired: str | None,
    side: Literal["left", "right"] | None,
    task: str | None,
    back: str | None,
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

    A file that makes pictures from pictures is judged by the held-out ones of --pairs A B, --unpaired A B or --task, and
    every figure stands beside those of baselines.
    """
    told = _told(data, pairs, unpaired, beside, side, task)
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
    if report is not None:
        _require_place(report, "name another place with --report")
    if into_card:
        _require_place(Path(subject.path), "copy the file to another place first")
    if not isinstance(told, str) or card.source is not None:
        with StageLine() as line:
            judged, text, page = _translation(
                subject, card, told, back, samples, seed, metrics, fit, device, inception_weights, report is not None, line
            )
        _deliver(subject, judged, text, page, report, into_card=into_card, as_json=as_json)
        return
    if back is not None:
        raise click.UsageError("--back is for image-to-image, and this file makes pictures from seeds: leave it out")
    _require_of_labels(metrics)
    from cganx.evaluation.suite import NAMES
    from cganx.evaluation.suite import evaluate as judge
    from cganx.evaluation.table import table

    with StageLine() as line:
        dataset = _load(told, card, fit, line)
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
        found = _named(found, metrics)
        page = None
        if report is not None:
            from cganx.evaluation.report import page as page_of

            line("drawing the report", 0, 1)
            page = page_of(found, generator.card)
    _deliver(subject, found, table(found), page, report, into_card=into_card, as_json=as_json)


def _told(
    data: str | None,
    pairs: str | None,
    unpaired: str | None,
    beside: tuple[str, ...],
    side: Literal["left", "right"] | None,
    task: str | None,
) -> str | TranslationData:
    from cganx.data.told import told_data
    from cganx.errors import RequestError

    try:
        return told_data(data, pairs, unpaired, beside, side, task)
    except RequestError as error:
        raise click.UsageError(str(error)) from None


def _deliver(
    subject: Subject, found: Written, text: str, page: str | None, report: Path | None, *, into_card: bool, as_json: bool
) -> None:
    """``text``, or all as JSON; then the report and the card's figures, where they are asked for."""
    click.echo(json.dumps(found.to_dict(), ensure_ascii=False, allow_nan=False) if as_json else text)
    if report is not None and page is not None:
        from cganx.whole_file import whole_file

        try:
            with whole_file(report, durable=False) as file:
                file.write(page.encode())
        except OSError as error:
            raise click.ClickException(f"{report} cannot be written: {error.strerror or error}") from None
    if into_card:
        from cganx.evaluation.card_writing import write_into_card

        written = write_into_card(Path(subject.path), found)
        if written.replaced is not None:
            click.echo(
                f"the earlier figures in its card, by {written.replaced}, are gone: they were of other data, another judge or "
                "an older cganx, and do not stand beside these",
                err=True,
            )
        click.echo(f"{subject.path} has the figures in its card; it is now {written.sha256}", err=True)


def _require_place(path: Path, instead: str) -> None:
    """Raise click.ClickException where a file cannot be written, before minutes are spent on what would be in it."""
    import errno
    import tempfile

    try:
        if path.exists() and not path.is_file():
            raise OSError(errno.EINVAL, "it is there, and is not a regular file")
        folder = path.parent
        while not folder.exists():
            folder = folder.parent
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise click.ClickException(f"{path} cannot be written: {error.strerror or error}; {instead}") from None


def _translation(
    subject: Subject,
    card: GeneratorCard,
    told: str | TranslationData,
    back: str | None,
    samples: int,
    seed: int,
    metrics: tuple[str, ...],
    fit: str,
    device: str,
    inception_weights: Path | None,
    with_page: bool,
    line: StageLine,
) -> tuple[Written, str, str | None]:
    """An image-to-image file's figures, their table, and the report where it is wanted."""
    from cganx.evaluation.translation.fitting import source_of
    from cganx.evaluation.translation.page import translation_page
    from cganx.evaluation.translation.suite import NAMES, evaluate_translation
    from cganx.evaluation.translation.table import translation_table
    from cganx.runtime import load

    source, image = source_of(card), card.image
    if isinstance(told, str):
        raise click.UsageError(
            f"{card.name} makes pictures from pictures, and --data alone has no sources: add --task {'|'.join(TASKS)}, or give "
            "--pairs A B or --unpaired A B"
        )
    _require_of_translation(metrics)
    made_here = isinstance(told, Task)
    if isinstance(told, Task) and told.task == "superresolve" and source.scale > 1:
        told = replace(told, scale=source.scale)
    dataset = told.load(
        image_size=(image.height, image.width),
        channels=image.channels,
        source_channels=None if made_here else source.channels,
        fit=fit,
        progress=line,
    )
    found = evaluate_translation(
        load(subject.path, device),
        dataset,
        samples=samples,
        seed=seed,
        metrics=[name for name in metrics if name in NAMES] if metrics else NAMES,
        back=None if back is None else load(back, device),
        stages=_stages(metrics),
        backbones=_backbones(card, metrics, inception_weights),
        progress=line,
    )
    return found, translation_table(found), translation_page(found, card) if with_page else None


def _require_of_translation(metrics: Sequence[str]) -> None:
    from cganx.evaluation.translation.suite import NAMES

    other = [name for name in metrics if name not in (*NAMES, *EFFLITE0)]
    if other:
        raise click.UsageError(f"{other[0]} is not a figure of image-to-image files: take of {', '.join((*NAMES, *EFFLITE0))}")


def _require_of_labels(metrics: Sequence[str]) -> None:
    from cganx.evaluation.suite import NAMES

    names = (*NAMES, *EFFLITE0, *SCORES_EFFLITE0)
    other = [name for name in metrics if name not in names]
    if other:
        raise click.UsageError(
            f"{other[0]} is a figure of files that make pictures from pictures, and this one makes them from seeds: take of "
            f"{', '.join(names)}"
        )


def _stages(metrics: Sequence[str]) -> Stages | None:
    """EfficientNet-Lite0's maps where a figure needs them and it is installed."""
    from cganx.errors import BackendMissing
    from cganx.evaluation.backbones import efflite0_stages
    from cganx.evaluation.translation.suite import IN_FEATURES

    named = any(name in IN_FEATURES for name in metrics)
    if metrics and not named:
        return None
    try:
        return efflite0_stages()
    except BackendMissing as error:
        if named:
            raise
        click.echo(f"note: {' and '.join(IN_FEATURES)} are left out: {error}", err=True)
        return None


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

    _require_of_labels(metrics)
    generators = [load(model, device) for model in models]
    sheet = side_by_side(generators, pictures)
    with whole_file(out, durable=False) as file:
        sheet.save(file, format="PNG")
    found = compared([Subject(model=model).path for model in models], generators)
    if data is not None:
        from cganx.evaluation.suite import NAMES
        from cganx.evaluation.suite import evaluate as judge

        wanted = [name for name in metrics if name in NAMES] or ([] if metrics else list(METRICS))
        with StageLine() as line:
            found = [
                replace(
                    one,
                    evaluation=_named(
                        judge(
                            generator,
                            _load(data, generator.card, fit, line),
                            samples=samples,
                            seed=seed,
                            metrics=wanted,
                            backbones=_backbones(generator.card, metrics, None),
                            force=force,
                            progress=line,
                        ),
                        metrics,
                    ),
                )
                for one, generator in zip(found, generators, strict=True)
            ]
    if as_json:
        click.echo(json.dumps([one.to_dict() for one in found], ensure_ascii=False, allow_nan=False))
    else:
        click.echo(comparison_table(found))


def _named(found: Evaluation, metrics: Sequence[str]) -> Evaluation:
    """Without the figures of EfficientNet-Lite0 that nobody named, where some are named."""
    others = {name for name in (*EFFLITE0, *SCORES_EFFLITE0) if metrics and name not in metrics}
    return replace(found, figures=tuple(figure for figure in found.figures if figure.name not in others))


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
    named = any(name in (*EFFLITE0, *SCORES_EFFLITE0) for name in metrics)
    if named or (not metrics and card.image.channels == 3):
        try:
            found.append(efflite0())
        except BackendMissing as error:
            if named:
                raise
            click.echo(f"note: the figures in efflite0's features are left out: {error}", err=True)
    if weights is not None:
        found.append(inception(weights))
    return found
