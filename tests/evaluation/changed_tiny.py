"""The tiny generator's file with something changed, sealed again; and as a file of another maker."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from typing import Any

import numpy as np

from cganx.card import CARD_KEY, HASH_KEY
from cganx.runtime import read
from cganx.runtime.testing import TINY

Change = Callable[[Any], None]


def changed(change: Change | None = None, **card: Any) -> bytes:
    """The file with ``change`` made to its ONNX message and other fields in its card."""
    import onnx

    model = onnx.load(TINY)
    if change is not None:
        change(model)
    text = replace(read(TINY).card, **card).to_json()
    digest = sha256(text.encode() + model.graph.SerializeToString(deterministic=True)).hexdigest()
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, {CARD_KEY: text, HASH_KEY: digest})
    return bytes(model.SerializeToString(deterministic=True))


def foreign(change: Change | None = None) -> bytes:
    """Without card and pixels; its tensors are called z, y and fake."""
    import onnx

    model = onnx.load(TINY)
    del model.metadata_props[:]
    del model.graph.output[1]
    if change is not None:
        change(model)
    names = {"latent": "z", "label": "y", "image": "fake"}
    for value in (*model.graph.input, *model.graph.output):
        value.name = names.get(value.name, value.name)
    for node in model.graph.node:
        for part in (node.input, node.output):
            for index, name in enumerate(part):
                part[index] = names.get(name, name)
    return bytes(model.SerializeToString())


def _before_image(model: Any, nodes: list[Any], constants: dict[str, Any]) -> None:
    """Put nodes that make ``image`` of ``inner`` where the image was made."""
    from onnx import numpy_helper

    tanh = next(node for node in model.graph.node if "image" in node.output)
    tanh.output[0] = "inner"
    place = list(model.graph.node).index(tanh) + 1
    for offset, node in enumerate(nodes):
        model.graph.node.insert(place + offset, node)
    for name, value in constants.items():
        model.graph.initializer.append(numpy_helper.from_array(value, name))


def one_colour(model: Any) -> None:
    """Every picture is grey all over."""
    from onnx import helper

    _before_image(model, [helper.make_node("Mul", ["inner", "nought"], ["image"])], {"nought": np.zeros((), np.float32)})


def not_a_number(model: Any) -> None:
    """The pictures of the second class are the root of a negative number."""
    from onnx import helper

    nodes = [
        helper.make_node("MatMul", ["label", "first"], ["chosen"]),
        helper.make_node("Sub", ["chosen", "middle"], ["signed"]),
        helper.make_node("Sqrt", ["signed"], ["root"]),
        helper.make_node("Reshape", ["root", "one_each"], ["factor"]),
        helper.make_node("Mul", ["inner", "factor"], ["image"]),
    ]
    constants = {
        "first": np.array([[1], [0]], np.float32),
        "middle": np.array(0.5, np.float32),
        "one_each": np.array([-1, 1, 1, 1], np.int64),
    }
    _before_image(model, nodes, constants)


def without_label(model: Any) -> None:
    """It takes no label, and makes pictures between its classes."""
    from onnx import numpy_helper

    del model.graph.input[1]
    node = next(node for node in model.graph.node if node.op_type == "MatMul")
    templates = next(one for one in model.graph.initializer if one.name == "templates")
    model.graph.node.remove(node)
    middle = numpy_helper.to_array(templates).mean(axis=0, keepdims=True)
    model.graph.initializer.append(numpy_helper.from_array(middle, "template"))
    model.graph.initializer.remove(templates)
