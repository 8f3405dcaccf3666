"""`cganx export`: a run directory -> one .onnx file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import click
from click.core import ParameterSource

from cganx.card import GeneratorCard
from cganx_export.report import PrecisionLoss
from cganx_export.triton import write_triton

__all__ = ["export"]

SLOWER = 0.97  # nearer to 1 is noise

Checkpoint = Literal["best", "latest"] | int


def _checkpoint(context: click.Context, parameter: click.Parameter, value: str) -> Checkpoint:
    if value == "best":
        return "best"
    if value == "latest":
        return "latest"
    if value.isascii() and value.isdecimal():
        return int(value)
    raise click.BadParameter(f"{value!r} is not 'best', 'latest' or the step of a checkpoint", context, parameter)


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("-o", "--out", type=click.Path(path_type=Path), help="The .onnx file to write; not needed with --triton.")
@click.option(
    "--checkpoint",
    callback=_checkpoint,
    default="best",
    show_default=True,
    metavar="best|latest|STEP",
    help="Which checkpoint to export; the best is the latest where training judged none.",
)
@click.option(
    "--label-input",
    type=click.Choice(["weights", "index"]),
    default="weights",
    show_default=True,
    help="How the file takes its label: weights that blend classes, or a class number.",
)
@click.option("--no-rewrite", is_flag=True, help="Write the plain graph: the same bytes each time.")
@click.option(
    "--weights",
    type=click.Choice(["float32", "float16"]),
    default="float32",
    show_default=True,
    help="How the file stores its weights; float16 takes half the bytes, and the file still computes in float32.",
)
@click.option(
    "--precision",
    type=click.Choice(["float32", "float16", "int8"]),
    default="float32",
    show_default=True,
    help="What the file computes in: float16 is for CUDA, int8 for convolutions on a CPU. It says what that costs.",
)
@click.option(
    "--data",
    metavar="DATA",
    help="With --precision: the pictures that RUN learnt from, to measure label agreement. [default: RUN's]",
)
@click.option("--force", is_flag=True, help="With --precision: take a loss of more than 0.005 of label agreement.")
@click.option("--name", help="The generator's name in its card. [default: the run's]")
@click.option(
    "--classifier",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Also write the discriminator as a classifier: picture in, class logits out. For sgan, and others that learn classes.",
)
@click.option("--back", is_flag=True, help="Of a cycle between two heaps of pictures: write the way back.")
@click.option(
    "--color-space",
    type=click.Choice(["normals", "data"]),
    help="What pictures hold where they are no colours: a map of normals, or other data. See docs/file.md.",
)
@click.option("--sidecar", is_flag=True, help="Also write the card as OUT.json.")
@click.option(
    "--triton",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Also write a model for a Triton server into this model repository. With it RUN may be a generator's file, or a "
    "bundled name, and nothing is exported anew.",
)
@click.pass_context
def export(
    context: click.Context,
    run: Path,
    out: Path | None,
    checkpoint: Checkpoint,
    label_input: Literal["weights", "index"],
    no_rewrite: bool,
    weights: Literal["float32", "float16"],
    precision: Literal["float32", "float16", "int8"],
    data: str | None,
    force: bool,
    name: str | None,
    classifier: Path | None,
    back: bool,
    color_space: str | None,
    sidecar: bool,
    triton: Path | None,
) -> None:
    """Export RUN's generator as one verified .onnx file.

    The file is compared with the trained network in onnxruntime, every class at three batch sizes, before it is written.
    """
    if out is None and triton is None:
        raise click.UsageError("say where the file goes with -o, or where a Triton model repository is with --triton", context)
    if out is None and sidecar:
        raise click.UsageError("--sidecar goes beside the file that -o names: give -o too", context)
    _refuse_two_precisions(context)
    if triton is not None and not run.is_dir():
        _refuse_all_but_triton(context)
        click.echo(f"{write_triton(run, triton, name=name)}: a model for a Triton server", err=True)
        return
    from cganx_export.api import export_run

    with TemporaryDirectory() as scratch:
        report = export_run(
            run,
            out or Path(scratch, "model.onnx"),
            checkpoint=checkpoint,
            label_input=label_input,
            rewrite=not no_rewrite,
            weights=weights,
            sidecar=sidecar,
            name=name,
            classifier=classifier,
            triton=triton,
            precision=precision,
            data=data,
            force=force,
            back=back,
            color_space=color_space,
        )
    if out is None and report.triton is not None:
        report = replace(report, path=report.triton)
    click.echo(report, err=True)
    click.echo(_chosen(report.card, checkpoint), err=True)
    if report.classifier is not None:
        click.echo(report.classifier, err=True)
    if out is not None and report.triton is not None:
        click.echo(f"{report.triton}: a model for a Triton server", err=True)
    if report.precision is not None:
        click.echo(report.precision, err=True)
        click.echo(_speed(report.precision), err=True)
    if not (report.precision or report.parity).batch_invariant:
        click.echo("note: on this machine its pictures depend, in their last bits, on the batch they are made in", err=True)


def _refuse_two_precisions(context: click.Context) -> None:
    """Options that have no meaning together."""
    given = context.params
    if given["precision"] == "float32":
        for name in ("data", "force"):
            if given[name]:
                raise click.UsageError(f"--{name} is about what a lower precision costs: give --precision too", context)
    elif given["weights"] != "float32":
        raise click.UsageError(
            "--weights says how a file that computes in float32 stores its weights, and with --precision they are stored as "
            "they are computed with: leave one of the two out",
            context,
        )


def _speed(loss: PrecisionLoss) -> str:
    """How fast it is beside float32; slower files are named so."""
    rates = ", ".join(f"{trial.ratio:.2f} times as fast at batch {trial.batch}" for trial in loss.speed)
    slower = any(trial.ratio < SLOWER for trial in loss.speed)
    advice = {"float16": "it is meant for CUDA", "int8": "float32 is the better file here"}[loss.precision]
    return f"on this machine's CPU: {rates}{f'; note that it is slower than float32: {advice}' if slower else ''}"


def _refuse_all_but_triton(context: click.Context) -> None:
    """A file is taken as it is: what would change it has no meaning."""
    for parameter in context.command.params:
        given = context.get_parameter_source(parameter.name or "") is ParameterSource.COMMANDLINE
        if given and parameter.name not in ("run", "triton", "name"):
            option = parameter.opts[-1]
            raise click.UsageError(f"{option} is for a run, and {context.params['run']} is no run: leave it out", context)


def _chosen(card: GeneratorCard, checkpoint: Checkpoint) -> str:
    """Which checkpoint it is, and how it was judged."""
    step, metrics = f"step {card.training['steps']:,}", card.metrics
    if not metrics:
        note = "; no checkpoint was judged, so it is the latest" if checkpoint == "best" else ""
        return f"{step}{note}"
    best = ", the best of those judged" if checkpoint == "best" else ""
    if "values" in metrics:
        values = ", ".join(f"{name} {value:.4g}" for name, value in metrics["values"].items())
        return f"{step}{best}: {values}, by {metrics['samples']:,} held-out pictures"
    agreement = f", label agreement {metrics['agreement']:.3f}" if "agreement" in metrics else ""
    floors = f" ({metrics['frechet'] / metrics['floor']:.1f} floors)" if metrics["floor"] > 0 else ""
    return f"{step}{best}: Frechet distance {metrics['frechet']:.2f}{floors}{agreement}, by {metrics['samples']:,} pictures"
