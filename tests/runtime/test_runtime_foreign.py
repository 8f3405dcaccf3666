"""Files of other makers: other names, other shapes of the same, other ranges of the image."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

from cganx import runtime
from cganx.card import Label
from cganx.errors import CardMismatch, NotAGenerator, RequestError, UnsafeModel
from cganx.runtime import Tensors, card_of

NAMES = Tensors(latent="z", label="y", image="fake")
CLASSES = ("red", "Green", "blue")


def renamed(model: Any, **names: str) -> Any:
    """The model with other names for its inputs and outputs."""
    graph = model.graph
    for value in (*graph.input, *graph.output):
        value.name = names.get(value.name, value.name)
    for node in graph.node:
        for part in (node.input, node.output):
            for index, name in enumerate(part):
                part[index] = names.get(name, name)
    return model


@pytest.fixture
def foreign(make: Any) -> Any:
    """``foreign(change, **card)``: a file without card whose tensors are called z, y and fake, beside one of ours."""

    def build(change: Any = None, **card: Any) -> bytes:
        model = renamed(make.model(make.card(**card)), latent="z", label="y", image="fake")
        if change is not None:
            change(model)
        return bytes(model.SerializeToString())

    return build


def last(model: Any, operator: str, *constants: Any, **attributes: Any) -> None:
    """One more operator between what the model calls fake and its output of that name."""
    from onnx import helper, numpy_helper

    for node in model.graph.node:
        for part in (node.input, node.output):
            for index, name in enumerate(part):
                part[index] = "inner" if name == "fake" else name
    for index, constant in enumerate(constants):
        model.graph.initializer.append(numpy_helper.from_array(constant, f"last.{index}"))
    names = [f"last.{index}" for index in range(len(constants))]
    model.graph.node.append(helper.make_node(operator, ["inner", *names], ["fake"], **attributes))


def test_names_are_translated_and_other_outputs_left_alone(make: Any, foreign: Any) -> None:
    ours, data = runtime.load(make()), foreign()
    generator = runtime.load(data, card=card_of(data, NAMES, name="theirs", classes=CLASSES), tensors=NAMES)
    np.testing.assert_array_equal(generator.generate("blue", range(5)), ours.generate("blue", range(5)))
    assert (generator.card.name, generator.card.kind) == ("theirs", "class")
    again = pickle.loads(pickle.dumps(generator))
    np.testing.assert_array_equal(again.generate("red", 3), ours.generate("red", 3))


def test_a_label_by_number_is_found_by_its_type(make: Any, foreign: Any) -> None:
    data = foreign(label=Label(input="index"))
    card = card_of(data, NAMES, name="theirs", classes=CLASSES)
    assert card.label is not None
    assert card.label.input == "index"
    made = runtime.load(data, card=card, tensors=NAMES).generate(["red", "blue"], [1, 2])
    np.testing.assert_array_equal(made, runtime.load(make.indexed()).generate(["red", "blue"], [1, 2]))


def test_a_file_without_label_is_unconditional(make: Any, foreign: Any) -> None:
    data = foreign(kind="unconditional", classes=())
    card = card_of(data, NAMES, name="theirs")
    assert card.kind == "unconditional"
    made = runtime.load(data, card=card, tensors=NAMES).generate(seeds=range(4))
    np.testing.assert_array_equal(made, runtime.load(make(kind="unconditional", classes=())).generate(seeds=range(4)))


def test_image_from_0_to_1_with_channels_last(make: Any, foreign: Any) -> None:
    def change(model: Any) -> None:
        last(model, "Transpose", perm=[0, 2, 3, 1])
        output = model.graph.output[0].type.tensor_type.shape.dim
        sizes = [output[index].dim_value for index in (2, 3, 1)]
        for index, size in enumerate(sizes):
            output[index + 1].dim_value = size
        for node in model.graph.node:  # (tanh + 1) / 2
            node.output[:] = ["raw" if name == "inner" else name for name in node.output]
        from onnx import helper, numpy_helper

        half = numpy_helper.from_array(np.array(0.5, np.float32), "a.half")
        model.graph.initializer.append(half)
        model.graph.node.insert(len(model.graph.node) - 1, helper.make_node("Mul", ["raw", "a.half"], ["halved"]))
        model.graph.node.insert(len(model.graph.node) - 1, helper.make_node("Add", ["halved", "a.half"], ["inner"]))
        for node in model.graph.node:
            if node.op_type == "Add" and "one" in node.input:
                node.input[0] = "raw"

    tensors = Tensors(latent="z", label="y", image="fake", low=0, high=1, channels_last=True)
    data = foreign(change)
    card = card_of(data, tensors, name="theirs", classes=CLASSES)
    made = runtime.load(data, card=card, tensors=tensors).generate("red", range(9))
    ours = runtime.load(make()).generate("red", range(9))
    assert np.abs(made.astype(int) - ours.astype(int)).max() <= 1
    wrong = Tensors(latent="z", label="y", image="fake", low=0, high=0.5, channels_last=True)
    with pytest.raises(NotAGenerator, match="black and white"):
        runtime.load(data, card=card, tensors=wrong)


def test_a_latent_may_have_axes_of_size_1(make: Any, foreign: Any) -> None:
    def change(model: Any) -> None:
        from onnx import helper

        shape = model.graph.input[0].type.tensor_type.shape
        for _ in range(2):
            shape.dim.add().dim_value = 1
        for node in model.graph.node:
            node.input[:] = ["flat" if name == "z" else name for name in node.input]
        model.graph.node.insert(0, helper.make_node("Flatten", ["z"], ["flat"]))

    data = foreign(change)
    card = card_of(data, NAMES, name="theirs", classes=CLASSES)
    assert card.latent is not None
    assert card.latent.size == 5
    made = runtime.load(data, card=card, tensors=NAMES).generate("red", range(3))
    np.testing.assert_array_equal(made, runtime.load(make()).generate("red", range(3)))


def test_what_does_not_fit_is_named(foreign: Any) -> None:
    data = foreign()
    with pytest.raises(CardMismatch, match=r"no input 'noise'; it has y, z"):
        card_of(data, Tensors(latent="noise", label="y", image="fake"), name="theirs", classes=CLASSES)
    with pytest.raises(CardMismatch, match=r"no output 'picture'; it has fake, pixels"):
        card_of(data, Tensors(latent="z", label="y", image="picture"), name="theirs", classes=CLASSES)
    with pytest.raises(CardMismatch, match="3 columns, and there are 2 class names"):
        card_of(data, NAMES, name="theirs", classes=("one", "two"))
    with pytest.raises(CardMismatch, match="say if it is NCHW"):
        card_of(data, Tensors(latent="z", image="fake", channels_last=True), name="theirs")
    with pytest.raises(CardMismatch, match="'y' that the card does not speak of"):
        runtime.load(data, card=card_of(data, NAMES, name="theirs"), tensors=NAMES)
    with pytest.raises(RequestError, match="three tensors"):
        Tensors(latent="x", label="x")
    with pytest.raises(RequestError, match="black to white"):
        Tensors(low=1, high=1)
    with pytest.raises(RequestError, match="card"):
        runtime.load(data, tensors=NAMES)


def test_the_readers_rules_hold_for_them_too(foreign: Any) -> None:
    def change(model: Any) -> None:
        model.graph.node[0].op_type = "RandomNormalLike"

    with pytest.raises(UnsafeModel, match="RandomNormalLike"):
        card_of(foreign(change), NAMES, name="theirs", classes=CLASSES)
