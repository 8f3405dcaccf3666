from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
from training_pictures import SMALL, pictures

from cganx.data import DataSet
from cganx.errors import TrainingError
from cganx.training import open_run, train
from cganx.training.checkpoint import load_checkpoint
from cganx.training.directory import Events

TINY = DataSet("stripes", ("a", "b"), pictures(49, 2, height=8, width=8), pictures(9, 2, height=8, width=8), "tiny")
RUN = """
import numpy as np, sys
sys.path.insert(0, {tests!r})
from test_training_full_disk import TINY, SMALL
from cganx.errors import CganxError
from cganx.training import train
try:
    train(TINY, "gan-dense", {out!r}, steps=10_000, settings=SMALL | {{"checkpoint_every": 5, "keep_every": 5}})
except CganxError as error:
    print(error)
    sys.exit(1)
"""


def test_events_can_be_read_and_a_full_disk_ends_them_alone(
    tmp_path: Path, part, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    part("tensorboard")
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

    events = Events(tmp_path, 6)
    events.add(7, {"loss/a": 0.5, "loss/b": 2.0})
    [path] = (tmp_path / "events").iterdir()
    read = list(EventFileLoader(str(path)).Load())
    assert read[1].session_log.status == 1
    assert read[1].step == 7
    assert {value.tag: value.tensor.float_val[0] for value in read[2].summary.value} == {"loss/a": 0.5, "loss/b": 2.0}

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(events._records, "write", full)
    for step in (8, 9):
        events.add(step, {"loss/a": 0.5})
    events.close()
    assert [record.getMessage() for record in caplog.records] == [
        "no more TensorBoard events are written (No space left on device); the run goes on without them"
    ]


def test_a_checkpoint_that_the_disk_refuses_ends_the_run_and_leaves_the_last_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    train(TINY, "gan-dense", tmp_path / "run", steps=10, settings=SMALL)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("cganx.whole_file.os.fsync", full)
    with pytest.raises(TrainingError, match="cannot be written"):
        train(TINY, "gan-dense", tmp_path / "run", steps=20, settings=SMALL)
    monkeypatch.undo()
    assert open_run(tmp_path / "run").step() == 10
    assert not list((tmp_path / "run").rglob("*.part"))
    assert train(TINY, "gan-dense", tmp_path / "run", steps=20, settings=SMALL).step() == 20


@pytest.mark.skipif(sys.platform != "linux", reason="mounts a file system in memory")
def test_a_run_on_a_disk_that_fills_ends_in_one_sentence(tmp_path: Path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(disk)], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("this user may not mount")
    try:
        code = RUN.format(tests=str(Path(__file__).parent), out=str(disk / "run"))
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 1, done.stderr
        assert len(done.stdout.splitlines()) == 1
        assert "No space left on device" in done.stdout
        assert "Traceback" not in done.stderr
        run = open_run(disk / "run")
        load_checkpoint(run.path, run.step())
        assert run.step() % 5 == 0
        assert not list(run.path.rglob("*.part"))
    finally:
        subprocess.run(["umount", str(disk)], check=True)
