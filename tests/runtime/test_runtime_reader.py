import os
import struct
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from cganx import runtime
from cganx.card import CARD_KEY, HASH_KEY, Image, Latent
from cganx.errors import CardMismatch, ModelError, NotAGenerator, UnsafeModel
from cganx.runtime import testing
from cganx.runtime.model import Node, parse
from cganx.runtime.operators import OPERATORS, Fact
from cganx.runtime.protobuf import walk
from cganx.runtime.reader import Limits

TINY = testing.TINY.read_bytes()


def test_what_a_good_file_says() -> None:
    file = runtime.read(testing.TINY)
    assert file.card.name == "tiny"
    assert dict(file.inputs) == {"latent": (8,), "label": (2,)}
    assert dict(file.outputs) == {"image": (1, 16, 16), "pixels": (16, 16, 1)}
    assert runtime.read(TINY).sha256 == file.sha256
    assert len(file.sha256) == 64


def test_the_reader_sees_what_the_onnx_package_sees(part: Callable[[str], None]) -> None:
    part("onnx")
    import onnx
    from onnx import numpy_helper

    model, theirs = parse(memoryview(TINY)), onnx.load_model_from_string(TINY)
    assert [node.operator for node in model.graph.nodes] == [node.op_type for node in theirs.graph.node]
    assert [node.inputs for node in model.graph.nodes] == [tuple(node.input) for node in theirs.graph.node]
    assert bytes(model.graph_bytes) == theirs.graph.SerializeToString()
    assert model.opset == theirs.opset_import[0].version
    for tensor in theirs.graph.initializer:
        np.testing.assert_array_equal(model.graph.initializers[tensor.name].array, numpy_helper.to_array(tensor))


@settings(max_examples=300)
@given(st.integers(0, len(TINY) - 1), st.integers(1, 255))
def test_no_flipped_byte_passes_unless_it_is_outside_card_and_graph(at: int, flip: int) -> None:
    damaged = bytearray(TINY)
    damaged[at] ^= flip
    try:
        file = runtime.read(bytes(damaged))
    except ModelError:
        return
    assert file.sha256 == runtime.read(TINY).sha256


@settings(max_examples=100)
@given(st.integers(0, len(TINY) - 1))
@example(TINY.index(b"Image.BitmapPixelFormat") - 4)
@example(TINY.index(b"cganx.card") - 4)
@example(TINY.index(b"cganx.sha256") - 4)
def test_a_file_cut_short_is_refused(length: int) -> None:
    with pytest.raises(ModelError):
        runtime.read(TINY[:length])


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=200))
def test_any_bytes_give_an_error_of_ours(data: bytes) -> None:
    with pytest.raises(ModelError):
        runtime.read(data)


@pytest.mark.parametrize(
    "data",
    [
        b"\xff" * 20,
        b"\x0a" + b"\xff" * 9 + b"\x01",
        b"\x0b\x0c",
        b"\x00\x00",
        b"\x0a\x05ab",
        b"\x80" * 11,
        b"\x0a" + b"\xff" * 8 + b"\x7f",
    ],
)
def test_wire_format_that_lies_about_lengths(data: bytes) -> None:
    with pytest.raises(NotAGenerator):
        list(walk(memoryview(data)))


def test_pictures_zips_and_empty_files_are_no_generators(tmp_path: Path) -> None:
    for name, data in (("a.png", b"\x89PNG\r\n\x1a\n" + b"\0" * 99), ("b.zip", b"PK\x03\x04" + b"\0" * 99), ("c", b"")):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(ModelError) as caught:
            runtime.read(tmp_path / name)
        assert caught.value.model == str(tmp_path / name)
        assert str(tmp_path / name) in str(caught.value)


def node(operator: str, inputs: list[str], outputs: list[str], **attributes: Any) -> Any:
    from onnx import helper

    return helper.make_node(operator, inputs, outputs, **attributes)


def tensor(name: str, array: Any) -> Any:
    from onnx import numpy_helper

    return numpy_helper.from_array(np.asarray(array), name)


def external(model: Any) -> None:
    one = model.graph.initializer[0]
    one.ClearField("raw_data")
    one.data_location = 1
    entry = one.external_data.add()
    entry.key, entry.value = "location", "../../etc/passwd"


def located_elsewhere(model: Any) -> None:
    model.graph.initializer[0].data_location = 1


def foreign_import(model: Any) -> None:
    entry = model.opset_import.add()
    entry.domain, entry.version = "com.microsoft", 1


def foreign_node(model: Any) -> None:
    model.graph.node[0].domain = "com.microsoft"


def two_opsets(model: Any) -> None:
    model.opset_import.add().version = 18


def function(model: Any) -> None:
    model.functions.add().name = "f"


def subgraph(model: Any) -> None:
    attribute = model.graph.node[0].attribute.add()
    attribute.name, attribute.type = "body", 5
    attribute.g.name = "inner"


def unlisted(model: Any) -> None:
    model.graph.node[0].op_type = "Loop"


def random_operator(model: Any) -> None:
    model.graph.node.insert(0, node("RandomNormal", [], ["r"], shape=[4]))


def text_tensor(model: Any) -> None:
    one = model.graph.initializer.add()
    one.name, one.data_type = "text", 8
    one.dims.append(1)
    one.string_data.append(b"x")


def sparse(model: Any) -> None:
    model.graph.sparse_initializer.add()


def quantised(model: Any, scale: Any = 0.02, zero: Any = 0, kind: Any = np.int8, axis: int | None = None) -> Any:
    """The latent's matrix, [5, 16], as whole numbers behind a DequantizeLinear; that node."""
    one = next(one for one in model.graph.initializer if one.name == "latent.matrix")
    one.CopyFrom(tensor("steps", np.ones((5, 16), kind)))
    for name, value, dtype in (("step", scale, np.float32), ("zero.step", zero, kind)):
        model.graph.initializer.append(tensor(name, np.array(value, dtype)))
    made = node(
        "DequantizeLinear", ["steps", "step", "zero.step"], ["latent.matrix"], **({} if axis is None else {"axis": axis})
    )
    model.graph.node.insert(0, made)
    return model.graph.node[0]


def requantised(model: Any, **changes: Any) -> Any:
    """The latent through a QuantizeLinear and back; the first of the two."""
    for name, value in {"scale": np.float32(0.05), "middle": np.uint8(128), **changes}.items():
        model.graph.initializer.append(tensor(name, np.asarray(value)))
    pair = [
        node("QuantizeLinear", ["latent", "scale", "middle"], ["latent.steps"]),
        node("DequantizeLinear", ["latent.steps", "scale", "middle"], ["latent.again"]),
    ]
    next(one for one in model.graph.node if "latent" in one.input).input[0] = "latent.again"
    for place, one in enumerate(pair):
        model.graph.node.insert(place, one)
    return model.graph.node[0]


@pytest.mark.parametrize(
    "change",
    [
        quantised,
        lambda model: quantised(model, kind=np.uint8, zero=3),
        lambda model: quantised(model, scale=[0.02] * 16, zero=[0] * 16, axis=1),
        lambda model: quantised(model, scale=[0.02] * 5, zero=[0] * 5, axis=-2),
        lambda model: quantised(model, kind=np.int32),
        lambda model: quantised(model).input.pop(),  # no zero point: 0
        requantised,
    ],
)
def test_quantised_tensors_are_read_and_run(
    make: Callable[..., bytes], part: Callable[[str], None], change: Callable[[Any], Any]
) -> None:
    part("onnxruntime")
    pixels = runtime.load(make(change), device="cpu").generate("blue", seeds=range(3))
    assert pixels.shape == (3, 4, 4, 1)
    assert len(np.unique(pixels)) > 1


def step_not_finite(model: Any) -> None:
    quantised(model, scale=np.inf)


def step_of_nothing(model: Any) -> None:
    quantised(model, scale=0.0)


def step_below_zero(model: Any) -> None:
    quantised(model, scale=[0.02] * 15 + [-0.02], zero=[0] * 16, axis=1)


def steps_one_short(model: Any) -> None:
    quantised(model, scale=[0.02] * 15, zero=[0] * 15, axis=1)


def steps_on_no_axis(model: Any) -> None:
    quantised(model, scale=[0.02] * 16, zero=[0] * 16, axis=2)


def steps_without_their_zeros(model: Any) -> None:
    quantised(model, scale=[0.02] * 16, zero=0, axis=1)


def steps_by_blocks(model: Any) -> None:
    from onnx import helper

    quantised(model).attribute.append(helper.make_attribute("block_size", 2))


def steps_of_halves(model: Any) -> None:
    quantised(model, kind=np.float16)


def zero_of_another_type(model: Any) -> None:
    quantised(model)
    next(one for one in model.graph.initializer if one.name == "zero.step").CopyFrom(tensor("zero.step", np.array(0, np.uint8)))


def zero_of_a_bias(model: Any) -> None:
    quantised(model, zero=1, kind=np.int32)


def step_that_is_computed(model: Any) -> None:
    model.graph.node.insert(0, node("ReduceMax", ["latent"], ["computed"], keepdims=0))
    quantised(model).input[1] = "computed"
    model.graph.node.insert(0, model.graph.node.pop(1))


def steps_without_end(model: Any) -> None:
    constant(model, "long", np.ones((1 << 16) + 1), np.int8)
    constant(model, "long.steps", np.ones((1 << 16) + 1), np.float32)
    model.graph.node.append(node("DequantizeLinear", ["long", "long.steps"], ["long.numbers"], axis=0))


def quantised_to_32_bits(model: Any) -> None:
    requantised(model, middle=np.int32(0))


def quantised_by_a_half(model: Any) -> None:
    requantised(model, scale=np.float16(0.05))


def quantised_to_a_type_of_its_own(model: Any) -> None:
    from onnx import helper

    requantised(model).attribute.append(helper.make_attribute("output_dtype", 3))


def quantised_weights_unfolded(model: Any) -> None:
    """A row of bytes that becomes a gigabyte of numbers while constants are folded."""
    constant(model, "row", np.zeros((1, 1 << 14)), np.int8)
    constant(model, "large", np.array([1 << 14, 1 << 14]), np.int64)
    constant(model, "step", 0.1, np.float32)
    model.graph.node.append(node("Expand", ["row", "large"], ["many"]))
    model.graph.node.append(node("DequantizeLinear", ["many", "step"], ["numbers"]))


def not_finite(model: Any) -> None:
    model.graph.initializer.append(tensor("nan", np.array([1.0, np.nan], np.float32)))


def infinite_in_float_data(model: Any) -> None:
    one = model.graph.initializer.add()
    one.name, one.data_type = "inf", 1
    one.dims.append(1)
    one.float_data.append(float("inf"))


def halved(model: Any, name: str = "latent.matrix") -> Any:
    """The matrix as float16 behind a Cast to float32; its tensor."""
    from onnx import TensorProto, numpy_helper

    one = next(one for one in model.graph.initializer if one.name == name)
    one.CopyFrom(tensor(f"{name}.half", numpy_helper.to_array(one).astype(np.float16)))
    model.graph.node.insert(0, node("Cast", [one.name], [name], to=TensorProto.FLOAT))
    return one


def halved_number_by_number(model: Any) -> Any:
    """The same in int32_data, where the 16 bits of a half are a whole number."""
    one = halved(model)
    one.int32_data.extend(np.frombuffer(one.raw_data, "<u2").tolist())
    one.ClearField("raw_data")
    return one


def half_nan(model: Any) -> None:
    one = halved(model)
    one.raw_data = one.raw_data[:-2] + b"\x01\x7c"


def half_infinite(model: Any) -> None:
    one = halved(model)
    one.raw_data = b"\x00\xfc" + one.raw_data[2:]


def half_cut_short(model: Any) -> None:
    one = halved(model)
    one.raw_data = one.raw_data[:-1]


def half_with_the_bytes_of_a_single(model: Any) -> None:
    one = halved(model)
    one.raw_data = bytes(2 * len(one.raw_data))


def half_in_float_data(model: Any) -> None:
    one = halved(model)
    one.ClearField("raw_data")
    one.float_data.extend([0.0] * int(np.prod(one.dims)))


def half_stored_twice(model: Any) -> None:
    halved(model).int32_data.append(0)


def half_nan_as_a_number(model: Any) -> None:
    halved_number_by_number(model).int32_data[3] = 0x7E00


def half_infinite_as_a_number(model: Any) -> None:
    halved_number_by_number(model).int32_data[0] = 0xFC00


def half_of_seventeen_bits(model: Any) -> None:
    halved_number_by_number(model).int32_data[0] = 0x13C00


def half_below_zero(model: Any) -> None:
    halved_number_by_number(model).int32_data[0] = -1


def half_one_number_short(model: Any) -> None:
    halved_number_by_number(model).int32_data.pop()


def byte_of_nine_bits(model: Any) -> None:
    one = model.graph.initializer.add()
    one.name, one.data_type = "bytes", 2
    one.dims.append(1)
    one.int32_data.append(256)


def cast_to_what_is_not_known(model: Any) -> None:
    halved(model)
    model.graph.node[0].attribute[0].i = 16  # bfloat16


def cast_that_lies(model: Any) -> None:
    from onnx import TensorProto, helper

    halved(model)
    model.graph.value_info.append(helper.make_tensor_value_info("latent.matrix", TensorProto.FLOAT16, [5, 16]))


def half_unfolded(model: Any) -> None:
    halved(model)
    constant(model, "huge", [1 << 14, 1 << 14])
    constant(model, "seed", [[0.0]], np.float16)
    model.graph.node.insert(0, node("Expand", ["seed", "huge"], ["unfolded"]))


def too_few_values(model: Any) -> None:
    model.graph.initializer[0].dims[0] += 1


def negative_dimension(model: Any) -> None:
    model.graph.initializer[0].dims[0] = -1


def two_of_a_name(model: Any) -> None:
    model.graph.initializer.append(model.graph.initializer[0])


def bomb(model: Any) -> None:
    model.graph.initializer.append(tensor("huge", np.array([1 << 20, 1 << 10], np.int64)))
    model.graph.initializer.append(tensor("seed", np.zeros((1, 1), np.float32)))
    model.graph.node.insert(0, node("Expand", ["seed", "huge"], ["unfolded"]))


def many_bombs(model: Any) -> None:
    model.graph.initializer.append(tensor("large", np.array([1 << 13, 1 << 13], np.int64)))
    model.graph.initializer.append(tensor("seed", np.zeros((1, 1), np.float32)))
    for index in range(4):
        model.graph.node.insert(0, node("Expand", ["seed", "large"], [f"unfolded.{index}"]))


def wide_picture(model: Any) -> None:
    model.graph.initializer.append(tensor("scales", np.array([1, 1, 1000, 1000], np.float32)))
    model.graph.initializer.append(tensor("scales2", np.array([1, 1, 1000, 1000], np.float32)))
    model.graph.node.append(node("Resize", ["image", "", "scales"], ["wide"], mode="nearest"))
    model.graph.node.append(node("Resize", ["wide", "", "scales2"], ["wider"], mode="nearest"))


def padded(model: Any) -> None:
    model.graph.initializer.append(tensor("pads", np.array([0, 0, 0, 0, 0, 0, 1 << 20, 1 << 20], np.int64)))
    model.graph.node.append(node("Pad", ["image", "pads"], ["padded"]))


def size_from_the_latent(model: Any) -> None:
    from onnx import TensorProto

    model.graph.node.append(node("Cast", ["latent"], ["sizes"], to=TensorProto.INT64))
    model.graph.node.append(node("Expand", ["one", "sizes"], ["any"]))


def lying_value(model: Any) -> None:
    from onnx import TensorProto, helper

    model.graph.value_info.append(helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 1, 4, 5]))


def lying_type(model: Any) -> None:
    from onnx import TensorProto, helper

    model.graph.value_info.append(helper.make_tensor_value_info("logits", TensorProto.INT64, ["batch", 1, 4, 4]))


def forward_reference(model: Any) -> None:
    model.graph.node[0].input[0] = "pixels"


def made_twice(model: Any) -> None:
    model.graph.node[1].output[0] = model.graph.node[0].output[0]


def constant(model: Any, name: str, value: Any, kind: type[np.generic] = np.int64) -> str:
    model.graph.initializer.append(tensor(name, np.array(value, kind)))
    return name


def smallest_by_minus_one(model: Any) -> None:
    constant(model, "smallest", [-(2**63)])
    constant(model, "minus_one", [-1])
    model.graph.node.insert(0, node("Div", ["smallest", "minus_one"], ["trap"]))


def by_what_the_latent_says(model: Any) -> None:
    from onnx import TensorProto

    constant(model, "seven", [7])
    model.graph.node.extend(
        [node("Cast", ["latent"], ["whole"], to=TensorProto.INT64), node("Div", ["seven", "whole"], ["any"])]
    )


def small_at_batch_two_alone(model: Any) -> None:
    """max(1, (2 - batch) * 2**29) as a size."""
    for name, value in (("two", [2]), ("huge", [1 << 29]), ("least", [1]), ("first", [0])):
        constant(model, name, value)
    constant(model, "nothing", [0.0], np.float32)
    model.graph.node.extend(
        [
            node("Shape", ["latent"], ["latent.shape"]),
            node("Gather", ["latent.shape", "first"], ["batch.size"]),
            node("Sub", ["two", "batch.size"], ["difference"]),
            node("Mul", ["difference", "huge"], ["product"]),
            node("Max", ["product", "least"], ["size"]),
            node("Expand", ["nothing", "size"], ["unfolded"]),
        ]
    )


def squares_of_the_batch(model: Any) -> None:
    """[batch * 2**12, batch * 2**12]: small enough for two pictures, not for 64."""
    for name, value in (("many", [1 << 12]), ("first", [0])):
        constant(model, name, value)
    constant(model, "nothing", [[0.0]], np.float32)
    model.graph.node.extend(
        [
            node("Shape", ["latent"], ["latent.shape"]),
            node("Gather", ["latent.shape", "first"], ["batch.size"]),
            node("Mul", ["batch.size", "many"], ["side"]),
            node("Concat", ["side", "side"], ["sides"], axis=0),
            node("Expand", ["nothing", "sides"], ["unfolded"]),
        ]
    )


def reduction_that_is_none(model: Any) -> None:
    model.graph.node.append(node("ReduceSum", ["latent"], ["same"], noop_with_empty_axes=1))


def squeeze_of_whatever_is_one(model: Any) -> None:
    model.graph.node.append(node("Squeeze", ["latent"], ["squeezed"]))


def squeeze_of_whatever_is_one_said_otherwise(model: Any) -> None:
    model.graph.node.append(node("Squeeze", ["latent", ""], ["squeezed"]))


def old_opset(model: Any) -> None:
    model.opset_import[0].version = 11


def future_opset(model: Any) -> None:
    model.opset_import[0].version = 99


def wide_columns(model: Any) -> None:
    constant(model, "kernel", np.zeros((1, 1, 2048, 2048)), np.float32)
    constant(model, "plane", np.zeros((1, 1, 64, 64)), np.float32)
    model.graph.node.append(node("ConvTranspose", ["plane", "kernel"], ["out"], pads=[1000, 1000, 1000, 1000]))


def many_gathered(model: Any) -> None:
    constant(model, "table", np.zeros(4096), np.int64)
    constant(model, "rows", np.zeros((64, 64)), np.int64)
    model.graph.node.extend(
        [node("Gather", [before, "rows"], [after]) for before, after in pairwise(["table", "a", "b", "c", "d"])]
    )


def nothing_to_add(model: Any) -> None:
    model.graph.node.append(node("Add", [], ["sum"]))


def einsum_bomb(model: Any) -> None:
    """Every value of the latent by every other, and those by each other."""
    model.graph.node.append(node("Einsum", ["latent", "latent"], ["pairs"], equation="ab,cd->abcd"))
    model.graph.node.append(node("Einsum", ["pairs", "pairs"], ["bomb"], equation="abcd,efgh->abcdefgh"))


def einsum_of_open_axes(model: Any) -> None:
    model.graph.node.append(node("Einsum", ["latent", "latent"], ["sum"], equation="...a,...a->..."))


def einsum_of_what_does_not_fit(model: Any) -> None:
    model.graph.node.append(node("Einsum", ["latent", "latent"], ["sum"], equation="ab,bc->ac"))


def split_into_nothing(model: Any) -> None:
    model.graph.node.append(node("Split", ["latent"], []))


def axes_of_another_type(model: Any) -> None:
    model.graph.node.append(node("Squeeze", ["latent"], ["squeezed"], axes=1))


def the_same_axis_twice(model: Any) -> None:
    constant(model, "axes", [3, 3])
    model.graph.node.append(node("Unsqueeze", ["latent", "axes"], ["wider"]))


def constant_of_another_type(model: Any) -> None:
    from onnx import helper

    made = node("Constant", [], ["value"])
    made.attribute.append(helper.make_attribute("value_int", float("inf")))
    model.graph.node.append(made)


def scaled_scalar(model: Any) -> None:
    constant(model, "scalar", 1.0, np.float32)
    constant(model, "scales", [], np.float32)
    constant(model, "sizes", [], np.int64)
    model.graph.node.append(node("Resize", ["scalar", "", "scales", "sizes"], ["scaled"]))


def batch_frozen_inside(model: Any) -> None:
    model.graph.initializer.append(tensor("frozen", np.array([1, 1, 4, 4], np.int64)))
    next(one for one in model.graph.node if one.op_type == "Reshape").input[1] = "frozen"


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (external, "external data"),
        (located_elsewhere, "another file"),
        (foreign_import, "com.microsoft"),
        (foreign_node, "com.microsoft"),
        (two_opsets, "exactly one"),
        (function, "functions"),
        (subgraph, "subgraph"),
        (unlisted, "Loop"),
        (random_operator, "RandomNormal"),
        (text_tensor, "text"),
        (sparse, "sparse"),
        (not_finite, "finite"),
        (infinite_in_float_data, "finite"),
        (step_not_finite, "'step' holds a value that is not finite"),
        (step_of_nothing, "scale that is not a finite number over 0"),
        (step_below_zero, "scale that is not a finite number over 0"),
        (steps_one_short, r"scales \(15,\) that do not fit axis 1"),
        (steps_on_no_axis, "names axis 2 of a value with 2 axes"),
        (steps_without_their_zeros, r"has scales \(16,\) and zero points \(\)"),
        (steps_by_blocks, "quantises by blocks"),
        (steps_of_halves, "takes float16"),
        (zero_of_another_type, "takes int8 with a zero point of uint8"),
        (zero_of_a_bias, "zero point other than 0"),
        (step_that_is_computed, "a scale that is not a constant"),
        (steps_without_end, "a scale that is not a constant of at most 65,536 values"),
        (quantised_to_32_bits, "into int32, and generators use int8 and uint8"),
        (quantised_by_a_half, "turns float32 by a scale of float16"),
        (quantised_to_a_type_of_its_own, "to a type of its own"),
        (quantised_weights_unfolded, "more than a generator may"),
        (half_nan, "'latent.matrix.half' holds a value that is not finite"),
        (half_infinite, "'latent.matrix.half' holds a value that is not finite"),
        (half_cut_short, "does not hold the 80 values"),
        (half_with_the_bytes_of_a_single, "does not hold the 80 values"),
        (half_in_float_data, "does not hold the 80 values"),
        (half_stored_twice, "does not hold the 80 values"),
        (half_nan_as_a_number, "not finite"),
        (half_infinite_as_a_number, "not finite"),
        (half_of_seventeen_bits, "cannot hold"),
        (half_below_zero, "cannot hold"),
        (half_one_number_short, "does not hold the 80 values"),
        (byte_of_nine_bits, "cannot hold"),
        (cast_to_what_is_not_known, "casts to an element type"),
        (cast_that_lies, "declares 'latent.matrix' as float16, but makes float32"),
        (half_unfolded, "more than a generator may"),
        (too_few_values, "does not hold"),
        (negative_dimension, "impossible shape"),
        (two_of_a_name, "same name"),
        (bomb, "more than a generator may"),
        (many_bombs, "unfold"),
        (wide_picture, "more than a generator may"),
        (padded, "more than a generator may"),
        (size_from_the_latent, "computed"),
        (lying_value, "declares 'logits'"),
        (lying_type, "declares 'logits'"),
        (forward_reference, "nothing before"),
        (made_twice, "there already"),
        (batch_frozen_inside, "another number of values"),
        (smallest_by_minus_one, "divides whole numbers"),
        (by_what_the_latent_says, "divides whole numbers"),
        (small_at_batch_two_alone, "computed"),
        (squares_of_the_batch, "more than a generator may"),
        (reduction_that_is_none, "which axes"),
        (squeeze_of_whatever_is_one, "which axes"),
        (squeeze_of_whatever_is_one_said_otherwise, "which axes"),
        (old_opset, "opset 11"),
        (future_opset, "opset 99"),
        (wide_columns, "unfolds to"),
        (many_gathered, "more than a generator may"),
        (nothing_to_add, "lacks its input"),
        (einsum_bomb, "more than a generator may"),
        (einsum_of_open_axes, "not of the form"),
        (einsum_of_what_does_not_fit, "does not fit its equation"),
        (split_into_nothing, "Split"),
        (axes_of_another_type, "axes"),
        (the_same_axis_twice, "same axis twice"),
        (constant_of_another_type, "not finite"),
        (scaled_scalar, "Resize"),
    ],
)
def test_hostile_graphs_are_refused_before_a_session(make: Any, change: Any, word: str) -> None:
    with pytest.raises(UnsafeModel, match=word):
        runtime.read(make(change))


@pytest.mark.parametrize("change", [halved, halved_number_by_number])
def test_weights_in_half_precision_are_read_and_run(make: Any, change: Any, part: Callable[[str], None]) -> None:
    part("onnxruntime")
    plain, made = make(), make(change)
    assert runtime.read(made).inputs == runtime.read(plain).inputs
    stored = parse(memoryview(plain)).graph.initializers["latent.matrix"].array
    half = parse(memoryview(made)).graph.initializers["latent.matrix.half"].array
    assert half.dtype == np.float16
    np.testing.assert_array_equal(half, stored.astype(np.float16))
    ours, theirs = (runtime.load(data, device="cpu").generate("red", seeds=range(50)) for data in (made, plain))
    assert np.abs(ours.astype(int) - theirs).max() <= 1


@given(st.lists(st.integers(0, 0xFFFF), min_size=1, max_size=40))
def test_the_two_ways_to_store_halves_are_read_alike(bits: list[int]) -> None:
    from cganx.runtime.model import _Pieces, _tensor

    raw = np.array(bits, "<u2").tobytes()
    head = b"\x08" + _varint(len(bits)) + b"\x10\x0a"
    numbers = b"".join(_varint(one) for one in bits)
    forms = [head + b"\x4a" + _varint(len(raw)) + raw, head + b"\x2a" + _varint(len(numbers)) + numbers]
    if not np.isfinite(np.frombuffer(raw, "<f2")).all():
        for form in forms:
            with pytest.raises(UnsafeModel, match="not finite"):
                _tensor(memoryview(form), _Pieces())
        return
    first, second = (_tensor(memoryview(form), _Pieces()).array for form in forms)
    assert first.dtype == second.dtype == np.float16
    assert first.tobytes() == second.tobytes() == raw


def half_outside(kind: str) -> Any:
    def change(model: Any) -> None:
        values = model.graph.input if kind == "latent" else model.graph.output
        next(value for value in values if value.name == kind).type.tensor_type.elem_type = 10
        if kind == "latent":
            halved(model)
            del model.graph.node[0]
            model.graph.node[0].input[1] = "latent.matrix.half"

    return change


@pytest.mark.parametrize("kind", ["latent", "image"])
def test_inputs_and_image_are_no_halves(make: Any, kind: str) -> None:
    with pytest.raises(ModelError, match="float16"):
        runtime.read(make(half_outside(kind)))


def rename_input(model: Any) -> None:
    model.graph.input[0].name = "z"
    for one in model.graph.node:
        for index, name in enumerate(one.input):
            if name == "latent":
                one.input[index] = "z"


def wider_latent(model: Any) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 6
    model.graph.initializer.append(tensor("six", np.zeros((6, 16), np.float32)))
    model.graph.node[0].input[1] = "six"


def fixed_batch(model: Any) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1


def no_pixels(model: Any) -> None:
    del model.graph.output[1]


def more_outputs(model: Any) -> None:
    from onnx import TensorProto, helper

    model.graph.output.append(helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 1, 4, 4]))


@pytest.mark.parametrize("change", [rename_input, wider_latent, fixed_batch, no_pixels, more_outputs])
def test_a_card_that_does_not_fit_the_graph(make: Any, change: Any) -> None:
    with pytest.raises(CardMismatch):
        runtime.read(make(change))


@pytest.mark.parametrize(
    "card",
    [
        {"classes": ("a", "b")},
        {"classes": (), "kind": "unconditional"},
        {"latent": Latent(size=4)},
        {"image": Image(height=4, width=2, channels=1)},
        {"image": Image(height=4, width=4, channels=3)},
        {"codes": ("tilt",)},
        {"truncation": {"input": True}},
    ],
)
def test_a_card_for_another_graph(make: Any, card: Any) -> None:
    data = make.seal(make.model(make.card()), make.card(**card))
    with pytest.raises(CardMismatch):
        runtime.read(data)


def test_no_image_is_no_generator(make: Any) -> None:
    def without(model: Any) -> None:
        del model.graph.output[0]

    with pytest.raises(NotAGenerator, match="image"):
        runtime.read(make(without))


def test_the_hash_holds_card_and_graph_together(make: Any) -> None:
    import onnx

    for change in ("red", "hash", "missing"):
        model = onnx.load_model_from_string(make())
        for entry in list(model.metadata_props):
            if change == "red" and entry.key == CARD_KEY:
                entry.value = entry.value.replace('"red"', '"RED"')
            if change == "hash" and entry.key == HASH_KEY:
                entry.value = entry.value.upper()
            if change == "missing" and entry.key == HASH_KEY:
                model.metadata_props.remove(entry)
        with pytest.raises(CardMismatch, match="sha256"):
            runtime.read(model.SerializeToString())


def test_a_second_graph_or_key_cannot_hide_behind_the_first(make: Any) -> None:
    import onnx

    data = make()
    other = onnx.load_model_from_string(data).graph.SerializeToString()
    field = b"\x3a" + _varint(len(other)) + other
    with pytest.raises(UnsafeModel, match="twice"):
        runtime.read(data + field)
    model = onnx.load_model_from_string(data)
    entry = model.metadata_props.add()
    entry.key, entry.value = CARD_KEY, "{}"
    with pytest.raises(UnsafeModel, match="twice"):
        runtime.read(model.SerializeToString())
    with pytest.raises(UnsafeModel, match="does not know"):
        runtime.read(data + b"\x9a\x06\x01x")


def _varint(number: int) -> bytes:
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def test_caps(tmp_path: Path) -> None:
    for limits, word in (
        (Limits(file_bytes=1000), "larger than"),
        (Limits(nodes=3), "nodes"),
        (Limits(tensor_elements=100), "values for one picture"),
        (Limits(constant_elements=100), "unfold"),
    ):
        with pytest.raises(UnsafeModel, match=word):
            runtime.read(TINY, limits=limits)
    sparse_file = tmp_path / "large.onnx"
    with sparse_file.open("wb") as file:
        os.truncate(file.fileno(), 2 << 30)
    with pytest.raises(UnsafeModel, match="MiB"):
        runtime.read(sparse_file)


def test_numbers_stored_one_by_one_are_bounded() -> None:
    tensor_field = b"\x10\x07" + b"\x3a" + _varint(1 << 21) + b"\x01" * (1 << 21)
    graph = b"\x2a" + _varint(len(tensor_field)) + tensor_field
    data = b"\x08\x09" + b"\x42\x02\x10\x12" + b"\x3a" + _varint(len(graph)) + graph
    with pytest.raises(UnsafeModel, match="raw data"):
        runtime.read(data)


def test_float_attributes_are_read() -> None:
    attribute = b"\x0a\x05alpha\x15" + struct.pack("<f", 0.25) + b"\xa0\x01\x01"
    one = b"\x22\x09LeakyRelu" + b"\x2a" + bytes([len(attribute)]) + attribute
    graph = b"\x0a" + bytes([len(one)]) + one
    data = b"\x08\x09" + b"\x42\x02\x10\x12" + b"\x3a" + bytes([len(graph)]) + graph
    assert parse(memoryview(data)).graph.nodes[0].attributes == {"alpha": 0.25}


def test_scales_are_followed_in_float32_as_onnxruntime_does(make: Any) -> None:
    def scale(model: Any) -> None:
        constant(model, "plane", np.zeros((1, 1, 10, 100)), np.float32)
        constant(model, "scales", [1, 1, 0.7, 0.57], np.float32)
        model.graph.node.append(node("Resize", ["plane", "", "scales"], ["resized"], mode="nearest"))
        from onnx import TensorProto, helper

        model.graph.value_info.append(helper.make_tensor_value_info("resized", TensorProto.FLOAT, [1, 1, 7, 57]))

    runtime.read(make(scale))


def test_many_empty_entries_are_refused_before_they_are_kept() -> None:
    nodes = b"\x0a\x00" * (1 << 20)
    length = len(nodes)
    size = b""
    while length:
        size += bytes([(length & 0x7F) | (0x80 if length > 0x7F else 0)])
        length >>= 7
    with pytest.raises(UnsafeModel, match="more than"):
        runtime.read(b"\x08\x0a\x42\x02\x10\x12\x3a" + size + nodes)


@pytest.mark.parametrize("name", ["noise." + "1" * 5000, "noise.8589934592", "noise.01", "noise.", "noise.-1"])
def test_noise_inputs_have_small_numbers(make: Any, name: str) -> None:
    def declare(model: Any) -> None:
        from onnx import TensorProto, helper

        model.graph.input.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 4]))

    with pytest.raises(CardMismatch, match="does not speak of"):
        runtime.read(make(declare))


def test_random_inputs_have_a_bound_of_their_own(make: Any) -> None:
    def declare(model: Any) -> None:
        from onnx import TensorProto, helper

        model.graph.input.append(helper.make_tensor_value_info("noise.0", TensorProto.FLOAT, ["batch", 1 << 23]))

    with pytest.raises(UnsafeModel, match="random values"):
        runtime.read(make(declare))


def test_a_file_that_makes_another_number_of_pictures_is_no_generator(make: Any) -> None:
    def freeze(model: Any) -> None:
        constant(model, "two", np.zeros((2, 1, 4, 4)), np.float32)
        constant(model, "two.pixels", np.zeros((2, 4, 4, 1)), np.uint8)
        for one in model.graph.node:
            for index, name in enumerate(one.output):
                if name in ("image", "pixels"):
                    one.output[index] = f"unused.{name}"
            for index, name in enumerate(one.input):
                if name in ("image", "pixels"):
                    one.input[index] = f"unused.{name}"
        model.graph.node.extend([node("Identity", ["two"], ["image"]), node("Identity", ["two.pixels"], ["pixels"])])

    with pytest.raises(ModelError, match=r"2 pictures where|image|float32 \('batch'"):
        runtime.load(make(freeze))


def test_what_onnxruntime_refuses_in_a_run_is_an_error_of_ours(make: Any) -> None:
    """Class 0 is all that a probe shows; another class takes an element that is not there."""

    def gather(model: Any) -> None:
        from onnx import TensorProto

        constant(model, "table", np.zeros((1, 16)), np.float32)
        constant(model, "weights", [[0], [5], [5]], np.float32)
        constant(model, "flat", [-1, 1, 4, 4], np.int64)
        place = next(index for index, one in enumerate(model.graph.node) if "image" in one.output)
        model.graph.node[place].output[0] = "before"
        added = [
            node("MatMul", ["label", "weights"], ["number"]),
            node("Cast", ["number"], ["row"], to=TensorProto.INT64),
            node("Gather", ["table", "row"], ["looked.up"]),
            node("Reshape", ["looked.up", "flat"], ["planes"]),
            node("Add", ["before", "planes"], ["image"]),
        ]
        for offset, one in enumerate(added):
            model.graph.node.insert(place + 1 + offset, one)

    generator = runtime.load(make(gather), device="cpu")
    generator.generate("red", seeds=0)
    with pytest.raises(NotAGenerator, match="cannot run it"):
        generator.generate("blue", seeds=0)


def test_a_folder_is_named_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run").mkdir()
    for model in ("run", tmp_path / "run"):
        with pytest.raises(runtime.ModelNotFound, match=r"it is a folder.*cganx export"):
            runtime.load(model)


@pytest.mark.parametrize("operator", ["AveragePool", "MaxPool"])
def test_pooling_is_followed_as_onnxruntime_does_it(operator: str, part: Callable[[str], None]) -> None:
    part("onnxruntime")
    import onnxruntime
    from onnx import TensorProto, helper

    for kernel, stride, pads in (
        ((2, 2), (2, 2), (0, 0, 0, 0)),
        ((3, 2), (2, 1), (1, 0, 0, 1)),
        ((1, 4), (3, 3), (0, 2, 0, 1)),
    ):
        one = node(operator, ["x"], ["y"], kernel_shape=kernel, strides=stride, pads=pads)
        value = helper.make_tensor_value_info
        graph = helper.make_graph(
            [one], "g", [value("x", TensorProto.FLOAT, [1, 2, 9, 12])], [value("y", TensorProto.FLOAT, None)]
        )
        session = onnxruntime.InferenceSession(
            helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10).SerializeToString()
        )
        (made,) = session.run(None, {"x": np.zeros((1, 2, 9, 12), np.float32)})
        followed = OPERATORS[operator](parsed(one), [Fact(np.dtype("<f4"), (1, 2, 9, 12))])
        assert followed[0].shape == made.shape


def parsed(one: Any) -> Any:
    """The reader's node of an onnx one."""
    from onnx import helper

    values = {attribute.name: helper.get_attribute_value(attribute) for attribute in one.attribute}
    plain = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
    return Node(one.op_type, one.name, tuple(one.input), tuple(one.output), plain)


def test_pooling_that_rounds_up_is_refused(make: Any) -> None:
    def pool(model: Any) -> None:
        constant(model, "plane", np.zeros((1, 1, 9, 9)), np.float32)
        model.graph.node.append(node("MaxPool", ["plane"], ["pooled"], kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1))

    with pytest.raises(UnsafeModel, match="rounds sizes up"):
        runtime.read(make(pool))
