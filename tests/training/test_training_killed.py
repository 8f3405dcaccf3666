from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from cganx.training import open_run
from cganx.training.checkpoint import load_checkpoint
from cganx.training.figures import by_rank

STEPS = 60
RUN = """
import sys
sys.path.insert(0, {tests!r})
from training_pictures import pictures
from cganx.data import DataSet
from cganx.evaluation import Recipe, quick
from cganx.training import metric, train

quick.QUICK, metric.SAMPLES, metric.BATCH = Recipe(at_least=600, at_most=600, batch_size=49), 60, 30
data = DataSet("stripes", ("a", "b"), pictures(49, 2, height=8, width=8), pictures(140, 2, height=8, width=8), "killed")
settings = {{"batch_size": 4, "checkpoint_every": 4, "grid_every": 12, "log_every": 3, "metric_every": 8, "ema_decay": 0.9}}
train(data, "lsgan", {out!r}, steps={steps}, settings=settings)
"""


def start(out: Path) -> subprocess.Popen[bytes]:
    code = RUN.format(tests=str(Path(__file__).parent), out=str(out), steps=STEPS)
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is POSIX's")
def test_a_run_that_is_killed_anywhere_ends_as_one_that_was_not(tmp_path: Path):
    straight = start(tmp_path / "straight")
    assert straight.wait(timeout=300) == 0

    moments = random.Random(7)
    killed = 0
    for _ in range(2):
        process = start(tmp_path / "killed")
        stats = tmp_path / "killed" / "stats.jsonl"
        size = stats.stat().st_size if stats.exists() else 0
        while process.poll() is None and not (stats.exists() and stats.stat().st_size != size):
            time.sleep(0.01)
        time.sleep(moments.uniform(0.0, 0.3))
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            killed += 1
        process.wait()
    assert killed
    last = start(tmp_path / "killed")
    assert last.wait(timeout=300) == 0

    runs = [open_run(tmp_path / name) for name in ("straight", "killed")]
    assert by_rank(runs[0].path) == by_rank(runs[1].path)
    assert runs[0].checkpoints() == runs[1].checkpoints()
    assert runs[0].step("best") == runs[1].step("best")
    for step in (runs[0].step("best"), STEPS):
        one, other = (load_checkpoint(run.path, step)[0] for run in runs)
        assert one.keys() == other.keys()
        assert all(torch.equal(tensor, other[name]) for name, tensor in one.items())
    mine, theirs = (run.generator("best").state_dict() for run in runs)
    assert all(torch.equal(tensor, theirs[name]) for name, tensor in mine.items())
