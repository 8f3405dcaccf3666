"""Rewrites are exact: the same numbers up to the order of the sums, for every geometry they take on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cganx import runtime
from cganx.card import GeneratorCard, Image, Latent
from cganx.errors import ExportError

kernels = st.integers(1, 5)
strides = st.integers(1, 3)


@pytest.fixture(autouse=True)
def _needs(part: Callable[[str], None]) -> None:
    for name in ("onnx", "onnxruntime"):
        part(name)


def drawn(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).standard_normal(shape, np.float32)


def graph_of(nodes, x: tuple[int, ...], /, **stored: np.ndarray):
    """A graph from ``x`` [batch, ...] to ``y``."""
    from onnx import TensorProto, helper, numpy_helper

    return helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", *x])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.ascontiguousarray(array), name) for name, array in stored.items()],
    )


def node(operator: str, inputs: str, output: str, **attributes: object):
    from onnx import helper

    return helper.make_node(operator, inputs.split(), [output], **attributes)


def convolution(weight: np.ndarray, size: tuple[int, int], **attributes: object):
    bias = np.arange(len(weight), dtype=np.float32)
    return graph_of([node("Conv", "x w b", "y", **attributes)], (weight.shape[1], *size), w=weight, b=bias)


def run(graph, x: np.ndarray) -> np.ndarray:
    from cganx_export.parity import session_of
    from cganx_export.sealing import model_of

    made: np.ndarray = session_of(model_of(graph).SerializeToString()).run(None, {"x": x})[0]
    return made


def operators(graph) -> list[str]:
    return [one.op_type for one in graph.node]


def assert_same(before, after) -> None:
    shape = [one.dim_value for one in before.input[0].type.tensor_type.shape.dim[1:]]
    x = drawn(2, *shape)
    wanted = run(before, x)
    np.testing.assert_allclose(run(after, x), wanted, rtol=0, atol=1e-5 * max(1, np.abs(wanted).max()))


# ----------------------------------------------------------------------------------------------------------------------
# Convolutions as transposed ones


@settings(max_examples=30)
@given(
    outputs=st.integers(1, 4),
    inputs=st.integers(1, 20),
    kernel=st.tuples(kernels, kernels),
    size=st.tuples(st.integers(9, 12), st.integers(9, 12)),
    dilation=st.integers(1, 2),
    data=st.data(),
)
def test_few_channels_transposed_computes_the_same(outputs, inputs, kernel, size, dilation, data) -> None:
    from cganx_export.rewrites.transposing import transpose_few_channels

    reach = [dilation * (one - 1) for one in kernel]
    pads = [data.draw(st.integers(0, most)) for most in (*reach, *reach)]
    graph = convolution(drawn(outputs, inputs, *kernel), size, pads=pads, dilations=[dilation] * 2, kernel_shape=list(kernel))
    made = transpose_few_channels(graph)
    assert made is not None
    assert operators(made) == ["ConvTranspose"]
    assert len(made.initializer) == 2
    assert operators(graph) == ["Conv"]
    assert_same(graph, made)


@pytest.mark.parametrize(
    ("outputs", "attributes"),
    [(5, {}), (1, {"strides": [2, 2]}), (2, {"group": 2}), (1, {"pads": [3, 3, 3, 3]}), (1, {"auto_pad": "SAME_UPPER"})],
    ids=["five channels", "stride", "groups", "padded beyond the kernel", "open padding"],
)
def test_other_convolutions_are_left_alone(outputs: int, attributes: dict[str, object]) -> None:
    from cganx_export.rewrites.transposing import transpose_few_channels

    group = attributes.get("group", 1)
    weight = np.ones((outputs, 4 // int(str(group)), 3, 3), np.float32)
    assert transpose_few_channels(convolution(weight, (8, 8), **attributes)) is None


@pytest.mark.parametrize(
    ("channels", "changed"), [(1, False), (8, False), (16, False), (17, True), (24, True), (64, False), (129, True)]
)
def test_convolutions_whose_sums_would_depend_on_the_batch_are_transposed(channels: int, changed: bool) -> None:
    from cganx_export.rewrites import batch_invariant

    made = batch_invariant(convolution(np.ones((16, channels, 3, 3), np.float32), (7, 7), pads=[1, 1, 1, 1]))
    assert (operators(made) == ["ConvTranspose"]) == changed


# ----------------------------------------------------------------------------------------------------------------------
# Phases


def skips(kernel: int, stride: int, pad: int, size: int, made: int) -> bool:
    """Whether a phase sees nothing, or its first window begins behind the first pixel, or its last ends before the last."""

    def seen(pixel: int) -> list[int]:
        return [place for place in range(-99, 99) if 0 <= pixel + pad - stride * place < kernel]

    last = -(-made // stride) - 1
    return any(
        not seen(phase) or min(seen(phase)) > 0 or max(seen(stride * last + phase)) < size - 1 for phase in range(stride)
    )


@settings(max_examples=30)
@given(
    channels=st.tuples(st.integers(1, 20), st.integers(5, 9)),
    kernel=st.tuples(kernels, kernels),
    stride=st.tuples(strides, strides),
    size=st.tuples(st.integers(3, 6), st.integers(3, 6)),
    data=st.data(),
)
def test_phases_of_a_transposed_convolution_compute_the_same(channels, kernel, stride, size, data) -> None:
    from cganx_export.rewrites.phases import split_phases

    pads = [data.draw(st.integers(0, one - 1)) for one in (*kernel, *kernel)]
    extra = [data.draw(st.integers(0, one - 1)) for one in stride]
    whole = [(one - 1) * step + taps + more for one, step, taps, more in zip(size, stride, kernel, extra, strict=True)]
    assume(all(one > pads[axis] + pads[axis + 2] for axis, one in enumerate(whole)))
    attributes = {"strides": stride, "pads": pads, "output_padding": extra, "kernel_shape": kernel}
    nodes = [node("ConvTranspose", "x w b", "c", **attributes), node("LeakyRelu", "c", "y", alpha=0.2)]
    graph = graph_of(nodes, (channels[0], *size), w=drawn(*channels, *kernel), b=drawn(channels[1]))
    made = split_phases(graph)
    if made is None:
        sizes = [one - pads[axis] - pads[axis + 2] for axis, one in enumerate(whole)]
        assert any(skips(kernel[axis], stride[axis], pads[axis], size[axis], sizes[axis]) for axis in (0, 1))
        return
    phases = stride[0] * stride[1]
    assert operators(made).count("Conv") == operators(made).count("LeakyRelu") == phases
    assert "ConvTranspose" not in operators(made)
    assert ("Pad" in operators(made)) == (channels[0] > 8 and channels[0] != 16)
    assert_same(graph, made)


@pytest.mark.parametrize(("kernel", "pads", "extra"), [(4, 1, 0), (5, 2, 1), (3, 1, 1), (5, 1, 0), (3, 0, 0), (2, 0, 0)])
def test_the_usual_doublings_have_phases(kernel: int, pads: int, extra: int) -> None:
    from cganx_export.rewrites.phases import split_phases

    has = {"strides": (2, 2), "pads": (pads,) * 4, "output_padding": (extra, extra)}
    graph = graph_of([node("ConvTranspose", "x w", "y", **has)], (16, 7, 7), w=drawn(16, 8, kernel, kernel))
    made = split_phases(graph)
    assert made is not None
    assert operators(made).count("Conv") == 4
    assert_same(graph, made)


def upsampled(channels: tuple[int, int], kernel, scale, size, pads):
    resize = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    scales = np.array([1, 1, *scale], np.float32)
    nodes = [node("Resize", "x  scales", "u", **resize), node("Conv", "u w b", "y", pads=pads)]
    nodes[0].input.insert(1, "")
    return graph_of(
        nodes, (channels[0], *size), scales=scales, w=drawn(channels[1], channels[0], *kernel), b=drawn(channels[1])
    )


@settings(max_examples=30)
@given(
    channels=st.tuples(st.integers(1, 20), st.integers(5, 9)),
    kernel=st.tuples(kernels, kernels),
    scale=st.tuples(st.integers(1, 3), st.integers(2, 3)),
    size=st.tuples(st.integers(3, 6), st.integers(3, 6)),
    data=st.data(),
)
def test_phases_of_an_upsampled_convolution_compute_the_same(channels, kernel, scale, size, data) -> None:
    from cganx_export.rewrites.phases import split_phases

    pads = [data.draw(st.integers(0, one - 1)) for one in (*kernel, *kernel)]
    assume(all(size[axis] * scale[axis] + pads[axis] + pads[axis + 2] >= kernel[axis] for axis in (0, 1)))
    graph = upsampled(channels, kernel, scale, size, pads)
    made = split_phases(graph)
    if made is None:  # nothing pads a kernel that reaches the input's edge alone: a phase would start inside
        assert any(pad < one - 1 for pad, one in zip(pads, kernel * 2, strict=True))
        return
    assert "Resize" not in operators(made)
    assert operators(made).count("Conv") == scale[0] * scale[1]
    assert_same(graph, made)


def assert_same_at_any_size(before, after) -> None:
    channels = before.input[0].type.tensor_type.shape.dim[1].dim_value
    for space in ((1, 1), (3, 5), (8, 2)):
        x = drawn(2, channels, *space)
        wanted = run(before, x)
        np.testing.assert_allclose(run(after, x), wanted, rtol=0, atol=1e-5 * max(1, np.abs(wanted).max()))


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("stride", "kernel", "pads", "extra"),
    [((2, 2), 4, 1, (0, 0)), ((2, 2), 3, 1, (1, 1)), ((3, 2), 5, 1, (0, 1)), ((2, 2), 2, 0, (0, 0))],
)
def test_phases_of_open_sizes_compute_the_same_at_any(stride, kernel, pads, extra, packed: bool) -> None:
    from cganx_export.rewrites.phases import pack_phases, split_phases

    has = {"strides": stride, "pads": [pads] * 4, "output_padding": extra}
    nodes = [node("ConvTranspose", "x w", "c", **has), node("Relu", "c", "r"), node("Conv", "r v", "y", pads=[1] * 4)]
    graph = graph_of(nodes, (8, "height", "width"), w=drawn(8, 16, kernel, kernel), v=drawn(3, 16, 3, 3))
    made = (pack_phases if packed else split_phases)(graph)
    assert made is not None
    assert operators(made).count("Relu") == stride[0] * stride[1]
    assert ("Concat" in operators(made)) != packed
    assert_same_at_any_size(graph, made)


@pytest.mark.parametrize(("kernel", "pads"), [(3, [1, 1, 1, 1]), (5, [2, 2, 2, 2]), (4, [1, 2, 2, 1])])
def test_phases_of_an_upsampling_of_open_size_compute_the_same_at_any(kernel: int, pads: list[int]) -> None:
    from cganx_export.rewrites.phases import split_phases

    graph = upsampled((8, 8), (kernel, kernel), (2, 2), ("height", "width"), pads)
    made = split_phases(graph)
    assert made is not None
    assert "Resize" not in operators(made)
    assert_same_at_any_size(graph, made)


@pytest.mark.parametrize("pads", [0, 2])
def test_open_sizes_that_are_no_whole_blocks_are_left_alone(pads: int) -> None:
    from cganx_export.rewrites.phases import split_phases

    has = {"strides": (2, 2), "pads": [pads] * 4}
    graph = graph_of([node("ConvTranspose", "x w", "y", **has)], (8, "height", "width"), w=drawn(8, 8, 5, 5))
    assert split_phases(graph) is None


def test_an_upsampled_3x3_convolution_has_2x2_phases() -> None:
    from cganx_export.cleaning import constants
    from cganx_export.rewrites.phases import split_phases

    graph = upsampled((16, 8), (3, 3), (2, 2), (7, 7), [1] * 4)
    made = split_phases(graph)
    assert made is not None
    assert [array.shape for name, array in constants(made).items() if "phase" in name] == [(8, 16, 2, 2)] * 4
    assert_same(graph, made)


@pytest.mark.parametrize(
    ("changes", "scale"),
    [({"mode": "linear"}, 2), ({"nearest_mode": "ceil"}, 2), ({}, 2.1)],
    ids=["linear", "rounded up", "2.1 times, which makes as many pixels"],
)
def test_other_upsamplings_are_left_alone(changes: dict[str, object], scale: float) -> None:
    from cganx_export.rewrites.phases import split_phases

    graph = upsampled((16, 8), (3, 3), (scale, scale), (7, 7), [1] * 4)
    has = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"} | changes
    graph.node[0].CopyFrom(node("Resize", "x scales", "u", **has))
    graph.node[0].input.insert(1, "")
    assert split_phases(graph) is None


def test_what_two_blocks_make_is_added_as_a_whole() -> None:
    from cganx_export.rewrites.phases import pack_phases

    nodes = [
        node("ConvTranspose", "x w", "doubled", strides=(2, 2), pads=(1, 1, 1, 1)),
        node("Relu", "doubled", "a"),
        node("MaxPool", "doubled", "pooled", kernel_shape=(2, 1), strides=(2, 1)),
        node("Add", "a doubled", "b"),
        node("ConvTranspose", "pooled v", "c", strides=(2, 1), pads=(1, 0, 1, 0)),
        node("Add", "b c", "y"),
    ]
    graph = graph_of(nodes, (16, 5, 5), w=drawn(16, 16, 4, 4), v=drawn(16, 16, 4, 1))
    made = pack_phases(graph)
    assert made is not None
    assert operators(made).count("Conv") == 4 + 2
    assert operators(made).count("Add") == 4 + 1
    assert_same(graph, made)


@settings(max_examples=30)
@given(
    outputs=st.integers(1, 4),
    kernel=st.tuples(kernels, kernels),
    stride=st.tuples(st.integers(1, 3), st.integers(2, 3)),
    size=st.tuples(st.integers(3, 6), st.integers(3, 6)),
    transposed=st.booleans(),
    data=st.data(),
)
def test_phases_packed_into_the_last_convolution_compute_the_same(outputs, kernel, stride, size, transposed, data) -> None:
    from cganx_export.rewrites.phases import pack_phases

    pads = [data.draw(st.integers(0, one - 1)) for one in (*kernel, *kernel)]
    doubled = [one * step for one, step in zip(size, stride, strict=True)]
    padded = [pads[axis] + pads[axis + 2] for axis in (0, 1)]
    for one, pad, taps in zip(doubled, padded, kernel, strict=True):
        assume(one + taps - 1 > pad if transposed else one + pad >= taps)
    last = drawn(16, outputs, *kernel) if transposed else drawn(outputs, 16, *kernel)
    wide = [2 * one for one in stride]
    nodes = [
        node(
            "ConvTranspose",
            "x w",
            "c",
            strides=stride,
            pads=[*(one // 2 for one in stride), *(one - one // 2 for one in stride)],
        ),
        node("GlobalAveragePool", "x", "mean"),
        node("Mul", "c mean", "scaled"),
        node("Add", "shift scaled", "shifted"),
        node("Sigmoid", "shifted", "gate"),
        node("Mul", "shifted gate", "a"),
        node("ConvTranspose" if transposed else "Conv", "a v b", "y", pads=pads),
    ]
    graph = graph_of(nodes, (16, *size), w=drawn(16, 16, *wide), shift=drawn(1, 16, 1, 1), v=last, b=drawn(outputs))
    made = pack_phases(graph)
    assert made is not None
    assert "Concat" not in operators(made), "the phases are never put together"
    assert operators(made).count("ConvTranspose") == 1
    assert_same(graph, made)


@pytest.mark.parametrize("change", ["odd size", "many channels", "stride"])
def test_what_cannot_be_packed_is_put_together_first(change: str) -> None:
    from cganx_export.rewrites.phases import pack_phases

    pads = (1, 1, 2, 2) if change == "odd size" else (1, 1, 1, 1)
    weight = drawn(8 if change == "many channels" else 1, 16, 3, 3)
    strides = (2, 2) if change == "stride" else (1, 1)
    nodes = [
        node("ConvTranspose", "x w", "c", strides=(2, 2), pads=pads),
        node("Relu", "c", "a"),
        node("Conv", "a v", "y", strides=strides, pads=(1, 1, 1, 1)),
    ]
    graph = graph_of(nodes, (16, 5, 5), w=drawn(16, 16, 4, 4), v=weight)
    made = pack_phases(graph)
    assert made is not None
    assert operators(made).count("Concat") == 3
    assert_same(graph, made)


# ----------------------------------------------------------------------------------------------------------------------
# Folding


@settings(max_examples=30)
@given(starts=st.tuples(st.integers(0, 2), st.integers(-12, -10)), ends=st.tuples(st.integers(8, 99), st.integers(-3, -1)))
def test_a_crop_becomes_padding(starts, ends) -> None:
    from cganx_export.rewrites.folding import fold

    def constants(start: int, end: int, axis: int) -> list[np.ndarray]:
        return [np.array([one], np.int64) for one in (start, end, axis, 1)]

    rows, columns = (constants(*one, axis) for axis, one in zip((2, 3), zip(starts, ends, strict=True), strict=True))
    nodes = [
        node("ConvTranspose", "x w", "c", strides=(2, 2), pads=(1, 0, 0, 1)),
        node("Slice", "c r0 r1 r2 r3", "d"),
        node("Slice", "d c0 c1 c2 c3", "y"),
    ]
    stored = {f"r{number}": one for number, one in enumerate(rows)} | {f"c{number}": one for number, one in enumerate(columns)}
    graph = graph_of(nodes, (3, 5, 6), w=drawn(3, 2, 3, 3), **stored)
    made = fold(graph)
    assert made is not None
    assert operators(made) == ["ConvTranspose"]
    assert_same(graph, made)


@pytest.mark.parametrize("turned", [0, 1])
def test_an_embedding_and_its_dense_layer_become_one_map(turned: int) -> None:
    from cganx_export.rewrites.folding import fold

    dense = drawn(49, 50) if turned else drawn(50, 49)
    nodes = [node("MatMul", "x e", "m"), node("Gemm", "m w b", "y", transB=turned)]
    graph = graph_of(nodes, (10,), e=drawn(10, 50), w=dense, b=drawn(49))
    made = fold(graph)
    assert made is not None
    assert operators(made) == ["Gemm"]
    assert_same(graph, made)


def test_products_stay_apart_where_one_would_be_more_work() -> None:
    from cganx_export.rewrites.folding import fold

    nodes = [node("MatMul", "x e", "m"), node("Gemm", "m w b", "y")]
    assert fold(graph_of(nodes, (40,), e=drawn(40, 2), w=drawn(2, 49), b=drawn(49))) is None


@pytest.mark.parametrize("turned", [0, 1])
def test_channels_last_are_reordered_in_the_dense_layer(turned: int) -> None:
    from cganx_export.rewrites.folding import fold

    nodes = [
        node("Gemm", "x w b", "d", transB=turned),
        node("Sigmoid", "d", "s"),
        node("Mul", "d s", "swish"),
        node("Mul", "swish gain", "g"),
        node("Add", "g one", "a"),
        node("Reshape", "a shape", "r"),
        node("Transpose", "r", "y", perm=[0, 3, 1, 2]),
    ]
    weight = drawn(60, 6) if turned else drawn(6, 60)
    shape = np.array([-1, 3, 4, 5], np.int64)
    graph = graph_of(nodes, (6,), w=weight, b=drawn(60), gain=drawn(1, 60), one=np.float32([1]), shape=shape)
    made = fold(graph)
    assert made is not None
    assert "Transpose" not in operators(made)
    assert_same(graph, made)
    graph.output.add().CopyFrom(graph.output[0])
    graph.output[1].name = "a"
    assert fold(graph) is None, "another sees the old order"


# ----------------------------------------------------------------------------------------------------------------------
# Forms of whole generators, and which is taken


@pytest.mark.parametrize("network", ["CDCGANGenerator", "SNGANGenerator"])
def test_every_form_of_a_generator_is_read_and_gives_the_same_pictures_in_any_batch(
    modules: ModuleType, tmp_path: Path, network: str
) -> None:
    assert modules
    import onnx
    import torch
    from test_export_file import assert_batch_invariant

    from cganx import networks
    from cganx_export import export
    from cganx_export.rewrites import forms
    from cganx_export.sealing import seal

    torch.manual_seed(0)
    module = getattr(networks, network)(networks.ImageShape(1, 28, 28), 3)
    size = Image(height=28, width=28, channels=1)
    card = GeneratorCard(name="n", classes=("a", "b", "c"), latent=Latent(size=module.latent), image=size)
    path = export(networks.folded(module), card, tmp_path / "plain.onnx", rewrite=False).path
    pictures = runtime.load(path, device="cpu").generate([0, 1, 2], seeds=range(3)).astype(int)
    found = forms(onnx.load(path).graph)
    names = {name for form in found for name in form.rewrites}
    assert {"few-channel-conv-transposed", "phases-split", "phases-packed"} <= names
    latent, label = drawn(8, module.latent), np.eye(3, dtype=np.float32)[np.arange(8) % 3]
    for form in found[1:]:
        path = tmp_path / "form.onnx"
        path.write_bytes(seal(form.graph, card)[0])
        assert np.abs(runtime.load(path, device="cpu").generate([0, 1, 2], seeds=range(3)) - pictures).max() <= 1
        assert_batch_invariant(path, latent, label, (1, 3))


@pytest.mark.parametrize("label_input", ["weights", "index"])
def test_a_form_that_is_faster_is_written_and_the_card_says_it(
    modules: ModuleType,
    card: Callable[..., GeneratorCard],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    label_input: str,
) -> None:
    import onnx

    from cganx_export import export, timing

    def compare(names, models, given):
        assert len(names) == len(models) > 2
        assert given.card.name == "small"
        return tuple(trial_of(0.5 if "phases-packed" in name else 0.9, 0.8, name) for name in names[1:])

    monkeypatch.setattr(timing, "compare", compare)
    report = export(modules.Small(), card(), tmp_path / "s.onnx", label_input=label_input, weights="float16")
    assert [trial.rewrites for trial in report.rewrites if trial.applied] == [("phases-packed",)]
    method = runtime.read(report.path).card.method
    assert method["rewrites"] == ["phases-packed"]
    assert method["rewrites_timed"]["time_by_batch"]["phases-packed"] == {"1": 0.5, "64": 0.8}
    assert operators(onnx.load(report.path).graph).count("Concat") == 1, "that of latent and label alone"
    assert "phases-packed (1.58 times as fast)" in str(report)
    assert report.parity.batch_invariant


def trial_of(first: float, second: float, name: tuple[str, ...] = ("r",)):
    from cganx_export.report import BatchTrial, RewriteTrial

    times = tuple(
        BatchTrial(batch=batch, milliseconds_before=1.0, milliseconds_after=ratio, ratio=ratio)
        for batch, ratio in ((1, first), (64, second))
    )
    return RewriteTrial(rewrites=name, applied=False, times=times)


@pytest.mark.parametrize(
    ("ratios", "taken"),
    [
        ([(0.99, 0.98)], None),
        ([(1.02, 0.5)], None),
        ([(0.9, 0.9), (0.5, 0.6), (0.8, 0.8)], 1),
        ([(0.9, 0.9), (0.505, 0.5), (0.5, 0.5)], 1),
        ([], None),
    ],
    ids=["noise", "slower alone", "the fastest", "the simpler of two alike", "nothing tried"],
)
def test_the_form_to_take(ratios: list[tuple[float, float]], taken: int | None) -> None:
    from cganx_export.timing import fastest

    assert fastest([trial_of(*one) for one in ratios]) == taken


def test_forms_are_timed_each_in_its_process(plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from cganx_export import timing
    from cganx_export.arguments import Inputs

    monkeypatch.setattr(timing, "SECONDS", 0.1)
    model, inputs = plain.read_bytes(), Inputs(runtime.read(plain).card)
    trials = timing.compare([(), ("a",), ("b",)], [model] * 3, inputs)
    assert [trial.rewrites for trial in trials] == [("a",), ("b",)]
    for trial in trials:
        assert [one.batch for one in trial.times] == [1, 64]
        assert all(one.milliseconds_before > 0 and 0.05 < one.ratio < 20 for one in trial.times)
    with pytest.raises(ExportError, match=r"could not be timed.*rewrite=False"):
        timing.compare([(), ("a",)], [model, b"no model"], inputs)


def test_a_slow_generator_is_timed_at_a_smaller_batch() -> None:
    from cganx_export.timing import _batches

    class Watch:
        def __init__(self, took: float) -> None:
            self.took = took

        def seconds(self, place: int, count: int) -> float:
            assert (place, count) == (0, 1)
            return self.took

    assert _batches(Watch(0.001)) == [1, 64]  # type: ignore[arg-type]
    assert _batches(Watch(0.05)) == [1, 4]  # type: ignore[arg-type]
    assert _batches(Watch(1.0)) == [1]  # type: ignore[arg-type]
