# SPDX-License-Identifier: GPL-3.0-or-later
"""One thread that makes things, and the jobs that it is given. The main thread takes what is made, when it likes."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

Thing = TypeVar("Thing")
AHEAD = 32  # things that may wait to be taken
LOOK = 0.05  # seconds between two looks at whether to stop


@dataclass
class Watch:
    """How far a long thing is, told by the worker as it goes on; once ``stopped`` is set, it does not."""

    share: float = 0.0
    stopped: bool = False

    def __call__(self, share: float) -> None:
        """Called by what is watched. Raises InterruptedError to end it."""
        self.share = share
        if self.stopped:
            raise InterruptedError


class Job(Generic[Thing]):
    """Things that are made one after the other on the worker's thread and taken on another."""

    def __init__(self, make: Callable[[], Iterator[Thing]], total: int) -> None:
        self.total = total
        self.taken = 0
        self.error: Exception | None = None
        self.cancelled = False
        self._make = make
        self._things: queue.Queue[Thing] = queue.Queue(AHEAD)
        self._ended = threading.Event()

    def cancel(self) -> None:
        """Stop after the batch that is being made; what is not taken yet is thrown away."""
        self.cancelled = True

    def take(self, wait: float = 0.0) -> Thing | None:
        """The next thing, or None where there is none within ``wait`` seconds."""
        if self.cancelled:
            return None
        try:
            thing = self._things.get(timeout=wait) if wait else self._things.get_nowait()
        except queue.Empty:
            return None
        self.taken += 1
        return thing

    @property
    def over(self) -> bool:
        """Whether nothing is made any more and nothing is left to take."""
        return self._ended.is_set() and (self.cancelled or self._things.empty())

    def run(self) -> None:
        """Make everything; called by the worker."""
        try:
            for thing in self._make():
                while not self.cancelled:
                    try:
                        self._things.put(thing, timeout=LOOK)
                        break
                    except queue.Full:
                        continue
                if self.cancelled:
                    break
        except Exception as error:  # whatever it is, the main thread says it
            self.error = error
        finally:
            self._ended.set()


class Worker:
    """Runs jobs one at a time, in the order that they come, on a thread that starts with the first."""

    def __init__(self) -> None:
        self._jobs: queue.Queue[Job[object] | None] = queue.Queue()
        self._thread: threading.Thread | None = None
        self._known: list[Job[object]] = []

    def start(self, make: Callable[[], Iterator[Thing]], total: int) -> Job[Thing]:
        """Give it a job."""
        job: Job[Thing] = Job(make, total)
        self._known = [one for one in self._known if not one.over]
        self._known.append(job)  # type: ignore[arg-type]
        self._jobs.put(job)  # type: ignore[arg-type]
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="cganx worker", daemon=True)
            self._thread.start()
        return job

    def stop(self, wait: float = 10.0) -> None:
        """Cancel all jobs and end the thread."""
        for job in self._known:
            job.cancel()
        self._known.clear()
        thread, self._thread = self._thread, None
        if thread is not None:
            self._jobs.put(None)
            thread.join(wait)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job.run()
