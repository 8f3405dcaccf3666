"""``cganx doctor``: what it finds where all is well, and where onnxruntime, a device or a folder is not."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import metadata
from types import ModuleType, SimpleNamespace

import pytest

from cganx.errors import DeviceUnavailable


@pytest.fixture(autouse=True)
def _parts(part):
    part("click")


@pytest.fixture
def run():
    from click.testing import CliRunner

    from cganx_cli.group import cganx

    return lambda *args: CliRunner().invoke(cganx, ["doctor", *args], prog_name="cganx")


@pytest.fixture
def doctor(run):
    """The findings by name, and the exit code."""

    def call(*args):
        done = run("--json", *args)
        found = json.loads(done.stdout)
        assert found["works"] is (done.exit_code == 0)
        return {one["name"]: one for one in found["findings"]}, done.exit_code

    return call


@pytest.fixture
def wheels(monkeypatch):
    """Lets so many distributions of onnxruntime be installed, beside what is."""

    def install(*names):
        others = [one for one in metadata.distributions() if not (one.name or "").startswith("onnxruntime")]
        told = {"read_text": lambda _: "onnxruntime", "version": "1.99"}
        ours = [SimpleNamespace(name=name, metadata={"Name": name}, **told) for name in names]
        version = metadata.version
        monkeypatch.setattr(metadata, "distributions", lambda: [*others, *ours])
        monkeypatch.setattr(metadata, "version", lambda name: "1.99" if name in names else version(name))

    return install


def test_where_all_is_well_a_session_has_shown_it(doctor, run, part):
    part("onnxruntime")
    found, code = doctor("--device", "cpu")
    assert code == 0
    assert found["python"]["said"].startswith(f"CPython {sys.version.split()[0]}")
    for name in ("numpy", "onnxruntime wheel", "onnxruntime", "device cpu"):
        assert found[name]["verdict"] == "ok"
    assert "made a picture" in found["device cpu"]["said"]
    assert "proves nothing" in found["providers"]["said"]
    text = run("--device", "cpu").stdout
    assert all(one["said"] in text for one in found.values())


def test_a_device_that_does_not_work_is_a_fault_where_it_is_asked_for(doctor, run, monkeypatch, part):
    part("onnxruntime")
    from cganx.runtime import testing

    def tiny(device):
        if device == "cpu":
            return SimpleNamespace(generate=lambda *_: None, device="cpu")
        raise DeviceUnavailable(requested=device, active="cpu", missing="libcublas is not there", fix="pip install it")

    monkeypatch.setattr(testing, "tiny", tiny)
    for asked, name, verdict, code in (
        ("auto", "device cuda", "note", 0),
        ("cpu", "device cuda", "note", 0),
        ("cuda", "device cuda", "fault", 1),
        ("cuda:1", "device cuda:1", "fault", 1),
    ):
        found, ended = doctor("--device", asked)
        assert (found[name]["verdict"], found[name]["said"], found[name]["fix"], ended) == (
            verdict,
            "libcublas is not there",
            "pip install it",
            code,
        )
    assert "mend it: pip install it" in run("--device", "cuda").stdout
    assert run("--device", "gpu").exit_code == 2


def test_two_wheels_are_noted_with_the_line_that_leaves_one(doctor, wheels, part):
    part("onnxruntime")
    wheels("onnxruntime", "onnxruntime-gpu")
    found, code = doctor("--device", "cpu")
    assert code == 0
    assert found["onnxruntime wheel"]["verdict"] == "note"
    assert found["onnxruntime wheel"]["fix"] == 'pip uninstall -y onnxruntime onnxruntime-gpu && pip install "cganx[cpu]"'
    found, _ = doctor("--device", "cuda")
    assert found["onnxruntime wheel"]["fix"].endswith('pip install "cganx[gpu]"')


def test_no_wheel_is_a_fault_with_the_line_that_brings_one(doctor, wheels, monkeypatch):
    wheels()
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    found, code = doctor()
    assert code == 1
    assert found["onnxruntime wheel"]["fix"] == 'pip install "cganx[cpu]"'
    assert (found["onnxruntime"]["verdict"], "not installed" in found["onnxruntime"]["said"]) == ("fault", True)
    assert "device cpu" not in found


def test_a_gutted_wheel_is_told_from_none(doctor, wheels, monkeypatch):
    wheels("onnxruntime-gpu")
    monkeypatch.setitem(sys.modules, "onnxruntime", ModuleType("onnxruntime"))
    found, code = doctor()
    assert code == 1
    assert "damaged" in found["onnxruntime"]["said"]


def test_extras_that_lack_something_say_what_brings_it(doctor, monkeypatch):
    needs = ['click>=8.3; extra == "cli"', 'not-there>=1; extra == "train"', "numpy>=1.24", 'av>=14; extra == "dev"']
    monkeypatch.setattr(metadata, "requires", lambda _: needs)
    found, _ = doctor()
    assert found["extra cli"]["verdict"] == "ok"
    assert (found["extra train"]["said"], found["extra train"]["fix"]) == ("without not-there", 'pip install "cganx[train]"')
    assert "extra dev" not in found


def test_folders_are_tried_and_left_as_they_were(doctor, monkeypatch, tmp_path):
    monkeypatch.setenv("CGANX_CACHE", str(tmp_path / "deep" / "cache"))
    monkeypatch.setenv("CGANX_MODELS", str(tmp_path / "file"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    found, _ = doctor()
    assert "not there yet" in found["cache folder"]["said"]
    assert found["models folder"]["said"] == f"{tmp_path / 'file'} is not a folder"
    assert "CGANX_MODELS" in found["models folder"]["fix"]
    assert found["this folder"]["verdict"] == "ok"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is the folder in which not even root may write")
def test_a_folder_that_cannot_be_written_is_noted(doctor, monkeypatch):
    monkeypatch.setenv("CGANX_CACHE", "/proc/cganx")
    found, _ = doctor()
    assert found["cache folder"]["verdict"] == "note"
    assert "CGANX_CACHE" in found["cache folder"]["fix"]


def test_it_runs_where_next_to_nothing_is_installed():
    code = (
        "import sys\nfor name in ('onnxruntime', 'PIL', 'tqdm', 'torch', 'onnx'): sys.modules[name] = None\n"
        "from cganx_cli.group import cganx\ncganx(['doctor', '--json'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "")
    assert json.loads(done.stdout)["works"] is False
