"""The worker's thread and its jobs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

Addon = Callable[[str], ModuleType]


@pytest.fixture
def worker(addon: Addon) -> Iterator[Any]:
    made = addon("worker").Worker()
    yield made
    made.stop()
    assert not [one for one in threading.enumerate() if one.name == "cganx worker"]


def taken(job: Any) -> list[Any]:
    things = []
    until = time.monotonic() + 30
    while not job.over and time.monotonic() < until:
        thing = job.take(0.05)
        if thing is not None:
            things.append(thing)
    return things


def test_things_come_in_order_from_another_thread(worker: Any) -> None:
    job = worker.start(lambda: ((number, threading.current_thread().name) for number in range(100)), 100)
    assert taken(job) == [(number, "cganx worker") for number in range(100)]
    assert (job.taken, job.error) == (100, None)


def test_jobs_run_one_after_the_other(worker: Any) -> None:
    running: list[int] = []

    def make(number: int) -> Iterator[int]:
        running.append(number)
        assert len(running) == 1
        yield number
        running.remove(number)

    jobs = [worker.start(lambda number=number: make(number), 1) for number in range(5)]
    assert [taken(job) for job in jobs] == [[number] for number in range(5)]
    assert all(job.error is None for job in jobs)


def test_no_more_is_made_than_is_taken_and_a_few(addon: Addon, worker: Any) -> None:
    made: list[int] = []

    def make() -> Iterator[int]:
        for number in range(10_000):
            made.append(number)
            yield number

    job = worker.start(make, 10_000)
    assert job.take(5.0) == 0
    time.sleep(0.2)
    assert len(made) <= addon("worker").AHEAD + 3
    job.cancel()


def test_a_cancelled_job_ends_also_where_nobody_takes(worker: Any) -> None:
    closed = threading.Event()

    def make() -> Iterator[int]:
        try:
            yield from range(10**9)
        finally:
            closed.set()

    job = worker.start(make, 10**9)
    job.take(5.0)
    job.cancel()
    assert taken(job) == []
    assert job.take() is None
    assert job.over
    assert taken(worker.start(lambda: iter([1]), 1)) == [1]
    assert closed.wait(5)


def test_an_error_is_the_jobs_and_the_next_one_runs(worker: Any) -> None:
    def make() -> Iterator[int]:
        yield 1
        raise ValueError("no")

    job = worker.start(make, 2)
    assert taken(job) == [1]
    assert str(job.error) == "no"
    assert taken(worker.start(lambda: iter([2]), 1)) == [2]


def test_stopping_ends_all_jobs_and_the_thread(addon: Addon) -> None:
    worker = addon("worker").Worker()
    jobs = [worker.start(lambda: iter(range(10**9)), 10**9) for _ in range(3)]
    jobs[0].take(5.0)
    started = time.monotonic()
    worker.stop()
    assert time.monotonic() - started < 5
    assert all(job.over for job in jobs)
    assert not [one for one in threading.enumerate() if one.name == "cganx worker"]


def test_a_stopped_worker_starts_again(addon: Addon) -> None:
    worker = addon("worker").Worker()
    assert taken(worker.start(lambda: iter([1]), 1)) == [1]
    worker.stop()
    assert taken(worker.start(lambda: iter([2]), 1)) == [2]
    worker.stop()
