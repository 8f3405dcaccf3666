"""A run's classifier as an .onnx file of its own: a picture goes in, logits and probabilities of its classes come out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper
from torch import nn

from cganx.errors import ExportError
from cganx.networks import Classifier
from cganx.runtime.backend import first_line, import_onnxruntime
from cganx.training import Run
from cganx_export.cleaning import clean, fold_batch_norm, renamed
from cganx_export.parity import BATCHES, TOLERANCE, session_of
from cganx_export.report import ClassifierReport
from cganx_export.sealing import PIXEL_FORMATS, model_of
from cganx_export.tracing import prepared, trace
from cganx_export.writing import refuse_bad_target, write_whole

__all__ = ["CLASSIFIER_KEY", "ProvenClassifier", "prove_classifier"]

FORMAT = 1
CLASSIFIER_KEY = "cganx.classifier"
BATCH = "batch"


@dataclass(frozen=True)
class ProvenClassifier:
    """A classifier's file before it is written: its bytes, and what is to be said of it."""

    report: ClassifierReport
    data: bytes

    def write(self) -> None:
        """Let the file appear, whole."""
        write_whole(self.report.path, self.data)


def prove_classifier(run: Run, path: Path, checkpoint: int | Literal["latest"] = "latest") -> ProvenClassifier:
    """The bytes of a run's classifier, held to what torch computes; nothing is written.

    Raises TrainingError where the run has no classifier, ExportError where the file would not do what the network does.
    """
    refuse_bad_target(path)
    module, classes = prepared(run.classifier(checkpoint)), run.classifier_classes
    assert isinstance(module, Classifier)
    config = run.config
    shape = (config.channels, config.height, config.width)
    graph = _finished(trace(module, (torch.rand(3, *shape) * 2 - 1,)), shape, len(classes))
    largest = _compare(model_of(graph).SerializeToString(deterministic=True), module, shape)
    accuracy = run.test_accuracy(checkpoint)
    model = model_of(graph)
    described = {
        "format": FORMAT,
        "name": run.path.resolve().name,
        "classes": list(classes),
        "image": dict(zip(("channels", "height", "width"), shape, strict=True)) | {"range": [-1, 1]},
        "training": {
            "preset": config.preset,
            "data": config.data,
            "data_sha256": config.fingerprint,
            "steps": run.step(checkpoint),
            "seed": config.seed,
        },
        "test_accuracy": accuracy,
        "parity": {
            "runtime": f"onnxruntime {import_onnxruntime().__version__}",
            "batches": list(BATCHES),
            "max_difference": float(f"{largest:.1e}"),
        },
    }
    helper.set_model_props(
        model,
        {
            "Image.BitmapPixelFormat": PIXEL_FORMATS[config.channels],
            "Image.NominalPixelRange": "Normalized_1_1",
            CLASSIFIER_KEY: json.dumps(described, ensure_ascii=False, allow_nan=False),
        },
    )
    data = model.SerializeToString(deterministic=True)
    onnx.checker.check_model(data, full_check=True)
    report = ClassifierReport(
        path=path, bytes=len(data), classes=classes, max_difference=largest, tolerance=TOLERANCE, test_accuracy=accuracy
    )
    return ProvenClassifier(report, data)


def _finished(traced: onnx.GraphProto, shape: tuple[int, int, int], classes: int) -> onnx.GraphProto:
    graph = clean(traced)
    fold_batch_norm(graph)
    graph.node.append(helper.make_node("Softmax", ["/image"], ["/probabilities"], axis=1))
    del graph.input[:], graph.output[:]
    graph.input.append(helper.make_tensor_value_info("/0", TensorProto.FLOAT, [BATCH, *shape]))
    for name in ("/image", "/probabilities"):  # the tracer calls what a module returns its image
        graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, [BATCH, classes]))
    return renamed(clean(graph), {"/0": "image", "/image": "logits", "/probabilities": "probabilities"})


def _compare(model: bytes, module: nn.Module, shape: tuple[int, int, int]) -> float:
    """The largest difference from torch, of logits as a share of the largest logit where that is over 1, at all batches."""
    session, random, largest = session_of(model), np.random.default_rng(0), 0.0
    for batch in BATCHES:
        image = random.uniform(-1, 1, (batch, *shape)).astype(np.float32)
        try:
            logits, probabilities = session.run(["logits", "probabilities"], {"image": image})
        except Exception as error:  # onnxruntime's errors share no base
            raise ExportError(f"onnxruntime cannot run the classifier: {first_line(error)}") from error
        with torch.inference_mode():
            wanted = module(torch.from_numpy(image))
        found = max(
            _apart(logits, wanted.numpy()) / max(1.0, float(wanted.abs().max())),
            _apart(probabilities, torch.softmax(wanted, dim=1).numpy()),
        )
        if not found <= TOLERANCE:  # also where it is not a number
            raise ExportError(
                f"the classifier fails its check at batch {batch}: onnxruntime and torch are {found:.2g} apart where "
                f"{TOLERANCE:g} is allowed; export another checkpoint"
            )
        largest = max(largest, found)
    return largest


def _apart(one: NDArray[Any], other: NDArray[Any]) -> float:
    return float(np.abs(one - other).max()) if one.shape == other.shape else float("nan")
