"""How two subjects are measured against each other: in alternation, each alone, and judged by the median of the pairs.

A shared machine changes its speed from second to second, so a time says little and a ratio of two times taken side by
side says much. Standard library only: the subjects' own environments import this module too.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")
HAND_OVER = 0.05  # seconds for the other process's threads to come to rest


@dataclass(frozen=True)
class Spread:
    """The median of some values, its quartiles, and how many values there were."""

    median: float
    low: float
    high: float
    count: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        low, median, high = statistics.quantiles(values, n=4, method="inclusive")
        return cls(median, low, high, len(values))


@dataclass(frozen=True)
class Cost:
    """What was spent, in seconds: wall time, and processor time of all threads."""

    wall: float
    cpu: float


# ----------------------------------------------------------------------------------------------------------------------
# Workers: processes that stay, and do some work when it is their turn


def serve(turn: Callable[[int], float], about: Mapping[str, Any]) -> None:
    """Be a worker: say ``about``, then do as many units as the parent asks for, until it closes the pipe.

    ``turn`` takes the number of units and returns the seconds that they took. Whatever else the subject prints goes
    nowhere, as fast as that goes.
    """
    answers = os.fdopen(os.dup(1), "w")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)

    def say(what: Any) -> None:
        answers.write(json.dumps(what) + "\n")
        answers.flush()

    say(dict(about))
    for line in sys.stdin:
        before = time.process_time()
        say({"wall": turn(int(line)), "cpu": time.process_time() - before})


def timed(unit: Callable[[], object]) -> Callable[[int], float]:
    """A turn that calls ``unit`` so many times."""

    def turn(count: int) -> float:
        begun = time.perf_counter()
        for _ in range(count):
            unit()
        return time.perf_counter() - begun

    return turn


class Worker:
    """A subject in its own process. Between its turns the process is stopped, so that it cannot slow the other one."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, start_new_session=True
        )
        self.about: Mapping[str, Any] = self._answer()
        self._pause()

    def turn(self, count: int) -> Cost:
        """What ``count`` units cost."""
        self._signal("SIGCONT")
        assert self._process.stdin is not None
        self._process.stdin.write(f"{count}\n")
        self._process.stdin.flush()
        cost = Cost(**self._answer())
        self._pause()
        return cost

    def close(self) -> None:
        self._signal("SIGCONT")
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._process.args!r} ended with {self._process.wait()}; what it says is above")
        return json.loads(line)

    def _pause(self) -> None:
        self._signal("SIGSTOP")
        time.sleep(HAND_OVER)

    def _signal(self, name: str) -> None:
        number = getattr(signal, name, None)  # Windows cannot stop a process; there the other one merely waits
        if number is not None and self._process.poll() is None:
            self._process.send_signal(number)


@contextlib.contextmanager
def one_core() -> Iterator[None]:
    """Keep this process, and those that it starts, on one processor. Linux only."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextlib.contextmanager
def workers(*commands: Sequence[str], environment: Mapping[str, str] | None = None) -> Iterator[list[Worker]]:
    """A worker for each command."""
    with contextlib.ExitStack() as stack:
        started = []
        for command in commands:
            worker = Worker(command, environment)
            stack.callback(worker.close)
            started.append(worker)
        yield started


def alternate(first: Callable[[], T], second: Callable[[], T], pairs: int) -> list[tuple[T, T]]:
    """(first, second) in ``pairs`` rounds; who goes first changes each round."""
    taken = []
    for number in range(pairs):
        if number % 2:
            late = second()
            taken.append((first(), late))
        else:
            early = first()
            taken.append((early, second()))
    return taken


def _wall(cost: Cost) -> float:
    return cost.wall


def alternate_workers(
    first: Worker, second: Worker, *, pairs: int, seconds: float, counted: Callable[[Cost], float] = _wall
) -> list[tuple[float, float]]:
    """Seconds a unit of both, in turns of about ``seconds`` each; ``counted`` says which of what was spent."""
    counts = []
    for worker in (first, second):
        count = 1
        while (took := worker.turn(count).wall) < seconds / 4:  # warms up as well
            count *= 2
        counts.append(max(1, round(count * seconds / took)))
    return alternate(
        lambda: counted(first.turn(counts[0])) / counts[0],
        lambda: counted(second.turn(counts[1])) / counts[1],
        pairs,
    )


# ----------------------------------------------------------------------------------------------------------------------
# Fresh processes


def fresh(command: Sequence[str], environment: Mapping[str, str]) -> Cost:
    """Wall time from the start of a process to the first byte that it writes (or its end); its whole processor time."""
    begun = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment)
    assert process.stdout is not None
    os.read(process.stdout.fileno(), 1)
    wall = time.perf_counter() - begun
    process.stdout.read()
    before = _children_cpu()
    _, status, usage = os.wait4(process.pid, 0) if hasattr(os, "wait4") else (0, process.wait(), None)
    process.returncode = os.waitstatus_to_exitcode(status) if usage is not None else status
    process.stdout.close()
    if process.returncode:
        raise RuntimeError(f"{list(command)} ended with {process.returncode}; what it says is above")
    cpu = usage.ru_utime + usage.ru_stime if usage is not None else _children_cpu() - before
    return Cost(wall, cpu)


def _children_cpu() -> float:
    times = os.times()
    return times.children_user + times.children_system
