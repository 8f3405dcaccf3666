"""Files that compute in float16 or int8: what they are made of, what they cost beside float32, and what is refused."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from cganx import runtime
from cganx.card import GeneratorCard, Label
from cganx.checking import check
from cganx.errors import DataError, ExportError
from cganx_export import ExportReport, SpeedTrial, export, export_run

PRECISIONS = ("float16", "int8")
Card = Callable[..., GeneratorCard]


@pytest.fixture(autouse=True)
def _needs(part: Callable[[str], None], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("torch", "onnx", "onnxscript", "onnxruntime"):
        part(name)
    from cganx_export import precision

    monkeypatch.setattr(precision, "SECONDS", 0.0)  # five pairs each: the ratio itself is nobody's here


@pytest.fixture(scope="module")
def wide(modules: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> dict[str, ExportReport]:
    """export_modules.Wide in each precision."""
    from cganx.card import Image, Latent

    folder = tmp_path_factory.mktemp("wide")
    card = GeneratorCard(
        name="wide",
        classes=("up", "down", "left or right"),
        latent=Latent(size=6),
        image=Image(height=8, width=12, channels=1),
        licences={"weights": "MIT"},
    )
    return {
        precision: export(modules.Wide(), card, folder / f"{precision}.onnx", rewrite=False, precision=precision)  # type: ignore[arg-type]
        for precision in ("float32", *PRECISIONS)
    }


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few pictures are compared."""
    from cganx_export import precision

    monkeypatch.setattr(precision, "JUDGED", 128)
    monkeypatch.setattr(precision, "UNJUDGED", 64)


def graph_of(report: ExportReport) -> Any:
    import onnx

    return onnx.load(report.path).graph


def stored(graph: Any) -> dict[str, np.ndarray]:
    from onnx import numpy_helper

    return {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}


def test_only_convolutions_between_channels_are_integers(wide: dict[str, ExportReport]) -> None:
    graph = graph_of(wide["int8"])
    makers = {output: node for node in graph.node for output in node.output}
    convolutions = [node for node in graph.node if node.op_type == "Conv"]
    whole = [node for node in convolutions if makers.get(node.input[0], node).op_type == "DequantizeLinear"]
    assert [node.output[0] for node in convolutions if node not in whole] == ["/conv_3"]  # the one to the image
    tensors = stored(graph)
    for node in whole:
        weight = makers[node.input[1]]
        values, scales, zeros = (tensors[name] for name in weight.input)
        assert (weight.op_type, values.dtype, scales.shape) == ("DequantizeLinear", np.int8, (len(values),))
        assert 32 <= np.abs(values).max() <= 64, "seven bits, so that no processor's sums saturate"
        assert not zeros.any()
    steps = [node for node in graph.node if node.op_type == "QuantizeLinear"]
    assert {tensors[node.input[2]].dtype for node in steps} == {np.dtype(np.uint8)}
    assert [node.op_type for node in graph.node if node.op_type in ("Gemm", "ConvTranspose")] == ["Gemm", "ConvTranspose"]


def test_half_is_computed_in_from_the_inputs_to_the_clip(wide: dict[str, ExportReport]) -> None:
    import onnx

    graph = graph_of(wide["float16"])
    kinds = {tensor.data_type for tensor in graph.initializer if len(tensor.dims) > 1}
    assert kinds == {onnx.TensorProto.FLOAT16}
    inferred = onnx.shape_inference.infer_shapes(onnx.load(wide["float16"].path), strict_mode=True).graph
    kind = {value.name: value.type.tensor_type.elem_type for value in inferred.value_info}
    made = {node.op_type: kind.get(node.output[0]) for node in graph.node}
    half, single = onnx.TensorProto.FLOAT16, onnx.TensorProto.FLOAT
    assert {made[name] for name in ("Concat", "Gemm", "Relu", "Conv", "ConvTranspose", "Tanh")} == {half}
    assert {made[name] for name in ("Add", "Mul", "Round")} == {single}
    assert wide["float16"].bytes < 0.7 * wide["float32"].bytes


@pytest.mark.parametrize("precision", PRECISIONS)
def test_inputs_and_outputs_are_the_contracts(wide: dict[str, ExportReport], precision: str) -> None:
    made, plain = graph_of(wide[precision]), graph_of(wide["float32"])
    assert (made.input, made.output) == (plain.input, plain.output)
    generator = runtime.load(wide[precision].path, device="cpu")
    image, pixels = (make("down", seeds=range(9)) for make in (generator.images, generator.generate))
    np.testing.assert_array_equal(pixels, np.rint((image + np.float32(1)) * np.float32(127.5)).transpose(0, 2, 3, 1))


@pytest.mark.parametrize("precision", PRECISIONS)
def test_the_report_and_the_card_say_what_it_costs(wide: dict[str, ExportReport], precision: str) -> None:
    loss = wide[precision].precision
    assert loss is not None
    one, other = (runtime.load(wide[name].path, device="cpu") for name in ("float32", precision))
    seeds = range(1000)
    levels = np.abs(np.subtract(*(make.generate([seed % 3 for seed in seeds], seeds).astype(int) for make in (one, other))))
    assert (loss.precision, loss.pictures, loss.most_levels) == (precision, 1000, levels.max())
    assert loss.mean_levels == pytest.approx(levels.mean())
    assert loss.far == pytest.approx((levels > 1).mean())
    assert 0 < loss.mean_levels < 3
    assert (loss.agreement, loss.oracle, loss.missing) == (None, None, "no oracle was given")
    assert [trial.batch for trial in loss.speed] == [1, 64]
    assert all(trial.ratio > 0 for trial in loss.speed)
    assert "label agreement not measured: no oracle was given" in str(loss)
    card = other.card
    assert card.method["precision"] == precision
    said = card.parity["precision"]
    assert (said["pictures"], said["most_levels"], said["agreement"]) == (1000, levels.max(), None)
    assert said["mean_levels"] == pytest.approx(levels.mean(), rel=0.06)
    assert card.parity["max_difference"] <= 1e-4  # of the float32 graph
    assert "precision" not in one.card.method.keys() | one.card.parity.keys()
    assert wide["float32"].precision is None


@pytest.mark.parametrize("precision", PRECISIONS)
def test_the_file_is_sound(wide: dict[str, ExportReport], precision: str) -> None:
    found = check(wide[precision].path, device="cpu")
    assert [one for one in found.findings if one.verdict != "passed"] == []


@pytest.mark.parametrize("precision", PRECISIONS)
def test_the_same_module_gives_the_same_bytes_and_nothing_is_said(
    modules: ModuleType,
    wide: dict[str, ExportReport],
    tmp_path: Path,
    precision: Any,
    capfd: pytest.CaptureFixture[str],
) -> None:
    handlers = list(logging.root.handlers)
    report = export(
        modules.Wide(), replace(wide[precision].card, parity={}), tmp_path / "g.onnx", rewrite=False, precision=precision
    )
    assert graph_of(report) == graph_of(wide[precision])
    assert report.path.read_bytes() == wide[precision].path.read_bytes()
    assert capfd.readouterr() == ("", "")
    assert logging.root.handlers == handlers


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize(
    ("network", "changes"),
    [
        ("Wide", {"label": Label(input="index")}),
        ("Wide", {"kind": "attributes"}),
        ("WideUnconditional", {"kind": "unconditional", "classes": ()}),
        ("WideCoded", {"codes": ("tilt", "width")}),
        ("WideNoisy", {}),
    ],
    ids=["index", "attributes", "unconditional", "codes", "noise"],
)
@pytest.mark.usefixtures("few")
def test_every_kind_of_generator(
    modules: ModuleType, card: Card, tmp_path: Path, precision: Any, network: str, changes: dict[str, Any]
) -> None:
    index = "label" in changes
    known = card(**{name: value for name, value in changes.items() if name != "label"})
    path = tmp_path / "g.onnx"
    report = export(
        getattr(modules, network)(),
        known,
        path,
        rewrite=False,
        precision=precision,
        label_input="index" if index else "weights",
    )
    assert report.precision is not None
    assert report.precision.most_levels < 40
    label = None if not known.classes else {"up": 1.0}
    assert runtime.load(path, device="cpu").generate("up" if index else label, seeds=range(2)).shape == (2, 8, 12, 1)


class Oracle:
    """Sees what was asked for; in every second batch, which is the lower precision's, ``wrong`` pictures are another class."""

    name, classes = "stub", ("up", "down", "left or right")

    def __init__(self, wrong: int) -> None:
        self.calls, self.wrong = 0, wrong

    def predict(self, pixels: np.ndarray) -> np.ndarray:
        batch, lower = divmod(self.calls, 2)
        self.calls += 1
        seen = (batch * 64 + np.arange(len(pixels))) % 3
        if lower:
            seen[: self.wrong] += 1
        return seen % 3


@pytest.mark.usefixtures("few")
def test_a_loss_of_agreement_is_refused_unless_it_is_forced(modules: ModuleType, card: Card, tmp_path: Path) -> None:
    path = tmp_path / "g.onnx"
    asked: dict[str, Any] = {"rewrite": False, "precision": "int8"}
    with pytest.raises(ExportError, match=r"falls from 1\.0000 to 0\.9844, by 0\.0156 where 0\.005 may be; .*--force"):
        export(modules.Wide(), card(), path, oracle=Oracle(1), **asked)  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())
    report = export(modules.Wide(), card(), path, oracle=Oracle(1), force=True, **asked)  # type: ignore[arg-type]
    assert report.precision is not None
    assert (report.precision.agreement, report.precision.agreement_float32) == (1 - 2 / 128, 1.0)
    assert report.card.parity["precision"]["agreement"] == 1 - 2 / 128
    assert report.card.parity["precision"]["oracle"] == "stub"
    assert "label agreement 0.9844, of float32 1.0000" in str(report.precision)
    assert export(modules.Wide(), card(), path, oracle=Oracle(0), **asked).precision.agreement == 1.0  # type: ignore[arg-type, union-attr]


def refused(module: Any, card: GeneratorCard, path: Path, says: str, **asked: Any) -> None:
    with pytest.raises(ExportError, match=says):
        export(module, card, path, rewrite=False, **asked)
    assert not path.exists()


def test_what_makes_no_sense_is_refused(modules: ModuleType, card: Card, tmp_path: Path) -> None:
    path, wide = tmp_path / "g.onnx", modules.Wide()
    refused(wide, card(), path, "'bfloat16'; say 'float32', 'float16' or 'int8'", precision="bfloat16")
    for precision in PRECISIONS:
        refused(wide, card(), path, "give one of the two", precision=precision, weights="float16")
    refused(wide, card(classes=("a", "b", "c")), path, "other classes apart", precision="int8", oracle=Oracle(0))
    refused(
        modules.Small(), card(), path, "int8 has nothing to compute: .*no convolution to several channels", precision="int8"
    )


def test_values_out_of_halfs_range_are_refused(modules: ModuleType, card: Card, tmp_path: Path) -> None:
    path, module = tmp_path / "g.onnx", modules.Wide()
    module.narrow.bias.data[0] = -70_000
    refused(module, card(), path, r"'narrow.bias' holds 70000, and float16 ends at 65504", precision="float16")
    module = modules.Wide()
    module.first.weight.data *= 1e-7
    refused(module, card(), path, r"'first.weight' is too small for float16", precision="float16")


# ----------------------------------------------------------------------------------------------------------------------
# Runs and the command


@pytest.fixture
def command(part: Callable[[str], None], run_path: Path, tmp_path: Path) -> Callable[..., Any]:
    part("click")
    from click.testing import CliRunner

    from cganx_export.command import export as exporting

    def run(*options: str) -> Any:
        return CliRunner().invoke(exporting, [str(run_path), "-o", str(tmp_path / "g.onnx"), "--no-rewrite", *options])

    return run


@pytest.mark.usefixtures("few")
def test_the_command_says_what_it_costs_and_what_is_missing(command: Callable[..., Any], tmp_path: Path) -> None:
    done = command("--precision", "int8")
    assert (done.exit_code, done.stdout) == (0, "")
    lines = done.stderr.splitlines()
    assert lines[2].startswith("int8 beside float32, 64 pictures: label agreement not measured: noise: no such file")
    assert "give the run's pictures with --data" in lines[2]
    assert lines[3].startswith("on this machine's CPU: ")
    assert runtime.read(tmp_path / "g.onnx").card.method["precision"] == "int8"


def test_slower_is_said(wide: dict[str, ExportReport]) -> None:
    from cganx_export.command import _speed

    loss = wide["int8"].precision
    assert loss is not None
    trials = SpeedTrial(batch=1, ratio=1.4), SpeedTrial(batch=64, ratio=1.0)
    assert _speed(replace(loss, speed=trials)) == (
        "on this machine's CPU: 1.40 times as fast at batch 1, 1.00 times as fast at batch 64"
    )
    slow = replace(loss, speed=(trials[0], SpeedTrial(batch=64, ratio=0.8)))
    assert _speed(slow).endswith(
        "0.80 times as fast at batch 64; note that it is slower than float32: float32 is the better file here"
    )
    assert _speed(replace(slow, precision="float16")).endswith("it is meant for CUDA")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--precision", "int4"), "int4"),
        (("--precision", "int8", "--weights", "float16"), "leave one of the two out"),
        (("--data", "fashion-small"), "give --precision too"),
        (("--force",), "give --precision too"),
    ],
)
def test_the_command_refuses_options_without_meaning_together(
    command: Callable[..., Any], tmp_path: Path, options: tuple[str, ...], says: str
) -> None:
    done = command(*options)
    assert done.exit_code == 2
    assert says in done.stderr
    assert not (tmp_path / "g.onnx").exists()


@pytest.mark.usefixtures("few")
def test_a_run_is_judged_by_what_it_learnt(run_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from cganx_export import judging

    pictures = np.random.default_rng(0).integers(0, 256, (60, 13, 9, 3), np.uint8)
    names = ["T-shirt/top", "Trouser", "Bag"]
    for file, classes in (("right.npz", names), ("wrong.npz", [*names[:2], "Shoe"])):
        np.savez(tmp_path / file, images=pictures, labels=np.arange(60) % 3, classes=classes)
    seen = []

    def stub(dataset: Any) -> Oracle:
        seen.append((dataset.classes, dataset.height, dataset.width, dataset.channels))
        return Oracle(0)

    monkeypatch.setattr(judging, "quick_oracle", stub)
    report = export_run(run_path, tmp_path / "g.onnx", rewrite=False, precision="int8", data=tmp_path / "right.npz")
    assert report.precision is not None
    assert report.precision.agreement == 1.0
    assert seen == [(tuple(names), 13, 9, 3)]
    with pytest.raises(DataError, match="its classes are not those that the run learnt"):
        export_run(run_path, tmp_path / "none.onnx", precision="int8", data=tmp_path / "wrong.npz")
    with pytest.raises(ExportError, match="give a precision too"):
        export_run(run_path, tmp_path / "none.onnx", data=tmp_path / "right.npz")
    assert not (tmp_path / "none.onnx").exists()
