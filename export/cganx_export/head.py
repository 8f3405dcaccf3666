"""The contract's ends of the graph: how a label comes in, and `image` and `pixels` go out."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper

from cganx.card import GeneratorCard
from cganx.errors import ExportError
from cganx_export.cleaning import attributes, clean, constants, renamed, replace_nodes, store

__all__ = ["finished", "pixels_of"]

BATCH = "batch"
_BOUNDED = ("Tanh", "Sigmoid", "HardSigmoid", "Softsign", "Softmax", "Sin", "Cos")
_MOVING = ("Identity", "Reshape", "Transpose", "Slice", "DepthToSpace", "SpaceToDepth", "Squeeze", "Unsqueeze", "Flatten")

UNUSED = {
    "latent": "the module does not use its latent: every picture of a class would be the same",
    "label": "the module does not use its label; give a card of kind 'unconditional' where nothing is chosen by label",
    "code": "the module does not use its codes; give a card without codes",
}


def pixels_of(image: np.ndarray) -> np.ndarray:
    """The contract's formula in numpy: float32 [n, c, h, w] in -1..1 -> uint8 [n, h, w, c]."""
    levels = np.round((image.astype(np.float32) + np.float32(1)) * np.float32(127.5))
    return np.clip(levels, 0, 255).astype(np.uint8).transpose(0, 2, 3, 1)


def finished(traced: onnx.GraphProto, card: GeneratorCard) -> tuple[onnx.GraphProto, bool]:
    """The graph with the contract's inputs and outputs, and whether its image had to be clipped to -1..1."""
    graph = onnx.GraphProto()
    graph.CopyFrom(traced)
    used = {name for node in graph.node for name in node.input}
    given = ["latent", *(["label"] if card.classes else []), *(["code"] if card.codes else [])]
    for place, said in enumerate(given):
        if f"/{place}" not in used:
            raise ExportError(UNUSED[said])
    names = {f"/{place}": said for place, said in enumerate(given)} | {"/image": "image", "/pixels": "pixels"}
    del graph.input[:]
    if card.latent is not None:
        graph.input.append(helper.make_tensor_value_info("/0", TensorProto.FLOAT, [BATCH, card.latent.size]))
    if card.label is not None:
        classes = len(card.classes)
        if card.label.input == "index":
            names["/index"] = names.pop("/1")
            graph.input.append(helper.make_tensor_value_info("/index", TensorProto.INT64, [BATCH]))
            one_hot = store(graph, "/one_hot", np.eye(classes, dtype=np.float32))
            gather = helper.make_node("Gather", [one_hot, "/index"], ["/1"], axis=0)
            replace_nodes(graph, [gather, *graph.node])
        else:
            graph.input.append(helper.make_tensor_value_info("/1", TensorProto.FLOAT, [BATCH, classes]))
    if card.codes:
        graph.input.append(helper.make_tensor_value_info(f"/{len(given) - 1}", TensorProto.FLOAT, [BATCH, len(card.codes)]))
    clipped = not _bounded(graph, "/image")
    _clip(graph)
    _add_pixels(graph)
    size = (card.image.height, card.image.width)
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info("/image", TensorProto.FLOAT, [BATCH, card.image.channels, *size]))
    graph.output.append(helper.make_tensor_value_info("/pixels", TensorProto.UINT8, [BATCH, *size, card.image.channels]))
    return renamed(clean(graph), names), clipped


def _bounded(graph: onnx.GraphProto, name: str) -> bool:
    """Whether the value lies in -1..1 whatever goes in, as far as the last operators tell."""
    maker = next((node for node in graph.node if name in node.output), None)
    if maker is None:
        return False
    if maker.op_type in _BOUNDED:
        return True
    if maker.op_type == "Clip":
        stored = constants(graph)
        limits = [stored.get(limit) for limit in maker.input[1:3]]
        return len(limits) == 2 and all(limit is not None and abs(float(limit.reshape(()))) <= 1 for limit in limits)
    if maker.op_type == "Concat":
        return all(_bounded(graph, part) for part in maker.input)
    if maker.op_type == "Resize":
        return attributes(maker).get("mode", b"nearest") == b"nearest" and _bounded(graph, maker.input[0])
    return maker.op_type in _MOVING and _bounded(graph, maker.input[0])


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
