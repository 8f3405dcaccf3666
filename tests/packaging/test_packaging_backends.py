"""onnxruntime as users have it: none, the CPU's wheel, CUDA's, both over each other, what is left of both.

One environment, and copies of it in links that pip changes, as a user would.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from environments import IN_CI, Environment

pytestmark = [
    *IN_CI,
    pytest.mark.skipif(sys.platform != "linux", reason="the wheel with CUDA is for Linux and Windows; here Linux is tried"),
    pytest.mark.skipif(Path("/dev/nvidiactl").exists(), reason="this machine has a GPU"),
]

WHEELS = ("onnxruntime", "onnxruntime-gpu")
LIBRARY = "libcublasLt.so."  # what CUDA's wheel misses first without CUDA
LOAD = """
import json, sys
from cganx import runtime
try:
    generator = runtime.load("fashion", device=sys.argv[1])
except runtime.CganxError as error:
    print(json.dumps({"error": type(error).__name__, "said": str(error), **vars(error)}))
else:
    shape = generator.generate("bag", seeds=range(3)).shape
    device = generator.device
    print(json.dumps({"shape": shape, "device": device.name, "requested": device.requested, "reason": device.reason}))
"""


def load(env: Environment, device: str) -> dict[str, object]:
    """What a program is told; that is all that stdout holds, stderr holds nothing, and HOME is not even there."""
    done = env.run("python", "-W", "error", "-c", LOAD, device)
    assert done.stderr == ""
    assert not env.home.exists()
    (line,) = done.stdout.splitlines()
    told: dict[str, object] = json.loads(line)
    return told


def generate(env: Environment, device: str, code: int) -> subprocess.CompletedProcess[str]:
    return env.run(
        "python", "-m", "cganx_cli", "generate", "fashion", "--class", "bag", "--seeds", "0", "-o", "out", "--device", device,
        "--json", code=code,
    )  # fmt: skip


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Both wheels as files: they are large, and installed again and again."""
    folder = tmp_path_factory.mktemp("wheels")
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", folder, *WHEELS]
    subprocess.run(command, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def put(kept):
    """``put(env, name)``: install one wheel, whatever is there."""

    def install(env: Environment, name: str) -> Environment:
        env.pip("install", "--no-deps", "--no-compile", "--no-index", "--find-links", kept, name)
        return env

    return install


@pytest.fixture(scope="module")
def without(wheel, tmp_path_factory):
    """All that cganx[cpu,cli] needs but onnxruntime."""
    env = Environment.empty(tmp_path_factory.mktemp("without"))
    env.pip("install", f"{wheel}[cpu,cli]")
    env.pip("uninstall", "-y", "onnxruntime")
    return env


@pytest.fixture(scope="module")
def with_cuda(without, put, tmp_path_factory):
    return put(without.copy(tmp_path_factory.mktemp("cuda")), "onnxruntime-gpu")


@pytest.fixture(scope="module")
def cpu_over_cuda(with_cuda, put, tmp_path_factory):
    return put(with_cuda.copy(tmp_path_factory.mktemp("cpu-over-cuda")), "onnxruntime")


@pytest.fixture(scope="module")
def cuda_over_cpu(without, put, tmp_path_factory):
    return put(put(without.copy(tmp_path_factory.mktemp("cuda-over-cpu")), "onnxruntime"), "onnxruntime-gpu")


def test_without_onnxruntime_files_are_read_and_the_line_that_brings_it_is_said(without):
    assert json.loads(without.run("python", "-m", "cganx_cli", "inspect", "fashion", "--json").stdout)["classes"]
    read = "from cganx import runtime; from cganx.runtime.testing import TINY; print(runtime.read(TINY).card.name)"
    assert without.python(read) == "tiny"
    told = load(without, "auto")
    assert told["error"] == "BackendMissing"
    assert 'pip install "cganx[cpu]" or pip install "cganx[gpu]"' in str(told["said"])
    refused = generate(without, "auto", code=1)
    assert refused.stderr == f"Error: {told['said']}\n"
    assert (refused.stdout, list(without.work.iterdir())) == ("", [])


def test_cuda_without_a_gpu_falls_back_only_where_it_may(with_cuda):
    listed = with_cuda.python(
        "from cganx.runtime.backend import import_onnxruntime; print(import_onnxruntime().get_available_providers())"
    )
    assert "CUDAExecutionProvider" in listed  # which proves nothing
    told = load(with_cuda, "auto")
    assert (told["shape"], told["device"], told["requested"]) == ([3, 28, 28, 1], "cpu", "auto")
    assert str(told["reason"]).startswith(f"the library {LIBRARY}")
    assert "\n" not in str(told["reason"])


@pytest.mark.parametrize("device", ["cuda", "cuda:7"])
def test_cuda_without_a_gpu_names_what_is_missing_and_the_line_that_mends_it(with_cuda, device):
    told = load(with_cuda, device)
    assert (told["error"], told["requested"], told["active"]) == ("DeviceUnavailable", device, "cpu")
    assert str(told["missing"]).startswith(f"the library {LIBRARY}")
    assert told["fix"] == 'pip install "onnxruntime-gpu[cuda,cudnn]"'


def test_the_command_promises_the_same(with_cuda):
    for device, code in (("cuda", 1), ("cuda:7", 1), ("tpu", 2)):
        refused = generate(with_cuda, device, code)
        assert (refused.stdout, list(with_cuda.work.iterdir())) == ("", [])
        said = refused.stderr.splitlines()
        if code == 1:
            (line,) = said
            assert line.startswith(f"Error: device '{device}' cannot run here: the library {LIBRARY}")
        else:
            assert said[-1] == "Error: Invalid value for '--device': 'tpu' is none of auto, cpu, cuda and cuda:N"
    made = generate(with_cuda, "auto", code=0)
    device = json.loads(made.stdout)["device"]
    assert device["name"] == "cpu"
    assert LIBRARY in device["reason"]
    assert "Traceback" not in made.stderr


@pytest.mark.parametrize("over", ["cpu_over_cuda", "cuda_over_cpu"])
def test_both_wheels_run_on_the_cpu_and_are_named_where_cuda_is_asked_for(over, request):
    env = request.getfixturevalue(over)
    assert load(env, "auto")["shape"] == [3, 28, 28, 1]
    for device in ("cuda", "cuda:7"):
        told = load(env, device)
        assert told["error"] == "BackendConflict"
        assert "are installed over each other; keep one: pip uninstall -y onnxruntime onnxruntime-gpu && " in str(told["said"])
    assert len(generate(env, "cuda", code=1).stderr.splitlines()) == 1


@pytest.mark.parametrize(("over", "gone", "left"), [("cpu_over_cuda", *WHEELS), ("cuda_over_cpu", *reversed(WHEELS))])
def test_what_uninstalling_one_of_both_leaves_is_mended_by_the_line_that_is_said(
    over, gone, left, kept, request, tmp_path, monkeypatch
):
    env = request.getfixturevalue(over).copy(tmp_path)
    env.pip("uninstall", "-y", gone)
    told = load(env, "auto")
    assert told["error"] == "BackendMissing"
    said, found, line = str(told["said"]).partition("pip uninstall")
    assert "damaged" in said
    assert left in shlex.split(line)[-1]

    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(kept))
    for command in (found + line).split(" && "):  # CUDA's own wheels are gigabytes, and of no use without a GPU
        env.pip(*shlex.split(command.replace("[cuda,cudnn]", ""))[1:])
    assert load(env, "auto")["shape"] == [3, 28, 28, 1]
