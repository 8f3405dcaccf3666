"""The user's model folder: where it is on each system, and that names in it are found."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from cganx import runtime
from cganx.errors import ModelNotFound, RequestError
from cganx.runtime.testing import TINY


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty model folder."""
    monkeypatch.setenv("CGANX_MODELS", str(tmp_path / "models"))
    (tmp_path / "models").mkdir()
    return tmp_path / "models"


@pytest.mark.skipif(sys.platform == "win32", reason="the paths are written the POSIX way")
@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("linux", {}, "/home/me/.local/share/cganx/models"),
        ("linux", {"XDG_DATA_HOME": "/data"}, "/data/cganx/models"),
        ("linux", {"XDG_DATA_HOME": "data"}, "/home/me/.local/share/cganx/models"),
        ("darwin", {"XDG_DATA_HOME": "/data"}, "/home/me/Library/Application Support/cganx/models"),
        ("win32", {"LOCALAPPDATA": "/c/local"}, "/c/local/cganx/models"),
        ("win32", {}, "/home/me/AppData/Local/cganx/models"),
        ("win32", {"LOCALAPPDATA": "/c/local", "CGANX_MODELS": "d/models"}, "d/models"),
    ],
)
def test_each_system_has_its_place(platform, variables, expected, monkeypatch):
    for name in ("CGANX_MODELS", "XDG_DATA_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"HOME": "/home/me", **variables}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", platform)
    assert runtime.models_folder() == expected


def test_a_user_without_a_home_is_told_so_and_still_has_the_bundled_ones(monkeypatch):
    monkeypatch.delenv("CGANX_MODELS")
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.delenv("LOCALAPPDATA", raising=False)
    monkeypatch.setattr("os.path.expanduser", lambda path: path)
    with pytest.raises(RequestError, match="CGANX_MODELS"):
        runtime.models_folder()
    assert runtime.added() == {}
    assert runtime.find("fashion").endswith("fashion.onnx")


def test_a_name_in_it_is_found_wherever_a_model_is_taken(folder, part):
    part("onnxruntime")
    shutil.copy(TINY, folder / "mine.onnx")
    assert runtime.added() == {"mine": folder / "mine.onnx"}
    assert runtime.find("mine") == str(folder / "mine.onnx")
    assert runtime.load("mine", "cpu").sha256 == runtime.read(TINY).sha256


def test_a_bundled_name_stays_its_own(folder):
    shutil.copy(TINY, folder / "fashion.onnx")
    assert runtime.find("fashion") == str(runtime.bundled()["fashion"])


def test_what_no_name_could_mean_is_not_listed(folder):
    (folder / "a.b.onnx").touch()
    (folder / "deep.onnx").mkdir()
    (folder / "mine.json").touch()
    assert runtime.added() == {}


def test_a_name_that_is_none_is_answered_with_a_near_one(folder):
    (folder / "shoes.onnx").touch()
    with pytest.raises(ModelNotFound, match="did you mean 'shoes'"):
        runtime.load("shos")
    with pytest.raises(ModelNotFound, match="did you mean 'fashion'"):
        runtime.find("Fashon")
    with pytest.raises(ModelNotFound, match=r"bundled: .*fashion.*added: shoes"):
        runtime.find("qqqq")


def test_paths_stay_paths(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").touch()
    assert runtime.find("mine") == "mine"
    assert runtime.find("some/where.onnx") == "some/where.onnx"
    shutil.copy(TINY, folder / "mine.onnx")
    assert runtime.find("mine") == str(folder / "mine.onnx")
    assert runtime.find("./mine") == "./mine"
