"""Weights that lie in the file in half precision and are computed with in single.

A half keeps 11 bits of a value (IEEE 754 binary16). Behind each such weight stands a Cast back to float32, which
onnxruntime does once, while it builds the session: what runs after that is the plain file.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from cganx.errors import ExportError
from cganx_export.cleaning import replace_nodes

__all__ = ["FEW_VALUES", "LARGEST", "halved", "rounded"]

LARGEST = float(np.finfo(np.float16).max)
# Smaller tensors are not worth their Cast, which takes about a hundred bytes.
FEW_VALUES = 1024
# Rounding moves a value of 2^-14 to 65504 by 2^-11 of itself at most. Weights that move further as a whole lie below.
MOST_LOST = 2.0**-10
_ADVICE = "export with float32 weights"
Halves = NDArray[np.float16]


def halved(graph: onnx.GraphProto) -> onnx.GraphProto:
    """A copy whose weights are stored as float16, each behind a Cast to float32.

    Weights are float32 tensors of two or more axes with at least FEW_VALUES values; biases, gains and limits stay.
    Raises ExportError where a weight is out of half's range, or so small that rounding loses much of it.
    """
    made = _replaced(graph, lambda halves: halves)
    single = {tensor.name: f"{tensor.name}/float32" for tensor in made.initializer if tensor.data_type == TensorProto.FLOAT16}
    casts = [helper.make_node("Cast", [name], [cast], to=TensorProto.FLOAT) for name, cast in single.items()]
    for node in made.node:
        for index, name in enumerate(node.input):
            node.input[index] = single.get(name, name)
    replace_nodes(made, [*casts, *made.node])
    return made


def rounded(graph: onnx.GraphProto) -> onnx.GraphProto:
    """A copy that stores as float32 what `halved` stores as float16: the same function without a Cast."""
    return _replaced(graph, lambda halves: halves.astype(np.float32))


def _replaced(graph: onnx.GraphProto, form: Callable[[Halves], NDArray[np.floating]]) -> onnx.GraphProto:
    made = onnx.GraphProto()
    made.CopyFrom(graph)
    for tensor in made.initializer:
        if _is_weight(tensor):
            tensor.CopyFrom(numpy_helper.from_array(form(_half(tensor)), tensor.name))
    return made


def _is_weight(tensor: onnx.TensorProto) -> bool:
    return tensor.data_type == TensorProto.FLOAT and len(tensor.dims) > 1 and np.prod(tensor.dims) >= FEW_VALUES


def _half(tensor: onnx.TensorProto) -> Halves:
    weight = numpy_helper.to_array(tensor).astype(np.float64)
    largest = float(np.abs(weight).max())
    if not largest <= LARGEST:  # also where it is not a number
        raise ExportError(f"weight {tensor.name!r} holds {largest:.6g}, and float16 ends at {LARGEST:g}; {_ADVICE}")
    halves = weight.astype(np.float16)
    lost = float(np.linalg.norm(weight - halves))
    if lost > MOST_LOST * np.linalg.norm(weight):
        share = lost / np.linalg.norm(weight)
        raise ExportError(
            f"weight {tensor.name!r} is too small for float16: its values are {largest:.2g} at most, and rounding would "
            f"change them by {share:.1%}; {_ADVICE}"
        )
    return halves
