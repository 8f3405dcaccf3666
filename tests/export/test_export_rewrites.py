"""Rewrites are exact: the same numbers up to the order of the sums, for every geometry they take on."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st


@pytest.fixture(autouse=True)
def _needs(part: Callable[[str], None]) -> None:
    for name in ("onnx", "onnxruntime"):
        part(name)


def graph_of(weight: np.ndarray, size: tuple[int, int], **attributes: object):
    from onnx import TensorProto, helper, numpy_helper

    return helper.make_graph(
        [helper.make_node("Conv", ["x", "w", "b"], ["y"], **attributes)],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", weight.shape[1], *size])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(weight, "w"), numpy_helper.from_array(np.arange(len(weight), dtype=np.float32), "b")],
    )


def run(graph, x: np.ndarray) -> np.ndarray:
    from cganx_export.parity import session_of
    from cganx_export.sealing import model_of

    made: np.ndarray = session_of(model_of(graph).SerializeToString()).run(None, {"x": x})[0]
    return made


@settings(max_examples=40, deadline=None)
@given(
    outputs=st.integers(1, 4),
    inputs=st.integers(1, 20),
    kernel=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    size=st.tuples(st.integers(9, 12), st.integers(9, 12)),
    dilation=st.integers(1, 2),
    data=st.data(),
)
def test_few_channels_transposed_computes_the_same(outputs, inputs, kernel, size, dilation, data) -> None:
    from cganx_export.rewrites import transpose_few_channels

    reach = [dilation * (one - 1) for one in kernel]
    pads = [data.draw(st.integers(0, most)) for most in (*reach, *reach)]
    generator = np.random.default_rng(0)
    weight = generator.standard_normal((outputs, inputs, *kernel), np.float32)
    graph = graph_of(weight, size, pads=pads, dilations=[dilation] * 2, kernel_shape=list(kernel))
    made = transpose_few_channels(graph)
    assert made is not None
    assert [node.op_type for node in made.node] == ["ConvTranspose"]
    assert len(made.initializer) == 2
    assert [node.op_type for node in graph.node] == ["Conv"]
    x = generator.standard_normal((2, inputs, *size), np.float32)
    wanted = run(graph, x)
    np.testing.assert_allclose(run(made, x), wanted, rtol=0, atol=1e-5 * max(1, np.abs(wanted).max()))


@pytest.mark.parametrize(
    ("outputs", "attributes"),
    [(5, {}), (1, {"strides": [2, 2]}), (2, {"group": 2}), (1, {"pads": [3, 3, 3, 3]}), (1, {"auto_pad": "SAME_UPPER"})],
    ids=["five channels", "stride", "groups", "padded beyond the kernel", "open padding"],
)
def test_other_convolutions_are_left_alone(outputs: int, attributes: dict[str, object]) -> None:
    from cganx_export.rewrites import transpose_few_channels

    group = attributes.get("group", 1)
    weight = np.ones((outputs, 4 // int(str(group)), 3, 3), np.float32)
    assert transpose_few_channels(graph_of(weight, (8, 8), **attributes)) is None


@pytest.mark.parametrize(
    ("channels", "changed"), [(1, False), (8, False), (16, False), (17, True), (24, True), (64, False), (129, True)]
)
def test_convolutions_whose_sums_would_depend_on_the_batch_are_transposed(channels: int, changed: bool) -> None:
    from cganx_export.rewrites import batch_invariant

    made = batch_invariant(graph_of(np.ones((16, channels, 3, 3), np.float32), (7, 7), pads=[1, 1, 1, 1]))
    assert (made.node[0].op_type == "ConvTranspose") == changed


def test_a_rewrite_is_taken_only_where_it_is_measured_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    from cganx.card import GeneratorCard, Image, Latent
    from cganx_export import timing

    card = GeneratorCard(name="n", kind="unconditional", latent=Latent(size=2), image=Image(height=1, width=1, channels=1))
    took = {b"before": 1.0, b"slow": 0.98, b"fast": 0.5}

    class Session:
        def __init__(self, model: bytes) -> None:
            self.model = model

        def get_inputs(self) -> list[object]:
            return []

        def run(self, wanted: list[str], given: dict[str, np.ndarray]) -> None:
            assert (wanted, given.keys()) == (["pixels"], {"latent"})

    monkeypatch.setattr(timing, "session_of", Session)
    monkeypatch.setattr(timing, "_seconds", lambda session, _: took[session.model])
    assert not timing.compare("r", b"before", b"slow", card).applied
    trial = timing.compare("r", b"before", b"fast", card)
    assert (trial.applied, trial.ratio, trial.milliseconds_before) == (True, 0.5, 1000)
