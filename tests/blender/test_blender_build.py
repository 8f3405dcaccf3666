"""build.py: what is in the zips, that they are the same each time, and what it says where it cannot build."""

from __future__ import annotations

import hashlib
import io
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

import blenders
import pytest

import cganx

ROOT = Path(__file__).parents[2]
PLUGIN = ROOT / "plugins" / "blender"


@pytest.fixture
def stand_in(build_script: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A cache of empty wheels with the names and other hashes, so that all platforms are built without a network."""
    cache = tmp_path / "cache"
    cache.mkdir()
    for file in build_script.WHEELS:
        (cache / file).write_bytes(file.encode())
    sums = {file: hashlib.sha256(file.encode()).hexdigest() for file in build_script.WHEELS}
    monkeypatch.setattr(build_script, "WHEELS", sums)
    return cache


def names(path: Path) -> list[str]:
    with zipfile.ZipFile(path) as archive:
        return archive.namelist()


@pytest.mark.parametrize(("platform", "tag"), [("linux-x64", "manylinux"), ("windows-x64", "win_"), ("macos-arm64", "macosx")])
def test_a_zip_holds_one_platform_and_both_pythons(
    build_script: ModuleType, stand_in: Path, tmp_path: Path, platform: str, tag: str
) -> None:
    path = build_script.build(tmp_path, platform, build_script.PYTHONS, stand_in, offline=True)
    assert path.name == f"cganx-{cganx.__version__}-{platform.replace('-', '_')}.zip"
    wheels = [name.removeprefix("wheels/") for name in names(path) if name.startswith("wheels/")]
    assert sorted(wheel.split("-")[0] for wheel in wheels) == [
        *("cganx", "flatbuffers", "onnxruntime", "onnxruntime", "packaging", "protobuf")
    ]
    assert {wheel.split("-")[2] for wheel in wheels if wheel.startswith("onnxruntime")} == {"cp311", "cp313"}
    assert all(tag in wheel for wheel in wheels if not wheel.endswith("-any.whl"))
    assert {"__init__.py", "blender_manifest.toml", "LICENSE", "generators/materials.onnx", "generators/LICENSE"} <= set(
        names(path)
    )
    with zipfile.ZipFile(path) as archive:
        manifest = tomllib.loads(archive.read("blender_manifest.toml").decode())
    assert manifest["platforms"] == [platform]
    assert sorted(manifest["wheels"]) == sorted(f"./wheels/{wheel}" for wheel in wheels)


def test_the_same_tree_gives_the_same_bytes(build_script: ModuleType, stand_in: Path, tmp_path: Path) -> None:
    first, second = (
        build_script.build(tmp_path / name, "linux-x64", build_script.PYTHONS, stand_in, offline=True) for name in "ab"
    )
    assert first.read_bytes() == second.read_bytes()


def test_stray_files_stay_out(
    build_script: ModuleType, stand_in: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "cganx_blender"
    (package / "__pycache__").mkdir(parents=True)
    for name in ("__init__.py", "junk.txt", "__pycache__/x.pyc", "core"):
        (package / name).write_text("")
    monkeypatch.setattr(build_script, "PACKAGE", package)
    path = build_script.build(tmp_path, "linux-x64", build_script.PYTHONS, stand_in, offline=True)
    assert not [name for name in names(path) if "junk" in name or "pyc" in name or name == "core"]


def test_the_librarys_wheel_has_no_training_pictures_and_true_sums(build_script: ModuleType) -> None:
    name, data = build_script.library_wheel()
    assert name == f"cganx-{cganx.__version__}-py3-none-any.whl"
    with zipfile.ZipFile(io.BytesIO(data)) as wheel:
        files = wheel.namelist()
        assert not [file for file in files if "fashion_small" in file]
        assert {"cganx/runtime/__init__.py", "cganx/zoo/fashion.onnx", "cganx/py.typed"} <= set(files)
        about = f"cganx-{cganx.__version__}.dist-info"
        rows = [row.rsplit(",", 2) for row in wheel.read(f"{about}/RECORD").decode().splitlines()]
        assert [row[0] for row in rows] == [*sorted(file for file in files if not file.endswith("RECORD")), f"{about}/RECORD"]
        for file, digest, size in rows[:-1]:
            content = wheel.read(file)
            assert (digest, size) == (f"sha256={build_script.record_hash(content)}", str(len(content)))
        text = wheel.read(f"{about}/METADATA").decode()
    assert f"Version: {cganx.__version__}\n" in text
    assert "Requires-Dist: numpy" in text


def test_pip_installs_the_librarys_wheel(build_script: ModuleType, tmp_path: Path) -> None:
    name, data = build_script.library_wheel()
    (tmp_path / name).write_bytes(data)
    command = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--target", str(tmp_path / "there")]
    subprocess.run([*command, str(tmp_path / name)], check=True, capture_output=True)
    code = "from cganx import runtime; print(sorted(runtime.bundled()))"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path / "there", capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['emoji', 'fashion', 'letters']"


def test_the_manifest(build_script: ModuleType) -> None:
    manifest = tomllib.loads(build_script.manifest_text("linux-x64", []))
    assert (manifest["id"], manifest["version"]) == ("cganx", cganx.__version__)
    assert manifest["blender_version_min"] == "4.2.0"
    assert list(manifest["permissions"]) == ["files"]
    assert manifest["license"] == ["SPDX:GPL-3.0-or-later"]


def test_every_module_says_its_licence() -> None:
    for path in (PLUGIN / "cganx_blender").rglob("*.py"):
        assert "SPDX-License-Identifier: GPL-3.0-or-later" in path.read_text("utf-8")[:200], path


def test_the_versions_are_those_that_were_tested_together(build_script: ModuleType) -> None:
    """numpy is Blender's own, and one onnxruntime is what the whole table names."""
    wheels = [build_script.Wheel.of(file) for file in build_script.WHEELS]
    assert {wheel.project for wheel in wheels} == {"onnxruntime", "flatbuffers", "packaging", "protobuf"}
    assert len({wheel.version for wheel in wheels if wheel.project == "onnxruntime"}) == 1
    for platform in build_script.PLATFORMS:
        for python in ("cp311", "cp313", "cp314"):
            fitting = [wheel.project for wheel in wheels if wheel.fits(platform, (python,))]
            assert sorted(fitting) == ["flatbuffers", "onnxruntime", "packaging", "protobuf"]


def test_an_empty_cache_without_a_network(capsys: pytest.CaptureFixture[str], build_script: ModuleType, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert build_script.main(["--out", str(out), "--cache", str(tmp_path / "cache"), "--offline"]) == 1
    said = capsys.readouterr().err
    assert re.fullmatch(r"build.py: \S+\.whl is not in .*cache: run once without --offline, .*\n", said)
    assert not out.exists()


def test_a_network_that_does_not_answer(
    capsys: pytest.CaptureFixture[str], build_script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"PIP_INDEX_URL": "http://127.0.0.1:9", "PIP_RETRIES": "0", "PIP_FIND_LINKS": ""}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    out = tmp_path / "out"
    assert build_script.main(["--out", str(out), "--cache", str(tmp_path / "cache"), "--platform", "linux-x64"]) == 1
    assert "look whether PyPI can be reached" in capsys.readouterr().err
    assert not out.exists()
    assert not list((tmp_path / "cache").iterdir())


def test_a_damaged_wheel_in_the_cache_is_not_taken(build_script: ModuleType, stand_in: Path, tmp_path: Path) -> None:
    (stand_in / next(iter(build_script.WHEELS))).write_bytes(b"damaged")
    with pytest.raises(build_script.BuildError, match="is not in"):
        build_script.build(tmp_path / "out", "linux-x64", build_script.PYTHONS, stand_in, offline=True)


def test_a_zip_that_would_be_too_large(
    build_script: ModuleType, stand_in: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build_script, "MOST_BYTES", 1000)
    with pytest.raises(build_script.BuildError, match="ask for fewer Pythons"):
        build_script.build(tmp_path / "out", "linux-x64", build_script.PYTHONS, stand_in, offline=True)
    assert not (tmp_path / "out").exists()


def test_the_real_zip_is_small_enough(linux_zip: Path) -> None:
    assert linux_zip.stat().st_size < 80_000_000
    with zipfile.ZipFile(linux_zip) as archive:
        assert archive.testzip() is None


def test_a_plain_python_runs_it(tmp_path: Path) -> None:
    """Without the project's packages: isolated from the environment and from site-packages."""
    command: list[Any] = [sys.executable, "-I", "-S", str(PLUGIN / "build.py"), "--out", str(tmp_path), "--offline"]
    done = subprocess.run([*command, "--cache", str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "is not in" in done.stderr


def test_a_python_that_is_not_there_fails_loudly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blenders, "BLENDERS", {"9.9": ("3.99", ("bpy==9.9",))})
    with pytest.raises(SystemExit, match=r"there is no Python 3\.99, which Blender 9\.9 is built for"):
        blenders.make(tmp_path)
    assert not list(tmp_path.iterdir())


def test_this_python_is_found() -> None:
    assert blenders.interpreter("{}.{}".format(*sys.version_info)) == sys.executable
