"""Hostile image-to-image files: refused with one sentence before a session is built, or by the run that proves them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from translators import card, translator

from cganx import runtime
from cganx.card import CARD_KEY, HASH_KEY
from cganx.errors import CardMismatch, ModelError, UnsafeModel

ENDLESS = 1 << 40


@pytest.fixture(autouse=True)
def _onnx(part: Any) -> None:
    part("onnx")


def with_card(kind: str, change: Callable[[dict[str, Any]], None], size: tuple[int, int] | None = None) -> bytes:
    """A good graph under a card that lies, with the right hash."""
    from hashlib import sha256

    import onnx

    model = onnx.load_model_from_string(translator(kind, size))
    text = json.loads(card(kind, size).to_json())
    change(text)
    sealed = json.dumps(text)
    digest = sha256(sealed.encode() + model.graph.SerializeToString()).hexdigest()
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, {CARD_KEY: sealed, HASH_KEY: digest})
    data: bytes = model.SerializeToString()
    return data


def said(**source: Any) -> Callable[[dict[str, Any]], None]:
    return lambda text: text["source"].update(source)


def sized(index: int, axis: int, size: int | None) -> Callable[[Any], None]:
    def change(model: Any) -> None:
        dimension = model.graph.input[index].type.tensor_type.shape.dim[axis]
        dimension.Clear()
        if size is not None:
            dimension.dim_value = size

    return change


def inserted(*nodes: tuple[str, list[str], str, dict[str, Any]], **constants: Any) -> Callable[[Any], None]:
    """Nodes before the first one, which takes what the last of them makes in the place of ``source``."""

    def change(model: Any) -> None:
        from onnx import helper, numpy_helper

        graph = model.graph
        for name, values in constants.items():
            graph.initializer.append(numpy_helper.from_array(np.asarray(values), name))
        graph.node[0].input[0] = nodes[-1][2]
        new = [helper.make_node(operator, takes, [makes], **attributes) for operator, takes, makes, attributes in nodes]
        rest = list(graph.node)
        del graph.node[:]
        graph.node.extend([*new, *rest])

    return change


def squared(model: Any) -> None:
    """A matrix of every pixel by every pixel: as the sides grow by two, it grows by sixteen."""
    inserted(
        ("Flatten", ["source"], "flat", {"axis": 2}),
        ("Unsqueeze", ["flat", "last"], "column", {}),
        ("Unsqueeze", ["flat", "middle"], "row", {}),
        ("Mul", ["column", "row"], "every", {}),
        ("ReduceMean", ["every", "last"], "square", {}),
        ("Reshape", ["square", "wanted"], "source2", {}),
        last=np.array([2], np.int64),
        middle=np.array([1], np.int64),
        wanted=np.array([-1, 3, 64, 64], np.int64),
    )(model)


@pytest.mark.parametrize(
    ("data", "error", "word"),
    [
        (lambda: with_card("brighter", said(scale=0)), CardMismatch, "source.scale"),
        (lambda: with_card("brighter", said(scale=ENDLESS)), CardMismatch, "source.scale"),
        (lambda: with_card("brighter", said(scale=64)), CardMismatch, "output 'image'"),
        (lambda: with_card("four-times", said(scale=1)), CardMismatch, "output 'image'"),
        (lambda: with_card("brighter", said(multiple=ENDLESS)), CardMismatch, "source.multiple"),
        (lambda: with_card("brighter", said(multiple=65_536)), UnsafeModel, "multiple of 65,536 is over 512"),
        (lambda: with_card("brighter", said(multiple=0)), CardMismatch, "source.multiple"),
        (lambda: with_card("brighter", said(context=ENDLESS)), CardMismatch, "source.context"),
        (lambda: with_card("brighter", said(channels=1)), CardMismatch, "input 'source'"),
        (lambda: with_card("brighter", said(height=64)), CardMismatch, "one is open"),
        (lambda: with_card("brighter", said(height=None, width=None), (32, 32)), CardMismatch, "input 'source'"),
        (lambda: with_card("brighter", said(height=32, width=32)), CardMismatch, "image.height is 64"),
        (lambda: with_card("brighter", lambda text: text.pop("source")), CardMismatch, "source belongs"),
        (lambda: with_card("filler", lambda text: text.update(kind="unconditional", source=None)), CardMismatch, "neither"),
        (lambda: translator("brighter", change=sized(0, 2, 7)), CardMismatch, "input 'source'"),
        (lambda: translator("filler", change=sized(1, 3, 7)), ModelError, "joins shapes|input 'mask'"),
        (lambda: translator("filler", change=sized(1, 1, 2)), ModelError, "weight|input 'mask'"),
        (lambda: translator("noisy", change=sized(1, 2, ENDLESS)), UnsafeModel, "more than a generator may"),
        (lambda: translator("brighter", (1 << 14, 1 << 14)), UnsafeModel, "more than a generator may"),
        (lambda: translator("brighter", change=squared), UnsafeModel, "holds another number of values"),
        (
            lambda: translator("brighter", change=inserted(("Transpose", ["source"], "turned", {"perm": [0, 1, 3, 2]}))),
            CardMismatch,
            "output 'image'",
        ),
        (
            lambda: translator(
                "brighter",
                change=inserted(
                    ("Resize", ["source", "", "scales"], "grown", {"mode": "nearest"}),
                    scales=np.array([1, 1, 1000, 1000], np.float32),
                ),
            ),
            UnsafeModel,
            "more than a generator may",
        ),
        (
            lambda: translator(
                "brighter",
                change=inserted(
                    ("Pad", ["source", "pads"], "padded", {}), pads=np.array([0, 0, 0, 0, 0, 0, 1 << 20, 0], np.int64)
                ),
            ),
            UnsafeModel,
            "more than a generator may",
        ),
    ],
)
def test_it_is_refused_with_one_sentence(data: Callable[[], bytes], error: type[ModelError], word: str) -> None:
    with pytest.raises(error, match=word) as caught:
        runtime.load(data(), "cpu", threads=1)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 700


def test_a_context_that_leaves_no_tile_costs_nothing_but_a_sentence() -> None:
    generator = runtime.load(with_card("brighter", said(context=65_536)), "cpu")
    assert generator.translate(np.zeros((1, 500, 500, 3), np.uint8)).shape == (1, 500, 500, 3)
    with pytest.raises(runtime.RequestError, match="all edge"):
        generator.translate(np.zeros((1, 600, 500, 3), np.uint8))


def test_what_a_slow_pyramid_asks_for_is_bounded_by_smaller_tiles() -> None:
    """Work that is over the bound at 512 pixels a side is within it at fewer; the file loads, with tiles of those."""
    small = runtime.read(translator("four-times"), limits=runtime.Limits(work=1 << 27))
    assert small.tile is not None
    assert 32 <= small.tile < 512
