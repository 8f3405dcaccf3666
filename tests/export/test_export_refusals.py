"""What export refuses, and that nothing is written then."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from cganx.card import GeneratorCard, Image, Source
from cganx.errors import BackendMissing, ExportError
from cganx_export import export


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("HiddenNoise", "at batch 1, class 'up', value .* onnxruntime gives .* and torch .* apart"),
        ("OneBatchOnly", "fixed batch sizes"),
        ("IgnoresLabel", "does not use its label"),
        ("NotANumber", "not finite"),
        ("UnlistedOperator", "CumSum"),
        ("CentredOnItsBatch", "depends on the batch"),
        ("SqueezesOne", "batch"),
    ],
)
def test_a_module_that_cannot_be_trusted_is_refused_and_the_old_file_stays(
    modules: ModuleType, card: Callable[..., GeneratorCard], tmp_path: Path, name: str, says: str
) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"the old file")
    with pytest.raises(ExportError, match=says):
        export(getattr(modules, name)(), card(), path)
    assert [one.name for one in tmp_path.iterdir()] == ["model.onnx"]
    assert path.read_bytes() == b"the old file"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"image": Image(height=8, width=8, channels=1)}, r"\[3, 1, 8, 12\]"),
        ({"image": Image(height=8, width=12, channels=3)}, r"\[3, 1, 8, 12\]"),
        ({"classes": ("one", "two")}, "fails when it is called"),
        ({"kind": "unconditional", "classes": ()}, "fails when it is called"),
        ({"codes": ("angle",)}, "codes"),
        ({"truncation": {"input": True}}, "truncation"),
        ({"kind": "image-to-image", "source": Source(channels=1), "classes": (), "latent": None}, "fails when it is called"),
    ],
)
def test_a_card_that_does_not_fit_is_refused(
    modules: ModuleType, card: Callable[..., GeneratorCard], tmp_path: Path, changes: dict[str, object], says: str
) -> None:
    with pytest.raises(ExportError, match=says):
        export(modules.Small(), card(**changes), tmp_path / "made" / "model.onnx")
    assert not list(tmp_path.iterdir())


def test_attributes_take_no_index(modules: ModuleType, card: Callable[..., GeneratorCard], tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="label_input='weights'"):
        export(modules.Small(), card(kind="attributes"), tmp_path / "model.onnx", label_input="index")


def test_a_folder_or_a_file_in_the_way_is_refused_before_any_work(
    card: Callable[..., GeneratorCard], modules: ModuleType, tmp_path: Path
) -> None:
    with pytest.raises(ExportError, match="is a folder"):
        export(modules.Small(), card(), tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(ExportError, match="is a file, not a folder"):
        export(modules.Small(), card(), tmp_path / "file" / "model.onnx")


def test_what_the_disk_refuses_is_said_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from cganx_export import writing

    def full(handle: int) -> None:
        assert handle
        raise OSError(28, "No space left on device")

    path = tmp_path / "model.onnx"
    path.write_bytes(b"the old file")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ExportError, match="No space left"):
        writing.write_whole(path, b"the new file")
    assert path.read_bytes() == b"the old file"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("package", ["torch", "onnx", "onnxscript"])
def test_a_missing_package_is_named_with_the_pip_line(
    card: Callable[..., GeneratorCard], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == package else found(name))
    with pytest.raises(BackendMissing, match=rf'{package}.*pip install "cganx\[export,cpu\]"'):
        export(None, card(), tmp_path / "model.onnx")  # type: ignore[arg-type]


@pytest.mark.parametrize("metrics", [{"fid": float("nan")}, {"fid": np.float32(1)}, {"note": "\ud800"}])
def test_a_card_that_is_no_json_is_refused(
    modules: ModuleType, card: Callable[..., GeneratorCard], tmp_path: Path, metrics: dict[str, object]
) -> None:
    with pytest.raises(ExportError, match="cannot be written as JSON"):
        export(modules.Small(), card(metrics=metrics), tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes are a matter of POSIX")
def test_a_pipe_is_not_replaced(modules: ModuleType, card: Callable[..., GeneratorCard], tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ExportError, match="not a regular file"):
        export(modules.Small(), card(), tmp_path / "pipe")
    assert (tmp_path / "pipe").is_fifo()


def test_attention_without_dropout_draws_nothing(
    modules: ModuleType, card: Callable[..., GeneratorCard], tmp_path: Path
) -> None:
    assert export(modules.Attentive(), card(), tmp_path / "model.onnx", rewrite=False).parity.max_difference < 1e-4
