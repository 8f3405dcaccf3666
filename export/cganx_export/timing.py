"""Which form of a graph is fastest here: each alone in its process, by turns, so that what else happens hits all alike."""

from __future__ import annotations

import contextlib
import math
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from cganx.errors import ExportError
from cganx_export.arguments import Inputs
from cganx_export.report import BatchTrial, RewriteTrial

__all__ = ["compare", "fastest"]

BATCHES = (1, 64)
# A form must be this much faster: less is noise, and the plain one is the simplest. So too of two that are not plain.
WORTH, ALIKE = 0.97, 0.98
LEAST_ROUNDS, ROUNDS, SECONDS = 3, 15, 8.0
TURN = 0.05  # seconds of one form's turn at one batch, or a run where that takes longer
LONGEST = 0.25  # seconds of a run: generators that take longer are timed at a smaller batch


def compare(names: Sequence[tuple[str, ...]], models: Sequence[bytes], inputs: Inputs) -> tuple[RewriteTrial, ...]:
    """Time ``pixels`` of all models by turns; the first one is the plain form. One trial for each of the others.

    Starts a process for each model. Takes SECONDS and what the processes need to start, or three turns of each where that
    is longer. Raises ExportError where a process fails.
    """
    with TemporaryDirectory(prefix="cganx-") as folder, contextlib.ExitStack() as stack:
        paths = [Path(folder, f"{number}.onnx") for number in range(len(models))]
        for path, model in zip(paths, models, strict=True):
            path.write_bytes(model)
        given = [_feeds(Path(folder, f"{batch}.npz"), inputs, batch) for batch in _possible()]
        watches = [stack.enter_context(_watch(path, given)) for path in paths]
        batches = _batches(watches[0])
        taken = [_rounds(watches, _possible().index(batch), len(batches)) for batch in batches]
    trials = []
    for form, name in enumerate(names[1:], 1):
        times = tuple(_trial(batch, rounds, form) for batch, rounds in zip(batches, taken, strict=True))
        trials.append(RewriteTrial(rewrites=name, applied=False, times=times))
    return tuple(trials)


def fastest(trials: Sequence[RewriteTrial]) -> int | None:
    """The place of the form to take: none where no other is faster than the plain one, and at no batch slower."""
    able = [place for place, one in enumerate(trials) if one.ratio < WORTH and all(time.ratio <= 1 for time in one.times)]
    if not able:
        return None
    best = min(trials[place].ratio for place in able)
    return next(place for place in able if trials[place].ratio * ALIKE <= best)


class _Watch:
    """A process that runs one model; see `cganx_export.stopwatch`."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def seconds(self, place: int, count: int) -> float:
        """Of the fastest of ``count`` runs."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(f"{place} {count}\n")
            self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise ExportError(
                f"a form of the graph could not be timed (exit code {self._process.wait()}); export without rewrites, by "
                "rewrite=False or --no-rewrite"
            )
        return float(answer)


@contextlib.contextmanager
def _watch(model: Path, given: Sequence[Path]) -> Iterator[_Watch]:
    command = [sys.executable, "-m", "cganx_export.stopwatch", os.fspath(model), *(os.fspath(path) for path in given)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    )
    try:
        yield _Watch(process)
    finally:
        with contextlib.suppress(BrokenPipeError):
            process.communicate()


def _possible() -> list[int]:
    return [2**power for power in range(int(math.log2(max(BATCHES))) + 1)]


def _feeds(path: Path, inputs: Inputs, batch: int) -> Path:
    np.savez(path, allow_pickle=False, **inputs.feeds(inputs.drawn(np.random.default_rng(2), batch)))
    return path


def _batches(watch: _Watch) -> list[int]:
    """1, and 64 or as many pictures as a run can make in a quarter of a second."""
    watch.seconds(0, 1)
    alone = watch.seconds(0, 1)
    return sorted({BATCHES[0], max(batch for batch in _possible() if batch == 1 or batch * alone <= LONGEST)})


def _rounds(watches: Sequence[_Watch], place: int, parts: int) -> list[list[float]]:
    """Seconds of a run by round and form; who goes first changes each round."""
    for watch in watches:
        watch.seconds(place, 1)
    counts = [max(1, round(TURN / watch.seconds(place, 1))) for watch in watches]
    taken: list[list[float]] = []
    end = time.perf_counter() + SECONDS / parts
    while len(taken) < LEAST_ROUNDS or (len(taken) < ROUNDS and time.perf_counter() < end):
        order = range(len(watches))[:: -1 if len(taken) % 2 else 1]
        found = {form: watches[form].seconds(place, counts[form]) for form in order}
        taken.append([found[form] for form in range(len(watches))])
    return taken


def _trial(batch: int, rounds: Sequence[Sequence[float]], form: int) -> BatchTrial:
    return BatchTrial(
        batch=batch,
        milliseconds_before=1e3 * statistics.median(one[0] for one in rounds),
        milliseconds_after=1e3 * statistics.median(one[form] for one in rounds),
        ratio=statistics.median(one[form] / one[0] for one in rounds),
    )
