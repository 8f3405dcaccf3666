"""Operations counted by closed form, and speed."""

from __future__ import annotations

from typing import Any

import pytest

from cganx import runtime
from cganx.evaluation.cost import operations, pictures_a_second
from cganx.runtime import Generator
from cganx.runtime.reader import follow
from cganx.runtime.testing import TINY


def counted(part: Any, node: Any, shape: list[Any], weight: tuple[int, ...], out: list[Any]) -> int:
    part("onnx")
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    graph = helper.make_graph(
        [node],
        "one",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", *shape])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", *out])],
        [numpy_helper.from_array(np.zeros(weight, np.float32), "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    return operations(*follow(model.SerializeToString(), batch=1))


def test_convolutions_and_products(part: Any) -> None:
    part("onnx")
    from onnx import helper

    def node(operator: str, **attributes: Any) -> Any:
        return helper.make_node(operator, ["x", "w"], ["y"], **attributes)

    # 2 x places x channels out x (channels in x kernel)
    assert counted(part, node("Conv", pads=[1] * 4), [8, 10, 12], (16, 8, 3, 3), [16, 10, 12]) == 2 * 120 * 16 * 8 * 9
    assert counted(part, node("Conv", group=8, pads=[1] * 4), [8, 10, 12], (8, 1, 3, 3), [8, 10, 12]) == 2 * 120 * 8 * 9
    assert counted(part, node("Conv", strides=[2, 2]), [3, 9, 9], (4, 3, 3, 3), [4, 4, 4]) == 2 * 16 * 4 * 3 * 9
    # A transposed convolution does what the convolution back would.
    transposed = node("ConvTranspose", strides=[2, 2], pads=[1] * 4)
    assert counted(part, transposed, [8, 5, 5], (8, 6, 4, 4), [6, 10, 10]) == 2 * 25 * 8 * 6 * 16
    assert counted(part, node("Gemm"), [20], (20, 30), [30]) == 2 * 20 * 30
    assert counted(part, node("Gemm", transB=1), [20], (30, 20), [30]) == 2 * 20 * 30
    assert counted(part, node("MatMul"), [20], (20, 30), [30]) == 2 * 20 * 30


def test_the_bundled_generator_costs_what_the_readme_says() -> None:
    assert operations(*follow(runtime.bundled()["fashion"], batch=1)) == pytest.approx(11.0e6, rel=0.01)


def test_constants_are_not_counted_nor_is_the_batch() -> None:
    alone = operations(*follow(TINY, batch=1))
    assert alone == 2 * (2 * 256 + 8 * 256)
    assert operations(*follow(TINY, batch=3)) == 3 * alone


def test_speed_is_a_rate(generator: Generator) -> None:
    assert min(pictures_a_second([generator, runtime.load("fashion", "cpu")], 8, seconds=0.05)) > 100
