"""Files of image-to-image generators: what the reader takes, and at which sizes it found them right."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from translators import KINDS, card, translator

from cganx import runtime
from cganx.errors import CardMismatch, ModelError, UnsafeModel
from cganx.runtime.reader import follow, read


@pytest.fixture(autouse=True)
def _onnx(part) -> None:
    part("onnx")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [None, (32, 48)])
def test_they_are_read_with_open_and_with_fixed_sides(kind: str, size: tuple[int, int] | None) -> None:
    file = read(translator(kind, size))
    assert file.card == card(kind, size)
    assert next(iter(file.inputs)) == "source"
    assert file.tile == (None if size else 512)
    if size is not None:
        assert file.outputs["pixels"] == (*(KINDS[kind].scale * side for side in size), 3)


def test_the_smallest_side_is_one_at_which_edges_can_be_mirrored() -> None:
    assert read(translator("reflecting")).least == 4
    assert read(translator("reflecting", multiple=3)).least == 6
    assert read(translator("local")).least == 2


def test_the_largest_tile_is_a_multiple_within_the_limits() -> None:
    assert read(translator("noisy", multiple=24)).tile == 504
    within = read(translator("local"), limits=runtime.Limits(alive_elements=1 << 20)).tile
    assert within is not None
    assert 64 <= within < 512
    with pytest.raises(UnsafeModel, match="values in memory at once"):
        read(translator("local"), limits=runtime.Limits(alive_elements=10))
    with pytest.raises(UnsafeModel, match=r"multiple of 1,000 is over 512 pixels"):
        read(translator("brighter", multiple=1000))


def test_shapes_are_followed_at_a_space() -> None:
    _, facts = follow(translator("four-times"), batch=3, space=(10, 6))
    assert facts["image"].shape == (3, 3, 40, 24)
    _, facts = follow(translator("noisy"), space=(16, 8))
    assert facts["noise.1"].shape == (2, 1, 2, 1)


def renamed(axis: int, name: str, index: int = 0) -> Any:
    def change(model: Any) -> None:
        model.graph.input[index].type.tensor_type.shape.dim[axis].dim_param = name

    return change


@pytest.mark.parametrize("name", ["rows", "height/3", "height/0", "height*", "depth/8", "height/999999", ""])
def test_open_sizes_of_noise_are_named_after_the_source(name: str) -> None:
    with pytest.raises(ModelError, match=r"noise|joins shapes|impossible"):
        read(translator("noisy", change=renamed(2, name, 2)))


def test_the_sides_of_source_may_have_any_name() -> None:
    assert read(translator("brighter", change=renamed(2, "rows"))).tile == 512


def fixed_scale(model: Any) -> None:
    """In the place of the first node the source becomes twice as large."""
    from onnx import helper, numpy_helper

    del model.graph.node[:1]
    model.graph.initializer.append(numpy_helper.from_array(np.array([1, 1, 2, 2], np.float32), "twice"))
    model.graph.node.insert(0, helper.make_node("Resize", ["source", "", "twice"], ["v0"], mode="nearest"))


def test_what_is_made_follows_the_scale() -> None:
    with pytest.raises(CardMismatch, match=re.escape("('batch', 3, 1024, 1024), but the card asks for")):
        read(translator("brighter", change=fixed_scale))
    with pytest.raises(CardMismatch, match=r"output 'image' is float32"):
        read(translator("four-times", scale=2))


def test_a_table_that_is_looked_up_by_a_size_gives_none() -> None:
    """At the sizes that are followed it might say 1, and a million at another."""
    from onnx import helper, numpy_helper

    def change(model: Any) -> None:
        graph = model.graph
        table = np.ones(513, np.int64)
        for name, values in {"table": table, "row": np.array([2], np.int64), "ones": np.ones(3, np.int64)}.items():
            graph.initializer.append(numpy_helper.from_array(values, name))
        new = [
            helper.make_node("Shape", ["source"], ["shape"]),
            helper.make_node("Gather", ["shape", "row"], ["height"]),
            helper.make_node("Gather", ["table", "height"], ["looked.up"]),
            helper.make_node("Concat", ["ones", "looked.up"], ["wanted"], axis=0),
            helper.make_node("Expand", ["source", "wanted"], ["grown"]),
        ]
        graph.node[0].input[0] = "grown"
        nodes = [*new, *graph.node]
        del graph.node[:]
        graph.node.extend(nodes)

    with pytest.raises(UnsafeModel, match="computed from more than constants and shapes"):
        read(translator("brighter", change=change))
