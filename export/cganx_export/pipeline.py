"""The steps of an export, in order. Nothing is written before the last of them."""

from __future__ import annotations

import contextlib
import platform
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Literal

import onnx
import torch
from torch import nn

from cganx.card import GeneratorCard, Label, Source
from cganx.errors import CardMismatch, ExportError, ModelError
from cganx.runtime.backend import import_onnxruntime, threads_here
from cganx.runtime.reader import read
from cganx_export import parity, timing
from cganx_export.adapting import BATCH, Adapted, adapted, example, inputs_of, own_module
from cganx_export.arguments import Inputs, Space, nominal
from cganx_export.cleaning import clean, fold_batch_norm
from cganx_export.context import with_context
from cganx_export.convention import Convention
from cganx_export.halving import halved, rounded
from cganx_export.head import finished
from cganx_export.precision import PRECISIONS, Judge, Precision, lowered
from cganx_export.report import ExportReport, Parity, PrecisionLoss, RewriteTrial
from cganx_export.rewrites import batch_invariant, forms
from cganx_export.sealing import model_of, seal
from cganx_export.tracing import prepared, trace
from cganx_export.writing import refuse_bad_target, write_whole

__all__ = ["export_module", "refuse_bad_precision"]


def export_module(
    module: nn.Module,
    reference: nn.Module,
    card: GeneratorCard,
    path: Path,
    *,
    label_input: Literal["weights", "index"],
    rewrite: bool,
    weights: Literal["float32", "float16"],
    sidecar: bool,
    precision: Precision = "float32",
    judge: Judge | None = None,
    convention: Convention,
) -> ExportReport:
    """Export ``module``, hold the file to what ``reference`` gives, and write it; see `cganx_export.export`."""
    refuse_bad_target(path)
    _check_weights(weights)
    refuse_bad_precision(precision, weights)
    card = _asked(card, label_input)
    if precision != "float32" and card.source is not None:
        raise ExportError(
            f"precision={precision!r} is judged by pictures made of seeds, and an image-to-image generator makes its own of "
            "sources; export it in float32, with weights='float16' where the file should be small"
        )
    _check_card(card)

    # The function, as torch computes it
    taken = inputs_of(own_module(reference), card, convention)
    module, reference = (adapted(prepared(one), taken, convention) for one in (module, reference))
    inputs = module.inputs if isinstance(module, Adapted) else taken
    given = _given(module, inputs)
    image = _called(reference, given)
    _check_image(image, inputs)
    if not torch.isfinite(image).all():
        raise ExportError(
            f"torch itself gives values that are not finite{_first_not_finite(reference, given)}; fill what a checkpoint or "
            "some batches in train mode would fill (running statistics, spectral norm), or train anew"
        )

    # The graph
    traced = clean(_traced(module, inputs, given))
    fold_batch_norm(traced)
    graph, clipped = finished(batch_invariant(traced), inputs)
    card = card if card.source is None else replace(card, source=with_context(card.source, graph))
    inputs = replace(inputs, card=card)
    graph, trials = _rewritten(graph, inputs) if rewrite else (graph, ())

    # The proof
    found = parity.check(_checked(graph), reference, inputs)
    if weights == "float16":
        graph, found = _halved(graph, inputs, found)
    loss = None
    if precision != "float32":
        graph, loss = lowered(graph, inputs, precision, judge or Judge())
        _checked(graph)
    card = _described(card, found, trials, loss)
    data, digest = seal(graph, card)
    try:
        read(data)
    except ModelError as error:
        raise ExportError(f"the runtime would refuse the file: {error.message}. Change the module accordingly") from error

    # The file
    write_whole(path, data)
    if sidecar:
        write_whole(path.with_name(f"{path.name}.json"), card.to_json().encode())
    return ExportReport(
        path=path,
        bytes=len(data),
        sha256=digest,
        card=card,
        parity=found,
        rewrites=trials,
        clipped=clipped,
        precision=loss,
    )


def _asked(card: GeneratorCard, label_input: Literal["weights", "index"]) -> GeneratorCard:
    """The card with the label input asked for. Raises ExportError where it cannot be."""
    if card.source is not None:
        _check_source(card, card.source)
    if label_input not in ("weights", "index"):
        raise ExportError(f"label_input is {label_input!r}; say 'weights' or 'index'")
    if card.label is None:
        return card
    try:
        return replace(card, label=Label(input=label_input))
    except CardMismatch as error:
        raise ExportError(f"{error}. Export with label_input='weights'") from error


def _check_source(card: GeneratorCard, source: Source) -> None:
    """Raise ExportError where the card's sizes do not go together."""
    if card.latent is not None or card.codes or card.truncates:
        raise ExportError(
            "an image-to-image generator takes a source, and no latent, codes or truncation; what it draws in forward becomes "
            "its noise"
        )
    space, image = nominal(card, source), (card.image.height, card.image.width)
    if tuple(side * source.scale for side in space) != image:
        raise ExportError(
            f"an image of {image[0]} x {image[1]} is not {source.scale} times as large as a source of {space[0]} x {space[1]}; "
            "mend the card's image, or its source"
        )
    if any(side % source.multiple for side in space):
        raise ExportError(
            f"a source of {space[0]} x {space[1]} is not divisible by {source.multiple}, the card's multiple; mend either"
        )


def _check_weights(weights: str) -> None:
    if weights not in ("float32", "float16"):
        raise ExportError(f"weights is {weights!r}; say 'float32' or 'float16'")


def refuse_bad_precision(precision: str, weights: str) -> None:
    """Raise ExportError for a precision that is not known, and for two answers to how weights are stored."""
    if precision != "float32" and precision not in PRECISIONS:
        raise ExportError(f"precision is {precision!r}; say 'float32', {' or '.join(repr(one) for one in PRECISIONS)}")
    if precision != "float32" and weights != "float32":
        raise ExportError(
            f"weights={weights!r} says how a file that computes in float32 stores its weights, and precision={precision!r} "
            "stores them as it computes; give one of the two"
        )


def _check_card(card: GeneratorCard) -> None:
    try:
        card.to_json().encode()
    except (ValueError, TypeError) as error:  # a NaN, an array, half of a surrogate pair
        raise ExportError(f"the card cannot be written as JSON: {error}. Give plain finite numbers, texts and lists") from error


def _given(module: nn.Module, inputs: Inputs, space: Space | None = None) -> tuple[torch.Tensor, ...]:
    """Examples of what the module takes, in the order of the file's inputs."""
    given = dict(zip(inputs.shapes(), example(inputs, space), strict=True))
    if isinstance(module, Adapted) and module.takes_index:
        given["label"] = given["label"].argmax(1)
    return tuple(given.values())


def _traced(module: nn.Module, inputs: Inputs, given: tuple[torch.Tensor, ...]) -> onnx.GraphProto:
    """The module's graph, open in height and width where the card wants that."""
    if not inputs.open or inputs.space is None or inputs.card.source is None:
        return trace(module, given)
    # Sizes of 1 would be taken for constants, and equal ones for the same.
    step = inputs.card.source.multiple
    rows = max(2, inputs.space[0] // step)
    columns = max(rows + 1, inputs.space[1] // step)
    examples = _given(module, inputs, (rows * step, columns * step))
    return trace(module, examples, tuple(inputs.shapes().values()), step)


def _called(module: nn.Module, given: tuple[torch.Tensor, ...]) -> Any:
    with torch.inference_mode():
        return module(*given)


def _first_not_finite(module: nn.Module, given: tuple[torch.Tensor, ...]) -> str:
    """`` from `blocks.1.norm` (BatchNorm2d) on``: the first part of the module whose output is not finite."""
    found: list[str] = []
    parts = own_module(module).named_modules()

    def watch(name: str) -> Any:
        def look(part: nn.Module, _: Any, made: Any) -> None:
            if isinstance(made, torch.Tensor) and made.is_floating_point() and not torch.isfinite(made).all():
                found.append(f" from `{name}` ({type(part).__name__}) on")

        return look

    handles = [part.register_forward_hook(watch(name)) for name, part in parts if name]
    _called(module, given)
    for handle in handles:
        handle.remove()
    return found[0] if found else ""


def _check_image(image: Any, inputs: Inputs) -> None:
    wanted = [BATCH, *inputs.sizes(inputs.image())]
    if not isinstance(image, torch.Tensor) or image.dtype != torch.float32 or list(image.shape) != wanted:
        got = f"{image.dtype} {list(image.shape)}" if isinstance(image, torch.Tensor) else type(image).__name__
        raise ExportError(f"the module gives {got}, but the card asks for torch.float32 {wanted}; mend the card or the module")


def _rewritten(graph: onnx.GraphProto, inputs: Inputs) -> tuple[onnx.GraphProto, tuple[RewriteTrial, ...]]:
    """The graph in the form that is fastest here, and what was timed."""
    tried = [form for form in forms(graph) if not form.rewrites or _is_read(form.graph, inputs.card)]
    if len(tried) == 1:
        return graph, ()
    models = [model_of(form.graph).SerializeToString(deterministic=True) for form in tried]
    trials = timing.compare([form.rewrites for form in tried], models, inputs)
    chosen = timing.fastest(trials)
    if chosen is None:
        return graph, trials
    taken = replace(trials[chosen], applied=True)
    return tried[chosen + 1].graph, (*trials[:chosen], taken, *trials[chosen + 1 :])


def _is_read(graph: onnx.GraphProto, card: GeneratorCard) -> bool:
    """Whether the runtime's own reader takes the form; its bounds depend on the operators."""
    try:
        read(seal(graph, card)[0])
    except ModelError:
        return False
    return True


def _halved(graph: onnx.GraphProto, inputs: Inputs, found: Parity) -> tuple[onnx.GraphProto, Parity]:
    """The proven graph with float16 weights, itself proven."""
    made = halved(graph)
    forms = parity.Forms(full=_checked(graph), rounded=_checked(rounded(graph)), halved=_checked(made))
    return made, parity.check_rounding(forms, inputs, found)


def _checked(graph: onnx.GraphProto) -> bytes:
    """The graph as a model that the onnx package finds nothing wrong with."""
    model: bytes = model_of(graph).SerializeToString(deterministic=True)
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ExportError(f"the graph is not valid ONNX: {error}. Report this with the module that gave it") from error
    return model


def _described(
    card: GeneratorCard, found: Parity, trials: tuple[RewriteTrial, ...], loss: PrecisionLoss | None
) -> GeneratorCard:
    """The card with what export knows. Of what was timed the ratios: milliseconds say nothing elsewhere."""
    method: dict[str, Any] = {**card.method, "rewrites": [name for one in trials if one.applied for name in one.rewrites]}
    if trials:
        ratios = {"+".join(one.rewrites): {str(time.batch): round(time.ratio, 3) for time in one.times} for one in trials}
        method["rewrites_timed"] = {"processor": _processor(), "threads": threads_here(), "time_by_batch": ratios}
    compared: dict[str, Any] = {
        "against": f"torch {torch.__version__.partition('+')[0]}",
        "runtime": f"onnxruntime {import_onnxruntime().__version__}",
        "batches": list(found.batches),
        "max_difference": _two_digits(found.max_difference),
        "tolerance": found.tolerance,
        "batch_invariant": found.batch_invariant,
    }
    if found.sizes:
        compared["sizes"] = [list(space) for space in found.sizes]
    if found.rounding is not None:
        method["weights"] = "float16"
        compared["rounding"] = {name: _two_digits(value) for name, value in asdict(found.rounding).items()}
    if loss is not None:
        method["precision"] = loss.precision
        compared["batch_invariant"] = loss.batch_invariant
        compared["precision"] = {
            "pictures": loss.pictures,
            "mean_levels": _two_digits(loss.mean_levels),
            "most_levels": loss.most_levels,
            "pixels_far": _two_digits(loss.far),
            "agreement": loss.agreement,
            "agreement_float32": loss.agreement_float32,
            "oracle": loss.oracle,
        }
    return replace(card, method=method, parity=compared)


def _processor() -> str:
    """What the forms were timed on: the maker's name of it where the system tells, else its kind."""
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
        if names:
            return names[0]
    return platform.processor() or platform.machine()


def _two_digits(value: float) -> float:
    return float(f"{value:.1e}")
