"""Weights stored in half the bytes: the file is about half as large, computes in float32, and its pictures hardly move."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cganx import runtime
from cganx.card import GeneratorCard, Image
from cganx.errors import ExportError
from cganx.evaluation.cost import operations
from cganx.runtime.reader import follow
from cganx_export import export


@pytest.fixture(autouse=True)
def _needs(part: Callable[[str], None]) -> None:
    for name in ("torch", "onnx", "onnxscript", "onnxruntime"):
        part(name)


@pytest.fixture
def halves(modules: ModuleType, card: Callable[..., GeneratorCard], tmp_path: Path) -> Path:
    """export_modules.Small with float16 weights."""
    return export(modules.Small(), card(), tmp_path / "halves.onnx", weights="float16", rewrite=False).path


def test_large_weights_are_halves_behind_a_cast_and_all_else_is_the_plain_file(halves: Path, plain: Path) -> None:
    import onnx

    real, half = onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16
    made, was = onnx.load(halves).graph, onnx.load(plain).graph
    kinds = {tensor.name: tensor.data_type for tensor in made.initializer}
    before = {tensor.name: tensor.data_type for tensor in was.initializer}
    weights = ("first.weight", "up.weight")
    assert kinds == before | dict.fromkeys(weights, half)  # not to_image.weight: it has 72 values
    casts, rest = made.node[:2], made.node[2:]
    assert [(node.op_type, node.input[0], node.attribute[0].i) for node in casts] == [("Cast", name, real) for name in weights]
    assert [node.op_type for node in rest] == [node.op_type for node in was.node]
    assert (made.input, made.output) == (was.input, was.output)
    assert halves.stat().st_size < plain.stat().st_size - 2 * (1728 + 1024) + 500


def optimised(path: Path, into: Path):
    """The graph that onnxruntime runs."""
    import onnx
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.optimized_model_filepath = str(into / f"optimised-{path.name}")
    onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return onnx.load(options.optimized_model_filepath).graph


def test_onnxruntime_runs_the_same_graph_as_of_the_plain_file(halves: Path, plain: Path, tmp_path: Path) -> None:
    ours, theirs = (optimised(path, tmp_path) for path in (halves, plain))
    assert [node.op_type for node in ours.node] == [node.op_type for node in theirs.node]
    stored = [sorted((tensor.data_type, tuple(tensor.dims)) for tensor in graph.initializer) for graph in (ours, theirs)]
    assert stored[0] == stored[1]


def test_the_card_says_so_and_what_it_costs(halves: Path, plain: Path) -> None:
    card = runtime.read(halves).card
    assert card.method == {"rewrites": [], "weights": "float16"}
    rounding = card.parity["rounding"]
    assert rounding.keys() == {"max_difference", "pixels_changed", "pixels_far"}
    assert 0 < rounding["max_difference"] < 0.01
    assert 0 <= rounding["pixels_far"] <= 1e-3
    assert card.parity["max_difference"] <= card.parity["tolerance"] == 1e-4
    assert card.parity["batch_invariant"] is True
    full = runtime.read(plain).card
    assert "rounding" not in full.parity
    assert "weights" not in full.method


def test_its_pictures_are_the_plain_files_up_to_a_level(halves: Path, plain: Path) -> None:
    one, other = (runtime.load(path, device="cpu").generate("down", seeds=range(200)) for path in (halves, plain))
    assert np.abs(one.astype(int) - other).max() <= 1


def test_it_costs_what_the_plain_file_costs(halves: Path, plain: Path) -> None:
    assert operations(*follow(halves, batch=1)) == operations(*follow(plain, batch=1))


def test_the_same_module_gives_the_same_bytes_and_the_report_says_halves(
    modules: ModuleType, card: Callable[..., GeneratorCard], halves: Path, tmp_path: Path
) -> None:
    report = export(modules.Small(), card(), tmp_path / "again.onnx", weights="float16", rewrite=False)
    assert report.path.read_bytes() == halves.read_bytes()
    assert report.parity.rounding is not None
    assert "float16 weights (0." in str(report)
    assert "float16" not in str(export(modules.Small(), card(), tmp_path / "plain.onnx", rewrite=False))


@pytest.mark.parametrize("label_input", ["weights", "index"])
def test_a_rewritten_weight_is_a_half_too(
    modules: ModuleType, card: Callable[..., GeneratorCard], tmp_path: Path, label_input: str
) -> None:
    import onnx

    path = tmp_path / "odd.onnx"
    picture = card(image=Image(height=5, width=5, channels=1))
    report = export(modules.OddChannels(), picture, path, weights="float16", label_input=label_input, rewrite=False)
    kinds = {tensor.name: tensor.data_type for tensor in onnx.load(path).graph.initializer}
    assert kinds["middle.weight.transposed_0"] == onnx.TensorProto.FLOAT16
    assert "middle.weight" not in kinds
    assert report.parity.batch_invariant
    assert runtime.load(path, device="cpu").generate("up", seeds=1).shape == (1, 5, 5, 1)


def test_the_bundled_generator_takes_half_the_bytes_and_its_pictures_hardly_move() -> None:
    import onnx

    path = runtime.bundled()["fashion"]
    # 298,769 parameters; kernels that are cut into phases hold some zeros besides.
    values = sum(prod(tensor.dims) for tensor in onnx.load(path).graph.initializer)
    assert 298_769 <= values < 1.1 * 298_769
    assert path.stat().st_size < 2.1 * values, "its parameters in half precision, and the card"
    rounding = runtime.read(path).card.parity["rounding"]
    assert rounding["pixels_far"] == 0
    assert 0 < rounding["pixels_changed"] < 0.03


def refused(module: object, card: GeneratorCard, path: Path, says: str) -> None:
    with pytest.raises(ExportError, match=says):
        export(module, card, path, weights="float16", rewrite=False)  # type: ignore[arg-type]
    assert not path.exists()
    export(module, card, path, rewrite=False)  # type: ignore[arg-type]


def test_a_weight_out_of_halfs_range_is_refused(
    modules: ModuleType, card: Callable[..., GeneratorCard], tmp_path: Path
) -> None:
    module = modules.Small()
    module.first.weight.data[0, 0] = 70_000
    module.up.weight.data[0] = 0  # nobody looks at what that makes
    refused(module, card(), tmp_path / "model.onnx", r"'first.weight' holds 70000, and float16 ends at 65504; export with")


def test_a_weight_that_rounding_would_lose_is_refused(
    modules: ModuleType, card: Callable[..., GeneratorCard], tmp_path: Path
) -> None:
    module = modules.Small()
    module.first.weight.data *= 1e-7
    module.up.weight.data *= 1e4
    refused(module, card(), tmp_path / "model.onnx", r"'first.weight' is too small for float16: .* change them by .*%")


def test_pictures_that_would_differ_are_refused(
    modules: ModuleType, card: Callable[..., GeneratorCard], tmp_path: Path
) -> None:
    refused(modules.Shaky(), card(), tmp_path / "model.onnx", r"% of the pixel values are more than one level .* 0.1% may be")


def test_what_onnxruntime_computes_otherwise_is_refused(
    modules: ModuleType, card: Callable[..., GeneratorCard], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cganx_export import pipeline

    monkeypatch.setattr(pipeline, "halved", of_zeros)
    with pytest.raises(ExportError, match=r"apart between weights stored as float16 and the same values as float32"):
        export(modules.Small(), card(), tmp_path / "model.onnx", weights="float16", rewrite=False)
    assert not list(tmp_path.iterdir())


def of_zeros(graph):
    import onnx

    made = onnx.GraphProto()
    made.CopyFrom(graph)
    weight = next(tensor for tensor in made.initializer if tensor.name == "up.weight")
    weight.raw_data = bytes(len(weight.raw_data))
    return made


def test_other_weights_are_not_known(modules: ModuleType, card: Callable[..., GeneratorCard], tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="'bfloat16'; say 'float32' or 'float16'"):
        export(modules.Small(), card(), tmp_path / "model.onnx", weights="bfloat16")  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


def product(weight: np.ndarray):
    """x times a weight, as a graph."""
    from onnx import TensorProto, helper, numpy_helper

    return helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", weight.shape[0]])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", weight.shape[1]])],
        [numpy_helper.from_array(weight, "w")],
    )


@settings(max_examples=40)
@given(shape=st.sampled_from([(1, 1024), (33, 40), (64, 16), (31, 33), (2, 511)]), power=st.integers(-13, 11), data=st.data())
def test_any_weight_in_range_comes_back_as_its_nearest_half(shape: tuple[int, int], power: int, data: st.DataObject) -> None:
    from onnx import numpy_helper

    from cganx_export.halving import FEW_VALUES, halved, rounded
    from cganx_export.parity import session_of
    from cganx_export.sealing import model_of

    generator = np.random.default_rng(data.draw(st.integers(0, 1000)))
    weight = (generator.standard_normal(shape) * 2.0**power).astype(np.float32)
    graph = product(weight)
    made = halved(graph)
    assert numpy_helper.to_array(graph.initializer[0]).dtype == np.float32  # the graph given stays
    few = weight.size < FEW_VALUES
    assert [node.op_type for node in made.node] == (["MatMul"] if few else ["Cast", "MatMul"])
    wanted = weight if few else weight.astype(np.float16).astype(np.float32)
    np.testing.assert_array_equal(numpy_helper.to_array(made.initializer[0]).astype(np.float32), wanted)
    np.testing.assert_array_equal(numpy_helper.to_array(rounded(graph).initializer[0]), wanted)
    (unit,) = session_of(model_of(made).SerializeToString()).run(None, {"x": np.eye(shape[0], dtype=np.float32)})
    np.testing.assert_array_equal(unit, wanted)


@pytest.mark.parametrize("value", [65_519.0, 65_504.1, -65_520.0, np.inf, np.nan])
def test_what_ends_beyond_half_is_named(value: float) -> None:
    from cganx_export.halving import halved

    weight = np.ones((32, 32), np.float32)
    weight[3, 4] = value
    with pytest.raises(ExportError, match="'w' holds"):
        halved(product(weight))
    weight[3, 4] = 65_504
    halved(product(weight))


def test_zeros_and_a_few_subnormals_are_no_loss() -> None:
    from cganx_export.halving import halved

    halved(product(np.zeros((32, 32), np.float32)))
    weight = np.full((32, 32), 0.1, np.float32)
    weight[::3] = 1e-6
    halved(product(weight))
