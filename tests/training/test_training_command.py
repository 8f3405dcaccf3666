from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from cganx.errors import DataError, TrainingError
from cganx.training import PRESETS, open_run
from cganx.training.checkpoint import load_checkpoint
from cganx.training.command import presets, train

SETTINGS = ["--set", "checkpoint_every=2", "--set", "log_every=2", "--set", "grid_every=1000", "--batch-size", "8"]


def arguments(folder: Path, out: Path, *more: str) -> list[str]:
    return ["--data", str(folder), "-o", str(out), *SETTINGS, *more]


def start(folder: Path, out: Path, *more: str) -> subprocess.Popen[bytes]:
    code = "from cganx.training.command import train; train()"
    command = [sys.executable, "-c", code, *arguments(folder, out, *more)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ | {"NO_COLOR": "1"})


def wait_for_step(process: subprocess.Popen[bytes], out: Path, step: int) -> None:
    deadline = time.monotonic() + 120
    while not any(int(path.stem.split("-")[1]) >= step for path in (out / "checkpoints").glob("step-*")):
        assert process.poll() is None, process.communicate()[1].decode()
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_the_command_trains_resumes_and_keeps_stdout_clean(folder: Path, tmp_path: Path):
    first = CliRunner().invoke(train, arguments(folder, tmp_path / "run", "--steps", "3"))
    assert first.exit_code == 0, first.output
    assert first.stdout == ""
    assert "step 3" in first.stderr
    second = CliRunner().invoke(train, arguments(folder, tmp_path / "run", "--steps", "5"))
    assert second.exit_code == 0
    run = open_run(tmp_path / "run")
    assert run.step() == 5
    assert run.config.classes == ("stripes 1", "stripes 2", "stripes 3")


def test_options_reach_the_run(folder: Path, tmp_path: Path):
    more = [
        "--preset",
        "cdcgan",
        "--steps",
        "1",
        "--seed",
        "9",
        "--image-size",
        "20x12",
        "--channels",
        "3",
        "--set",
        "beta1=0.4",
    ]
    result = CliRunner().invoke(train, arguments(folder, tmp_path / "run", *more))
    assert result.exit_code == 0, result.output
    config = open_run(tmp_path / "run").config
    assert (config.preset, config.seed, config.settings["beta1"]) == ("cdcgan", 9, 0.4)
    assert (config.height, config.width, config.channels) == (20, 12, 3)


@pytest.mark.parametrize("more", [["--steps", "0"], ["--time-budget", "0"], ["--image-size", "big"], ["--fit", "stretch"]])
def test_usage_errors(more: list[str], folder: Path, tmp_path: Path):
    result = CliRunner().invoke(train, arguments(folder, tmp_path / "run", *more))
    assert result.exit_code == 2
    assert not (tmp_path / "run").exists()


def test_errors_of_the_run_leave_by_name(folder: Path, tmp_path: Path):
    result = CliRunner().invoke(train, arguments(folder, tmp_path / "run", "--set", "batchsize=3"))
    assert isinstance(result.exception, TrainingError)
    assert result.exit_code == 1


def test_a_killed_run_resumes_to_the_same_weights(folder: Path, tmp_path: Path):
    process = start(folder, tmp_path / "run", "--steps", "100000")
    wait_for_step(process, tmp_path / "run", 4)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    reached = open_run(tmp_path / "run").step()
    assert reached % 2 == 0
    for out in ("run", "straight"):
        result = CliRunner().invoke(train, arguments(folder, tmp_path / out, "--steps", str(reached + 3)))
        assert result.exit_code == 0, result.output
    resumed, straight = (load_checkpoint(tmp_path / out, reached + 3)[0] for out in ("run", "straight"))
    assert resumed.keys() == straight.keys()
    assert all(torch.equal(resumed[name], tensor) for name, tensor in straight.items())


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_writes_a_checkpoint(number: signal.Signals, code: int, folder: Path, tmp_path: Path):
    process = start(folder, tmp_path / "run", "--steps", "100000")
    stats = tmp_path / "run" / "stats.jsonl"
    deadline = time.monotonic() + 120
    while not stats.exists() or not stats.read_text():
        assert process.poll() is None, process.communicate()[1].decode()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == code, stderr.decode()
    assert stdout == b""
    assert b"Traceback" not in stderr
    assert open_run(tmp_path / "run").step() > 0


def test_presets_for_people_and_programs():
    table = json.loads(CliRunner().invoke(presets, ["--json"]).stdout)
    assert [one["name"] for one in table] == list(PRESETS)
    assert [one["name"] for one in table if one["default"]] == ["sngan-small"]
    assert {one["name"] for one in table[1]["settings"]} >= {"batch_size", "generator_rate"}
    by_name = {one["name"]: one for one in table}
    assert (by_name["cgan"]["latent"], by_name["dcgan-face"]["size"], by_name["gan"]["conditional"]) == (
        "uniform",
        [56, 56],
        False,
    )
    assert [one["name"] for one in json.loads(CliRunner().invoke(presets, ["gan", "--json"]).stdout)] == ["gan"]
    short = CliRunner().invoke(presets, []).stdout.splitlines()
    assert [line.split()[0] for line in short[: len(PRESETS)]] == list(PRESETS)
    assert [line.split()[0] for line in short if line.endswith("(default)")] == ["sngan-small"]
    text = CliRunner().invoke(presets, ["sngan-small", "lsgan", "dcgan"]).stdout
    assert "sngan-small (default)" in text
    assert "--set class_weight=0.1                 weight of the class head's cross-entropy (0 to 100)" in text
    assert "--set conditional=true" in text
    assert "makes pictures of 28 x 28 pixels alone" in text
    assert "not as the original: " in text
    wrong = CliRunner().invoke(presets, ["sngan-smal"])
    assert isinstance(wrong.exception, TrainingError)
    assert "did you mean 'sngan-small'?" in str(wrong.exception)


@pytest.mark.parametrize(
    ("given", "taken"),
    [({}, ("PASSIVE", "1000")), ({"OMP_WAIT_POLICY": "ACTIVE"}, ("ACTIVE", None)), ({"GOMP_SPINCOUNT": "7"}, ("PASSIVE", "7"))],
)
def test_openmp_is_told_to_spin_little_before_torch_loads_it(given: dict[str, str], taken: tuple[str, str | None]) -> None:
    code = "import os; import cganx.training; print((os.environ['OMP_WAIT_POLICY'], os.environ.get('GOMP_SPINCOUNT')))"
    env = {name: value for name, value in os.environ.items() if name not in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")}
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env=env | given | {"OMP_DISPLAY_ENV": "VERBOSE"},
        check=True,
    )
    assert done.stdout.strip() == str(taken)
    if "OMP_WAIT_POLICY" in done.stderr:  # the runtimes that answer OMP_DISPLAY_ENV say what they took
        assert f"OMP_WAIT_POLICY = '{taken[0]}'" in done.stderr
    if "GOMP_SPINCOUNT" in done.stderr and taken[1] is not None:
        assert f"GOMP_SPINCOUNT = '{taken[1]}'" in done.stderr


def test_a_budget_that_no_step_fits_in_is_an_error(folder: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(train, arguments(folder, tmp_path / "run", "--time-budget", "0.001"))
    assert done.exit_code == 1
    assert "before the first step" in done.stderr


def test_the_batch_size_is_given_once(folder: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(train, arguments(folder, tmp_path / "run", "--set", "batch_size=16"))
    assert done.exit_code == 2
    assert "given twice" in done.stderr
    assert not (tmp_path / "run").exists()


def test_an_empty_text_is_no_data(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="empty text"):
        CliRunner().invoke(train, ["--data", "", "-o", str(tmp_path / "run")], catch_exceptions=False)


@pytest.mark.skipif(os.name != "posix", reason="streams are closed the POSIX way")
def test_it_trains_with_its_streams_closed(folder: Path, tmp_path: Path) -> None:
    code = "from cganx.training.command import train; train(standalone_mode=False)"
    words = [sys.executable, "-c", code, *arguments(folder, tmp_path / "run", "--steps", "2")]
    done = subprocess.run(["sh", "-c", 'exec "$@" >&- 2>&-', "sh", *words], check=False)
    assert open_run(tmp_path / "run").step() == 2
    assert done.returncode in (0, 120)  # Python's own word for streams that it could not flush at its end
