"""Two processes that train one run: the same as one, resumable to the bit, ended together."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import torch
from click.testing import CliRunner
from several_processes import SCHEMES, relativistic

from cganx import runtime
from cganx.errors import DeviceUnavailable, TrainingError
from cganx.training import PRESETS, open_run
from cganx.training.checkpoint import load_checkpoint
from cganx.training.command import train
from cganx.training.devices import find_device, is_main, threads
from cganx.training.starting import settings_of_each

LAUNCH = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
ARGUMENTS = ["--set", "checkpoint_every=2", "--set", "log_every=2", "--set", "grid_every=1000", "--batch-size", "8"]

pytestmark = pytest.mark.skipif(not torch.distributed.is_available(), reason="this torch is built without processes")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two processes made of several_processes.py."""
    out = tmp_path_factory.mktemp("trained")
    script = Path(__file__).with_name("several_processes.py")
    done = subprocess.run([*LAUNCH, script, out], capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    return out


def test_two_processes_do_what_one_does(trained: Path, tmp_path: Path) -> None:
    relativistic(tmp_path)
    one, two = (load_checkpoint(path, 20)[0] for path in (tmp_path, trained / "r3gan"))
    assert one.keys() == two.keys()
    weights = [name for name in one if name.split("/")[0] in ("generator", "discriminator", "average")]
    assert max(float((one[name] - two[name]).abs().max()) for name in weights) < 1e-12  # of float64; 1e-5 is asked for
    before = load_checkpoint(tmp_path, 10)[0]
    assert all(float((one[name] - before[name]).abs().max()) > 1e-4 for name in weights if name.endswith("widen.weight"))


@pytest.mark.parametrize("name", SCHEMES)
def test_two_processes_resume_to_the_bit(name: str, trained: Path) -> None:
    straight, halves = (load_checkpoint(trained / name / folder, 4)[0] for folder in ("straight", "halves"))
    assert straight.keys() == halves.keys()
    assert [key for key, value in straight.items() if not torch.equal(value, halves[key])] == []
    first, second = straight["random/cpu"]
    assert not torch.equal(first, second)  # dropout differs between the parts of a batch
    assert (trained / name / "straight" / "stats.jsonl").read_text().count("\n") == 1  # of one process


def test_what_two_processes_trained_leaves_as_a_file(trained: Path, tmp_path: Path, part) -> None:
    for package in ("onnx", "onnxscript", "onnxruntime"):
        part(package)
    from cganx_export import export_run

    report = export_run(trained / "sngan-small" / "halves", tmp_path / "model.onnx", rewrite=False)
    assert report.parity.max_difference <= 1e-4
    assert runtime.load(tmp_path / "model.onnx", device="cpu").generate("stripes 1", seeds=[1, 2]).shape == (2, 8, 8, 1)


def test_a_failure_of_one_ends_all(trained: Path) -> None:
    assert (trained / "said-0").read_text() == "the disk is full"
    assert "another process of this run has ended" in (trained / "said-1").read_text()
    assert open_run(trained / "full").checkpoints() == (0,)


def start(folder: Path, out: Path) -> subprocess.Popen[str]:
    command = [*LAUNCH, "-m", "cganx_cli", "train", "--data", str(folder), "-o", str(out), *ARGUMENTS, "--steps", "100000"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for_step(launched: subprocess.Popen[str], out: Path, step: int) -> None:
    deadline = time.monotonic() + 300
    while not any(int(path.stem.split("-")[1]) >= step for path in (out / "checkpoints").glob("step-*.safetensors")):
        assert launched.poll() is None, launched.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_the_command_under_torchrun(folder: Path, tmp_path: Path) -> None:
    # One process is killed: the other does not wait for it, and the last checkpoint stays.
    out = tmp_path / "run"
    launched = start(folder, out)
    wait_for_step(launched, out, 2)
    workers = [one for one in psutil.Process(launched.pid).children() if "cganx_cli" in one.cmdline()]
    assert len(workers) == 2
    max(workers, key=lambda one: int(one.environ()["RANK"])).send_signal(signal.SIGKILL)
    stdout, stderr = launched.communicate(timeout=300)
    assert launched.returncode != 0
    assert stdout == ""
    assert stderr.count("2 processes, 4 of the 8 pictures of a batch each") == 1
    assert "another process of this run has ended" in stderr
    reached = open_run(out).step()
    assert (out / "data").is_dir()  # packed once, for both

    # The same command goes on; Ctrl-C writes a checkpoint.
    launched = start(folder, out)
    wait_for_step(launched, out, reached + 2)
    launched.send_signal(signal.SIGINT)
    _, stderr = launched.communicate(timeout=300)
    assert launched.returncode != 0
    assert stderr.count("Stopped. The same command goes on from here") == 1
    stopped = open_run(out).step()
    assert stopped > reached

    # A single process goes on with the same batches.
    done = CliRunner().invoke(train, ["--data", str(folder), "-o", str(out), *ARGUMENTS, "--steps", str(stopped + 1)])
    assert done.exit_code == 0, done.output
    assert load_checkpoint(out, stopped + 1)[0]["random/cpu"].shape[0] == 1


@pytest.mark.parametrize(
    ("name", "size", "count", "near"),
    [("sngan-small", 64, 3, "63 or 66"), ("gan", 100, 8, "96 or 112"), ("wgan-gp", 5, 2, "4 or 6"), ("r3gan", 2, 2, "4")],
)
def test_a_batch_that_the_processes_do_not_divide_is_refused(name: str, size: int, count: int, near: str) -> None:
    preset = PRESETS[name]
    recipe = dataclasses.replace(preset, settings=dataclasses.replace(preset.settings, batch_size=size))
    with pytest.raises(TrainingError, match=f"{count} processes cannot share batches of {size} evenly.*{near}$"):
        settings_of_each(recipe, count)
    whole = dataclasses.replace(preset, settings=dataclasses.replace(preset.settings, batch_size=48))
    assert settings_of_each(whole, 3).batch_size == 16


def test_processes_of_one_machine_share_its_cores_and_its_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    with threads() as alone:
        pass
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.setenv("RANK", "3")
    with threads() as shared:
        assert shared == max(1, alone // 2)
    assert not is_main()
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert find_device("cuda") == find_device("auto") == torch.device("cuda", 1)
    with pytest.raises(TrainingError, match="one GPU for 2 processes"):
        find_device("cuda:0")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(DeviceUnavailable, match="Start one process for each GPU"):
        find_device("cuda")
    assert find_device("auto") == torch.device("cpu")
    with pytest.raises(DeviceUnavailable, match="single process"):
        find_device("mps")
