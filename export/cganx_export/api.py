"""The two ways in: a torch module with a card, or a run directory."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from cganx.card import GeneratorCard
from cganx.errors import ExportError
from cganx_export.convention import Convention
from cganx_export.report import ExportReport
from cganx_export.requirements import require_packages
from cganx_export.triton import refuse_bad_repository, write_triton

if TYPE_CHECKING:
    from torch import nn

    from cganx.evaluation import Oracle

__all__ = ["export", "export_run"]


def export(
    module: nn.Module,
    card: GeneratorCard,
    path: str | os.PathLike[str],
    *,
    label_input: Literal["weights", "index"] = "weights",
    rewrite: bool = True,
    weights: Literal["float32", "float16"] = "float32",
    sidecar: bool = False,
    triton: str | os.PathLike[str] | None = None,
    precision: Literal["float32", "float16", "int8"] = "float32",
    oracle: Oracle | None = None,
    force: bool = False,
    convention: Convention = Convention(),  # noqa: B008 (it is frozen)
) -> ExportReport:
    """Write ``module`` as one verified .onnx file that `cganx.runtime.load` reads.

    Args:
        module: called as ``module(latent, label, code, truncation)`` with those of them that the card has: latent float32
            [n, latent.size], label float32 [n, classes] (weights with sum 1; of attributes 0..1 each) or, where the module
            wants that, class numbers int64 [n], code float32 [n, codes], truncation float32 [n, 1]; returns float
            [n, channels, height, width] in -1..1. Where the card has a source, called as ``module(source, mask, label)``: a
            source float32 [n, channels, height, width] in -1..1, and a mask float32 [n, 1, height, width] of 0 and 1 where
            its ``takes_mask`` or the convention says so; the image is ``scale`` times as large. An output without a last
            tanh, sigmoid or clip is clipped in the graph.
            What it draws by randn, rand, normal or uniform becomes the file's inputs ``noise.N``. It is exported in eval
            mode and float32, and is not changed itself. See docs/export-any.md.
        card: what the generator is; ``parity``, ``source.context`` where sizes are open and it is not said, and, of
            ``method``, ``rewrites``, ``rewrites_timed`` and for float16 ``weights`` are filled in.
        path: where the file goes. Its folder is made where there is none; the file appears whole, by rename.
        label_input: ``weights`` keeps the label as it is, ``index`` makes it int64 [n].
        rewrite: time exact rewrites of the graph in onnxruntime on this machine, each in a process of its own, and keep
            the form that is fastest; some ten to twenty seconds. Without it the same module gives the same bytes each time.
            See docs/rewrites.md.
        weights: ``float16`` stores them in half the bytes and computes in float32. Its pixels are held to those of the
            float32 file: at most one level apart in 99.9 % of the values. See docs/file.md.
        sidecar: also write the card as JSON to ``path`` + ``.json``; the web runtime hides metadata.
        triton: also write the file into this Triton model repository, under the card's name; see `write_triton`.
        precision: what the file computes in. ``float16`` is for CUDA, ``int8`` for convolutions on a CPU; inputs and outputs
            stay as they are. ``report.precision`` says what that costs beside float32. See docs/file.md.
        oracle: a classifier of the card's classes (`cganx.evaluation.quick_oracle`) that measures label agreement, of which a
            lower precision may lose 0.005.
        force: take any loss of agreement.
        convention: where the module's latent has another shape, its pictures another range or layout, or it takes a mask.

    Raises ExportError where the module cannot become such a file or the file does not do what the module does; then
    nothing is written, and a file that was there stays. BackendMissing where torch, onnx, onnxscript or onnxruntime is
    not installed.
    """
    require_packages()
    from cganx_export.pipeline import export_module
    from cganx_export.precision import Judge

    if triton is not None:
        refuse_bad_repository(Path(triton), card.name)
    if oracle is not None and oracle.classes != card.classes:
        raise ExportError("the oracle tells other classes apart than the card's; give one of the data that the card speaks of")
    report = export_module(
        module,
        module,
        card,
        Path(path),
        label_input=label_input,
        rewrite=rewrite,
        weights=weights,
        sidecar=sidecar,
        precision=precision,
        judge=Judge(oracle, force=force),
        convention=convention,
    )
    return report if triton is None else replace(report, triton=write_triton(path, triton))


def export_run(
    run: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    checkpoint: Literal["best", "latest"] | int = "best",
    label_input: Literal["weights", "index"] = "weights",
    rewrite: bool = True,
    weights: Literal["float32", "float16"] = "float32",
    sidecar: bool = False,
    name: str | None = None,
    classifier: str | os.PathLike[str] | None = None,
    triton: str | os.PathLike[str] | None = None,
    precision: Literal["float32", "float16", "int8"] = "float32",
    data: str | os.PathLike[str] | None = None,
    force: bool = False,
    back: bool = False,
    color_space: str | None = None,
) -> ExportReport:
    """Write a run's generator as one verified .onnx file: its EMA weights, with all that folds folded.

    Args:
        run: a run directory of `cganx.training.train`.
        out: where the file goes; see `export`, also for ``label_input``, ``rewrite``, ``weights``, ``sidecar``,
            ``precision`` and ``force``.
        checkpoint: ``best`` is the one that the metric of training ranks first, the latest where it judged none; else
            ``latest``, or the step of a checkpoint. The card's ``training`` and ``metrics`` say which it is.
        name: the card's name; the run's own where it is None.
        classifier: where the discriminator goes as a classifier of its own, picture -> class logits; see docs/file.md.
            Its weights are float32. Nothing is written where the run has none.
        triton: also write the file into this Triton model repository, under the card's name; see `write_triton`.
        data: the real pictures that the run learnt from, whose oracle measures the label agreement of a lower ``precision``;
            those that the run names where it is None.
        back: of a cycle between two heaps of pictures, write the way back.
        color_space: the card's ``image.color_space`` where pictures are no colours: ``normals`` for maps of normals, or
            ``data``; ``gray`` or ``srgb`` by the channels where it is None.

    Raises ExportError, DataError where ``data`` cannot be read, TrainingError where the run or checkpoint cannot be,
    CardMismatch for normals of one channel, and BackendMissing.
    """
    require_packages()
    from cganx.networks import folded
    from cganx.training import open_run
    from cganx_export.classifier import prove_classifier
    from cganx_export.judging import judge_of
    from cganx_export.pipeline import export_module, refuse_bad_precision

    refuse_bad_precision(precision, weights)
    if precision == "float32" and (data is not None or force):
        raise ExportError("data and force are about what a lower precision costs; give a precision too, or leave them out")
    source = open_run(Path(run))
    step = source.step(checkpoint)  # once: a run that is still training moves them
    if classifier is not None and Path(classifier).absolute() == Path(out).absolute():
        raise ExportError(f"the generator and the classifier cannot both be {out}; give the classifier a name of its own")
    proven = None if classifier is None else prove_classifier(source, Path(classifier), step)
    generator, card = source.generator(step, back=back), source.card(step, back=back)
    card = card if name is None else replace(card, name=name)
    card = card if color_space is None else replace(card, image=replace(card.image, color_space=color_space))
    if triton is not None:
        refuse_bad_repository(Path(triton), card.name)
    report = export_module(
        folded(generator),
        generator,
        card,
        Path(out),
        label_input=label_input,
        rewrite=rewrite,
        weights=weights,
        sidecar=sidecar,
        precision=precision,
        judge=None if precision == "float32" else judge_of(source.config, data, force=force),
        convention=Convention(),
    )
    if proven is not None:
        proven.write()
        report = replace(report, classifier=proven.report)
    return report if triton is None else replace(report, triton=write_triton(out, triton))
