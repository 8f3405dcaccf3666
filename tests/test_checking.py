"""`cganx.checking`: good files of every kind pass, and each fault is found by the check that is there for it."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cganx import checking, runtime
from cganx.card import CARD_KEY, HASH_KEY, Image, Label, Latent, Source
from cganx.checking import CHECKS, Check, check
from cganx.errors import DeviceUnavailable, ModelNotFound
from cganx.runtime.reader import Limits, file_bytes
from cganx.runtime.testing import TINY

LICENCES = {"data": "CC0-1.0"}
KINDS: dict[str, dict[str, Any]] = {
    "class": {},
    "index": {"label": Label(input="index")},
    "attributes": {"kind": "attributes"},
    "unconditional": {"kind": "unconditional", "classes": ()},
    "one class": {"classes": ("red",)},
    "uniform": {"latent": Latent(size=5, distribution="uniform")},
    "codes": {"codes": ("width", "tilt")},
    "truncation": {"truncation": {"input": True}},
    "colour": {"image": Image(height=4, width=6, channels=3)},
    "noise": {"noise": (3,)},
}


@pytest.fixture(autouse=True)
def _parts(part: Callable[[str], None]) -> None:
    part("onnxruntime")


@pytest.fixture
def checked(make, tmp_path):
    """``checked(change, gain=1.0, **card)``: what is found of a hand-made file."""

    def found(change: Callable[[Any], object] | None = None, noise=(), gain: float = 1.0, **given: Any) -> Check:
        card = make.card(**({"licences": LICENCES} | given))
        model = make.model(card, noise, gain=gain)
        if change is not None:
            change(model)
        return check(written(tmp_path, make.seal(model, card)))

    return found


def written(folder: Path, data: bytes) -> Path:
    path = folder / "made.onnx"
    path.write_bytes(data)
    return path


def failed(report: Check) -> dict[str, str]:
    return {one.name: one.said for one in report.findings if one.verdict == "failed"}


def verdicts(report: Check) -> dict[str, str]:
    return {one.name: one.verdict for one in report.findings}


def said(report: Check, name: str) -> str:
    return next(one.said for one in report.findings if one.name == name)


def set_constant(name: str, change: Callable[[np.ndarray], Any]) -> Callable[[Any], None]:
    def changed(model: Any) -> None:
        from onnx import numpy_helper

        tensor = next(one for one in model.graph.initializer if one.name == name)
        tensor.CopyFrom(numpy_helper.from_array(np.asarray(change(numpy_helper.to_array(tensor)), np.float32), name))

    return changed


def replace_tanh(*nodes: tuple[str, list[str], str, dict[str, Any]]) -> Callable[[Any], None]:
    """Other nodes between `logits` and `image`."""

    def changed(model: Any) -> None:
        from onnx import helper

        place = next(index for index, node in enumerate(model.graph.node) if node.op_type == "Tanh")
        del model.graph.node[place]
        for offset, (operator, inputs, output, attributes) in enumerate(nodes):
            model.graph.node.insert(place + offset, helper.make_node(operator, inputs, [output], **attributes))

    return changed


@pytest.mark.parametrize("kind", KINDS)
def test_good_files_of_every_kind_pass(checked, kind: str) -> None:
    report = checked(**KINDS[kind])
    assert failed(report) == {}
    assert report.passed
    alone = kind in ("unconditional", "one class")
    assert verdicts(report) == dict.fromkeys(CHECKS, "passed") | ({"classes": "skipped"} if alone else {})
    labels = {"unconditional": [""], "one class": ["red"], "attributes": ["none", "red", "Green", "blue"]}
    assert [one.label for one in report.labels] == labels.get(kind, ["red", "Green", "blue"])


@pytest.mark.parametrize("name", runtime.bundled())
def test_bundled_names_pass_with_weights_in_half(name: str) -> None:
    assert runtime.read(runtime.bundled()[name]).card.method["weights"] == "float16"
    report = check(name)
    assert failed(report) == {}
    assert report.model == name
    assert report.sha256 == runtime.read(runtime.bundled()[name]).sha256


def test_figures_of_a_label_are_those_of_its_pictures() -> None:
    report = check(TINY, "cpu")
    pixels = runtime.load(TINY, "cpu").generate(["disc"] * 8 + ["cross"] * 8, [*range(8)] * 2).astype(float).reshape(2, 8, -1)
    for row, one in enumerate(report.labels):
        assert one.flat == 0
        assert one.between_seeds == pytest.approx(np.sqrt(np.square(np.diff(pixels[row], axis=0)).mean()))
        assert one.apart == pytest.approx(np.sqrt(np.square(pixels[0] - pixels[1]).mean()))
    assert [(one.label, one.nearest) for one in report.labels] == [("disc", "cross"), ("cross", "disc")]


def test_pixels_that_are_not_the_formula_fail(checked) -> None:
    report = checked(set_constant("half", lambda _: 127.0))
    assert list(failed(report)) == ["pixels"]
    assert "formula" in failed(report)["pixels"]


def test_a_picture_that_depends_on_its_batch_fails(checked) -> None:
    report = checked(replace_tanh(("Softmax", ["logits"], "image", {"axis": 0})))
    assert "batch" in failed(report)
    assert "depends on those it is made with" in failed(report)["batch"]


def test_an_image_that_is_not_finite_at_extreme_latents_fails(checked) -> None:
    """tanh written naively is infinity over infinity where the latents are large."""
    naive = replace_tanh(
        ("Add", ["logits", "logits"], "twice", {}),
        ("Exp", ["twice"], "power", {}),
        ("Sub", ["power", "one"], "above", {}),
        ("Add", ["power", "one"], "below", {}),
        ("Div", ["above", "below"], "image", {}),
    )
    report = checked(naive)
    assert list(failed(report)) == ["latents"]
    assert "nan" in failed(report)["latents"]
    assert "'red'" in failed(report)["latents"]
    assert failed(checked(naive, gain=0.02)) == {}, "where no exponent gets large nothing is wrong"


def test_pictures_of_one_colour_fail(checked) -> None:
    report = checked(gain=0.0)
    assert set(failed(report)) == {"colours", "classes", "seeds"}
    assert "'red' (100% of its pictures)" in failed(report)["colours"]
    assert all(one.flat == 1 for one in report.labels)


def test_a_class_of_one_colour_fails_alone(checked) -> None:
    def blacken(matrix: np.ndarray) -> np.ndarray:
        made = matrix.copy()
        made[1] = -1000
        return made

    report = checked(set_constant("label.matrix", blacken))
    assert set(failed(report)) == {"colours", "seeds"}
    assert "'Green'" in failed(report)["colours"]
    assert "'red'" not in failed(report)["colours"]


def test_a_generator_that_does_not_see_its_label_fails(checked) -> None:
    report = checked(set_constant("label.matrix", np.zeros_like))
    assert list(failed(report)) == ["classes"]
    assert failed(report)["classes"].count("0 levels apart") <= 3


def test_two_classes_alike_are_named_once(checked) -> None:
    report = checked(set_constant("label.matrix", lambda matrix: matrix[[0, 1, 0]]))
    assert list(failed(report)) == ["classes"]
    assert failed(report)["classes"].count("'red'") == 1
    assert "'blue'" in failed(report)["classes"]
    assert "'Green'" not in failed(report)["classes"]


def test_a_generator_that_does_not_see_its_latent_fails(checked) -> None:
    report = checked(set_constant("latent.matrix", np.zeros_like))
    assert list(failed(report)) == ["seeds"]


@pytest.mark.parametrize("licences", [{}, {"data": " "}, {"data": {}}])
def test_without_a_licence_it_fails(checked, licences: dict[str, Any]) -> None:
    report = checked(licences=licences)
    assert list(failed(report)) == ["licences"]
    assert "licences.txt" in failed(report)["licences"]


def test_an_image_out_of_range_fails_where_the_runtime_refuses_it(checked) -> None:
    report = checked(replace_tanh(("Identity", ["logits"], "image", {})))
    assert list(failed(report)) == ["session"]
    assert said(report, "pixels") == "not tried, for the file fails before"


def test_what_onnx_alone_finds_fault_with_fails(checked) -> None:
    def nameless(model: Any) -> None:
        model.graph.name = ""

    assert list(failed(checked(nameless))) == ["onnx"]


def test_without_the_onnx_package_its_checker_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    report = check(TINY, "cpu")
    assert report.passed
    assert verdicts(report)["onnx"] == "skipped"
    assert "pip install onnx" in said(report, "onnx")


def test_pictures_from_pictures_are_checked_by_made_up_sources(make, tmp_path: Path) -> None:
    card = make.card(
        kind="image-to-image", classes=(), latent=None, source=Source(channels=1, height=4, width=4), licences=LICENCES
    )
    report = check(written(tmp_path, make.seal(brightened(make), card)))
    assert report.passed
    assert verdicts(report) == dict.fromkeys(CHECKS, "passed") | dict.fromkeys(("latents", "classes"), "skipped")

    darker = brightened(make)
    set_constant("half", lambda _: 126.5)(darker)
    assert list(failed(check(written(tmp_path, make.seal(darker, card))))) == ["pixels"]


def test_open_sources_that_a_card_makes_large_are_checked_small(make, tmp_path: Path) -> None:
    side = 1 << 16  # eight pictures of it are 34 GB
    card = make.card(
        kind="image-to-image",
        classes=(),
        latent=None,
        image=Image(height=side, width=side, channels=1),
        source=Source(channels=1),
        licences=LICENCES,
    )
    model = brightened(make)
    for value, sides in ((model.graph.input[0], (2, 3)), (model.graph.output[0], (2, 3)), (model.graph.output[1], (1, 2))):
        for place, name in zip(sides, ("height", "width"), strict=True):
            value.type.tensor_type.shape.dim[place].dim_param = name
    assert check(written(tmp_path, make.seal(model, card))).passed


def brightened(make) -> Any:
    """source -> image, by the unconditional model with its latent in the shape of a picture."""
    from onnx import TensorProto, helper

    model = make.model(make.card(kind="unconditional", classes=()))
    del model.graph.node[: next(index for index, node in enumerate(model.graph.node) if node.op_type == "Tanh")]
    model.graph.node[0].input[0] = "source"
    model.graph.input[0].CopyFrom(helper.make_tensor_value_info("source", TensorProto.FLOAT, ["batch", 1, 4, 4]))
    return model


def test_a_run_that_fails_for_one_class_fails(checked) -> None:
    """Class 0 is all that the probe shows; another takes an element that is not there."""

    def gather(model: Any) -> None:
        from onnx import TensorProto, numpy_helper

        for name, values in {"table": np.zeros((1, 16), np.float32), "weights": np.array([[0], [5], [5]], np.float32)}.items():
            model.graph.initializer.append(numpy_helper.from_array(values, name))
        replace_tanh(
            ("Tanh", ["logits"], "before", {}),
            ("MatMul", ["label", "weights"], "number", {}),
            ("Cast", ["number"], "row", {"to": TensorProto.INT64}),
            ("Gather", ["table", "row"], "looked.up", {}),
            ("Reshape", ["looked.up", "shape"], "planes", {}),
            ("Add", ["before", "planes"], "image", {}),
        )(model)

    report = checked(gather)
    assert list(failed(report)) == ["pixels"]
    assert "onnxruntime cannot run it" in failed(report)["pixels"]
    assert report.labels == ()


def test_of_very_many_classes_some_are_tried(checked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "MOST_LABELS", 2)
    report = checked()
    assert [one.label for one in report.labels] == ["red", "blue"]
    assert all("(2 of 3 tried)" in said(report, name) for name in ("colours", "classes", "seeds"))


def flipped(data: bytes) -> bytes:
    at = data.index(runtime.read(data).sha256.encode())
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


BROKEN: dict[str, tuple[Callable[[bytes], bytes], str, str]] = {
    "empty": (lambda _: b"", "file", "it is not an ONNX file"),
    "text": (lambda _: b"hello, this is no model", "file", "does not begin as an ONNX file"),
    "cut short": (lambda data: data[: len(data) // 2], "file", "cut short"),
    "cut behind the graph": (lambda data: data[: data.index(HASH_KEY.encode()) - 4], "hash", "no cganx.sha256"),
    "another hash": (flipped, "hash", "damaged"),
    "a pickle": (lambda _: b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00.", "file", "does not begin as an ONNX file"),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_file_is_one_failed_check_and_no_traceback(tmp_path: Path, fault: str) -> None:
    breaks, name, says = BROKEN[fault]
    report = check(written(tmp_path, breaks(TINY.read_bytes())))
    assert list(failed(report)) == [name]
    assert says in failed(report)[name]
    assert "\n" not in failed(report)[name]
    assert report.sha256 is report.device is None
    assert [one.name for one in report.findings] == list(CHECKS)


def test_no_flipped_byte_is_a_traceback(tmp_path: Path) -> None:
    data = TINY.read_bytes()
    random = np.random.default_rng(0)
    for at in random.integers(0, len(data), 40):
        damaged = bytearray(data)
        damaged[at] ^= int(random.integers(1, 256))
        report = check(written(tmp_path, bytes(damaged)))
        # What lies outside card and graph, such as the producer's name, is under no hash.
        assert not report.passed or runtime.read(bytes(damaged)).sha256 == runtime.read(TINY).sha256


def test_files_of_other_makers_and_of_a_newer_cganx(make, tmp_path: Path) -> None:
    from onnx import helper

    model = make.model(make.card())
    report = check(written(tmp_path, model.SerializeToString()))
    assert list(failed(report)) == ["card"]
    assert CARD_KEY in failed(report)["card"]
    newer = make.card(licences=LICENCES).to_json().replace('"format": 1', '"format": 99')
    assert "pip install -U cganx" in failed(check(written(tmp_path, make.seal(model, newer))))["card"]
    model.graph.node.append(helper.make_node("Loop", ["image"], ["x"]))
    report = check(written(tmp_path, make.seal(model, make.card(licences=LICENCES))))
    assert list(failed(report)) == ["graph"]
    assert "Loop" in failed(report)["graph"]


def test_a_card_that_does_not_fit_the_graph_fails(make, tmp_path: Path) -> None:
    card = make.card(classes=("one", "two"), licences=LICENCES)
    report = check(written(tmp_path, make.seal(make.model(make.card()), card)))
    assert list(failed(report)) == ["graph"]
    assert "'label'" in failed(report)["graph"]


def test_a_file_over_the_limit_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "file_bytes", partial(file_bytes, limits=Limits(file_bytes=1000)))
    report = check(TINY)
    assert list(failed(report)) == ["file"]
    assert report.bytes == TINY.stat().st_size


def test_what_is_no_fault_of_the_file_is_raised(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound):
        check(tmp_path / "none.onnx")
    with pytest.raises(ModelNotFound, match="cganx export"):
        check(tmp_path)
    with pytest.raises(DeviceUnavailable):
        check(TINY, "warp")


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="torch is not here, so nothing could import it")
def test_no_torch_is_imported() -> None:
    code = (
        f"import sys; from cganx.checking import check; assert check({str(TINY)!r}).passed; assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
