"""The glue to Ray, with a stand-in for Ray; tests/benchmarks/ray_trial.py tries it on a real cluster."""

from __future__ import annotations

import sys
import time
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from training_pictures import SMALL

from cganx.errors import BackendMissing, TrainingError
from cganx.training import cluster, open_run
from cganx.training.command import train


class StandIn:
    """Ray's trainer, that works in this process."""

    asked: dict[str, Any]

    def __init__(self, work: Callable[[dict[str, Any]], None], *, train_loop_config: dict[str, Any], **rest: Any) -> None:
        self.work, self.told = work, train_loop_config
        StandIn.asked = train_loop_config | rest

    def fit(self) -> None:
        try:
            self.work(self.told)
        except Exception as error:  # Ray tells the traceback as a text
            raise RuntimeError(
                f"Training failed due to worker errors:\n[Rank 0]\n{type(error).__module__}.TrainingError: {error}\n"
            ) from None


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch) -> None:
    modules = {name: types.ModuleType(name) for name in ("ray", "ray.train", "ray.train.torch")}
    modules["ray"].is_initialized = lambda: False  # type: ignore[attr-defined]
    modules["ray"].init = modules["ray"].shutdown = lambda **_: None  # type: ignore[attr-defined]
    modules["ray.train"].RunConfig = modules["ray.train"].ScalingConfig = dict  # type: ignore[attr-defined]
    modules["ray.train.torch"].TorchTrainer = StandIn  # type: ignore[attr-defined]
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("RAY_DEDUP_LOGS", "0")


def arguments(folder: Path, out: Path, *more: str) -> list[str]:
    settings = [word for name, value in SMALL.items() for word in ("--set", f"{name}={value}")]
    return ["--data", str(folder), "-o", str(out), "--steps", "2", "--device", "cpu", "--engine", "ray", *settings, *more]


@pytest.mark.usefixtures("ray")
def test_workers_are_told_what_the_command_was_told(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("cganx.training.command._process_started", lambda: time.monotonic() - 7)
    done = CliRunner().invoke(train, arguments(folder, Path("run"), "--workers", "3", "--seed", "5"))
    assert done.exit_code == 0, done.output
    assert open_run(tmp_path / "run").step() == 2
    assert StandIn.asked["out"] == str(tmp_path / "run")  # workers have another current folder
    assert StandIn.asked["seed"] == 5
    assert StandIn.asked["scaling_config"] == {"num_workers": 3, "use_gpu": False}
    assert 7 <= StandIn.asked["started"] < 300  # seconds ago


@pytest.mark.usefixtures("ray")
def test_what_a_worker_says_is_said_here(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="a worker of the cluster failed; it said: this preset has no setting 'nonsense'"):
        cluster.train_on_ray(1, {"data": folder, "out": tmp_path / "run", "device": "cpu", "settings": {"nonsense": 1}})


def test_without_ray_the_line_that_brings_it_is_said(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    done = CliRunner().invoke(train, arguments(folder, tmp_path / "run"))
    assert isinstance(done.exception, BackendMissing)
    assert 'pip install "cganx[train,ray]"' in str(done.exception)
    assert not (tmp_path / "run").exists()
    local = CliRunner().invoke(train, ["--data", str(folder), "-o", str(tmp_path / "run"), "--workers", "2"])
    assert local.exit_code == 2
    assert "torchrun" in local.output
