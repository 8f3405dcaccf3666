"""The wheel, not the tree: built, installed into empty environments, and used from another folder.

Each environment is made by pip, so these are for CI: CGANX_REQUIRE=all asks for them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMMANDS = ["train", "presets", "export", "generate", "grid", "check", "inspect", "models", "again", "doctor", "bench"]
ASKED = os.environ.get("CGANX_REQUIRE") == "all"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not ASKED, reason="makes whole environments with pip: set CGANX_REQUIRE=all"),
]


@dataclass(frozen=True)
class Environment:
    """A virtual environment and the folder outside the tree that its programs run in."""

    folder: Path
    work: Path

    @property
    def programs(self) -> Path:
        return self.folder / ("Scripts" if os.name == "nt" else "bin")

    def run(self, program: str, *args: object, code: int = 0) -> subprocess.CompletedProcess[str]:
        clean = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
        done = subprocess.run(
            [self.programs / program, *map(str, args)], cwd=self.work, env=clean, capture_output=True, text=True, check=False
        )
        assert done.returncode == code, f"{program} {args}: {done.returncode}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
        return done

    def python(self, code: str) -> str:
        return self.run("python", "-W", "error", "-c", code).stdout.strip()


@pytest.fixture(scope="session")
def wheel(tmp_path_factory):
    """The wheel, built from the source distribution, which so is proved whole."""
    out = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-m", "build", "--no-isolation", "-o", out, ROOT], check=True, capture_output=True)
    (found,) = out.glob("*.whl")
    return found


@pytest.fixture
def environment(tmp_path):
    """``environment(*what)``: an empty environment with what pip is told to install."""

    def made(*what: str) -> Environment:
        venv.create(tmp_path / "env", with_pip=True)
        (tmp_path / "elsewhere").mkdir()
        new = Environment(tmp_path / "env", tmp_path / "elsewhere")
        new.run("python", "-m", "pip", "install", "-q", "--no-cache-dir", "-c", ROOT / "constraints.txt", *what)
        return new

    return made


def test_the_wheel_holds_the_three_packages_and_their_files(wheel):
    with zipfile.ZipFile(wheel) as opened:
        names = set(opened.namelist())
        size = sum(one.file_size for one in opened.infolist())
    assert {"cganx/py.typed", "cganx/runtime/testing/tiny.onnx", "cganx/zoo/fashion.onnx"} <= names
    assert {"cganx_cli/__main__.py", "cganx_export/__init__.py"} <= names
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"cganx", "cganx_cli", "cganx_export"}
    assert size < 20e6


def test_pictures_without_torch(wheel, environment):
    env = environment(f"{wheel}[cpu,cli]")
    env.run("python", "-m", "pip", "check")
    place = env.python("import cganx, cganx_cli; print(cganx.__file__, cganx_cli.__file__)")
    assert place.count(str(env.folder)) == 2
    env.python("import importlib.util as u; assert not any(map(u.find_spec, ['torch', 'onnx', 'scipy']))")

    assert all(f"  {name} " in env.run("cganx", "--help").stdout for name in COMMANDS)
    assert "fashion" in [one["name"] for one in json.loads(env.run("cganx", "models", "--json").stdout)]
    made = env.run("cganx", "generate", "fashion", "--class", "sneaker", "--seeds", "0-3", "-o", "out", "--json")
    assert json.loads(made.stdout)["written"] == 4
    assert made.stderr == ""
    assert sorted(path.name for path in env.work.glob("out/Sneaker/*")) == ["0.png", "1.png", "2.png", "3.png"]
    env.run("cganx", "grid", "fashion", "-o", "grid.png")
    assert json.loads(env.run("cganx", "check", "fashion", "--json").stdout)["passed"]
    assert (env.work / "grid.png").stat().st_size > 10_000
    shape = env.python("from cganx import runtime; print(runtime.load('fashion').generate('bag', seeds=range(3)).shape)")
    assert shape == "(3, 28, 28, 1)"
    refused = env.run("cganx", "train", "--data", "fashion-small", "-o", "run", code=1)
    assert 'pip install "cganx[train]"' in refused.stderr


def test_from_pictures_to_pixels(wheel, environment):
    """Train, export, embed: the main job, from the wheel, in a folder of its own."""
    env = environment(f"{wheel}[cpu,cli,train,export]")
    env.run("cganx", "train", "--data", "fashion-small", "--steps", "20", "--set", "batch_size=16", "-o", "run")
    env.run("cganx", "export", "run", "-o", "mine.onnx", "--no-rewrite")
    assert len(json.loads(env.run("cganx", "inspect", "mine.onnx", "--json").stdout)["classes"]) == 10
    env.run("cganx", "generate", "mine.onnx", "--seeds", "0-1", "-o", "out")
    assert len(list(env.work.glob("out/*/*.png"))) == 20
    bare = (
        "import numpy as np, onnxruntime as ort\n"
        "session = ort.InferenceSession('mine.onnx', providers=['CPUExecutionProvider'])\n"
        "size = {one.name: one.shape[1] for one in session.get_inputs()}\n"
        "feed = {'latent': np.zeros((3, size['latent']), np.float32), 'label': np.eye(3, size['label'], dtype=np.float32)}\n"
        "pixels, = session.run(['pixels'], feed)\n"
        "print(pixels.dtype, pixels.shape)"
    )
    assert env.python(bare) == "uint8 (3, 28, 28, 1)"


@pytest.mark.skipif(sys.platform != "linux", reason="the wheel with CUDA is for Linux and Windows; here Linux is tried")
def test_the_wheel_with_cuda_on_a_machine_without_a_gpu(wheel, environment):
    if Path("/dev/nvidiactl").exists():
        pytest.skip("this machine has a GPU")
    env = environment(f"{wheel}[cli]", "onnxruntime-gpu")
    env.python("import onnxruntime; assert 'CUDAExecutionProvider' in onnxruntime.get_available_providers()")

    refused = env.run("cganx", "generate", "fashion", "--seeds", "0", "-o", "out", "--device", "cuda", code=1)
    assert refused.stdout == ""
    assert refused.stderr.splitlines()[-1].startswith("Error: device 'cuda' cannot run here: ")
    assert "Traceback" not in refused.stderr
    told = env.python(
        "from cganx import runtime\n"
        "from cganx.runtime.testing import TINY\n"
        "try:\n    runtime.load(TINY, 'cuda')\n"
        "except runtime.DeviceUnavailable as error:\n"
        "    print('|'.join([error.requested, error.active, error.missing, error.fix]))"
    )
    requested, active, missing, fix = told.split("|")
    assert (requested, active) == ("cuda", "cpu")
    assert ".so" in missing
    assert 'pip install "onnxruntime-gpu[cuda,cudnn]"' in fix or "NVIDIA driver" in fix
    assert not (env.work / "out").exists()

    auto = env.run("cganx", "generate", "fashion", "--seeds", "0", "--class", "bag", "-o", "out", "--json")
    device = json.loads(auto.stdout)["device"]
    assert device["name"] == "cpu"
    assert ".so" in device["reason"]
