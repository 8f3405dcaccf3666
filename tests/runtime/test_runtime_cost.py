"""What is charged for work: by what an operator reads as well as by what it makes, and generators stay far within it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cganx import runtime
from cganx.errors import UnsafeModel
from cganx.runtime import LIMITS, Limits, testing
from cganx.runtime.cost import work
from cganx.runtime.model import Graph, Node
from cganx.runtime.operators import OPERATORS, Fact

ROOT = Path(__file__).resolve().parents[2]
FLOAT = np.dtype("<f4")
LARGE = (1, 4, 512, 512)
MANY = 1 << 20  # its values
NS = 32  # what a nanosecond counts


def charged(operator: str, *shapes: tuple[int, ...], numbers: Any = None, **attributes: Any) -> float:
    """What one operator counts, in nanoseconds. ``numbers`` are those of its last input."""
    facts = [Fact(FLOAT, shape, constant=index > 0) for index, shape in enumerate(shapes)]
    if numbers is not None:
        facts.append(Fact(np.asarray(numbers).dtype, np.shape(numbers), constant=True, numbers=np.asarray(numbers)))
    names = [f"x{index}" for index in range(len(facts))]
    given: list[Fact | None] = list(facts)
    if operator == "Resize":
        names.insert(1, "")
        given.insert(1, None)
    node = Node(operator, "", tuple(names), ("y",), attributes)
    made = OPERATORS[operator](node, given)[0]
    known = {name: fact for name, fact in zip(names, given, strict=True) if fact is not None} | {"y": made}
    return work(Graph((node,), {}, (), (), ()), known) / NS


@pytest.mark.parametrize("operator", ["ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceL2", "ReduceSumSquare"])
def test_a_sum_counts_what_it_reads(operator: str) -> None:
    assert charged(operator, LARGE, numbers=np.array([1, 2, 3])) == 8 * MANY


def test_what_is_read_counts_where_little_is_made() -> None:
    assert charged("GlobalAveragePool", LARGE) == MANY
    assert charged("Max", *[(1, 1, 1024, 1024)] * 5) == 5 * MANY
    assert charged("Shape", LARGE) == 4
    assert charged("Relu", LARGE) == MANY


@pytest.mark.parametrize(
    ("scales", "attributes", "a_value"),
    [
        ((1, 1, 1 / 512, 1 / 512), {"mode": b"linear", "antialias": 1}, 16),
        ((1, 1, 1 / 512, 4), {"mode": b"cubic", "antialias": 1}, 64),  # large between its two directions
        ((1, 1, 2, 2), {"mode": b"linear"}, 4),
        ((1, 1, 1, 1), {"mode": b"cubic"}, 256),
    ],
)
def test_a_filter_counts_what_it_goes_over(scales: tuple[float, ...], attributes: dict[str, Any], a_value: int) -> None:
    assert charged("Resize", LARGE, numbers=np.array(scales, np.float32), **attributes) == a_value * MANY


def test_rows_and_single_products_count_each() -> None:
    assert charged("Softmax", LARGE, axis=-1) == MANY + 64 * MANY / 512
    assert charged("Softmax", LARGE, axis=1) == 65 * MANY
    assert charged("LayerNormalization", LARGE, (512,)) == MANY + 512 + 64 * MANY / 512
    assert charged("InstanceNormalization", (1, MANY, 1), (MANY,), (MANY,)) == (3 + 64) * MANY
    assert charged("GroupNormalization", LARGE, (4,), (4,), num_groups=2) == MANY + 8 + 64 * 2
    assert charged("QuantizeLinear", LARGE, numbers=np.ones(512, np.float32), axis=3) == MANY + 512 + 64 * MANY
    assert charged("QuantizeLinear", LARGE, numbers=np.ones(4, np.float32), axis=1) == MANY + 4
    assert charged("MatMul", (1, MANY, 1, 1), (1, MANY, 1, 1)) > 256 * MANY
    assert charged("Einsum", (1024, 1024), (1024, 1024), equation=b"ab,ab->ab") > 256 * MANY
    assert charged("Einsum", (1024, 64), (64, 1024), equation=b"ab,bc->ac") < 64 * MANY
    assert charged("ConvTranspose", (1, 1 << 16, 1, 1), (1 << 16, 1, 1, 1), group=1 << 16) > 256 * (1 << 16)


@pytest.mark.parametrize(
    "path",
    [
        testing.TINY,
        *(ROOT / "cganx" / "zoo").glob("*.onnx"),
        *(ROOT / "plugins" / "blender" / "generators").glob("*.onnx"),
    ],
    ids=lambda path: path.stem,
)
def test_generators_are_far_within_it(path: Path) -> None:
    runtime.read(path, limits=Limits(work=LIMITS.work // 10))


def _value(name: str) -> Any:
    from onnx import TensorProto, helper

    return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 4])


def test_noise_has_room_and_an_end(make: Any) -> None:
    """Large StyleGANs take noise at 17 places."""

    def noises(count: int) -> Any:
        return lambda model: model.graph.input.extend([_value(f"noise.{index}") for index in range(count)])

    runtime.read(make(noises(62)))
    with pytest.raises(UnsafeModel, match="more than 64 inputs"):
        runtime.read(make(noises(63)))


def test_a_dequantised_value_is_taken_by_so_many(make: Any) -> None:
    def takers(count: int) -> Any:
        def change(model: Any) -> None:
            from onnx import helper, numpy_helper

            model.graph.initializer.append(numpy_helper.from_array(np.float32(0.1), "step"))
            nodes = [
                helper.make_node("QuantizeLinear", ["latent", "step"], ["steps.taken"]),
                helper.make_node("DequantizeLinear", ["steps.taken", "step"], ["numbers"]),
                *(helper.make_node("Relu", ["numbers"], [f"taken.{index}"]) for index in range(count)),
            ]
            model.graph.node.extend(nodes)

        return change

    runtime.read(make(takers(256)))
    with pytest.raises(UnsafeModel, match="the same dequantised value"):
        runtime.read(make(takers(257)))


@pytest.mark.parametrize(
    ("scale", "bias", "axis", "fits"),
    [
        ((4,), None, -1, True),
        ((4,), (4,), -1, True),
        ((3, 4), (3, 4), 1, True),
        ((4,), (1,), -1, False),
        ((4,), None, 1, False),
        ((), None, -1, False),
        ((4, 4), None, -1, False),
    ],
)
def test_parameters_of_a_layer_normalisation_are_of_its_axes(
    scale: tuple[int, ...], bias: tuple[int, ...] | None, axis: int, fits: bool
) -> None:
    given: list[Fact | None] = [Fact(FLOAT, one, constant=True) for one in ((2, 3, 4), scale, bias) if one is not None]
    node = Node("LayerNormalization", "", ("x", "scale", "bias")[: len(given)], ("y",), {"axis": axis})
    if fits:
        assert OPERATORS[node.operator](node, given)[0].shape == (2, 3, 4)
        return
    with pytest.raises(UnsafeModel, match="do not fit the axes"):
        OPERATORS[node.operator](node, given)


def test_a_bias_that_is_not_there_is_left_out() -> None:
    given = [Fact(FLOAT, (2, 4)), Fact(FLOAT, (4,), constant=True), None]
    with pytest.raises(UnsafeModel, match="left out, not empty"):
        OPERATORS["LayerNormalization"](Node("LayerNormalization", "", ("x", "scale", ""), ("y",), {}), given)
