"""The extension in real Blenders: installed from its zip, every operator, and removed again. The checks are in `inside`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from blenders import BLENDERS
from translators import translator

from cganx import runtime
from cganx.card import Label, Latent

HERE = Path(__file__).parent
GENERATORS = HERE.parents[1] / "plugins" / "blender" / "generators"
FEWEST = 60  # checks that each Blender must have run
REQUESTS = [
    ("materials", "wood", 0),
    ("materials", "brick", 123456789),
    ("fashion", "Ankle boot", 7),
    ("letters", "G", 2**31 - 1),
    ("emoji", "hearts", 5),
]
ODD = ("T-shirt/top", "CON", " ", "a=0.3,b=0.7", "étoile 木 🎨", "-", "x" * 300, "quote'\"", "%s {0}", "None")
# Blender's own ways to look at an extension, without its window
EXTENSION_COMMAND = "import sys, bpy, bl_pkg; sys.exit(bl_pkg.cli_extension(sys.argv[1:]))"

Run = Callable[..., "subprocess.CompletedProcess[str]"]
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the Blenders of these tests are Linux's")


@pytest.fixture(scope="module")
def wanted(tmp_path_factory: pytest.TempPathFactory, part: Callable[[str], None]) -> Path:
    """What the library makes here, to be held against what it makes in Blender."""
    part("onnxruntime")
    path = tmp_path_factory.mktemp("wanted") / "wanted.npz"
    pixels: dict[str, Any] = {}
    for number, (model, label, seed) in enumerate(REQUESTS):
        file = GENERATORS / f"{model}.onnx"
        with runtime.load(file if file.is_file() else model, "cpu") as generator:
            pixels[f"pixels{number}"] = np.asarray(generator.generate(label, seed)[0])
    np.savez(path, requests=np.array(json.dumps(REQUESTS)), **pixels)
    return path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, make: Any) -> Path:
    """Generators that try the enums."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "2.onnx").write_bytes(make(classes=("disc", "cross")))
    (folder / "10000.onnx").write_bytes(make(classes=tuple(f"class {number}" for number in range(10000))))
    (folder / "odd.onnx").write_bytes(make(classes=ODD))
    uniform = Latent(size=5, distribution="uniform")
    (folder / "uniform.onnx").write_bytes(make(latent=uniform))
    (folder / "indexed.onnx").write_bytes(make(classes=("brick", "wood"), label=Label(input="index"), latent=uniform))
    (folder / "translators").mkdir()
    for kind in ("enlarged", "filler", "local", "mean-free", "noisy", "slopes", "styled"):
        (folder / "translators" / f"{kind}.onnx").write_bytes(translator(kind))
    return folder


@pytest.fixture(scope="module", params=BLENDERS)
def inside(request: pytest.FixtureRequest, blender: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Run:
    """``inside(*words)``: a Python that has Blender, with a user's folder of its own."""
    python = blender(request.param)
    # the environment's own, not a link's target, which would be Python without it
    folder = tmp_path_factory.mktemp(f"blender-{request.param}")
    hidden = ("PYTHONPATH", "PYTHONHOME", "CGANX_MODELS", "PYTEST_ADDOPTS", "COV_CORE_SOURCE")
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    environment |= {"BLENDER_USER_RESOURCES": str(folder), "XDG_DATA_HOME": str(folder / "data"), "HOME": str(folder)}

    def run(*words: str | Path, timeout: float = 280, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [python, *words],
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            env=environment | more,
            cwd=folder,
        )

    return run


def test_blender_accepts_the_zip_and_builds_it_itself(inside: Run, linux_zip: Path, tmp_path: Path) -> None:
    done = inside("-c", EXTENSION_COMMAND, "validate", linux_zip)
    assert "Success" in done.stdout, done.stdout + done.stderr
    with zipfile.ZipFile(linux_zip) as archive:
        archive.extractall(tmp_path / "source")
    inside("-c", EXTENSION_COMMAND, "build", "--source-dir", tmp_path / "source", "--output-dir", tmp_path)
    (built,) = tmp_path.glob("*.zip")
    with zipfile.ZipFile(built) as theirs, zipfile.ZipFile(linux_zip) as ours:
        assert sorted(name for name in theirs.namelist() if not name.endswith("/")) == sorted(ours.namelist())


def test_blender_refuses_what_is_wrong_with_a_zip(inside: Run, linux_zip: Path, tmp_path: Path) -> None:
    """That the acceptance above can fail."""
    broken = tmp_path / "broken.zip"
    with zipfile.ZipFile(linux_zip) as ours, zipfile.ZipFile(broken, "w") as theirs:
        text = ours.read("blender_manifest.toml").decode().replace('tags = ["Material"', 'tags = ["Nonsense"')
        theirs.writestr("blender_manifest.toml", text)
        theirs.writestr("__init__.py", "")
    done = inside("-c", EXTENSION_COMMAND, "validate", broken)
    assert "Success" not in done.stdout
    assert "Nonsense" in done.stdout + done.stderr


def test_the_extension_in_blender(
    inside: Run, linux_zip: Path, wanted: Path, made: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    report = tmp_path / "report.xml"
    done = inside(
        HERE / "inside" / "run.py",
        report,
        CGANX_ZIP=str(linux_zip),
        CGANX_WANTED=str(wanted),
        CGANX_MADE=str(made),
        CGANX_PICTURES=str(pictures),
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-3000:]
    suite = ElementTree.parse(report).getroot().find("testsuite")
    assert suite is not None
    counts = {name: int(suite.attrib[name]) for name in ("tests", "failures", "errors", "skipped")}
    assert counts["tests"] >= FEWEST
    assert (counts["failures"], counts["errors"], counts["skipped"]) == (0, 0, 0), done.stdout[-3000:]
    assert len(list(pictures.glob("*.png"))) >= 5
    kept = os.environ.get("CGANX_KEEP_PICTURES")
    if kept:
        name = request.node.callspec.params["inside"]
        shutil.copytree(pictures, Path(kept) / name, dirs_exist_ok=True)
