"""Graph in, the smallest graph that computes the same out: constants as initialisers, no dead nodes, plain names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

__all__ = ["attributes", "clean", "constants", "dropped_unused", "fold_batch_norm", "named", "renamed", "shapes", "store"]

Array = NDArray[np.generic]


def attributes(node: onnx.NodeProto) -> dict[str, object]:
    """The node's attributes as plain values."""
    return {one.name: helper.get_attribute_value(one) for one in node.attribute}


def constants(graph: onnx.GraphProto) -> dict[str, Array]:
    """The graph's stored tensors by name."""
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}


def store(graph: onnx.GraphProto, name: str, array: Array) -> str:
    """Add a stored tensor and return its name."""
    graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
    return name


def clean(graph: onnx.GraphProto) -> onnx.GraphProto:
    """A copy with constants as initialisers, reshapes to constant shapes where they can be, and nothing unused."""
    made = onnx.GraphProto()
    made.CopyFrom(graph)
    _constants_to_initialisers(made)
    _drop_identities(made)
    _settle_reshapes(made)
    return dropped_unused(made)


def renamed(graph: onnx.GraphProto, names: dict[str, str]) -> onnx.GraphProto:
    """A copy without doc strings, metadata, node names or inner shapes, and with names that depend on the graph alone.

    ``names`` maps the names of inputs and outputs to those in the file. Parameters keep theirs; what nodes make is
    called ``/operator_number``, which no parameter can be called.
    """
    names, seen = dict(names), Counter[str]()
    taken = set(names.values())
    for number, tensor in enumerate(graph.initializer):
        if tensor.name not in names:
            plain = tensor.name if "." in tensor.name and tensor.name not in taken else f"/constant_{number}"
            names[tensor.name] = plain
    for node in graph.node:
        for output in node.output:
            if output and output not in names:
                seen[node.op_type] += 1
                names[output] = f"/{node.op_type.lower()}_{seen[node.op_type]}"
    made = onnx.GraphProto(name="generator")
    for node in graph.node:
        plain_node = made.node.add(op_type=node.op_type)
        plain_node.input.extend(names[name] if name else "" for name in node.input)
        plain_node.output.extend(names[name] if name else "" for name in node.output)
        for attribute in sorted(node.attribute, key=lambda one: one.name):
            kept = plain_node.attribute.add()
            kept.CopyFrom(attribute)
            kept.ClearField("doc_string")
    for tensor in graph.initializer:
        made.initializer.append(numpy_helper.from_array(numpy_helper.to_array(tensor), names[tensor.name]))
    for values, plain_values in ((graph.input, made.input), (graph.output, made.output)):
        for value in values:
            plain_value = plain_values.add()
            plain_value.CopyFrom(value)
            plain_value.ClearField("doc_string")
            plain_value.ClearField("metadata_props")
            plain_value.name = names[value.name]
    return made


def named(graph: onnx.GraphProto) -> onnx.GraphProto:
    """A copy whose nodes have names, which other makers' tools go by."""
    made = onnx.GraphProto()
    made.CopyFrom(graph)
    for number, node in enumerate(made.node):
        node.name = f"{node.op_type}_{number}"
    return made


def fold_batch_norm(graph: onnx.GraphProto) -> None:
    """Write what batch norm the exporter could not fold into a layer as one multiplication and one addition."""
    stored = constants(graph)
    nodes: list[onnx.NodeProto] = []
    for node in graph.node:
        if node.op_type != "BatchNormalization" or not all(name in stored for name in node.input[1:5]):
            nodes.append(node)
            continue
        scale, bias, mean, variance = (stored[name].astype(np.float64) for name in node.input[1:5])
        epsilon = next((one.f for one in node.attribute if one.name == "epsilon"), 1e-5)
        rank = _rank(graph, node.input[0])
        gain = scale / np.sqrt(variance + epsilon)
        shape = (1, -1, *(1 for _ in range(rank - 2)))
        made = node.output[0]
        factor = store(graph, f"{made}/gain", gain.reshape(shape).astype(np.float32))
        offset = store(graph, f"{made}/bias", (bias - mean * gain).reshape(shape).astype(np.float32))
        nodes.append(helper.make_node("Mul", [node.input[0], factor], [f"{made}/scaled"]))
        nodes.append(helper.make_node("Add", [f"{made}/scaled", offset], [made]))
    replace_nodes(graph, nodes)


def replace_nodes(graph: onnx.GraphProto, nodes: Iterable[onnx.NodeProto]) -> None:
    """Make ``nodes`` the graph's nodes."""
    kept = [copied(node) for node in nodes]
    del graph.node[:]
    graph.node.extend(kept)


def copied(node: onnx.NodeProto) -> onnx.NodeProto:
    """A copy of the node."""
    made = onnx.NodeProto()
    made.CopyFrom(node)
    return made


def shapes(graph: onnx.GraphProto) -> dict[str, tuple[int | str, ...]]:
    """The shapes of all values as far as they can be inferred; open sizes by name."""
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    inferred = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
    return {
        value.name: tuple(
            size.dim_value if size.HasField("dim_value") else size.dim_param for size in value.type.tensor_type.shape.dim
        )
        for value in (*inferred.input, *inferred.value_info, *inferred.output)
        if value.type.tensor_type.HasField("shape")
    }


def _rank(graph: onnx.GraphProto, name: str) -> int:
    return len(shapes(graph)[name])


def _constants_to_initialisers(graph: onnx.GraphProto) -> None:
    kept = []
    for node in graph.node:
        value = next((one for one in node.attribute if one.name == "value"), None)
        if node.op_type == "Constant" and value is not None:
            store(graph, node.output[0], numpy_helper.to_array(value.t))
        else:
            kept.append(node)
    replace_nodes(graph, kept)


def _drop_identities(graph: onnx.GraphProto) -> None:
    outputs = {value.name for value in graph.output}
    alias: dict[str, str] = {}
    kept = []
    for node in graph.node:
        for index, name in enumerate(node.input):
            node.input[index] = alias.get(name, name)
        if node.op_type == "Identity" and node.output[0] not in outputs:
            alias[node.output[0]] = node.input[0]
        else:
            kept.append(node)
    replace_nodes(graph, kept)


def _settle_reshapes(graph: onnx.GraphProto) -> None:
    """Where only the batch is open in what a reshape makes, its target is the constant [-1, ...]."""
    known, stored = shapes(graph), constants(graph)
    for node in graph.node:
        if node.op_type != "Reshape":
            continue
        made = known.get(node.output[0], ())
        if node.input[1] not in stored and made and all(isinstance(size, int) for size in made[1:]):
            target = np.array([-1, *made[1:]], np.int64)
            node.input[1] = store(graph, f"{node.output[0]}/shape", target)
            stored[node.input[1]] = target
        if node.input[1] in stored and 0 not in stored[node.input[1]]:
            settled = [one for one in node.attribute if one.name != "allowzero"]
            del node.attribute[:]
            node.attribute.extend(settled)


def dropped_unused(graph: onnx.GraphProto) -> onnx.GraphProto:
    """The graph itself, without nodes, stored tensors and inner shapes that its outputs do not need."""
    wanted = {value.name for value in graph.output}
    kept: list[onnx.NodeProto] = []
    for node in reversed(graph.node):
        if wanted.intersection(node.output):
            wanted.update(node.input)
            kept.append(node)
    replace_nodes(graph, reversed(kept))
    tensors = [tensor for tensor in graph.initializer if tensor.name in wanted]
    del graph.initializer[:]
    graph.initializer.extend(tensors)
    del graph.value_info[:]
    return graph
