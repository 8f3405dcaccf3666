"""A graph that computes in half precision, for CUDA. Inputs, outputs and the formula of `pixels` stay float32."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from cganx.errors import ExportError
from cganx_export.cleaning import clean, copied, named, renamed, replace_nodes
from cganx_export.halving import LARGEST, halved
from cganx_export.sealing import model_of

__all__ = ["computing_in_half"]


def computing_in_half(graph: onnx.GraphProto) -> onnx.GraphProto:
    """A copy whose weights are float16 and whose values are, from the inputs to where `image` is clipped to -1..1.

    Raises ExportError where a weight is out of half's range, or so small that rounding loses much of it.
    """
    for tensor in graph.initializer:
        largest = float(np.abs(numpy_helper.to_array(tensor).astype(np.float64)).max(initial=0))
        if tensor.data_type == TensorProto.FLOAT and largest > LARGEST:
            raise ExportError(
                f"weight {tensor.name!r} holds {largest:.6g}, and float16 ends at {LARGEST:g}; export with float32"
            )
    halved(graph)  # says which weight is too small
    from onnxruntime.transformers.float16 import convert_float_to_float16

    plain = named(graph)
    head = _head(plain)
    (before,) = [name for name in head[0].input if name not in {tensor.name for tensor in graph.initializer}]
    body = _body(plain, head, before)
    inputs = [value.name for value in graph.input]
    made = convert_float_to_float16(model_of(body), keep_io_types=inputs, op_block_list=[]).graph
    used = {name for node in head for name in node.input}
    made.initializer.extend(tensor for tensor in graph.initializer if tensor.name in used)
    single = f"{before}/float32"
    cast = helper.make_node("Cast", [before], [single], to=TensorProto.FLOAT)
    head[0].input[0] = single
    replace_nodes(made, [*_in_order(made), cast, *head])
    del made.output[:]
    made.output.extend(graph.output)
    return renamed(clean(made), {value.name: value.name for value in (*graph.input, *graph.output)})


def _head(graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    """The node that makes `image`, and those that make `pixels` of it."""
    made, head = {"image"}, []
    for node in graph.node:
        if "image" in node.output or made.intersection(node.input):
            made.update(node.output)
            head.append(node)
    return [copied(node) for node in head]


def _body(graph: onnx.GraphProto, head: list[onnx.NodeProto], last: str) -> onnx.GraphProto:
    """What comes before the head, with its last value as output."""
    names = {node.name for node in head}
    made = onnx.GraphProto()
    made.CopyFrom(graph)
    replace_nodes(made, [node for node in graph.node if node.name not in names])
    del made.output[:]
    made.output.append(helper.make_tensor_value_info(last, TensorProto.FLOAT, None))
    return clean(made)


def _in_order(graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    """The nodes, each after what it takes: the converter leaves its casts at the end."""
    made = {"", *(one.name for one in graph.input), *(one.name for one in graph.initializer)}
    ordered, waiting = [], list(graph.node)
    while waiting:
        left = []
        for node in waiting:
            if made.issuperset(node.input):
                made.update(node.output)
                ordered.append(node)
            else:
                left.append(node)
        waiting = left
    return ordered
