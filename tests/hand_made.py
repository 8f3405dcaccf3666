"""Contract files made by hand, so that the runtime is tested without torch and without the exporter."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Any

import numpy as np

from cganx.card import CARD_KEY, HASH_KEY, GeneratorCard, Image, Label, Latent

SIDE = 4
Change = Callable[[Any], None]


def seal(model: Any, card: GeneratorCard | str) -> bytes:
    """The file's bytes with the card and its hash."""
    from onnx import helper

    text = card if isinstance(card, str) else card.to_json()
    digest = sha256(text.encode() + model.graph.SerializeToString()).hexdigest()
    del model.metadata_props[:]
    helper.set_model_props(model, {CARD_KEY: text, HASH_KEY: digest})
    data: bytes = model.SerializeToString()
    return data


class Maker:
    """``make()`` builds a small generator file; ``model(...)`` the ONNX message before it is sealed."""

    seal = staticmethod(seal)

    @staticmethod
    def card(**changes: Any) -> GeneratorCard:
        known: dict[str, Any] = {
            "name": "hand-made",
            "classes": ("red", "Green", "blue"),
            "latent": Latent(size=5),
            "image": Image(height=SIDE, width=SIDE, channels=1),
        }
        return GeneratorCard(**(known | changes))

    @staticmethod
    def model(card: GeneratorCard, noise: tuple[int, ...] = (), batch: Any = "batch", gain: float = 1.0) -> Any:
        """tanh of a sum of every input times its own matrix, as ``image``; and ``pixels``."""
        from onnx import TensorProto, helper, numpy_helper

        random = np.random.default_rng(3)
        size = card.image.channels * card.image.height * card.image.width
        node, value = helper.make_node, helper.make_tensor_value_info
        inputs, nodes, constants, terms = [], [], [], []

        def term(name: str, matrix: np.ndarray[Any, Any]) -> None:
            constants.append(numpy_helper.from_array(matrix.astype(np.float32), f"{name}.matrix"))
            nodes.append(node("MatMul", [name, f"{name}.matrix"], [f"{name}.term"]))
            terms.append(f"{name}.term")

        def declare(name: str, columns: int) -> None:
            inputs.append(value(name, TensorProto.FLOAT, [batch, columns]))
            term(name, gain * random.normal(size=(columns, size)))

        if card.latent is not None:
            declare("latent", card.latent.size)
        if card.label is not None and card.label.input == "weights":
            declare("label", len(card.classes))
        elif card.label is not None:
            inputs.append(value("label", TensorProto.INT64, [batch]))
            constants.append(numpy_helper.from_array(np.eye(len(card.classes), dtype=np.float32), "eye"))
            nodes.append(node("Gather", ["eye", "label"], ["one_hot"]))
            term("one_hot", random.normal(size=(len(card.classes), size)))
        if card.codes:
            declare("code", len(card.codes))
        if card.truncates:
            declare("truncation", 1)
        for index, columns in enumerate(noise):
            declare(f"noise.{index}", columns)
        while len(terms) > 1:
            nodes.append(node("Add", [terms.pop(), terms.pop()], [f"sum.{len(terms)}"]))
            terms.append(f"sum.{len(terms)}")
        shape = [-1, card.image.channels, card.image.height, card.image.width]
        constants += [
            numpy_helper.from_array(np.array(shape, np.int64), "shape"),
            *(numpy_helper.from_array(np.array(number, np.float32), name) for name, number in LEVELS.items()),
        ]
        nodes += [
            node("Reshape", [terms[0], "shape"], ["logits"], name="reshape"),
            node("Tanh", ["logits"], ["image"]),
            node("Add", ["image", "one"], ["shifted"]),
            node("Mul", ["shifted", "half"], ["scaled"]),
            node("Round", ["scaled"], ["rounded"]),
            node("Clip", ["rounded", "zero", "most"], ["clipped"]),
            node("Cast", ["clipped"], ["bytes"], to=TensorProto.UINT8),
            node("Transpose", ["bytes"], ["pixels"], perm=[0, 2, 3, 1]),
        ]
        outputs = [
            value("image", TensorProto.FLOAT, [batch, *shape[1:]]),
            value("pixels", TensorProto.UINT8, [batch, *shape[2:], shape[1]]),
        ]
        graph = helper.make_graph(nodes, "hand-made", inputs, outputs, constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
        model.ir_version = 9
        return model

    def __call__(self, change: Change | None = None, noise: tuple[int, ...] = (), **card: Any) -> bytes:
        known = self.card(**card)
        model = self.model(known, noise)
        if change is not None:
            change(model)
        return seal(model, known)

    def indexed(self) -> bytes:
        return self(label=Label(input="index"))


LEVELS = {"one": 1.0, "half": 127.5, "zero": 0.0, "most": 255.0}
