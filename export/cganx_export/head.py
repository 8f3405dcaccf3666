"""The contract's ends of the graph: how a label comes in, and `image` and `pixels` go out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import add, mul, sub

import numpy as np
import onnx
from onnx import TensorProto, helper

from cganx.errors import ExportError
from cganx_export.arguments import Inputs, Size
from cganx_export.cleaning import attributes, clean, constants, renamed, replace_nodes, store

__all__ = ["finished", "pixels_of"]

BATCH = "batch"
_RANGES = {
    **dict.fromkeys(("Tanh", "Softsign", "Sin", "Cos"), (-1.0, 1.0)),
    **dict.fromkeys(("Sigmoid", "HardSigmoid", "Softmax"), (0.0, 1.0)),
}
_ARITHMETIC: Mapping[str, Callable[[float, float], float]] = {"Add": add, "Sub": sub, "Mul": mul}
_MOVING = ("Identity", "Reshape", "Transpose", "Slice", "DepthToSpace", "SpaceToDepth", "Squeeze", "Unsqueeze", "Flatten")

UNUSED = {
    "source": "the module does not use its source: every picture would become the same",
    "mask": "the module does not use its mask; take it out of forward, and say Convention(mask=False)",
    "latent": "the module does not use its latent: every picture of a class would be the same",
    "label": "the module does not use its label; give a card of kind 'unconditional' where nothing is chosen by label",
    "code": "the module does not use its codes; give a card without codes",
    "truncation": "the module does not use its truncation; give a card without truncation",
}


def pixels_of(image: np.ndarray) -> np.ndarray:
    """The contract's formula in numpy: float32 [n, c, h, w] in -1..1 -> uint8 [n, h, w, c]."""
    levels = np.round((image.astype(np.float32) + np.float32(1)) * np.float32(127.5))
    return np.clip(levels, 0, 255).astype(np.uint8).transpose(0, 2, 3, 1)


def finished(traced: onnx.GraphProto, inputs: Inputs) -> tuple[onnx.GraphProto, bool]:
    """The graph with the contract's inputs and outputs, and whether its image had to be clipped to -1..1.

    A label that was traced as whole numbers stays an index.
    """
    card = inputs.card
    graph = onnx.GraphProto()
    graph.CopyFrom(traced)
    used = {name for node in graph.node for name in node.input}
    by_index = any(value.type.tensor_type.elem_type == TensorProto.INT64 for value in traced.input)
    shapes = inputs.shapes()
    for place, said in enumerate(shapes):
        if f"/{place}" not in used:
            raise ExportError(UNUSED.get(said, f"the module draws {said} and does not use it; take the draw out of forward"))
    names = {f"/{place}": said for place, said in enumerate(shapes)} | {"/image": "image", "/pixels": "pixels"}
    del graph.input[:]
    for place, (said, shape) in enumerate(shapes.items()):
        name, number = f"/{place}", TensorProto.FLOAT
        if said == "label" and card.label is not None and card.label.input == "index":
            shape, number = (), TensorProto.INT64
            if not by_index:
                names["/index"], name = names.pop(name), "/index"
                one_hot = store(graph, "/one_hot", np.eye(len(card.classes), dtype=np.float32))
                gather = helper.make_node("Gather", [one_hot, "/index"], [f"/{place}"], axis=0)
                replace_nodes(graph, [gather, *graph.node])
        graph.input.append(helper.make_tensor_value_info(name, number, [BATCH, *_written(shape)]))
    clipped = not _bounded(graph, "/image")
    _clip(graph)
    _add_pixels(graph)
    channels, *sides = _written(inputs.image())
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info("/image", TensorProto.FLOAT, [BATCH, channels, *sides]))
    graph.output.append(helper.make_tensor_value_info("/pixels", TensorProto.UINT8, [BATCH, *sides, channels]))
    return renamed(clean(graph), names), clipped


def _written(shape: tuple[Size, ...]) -> list[int | str]:
    """The sizes as the file declares them."""
    return [size if isinstance(size, int) else str(size) for size in shape]


def _bounded(graph: onnx.GraphProto, name: str) -> bool:
    """Whether the value lies in -1..1 whatever goes in, as far as the last operators tell."""
    low, high = _interval({made: node for node in graph.node for made in node.output}, constants(graph), name)
    return low >= -1 - 1e-6 and high <= 1 + 1e-6  # what rounding leaves of 255 * (2 / 255) - 1


def _interval(makers: Mapping[str, onnx.NodeProto], stored: Mapping[str, np.ndarray], name: str) -> tuple[float, float]:
    """The least and the largest that the value can be; infinite where its operators do not tell."""
    endless = (-np.inf, np.inf)
    if name in stored and stored[name].size == 1:
        return float(stored[name].reshape(())), float(stored[name].reshape(()))
    maker = makers.get(name)
    if maker is None:
        return endless
    if maker.op_type in _RANGES:
        return _RANGES[maker.op_type]
    if maker.op_type == "Clip":
        low, high = (stored.get(limit) for limit in (*maker.input, "", "")[1:3])
        return -np.inf if low is None else float(low.reshape(())), np.inf if high is None else float(high.reshape(()))
    if maker.op_type == "Resize" and attributes(maker).get("mode", b"nearest") != b"nearest":
        return endless
    parts = maker.input if maker.op_type in _ARITHMETIC or maker.op_type == "Concat" else maker.input[:1]
    intervals = [_interval(makers, stored, part) for part in parts]
    if maker.op_type in _ARITHMETIC:
        if np.isinf(intervals).any():
            return endless
        ends = [float(_ARITHMETIC[maker.op_type](one, other)) for one in intervals[0] for other in intervals[1]]
        return min(ends), max(ends)
    if maker.op_type in (*_MOVING, "Concat", "Resize"):
        return min(low for low, _ in intervals), max(high for _, high in intervals)
    return endless


def _clip(graph: onnx.GraphProto) -> None:
    """Hold the image to -1..1; behind a tanh too, for onnxruntime's reaches 1.0000002."""
    for node in graph.node:
        for names in (node.input, node.output):
            for index, name in enumerate(names):
                if name == "/image":
                    names[index] = "/unbounded"
    low, high = (store(graph, f"/limit_{side}", np.array(limit, np.float32)) for side, limit in (("low", -1), ("high", 1)))
    graph.node.append(helper.make_node("Clip", ["/unbounded", low, high], ["/image"]))


def _add_pixels(graph: onnx.GraphProto) -> None:
    """The contract's formula; its clip to 0..255 is that of the image. ONNX's Round rounds half to even."""
    one, half = (store(graph, f"/pixels/{value}", np.array(value, np.float32)) for value in (1, 127.5))
    graph.node.extend(
        [
            helper.make_node("Add", ["/image", one], ["/pixels/shifted"]),
            helper.make_node("Mul", ["/pixels/shifted", half], ["/pixels/scaled"]),
            helper.make_node("Round", ["/pixels/scaled"], ["/pixels/rounded"]),
            helper.make_node("Cast", ["/pixels/rounded"], ["/pixels/bytes"], to=TensorProto.UINT8),
            helper.make_node("Transpose", ["/pixels/bytes"], ["/pixels"], perm=[0, 2, 3, 1]),
        ]
    )
