"""The run directory while a run is being written: the lock, stats.jsonl, sample grids, TensorBoard events."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import socket
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch
from torch import Tensor, nn

from cganx.errors import TrainingError
from cganx.grid import sheet
from cganx.training.checkpoint import write_whole
from cganx.training.sampling import to_pixels
from cganx.training.updates import in_eval_mode

__all__ = ["GRID_LATENTS", "Events", "GridWriter", "Stats", "in_use", "locked", "read_stats"]

_log = logging.getLogger("cganx")
STATS = "stats.jsonl"
COLUMNS = 10
GRID_LATENTS = 100
CODE_ROWS, WIDEST_CODE = 5, 2.0


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the run directory; it is made where it is missing. The system lets go of the lock when the process ends.

    Raises TrainingError where a living process holds it.
    """
    made = not path.exists()
    path.mkdir(parents=True, exist_ok=True)
    with (path / "lock").open("a+") as file:
        try:
            _lock(file)
        except OSError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise TrainingError(
                f"{path} is in use: process {holder} trains there; wait for it, or train in another directory"
            ) from None
        file.seek(0)
        file.truncate()
        file.write(f"{os.getpid()}\n")
        file.flush()
        try:
            yield
        finally:
            _clear_if_nothing_began(path, made)


def in_use(path: Path) -> bool:
    """Whether a living process holds the run directory."""
    if not (path / "lock").exists():
        return False
    with (path / "lock").open("a+") as file:
        try:
            _lock(file)
        except OSError:
            return True
    return False


def _clear_if_nothing_began(path: Path, made: bool) -> None:
    """A command that was refused leaves no trace: the lock goes where there is nothing else, and a directory made for it."""
    with contextlib.suppress(OSError):
        if [one.name for one in path.iterdir()] == ["lock"]:
            (path / "lock").unlink()
            if made:
                path.rmdir()


if sys.platform == "win32":
    import msvcrt

    def _lock(file: IO[str]) -> None:
        file.seek(1 << 20)  # beyond the process id, which others may read
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(file: IO[str]) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


class Stats:
    """``stats.jsonl``: a line each few steps. What was written after ``step`` by a lost session is dropped."""

    def __init__(self, run: Path, step: int) -> None:
        self._path = run / STATS
        if self._path.exists():
            lines = self._path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
            write_whole(self._path, "".join(line for line in lines if _step(line) <= step).encode())

    def add(self, line: Mapping[str, Any]) -> None:
        """Append one line."""
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line, allow_nan=False) + "\n")
        except OSError as error:
            raise TrainingError(
                f"{self._path} cannot be written ({error.strerror}); make room or mend the permissions"
            ) from None


def read_stats(run: Path) -> list[dict[str, Any]]:
    """All whole lines of a run's ``stats.jsonl``, none where there is no such file."""
    path = run / STATS
    texts = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else []
    return [json.loads(text) for text in texts if _step(text) < float("inf")]


def _step(line: str) -> float:
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return float("inf")  # half a line of a killed session


class GridWriter:
    """``samples/step-00000500.png``: ten pictures of each class, of the same latents every time.

    ``latent`` is [100, latent]. Each of ``labels``, a name and label weights [classes], is shown at the first ten of them,
    codes at 0; without labels and codes all hundred are shown. A continuous code runs from -2 to 2 along each of its five
    rows, everything else of a row being the same (Chen et al. 2016, figure 2).
    """

    def __init__(self, run: Path, labels: Sequence[tuple[str, Tensor]], latent: Tensor, codes: Sequence[str] = ()) -> None:
        self._folder = run / "samples"
        rows = torch.split(latent, COLUMNS)
        named = [(name, label.to(latent).repeat(COLUMNS, 1)) for name, label in labels]
        still = latent.new_zeros(COLUMNS, len(codes))
        self._rows = [(name, torch.cat([label, still], dim=1), rows[0]) for name, label in named]
        if not labels and not codes:
            self._rows = [("", still, row) for row in rows]
        for index, name in enumerate(codes):
            code = still.clone()
            code[:, index] = torch.linspace(-WIDEST_CODE, WIDEST_CODE, COLUMNS)
            for row in range(CODE_ROWS):
                label = torch.cat([named[row % len(named)][1], code], dim=1) if named else code
                self._rows.append((name, label, latent[[row] * COLUMNS]))

    @torch.no_grad()
    def write(self, step: int, generator: nn.Module) -> None:
        """Write the grid of a generator; its training mode is as before afterwards."""
        with in_eval_mode(generator):
            rows = [(name, self._pictures(generator, label, latent)) for name, label, latent in self._rows]
        buffer = io.BytesIO()
        sheet(rows).save(buffer, "PNG")
        write_whole(self._folder / f"step-{step:08d}.png", buffer.getvalue())

    def _pictures(self, generator: nn.Module, label: Tensor, latent: Tensor) -> np.ndarray[Any, np.dtype[np.uint8]]:
        return to_pixels(generator(latent, label))


class Events:
    """TensorBoard events in ``events/``, where tensorboard is installed; otherwise nothing.

    They are written at once, without tensorboard's own thread: it would print a traceback where the disk is full. A run does
    not end for want of them: one sentence in the log says that they are no longer written.
    """

    def __init__(self, run: Path, step: int) -> None:
        self._file: IO[bytes] | None = None
        try:
            from tensorboard.compat.proto import event_pb2, summary_pb2
            from tensorboard.summary.writer.record_writer import RecordWriter
        except ImportError:
            return
        self._event, self._summary = event_pb2.Event, summary_pb2.Summary
        folder = run / "events"
        name = f"events.out.tfevents.{time.time_ns() // 10**9:010d}.{socket.gethostname()}.{os.getpid()}.{time.time_ns()}"
        try:
            folder.mkdir(exist_ok=True)
            self._file = (folder / name).open("xb")
            self._records = RecordWriter(self._file)
        except OSError as error:
            self._give_up(error)
        start = event_pb2.SessionLog(status=event_pb2.SessionLog.START)  # what a lost session wrote from here on is dropped
        self._write(self._event(wall_time=time.time(), step=step + 1, file_version="brain.Event:2"))
        self._write(self._event(wall_time=time.time(), step=step + 1, session_log=start))

    def add(self, step: int, scalars: Mapping[str, float]) -> None:
        """Add one value a name."""
        if self._file is not None and scalars:
            values = [self._summary.Value(tag=name, simple_value=value) for name, value in scalars.items()]
            self._write(self._event(wall_time=time.time(), step=step, summary=self._summary(value=values)))

    def _write(self, event: Any) -> None:
        if self._file is not None:
            try:
                self._records.write(event.SerializeToString())
                self._file.flush()
            except OSError as error:
                self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        _log.warning("no more TensorBoard events are written (%s); the run goes on without them", error.strerror)
        self.close()

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            with contextlib.suppress(OSError):  # what could not be written before cannot be now
                self._file.close()
            self._file = None
