"""A graph whose convolutions are computed in 8-bit integers, by onnxruntime's quantisation, in a form that any runtime reads.

Around each convolution stand QuantizeLinear and DequantizeLinear (QDQ). Weights are int8, symmetric, with a scale for each
channel; what a convolution takes is uint8 with a zero point, over the range that calibration sees.

What else there is stays float32: the first dense layer and the last convolution cost agreement or pixels, and give no speed
(docs/file.md has the figures); of transposed convolutions onnxruntime has no integer form at all.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx

from cganx.errors import ExportError
from cganx.runtime.backend import first_line
from cganx.runtime.latents import normal, uniform
from cganx_export.arguments import Inputs
from cganx_export.cleaning import clean, constants, named, renamed
from cganx_export.sealing import model_of
from cganx_export.tracing import silence

__all__ = ["FEW_CHANNELS", "quantized"]

# With fewer channels out a convolution is soon done in float, and it is the one that makes the picture.
FEW_CHANNELS = 8
CALIBRATED, BATCH = 256, 32
# Seeds that nobody asks for by hand: the pictures that a file is judged by are not those that it was calibrated with.
FIRST_SEED = 2**63


def quantized(graph: onnx.GraphProto, inputs: Inputs) -> onnx.GraphProto:
    """A copy whose convolutions are computed in int8. Raises ExportError where there is none to compute so."""
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static

    plain = named(graph)
    chosen = _wide_convolutions(plain)
    if not chosen:
        raise ExportError(
            "int8 has nothing to compute: the graph has no convolution to several channels, and of transposed ones and dense "
            "layers onnxruntime's integer forms are no faster. Export with --precision float32"
        )
    model = model_of(plain)
    # Cleaned and inferred it is; without this note the quantiser warns.
    onnx.helper.set_model_props(model, {"onnx.quant.pre_process": "cganx"})
    with TemporaryDirectory() as folder, silence(), _root_handled():
        made = Path(folder, "int8.onnx")
        try:
            quantize_static(
                model,
                made,
                _reader(inputs),
                quant_format=QuantFormat.QDQ,
                nodes_to_quantize=chosen,
                per_channel=True,
                # 7 bits for weights: with 8 the sums of processors without VNNI saturate, and pictures differ by machine.
                reduce_range=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                calibrate_method=CalibrationMethod.MinMax,
            )
            quantised = onnx.load(made).graph
        except Exception as error:  # of many kinds
            raise ExportError(
                f"onnxruntime's quantisation fails: {first_line(error)}. Export with --precision float32"
            ) from error
    return renamed(clean(quantised), {value.name: value.name for value in (*graph.input, *graph.output)})


def _wide_convolutions(graph: onnx.GraphProto) -> list[str]:
    stored = constants(graph)
    return [
        node.name
        for node in graph.node
        if node.op_type == "Conv" and node.input[1] in stored and stored[node.input[1]].shape[0] >= FEW_CHANNELS
    ]


def _reader(inputs: Inputs) -> Any:
    """What the convolutions' ranges are taken from: latents of seeds, every class alike, codes as training draws them."""
    from onnxruntime.quantization import CalibrationDataReader

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self._batches = _batches(inputs)

        def get_next(self) -> dict[str, np.ndarray[Any, Any]] | None:
            return next(self._batches, None)

    return Reader()


def _batches(inputs: Inputs) -> Iterator[dict[str, np.ndarray[Any, Any]]]:
    card, random = inputs.card, np.random.default_rng(3)
    for first in range(0, CALIBRATED, BATCH):
        places = np.arange(first, first + BATCH)
        weights = None
        if card.kind == "attributes":
            weights = random.integers(0, 2, (BATCH, len(card.classes))).astype(np.float32)
        elif card.classes:
            weights = np.eye(len(card.classes), dtype=np.float32)[places % len(card.classes)]
        given = inputs.drawn(random, BATCH, weights)
        if card.latent is not None:
            draw = normal if card.latent.distribution == "normal" else uniform
            given["latent"] = draw(np.uint64(FIRST_SEED) + places.astype(np.uint64), card.latent.size)
        yield inputs.feeds(given)


class _root_handled:  # noqa: N801 - a context manager
    """The quantiser logs on the root logger, which gives itself a handler to stderr where it has none."""

    def __enter__(self) -> None:
        self._handler = logging.NullHandler()
        logging.root.addHandler(self._handler)

    def __exit__(self, *_: object) -> None:
        logging.root.removeHandler(self._handler)
