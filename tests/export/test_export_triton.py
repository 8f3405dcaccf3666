"""A model repository of a Triton server: what Triton's own messages read in it, and that it is whole or not there."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from cganx import runtime
from cganx.card import GeneratorCard, Image, Label, Latent
from cganx.errors import ExportError, ModelNotFound, NotAGenerator
from cganx.runtime.testing import TINY
from cganx_export import write_triton
from cganx_export.triton import refuse_bad_repository, triton_config, triton_name

NAMES = ("plain", 'with "quotes" and \\', "Füße 🦶")


@pytest.fixture(scope="session")
def config(part: Callable[[str], None]) -> Callable[[Path], Any]:
    """Parse a config.pbtxt with the messages of tritonclient; the client itself, which needs more, is not imported."""
    part("tritonclient")
    part("onnx")  # which brings protobuf
    from google.protobuf import text_format

    if "model_config_pb2" not in sys.modules:
        (folder,) = importlib.util.find_spec("tritonclient").submodule_search_locations
        spec = importlib.util.spec_from_file_location("model_config_pb2", Path(folder) / "grpc" / "model_config_pb2.py")
        sys.modules[spec.name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[spec.name])
    messages = sys.modules["model_config_pb2"]
    return lambda path: text_format.Parse((path / "config.pbtxt").read_text("utf-8"), messages.ModelConfig())


def tensors(values: Any) -> dict[str, tuple[str, list[int]]]:
    return {
        one.name: (one.DESCRIPTOR.fields_by_name["data_type"].enum_type.values_by_number[one.data_type].name, list(one.dims))
        for one in values
    }


def written(make: Any, folder: Path, **card: Any) -> Path:
    path = folder / "made.onnx"
    path.write_bytes(make(**card))
    return path


def test_a_file_becomes_a_model(config: Callable[[Path], Any], tmp_path: Path) -> None:
    folder = write_triton(TINY, tmp_path / "models")
    assert folder == tmp_path / "models" / "tiny"
    files = sorted(str(one.relative_to(tmp_path)).replace(os.sep, "/") for one in tmp_path.rglob("*") if one.is_file())
    assert files == ["models/tiny/1/model.onnx", "models/tiny/config.pbtxt", "models/tiny/labels.txt"]
    assert (folder / "1" / "model.onnx").read_bytes() == TINY.read_bytes()
    assert (folder / "labels.txt").read_bytes() == b"disc\ncross\n"
    made = config(folder)
    assert (made.name, made.backend, made.max_batch_size) == ("tiny", "onnxruntime", 64)
    assert made.WhichOneof("scheduling_choice") == "dynamic_batching"
    assert made.dynamic_batching.max_queue_delay_microseconds == 500
    assert tensors(made.input) == {"latent": ("TYPE_FP32", [8]), "label": ("TYPE_FP32", [2])}
    assert tensors(made.output) == {"image": ("TYPE_FP32", [1, 16, 16]), "pixels": ("TYPE_UINT8", [16, 16, 1])}
    assert made.parameters["labels"].string_value == "labels.txt"
    assert made.parameters["cganx.card"].string_value == runtime.read(TINY).card.to_json()


def test_what_the_config_says_is_what_onnxruntime_says(config: Callable[[Path], Any], part: Any, tmp_path: Path) -> None:
    part("onnxruntime")
    from cganx.runtime.backend import open_session

    for name in runtime.bundled():
        folder = write_triton(name, tmp_path)
        session = open_session((folder / "1" / "model.onnx").read_bytes(), "cpu", None)[0]
        made = config(folder)
        kinds = {"tensor(float)": "TYPE_FP32", "tensor(uint8)": "TYPE_UINT8"}
        for values, said in ((session.get_inputs(), made.input), (session.get_outputs(), made.output)):
            assert {one.name: (kinds[one.type], one.shape[1:]) for one in values} == tensors(said)
            assert all(isinstance(one.shape[0], str) for one in values), "the server puts its batch first"


@pytest.mark.parametrize(
    ("card", "inputs"),
    [
        ({"label": Label(input="index")}, {"latent": ("TYPE_FP32", [5]), "label": ("TYPE_INT64", [1])}),
        ({"kind": "unconditional", "classes": ()}, {"latent": ("TYPE_FP32", [5])}),
        (
            {"kind": "attributes", "codes": ("width",), "truncation": {"input": True}},
            {name: ("TYPE_FP32", [size]) for name, size in (("latent", 5), ("label", 3), ("code", 1), ("truncation", 1))},
        ),
        ({"latent": Latent(size=2), "image": Image(height=4, width=6, channels=3)}, {"latent": ("TYPE_FP32", [2])}),
    ],
)
def test_every_kind_of_input_is_there(
    config: Callable[[Path], Any], make: Any, tmp_path: Path, card: dict[str, Any], inputs: dict[str, Any]
) -> None:
    folder = write_triton(written(make, tmp_path, **card), tmp_path / "models")
    made = config(folder)
    assert inputs.items() <= tensors(made.input).items()
    reshaped = [one.name for one in made.input if one.HasField("reshape")]
    assert reshaped == (["label"] if card.get("label") else []), "an index has no axis beside the batch"
    assert all(list(one.reshape.shape) == [] for one in made.input)
    assert (folder / "labels.txt").exists() == (card.get("kind") != "unconditional")
    assert ("labels" in made.parameters) == (card.get("kind") != "unconditional")


def test_any_class_name_can_be_said(config: Callable[[Path], Any], make: Any, tmp_path: Path) -> None:
    folder = write_triton(written(make, tmp_path, classes=NAMES), tmp_path / "models")
    assert (folder / "labels.txt").read_text("utf-8").split("\n") == [*NAMES, ""]
    assert json.loads(config(folder).parameters["cganx.card"].string_value)["classes"] == list(NAMES)


def test_the_server_s_name_is_the_card_s_or_the_one_given(config: Callable[[Path], Any], make: Any, tmp_path: Path) -> None:
    assert write_triton(TINY, tmp_path, name="shapes").name == "shapes"
    assert config(tmp_path / "shapes").name == "shapes"
    odd = write_triton(written(make, tmp_path, name="../out of/it: Füße"), tmp_path / "models")
    assert odd == tmp_path / "models" / "_._out_of_it__F__e"
    assert config(odd).name == odd.name
    assert triton_name("v1.2-small_x") == "v1.2-small_x"
    assert len(triton_name("x" * 1000)) == 128


@pytest.mark.parametrize("size", [1, 200])
def test_how_many_pictures_a_run_makes_can_be_said(config: Callable[[Path], Any], tmp_path: Path, size: int) -> None:
    assert config(write_triton(TINY, tmp_path, max_batch_size=size)).max_batch_size == size


@pytest.mark.parametrize("size", [0, -1, True, 2.5])
def test_a_batch_that_is_none_is_refused(tmp_path: Path, size: Any) -> None:
    with pytest.raises(ExportError, match="at least 1"):
        write_triton(TINY, tmp_path / "models", max_batch_size=size)
    assert not list(tmp_path.iterdir())


def test_what_is_there_stays(tmp_path: Path) -> None:
    (tmp_path / "tiny").mkdir()
    with pytest.raises(ExportError, match="is there already; remove it"):
        write_triton(TINY, tmp_path)
    assert not list((tmp_path / "tiny").iterdir())
    (tmp_path / "file").write_text("")
    with pytest.raises(ExportError, match="is a file, not a folder"):
        write_triton(TINY, tmp_path / "file")
    with pytest.raises(ExportError, match="there already"):
        refuse_bad_repository(tmp_path, "tiny")


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int) -> None:
        assert handle
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ExportError, match=r"tiny cannot be written: No space left on device"):
        write_triton(TINY, tmp_path)
    assert not list(tmp_path.iterdir())


def test_an_interruption_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*written: object) -> int:
        assert written
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "write_bytes", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_triton(TINY, tmp_path)
    assert not list(tmp_path.iterdir())


def test_what_the_runtime_would_refuse_is_not_written(tmp_path: Path) -> None:
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(TINY.read_bytes()[:1000])
    with pytest.raises(NotAGenerator):
        write_triton(broken, tmp_path / "models")
    with pytest.raises(ModelNotFound):
        write_triton(tmp_path / "none.onnx", tmp_path / "models")
    assert list(tmp_path.iterdir()) == [broken]


def test_the_text_needs_no_tritonclient() -> None:
    text = triton_config(runtime.read(TINY), "tiny")
    assert 'input { name: "latent" data_type: TYPE_FP32 dims: [8] }' in text.splitlines()
    assert "dynamic_batching { max_queue_delay_microseconds: 500 }" in text.splitlines()


def test_an_export_writes_both(
    modules: ModuleType, card: Callable[..., GeneratorCard], config: Callable[[Path], Any], tmp_path: Path
) -> None:
    from cganx_export import export

    path, models = tmp_path / "small.onnx", tmp_path / "models"
    report = export(modules.Small(), card(), path, rewrite=False, triton=models)
    assert report.triton == models / "small"
    assert (models / "small" / "1" / "model.onnx").read_bytes() == path.read_bytes()
    assert config(models / "small").name == "small"
    path.unlink()
    with pytest.raises(ExportError, match="there already"):
        export(modules.Small(), card(), path, rewrite=False, triton=models)
    assert not path.exists(), "it is refused before any work"


@pytest.fixture
def command(part: Callable[[str], None]) -> Callable[..., Any]:
    part("click")
    from click.testing import CliRunner

    from cganx_cli.group import cganx

    return lambda *args: CliRunner().invoke(cganx, ["export", *map(str, args)], prog_name="cganx")


def test_the_command_takes_a_file_or_a_bundled_name(command: Callable[..., Any], tmp_path: Path) -> None:
    done = command("fashion", "--triton", tmp_path / "models")
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr == f"{tmp_path / 'models' / 'fashion'}: a model for a Triton server\n"
    assert command(TINY, "--triton", tmp_path / "models", "--name", "shapes").exit_code == 0
    assert sorted(one.name for one in (tmp_path / "models").iterdir()) == ["fashion", "shapes"]
    again = command(TINY, "--triton", tmp_path / "models", "--name", "shapes")
    assert (again.exit_code, again.stderr.count("\n")) == (1, 1)
    assert "is there already" in again.stderr


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--triton", "models", "-o", "x.onnx"], "--out is for a run"),
        (["--triton", "models", "--weights", "float16"], "--weights is for a run"),
        (["--triton", "models", "--no-rewrite"], "--no-rewrite is for a run"),
        ([], "-o"),
        (["--triton", "models", "--sidecar"], "--sidecar"),
    ],
)
def test_calls_that_make_no_sense_are_usage_errors(
    command: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    done = command(TINY, *options)
    assert done.exit_code == 2
    assert says in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def run(part: Callable[[str], None], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two steps on noise."""
    for name in ("torch", "onnx", "onnxscript", "onnxruntime", "safetensors", "accelerate", "click"):
        part(name)
    import numpy as np

    from cganx.data import DataSet, LabelledImages
    from cganx.training import train

    random = np.random.default_rng(0)
    pictures = LabelledImages(random.integers(0, 256, (32, 8, 8, 1), np.uint8), np.arange(32) % 2)
    data = DataSet("noise", ("one", "two"), pictures, pictures, fingerprint="0" * 64, licence="none")
    out: Path = tmp_path_factory.mktemp("runs") / "noise"
    train(data, "sngan-small", out, steps=2, batch_size=8)
    return out


def test_the_command_exports_a_run_with_and_without_a_file_beside(
    command: Callable[..., Any], run: Path, tmp_path: Path
) -> None:
    models = tmp_path / "models"
    done = command(run, "--triton", models, "--no-rewrite")
    assert done.exit_code == 0, done.output
    assert f"{models / 'noise'}: " in done.stderr
    assert list(tmp_path.iterdir()) == [models]
    both = command(run, "--triton", models, "--no-rewrite", "-o", tmp_path / "g.onnx", "--name", "again")
    assert both.exit_code == 0, both.output
    assert f"{models / 'again'}: a model for a Triton server" in both.stderr
    assert (models / "again" / "1" / "model.onnx").read_bytes() == (tmp_path / "g.onnx").read_bytes()
    assert runtime.read(models / "noise" / "1" / "model.onnx").card.classes == ("one", "two")
