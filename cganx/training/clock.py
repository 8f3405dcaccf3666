"""A run's wall time, and the signals that end it early."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType

__all__ = ["Clock", "heeding", "leave", "signals"]

Stages = Callable[[str, int, int], None]
LEAVING = 0.4  # seconds that closing the files and the interpreter take


class Clock:
    """The run's wall time over all its sessions, against its budget.

    What it takes to judge, to write the last checkpoint and grid is reserved, as measured on those before.
    """

    def __init__(self, begun: float, before: float, budget: float | None) -> None:
        self._begun, self._before, self._budget = begun, before, budget
        self._closing: dict[str, float] = {}
        self._step, self._ticked, self._away = 0.0, time.monotonic(), 0.0

    def elapsed(self) -> float:
        """Seconds of the run, those of earlier sessions included."""
        return self._before + time.monotonic() - self._begun

    def training(self) -> float:
        """Seconds since some moment, without those of what is not training: to measure how quick it is."""
        return time.monotonic() - self._away

    @contextlib.contextmanager
    def pause(self) -> Iterator[None]:
        """While something is done that is no part of any step."""
        begun = time.monotonic()
        yield
        self._ticked = time.monotonic()
        self._away += self._ticked - begun

    @contextlib.contextmanager
    def reserve(self, part: str) -> Iterator[None]:
        """The same for what the end of a run needs time for: the longest of each part so far."""
        with self.pause():
            begun = time.monotonic()
            yield
            self._closing[part] = max(self._closing.get(part, 0.0), time.monotonic() - begun)

    def tick(self) -> None:
        """Note that a step is done: the slow ones of late say how long the next may take."""
        now = time.monotonic()
        self._step, self._ticked = max(0.9 * self._step, now - self._ticked), now

    def _left(self) -> float | None:
        if self._budget is None:
            return None
        return self._budget - self.elapsed() - 1.5 * sum(self._closing.values()) - self._step - LEAVING

    def spent(self) -> bool:
        """Whether it is time to write the last checkpoint."""
        left = self._left()
        return left is not None and left <= 0.0

    def remaining(self, by_steps: float | None) -> float | None:
        """Seconds to the end, whichever comes first."""
        known = [one for one in (by_steps, self._left()) if one is not None]
        return min(known) if known else None


@contextlib.contextmanager
def signals(*, patient: bool = False) -> Iterator[Callable[[], int | None]]:
    """Note the first SIGINT or SIGTERM instead of dying of it; a second one is not held back, unless ``patient``.

    One of several processes is patient: whoever started them may send again what the terminal has sent already. Gives a
    function that says which came. Outside the main thread, where Python allows no handlers, it says None.
    """
    received: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield lambda: None
        return
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in numbers}

    def note(number: int, _: FrameType | None) -> None:
        received.append(number)
        for one, handler in before.items() if not patient else ():
            signal.signal(one, handler)

    for number in numbers:
        signal.signal(number, note)
    try:
        yield lambda: received[0] if received else None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def leave(number: int) -> None:
    """End as the signal asked: KeyboardInterrupt or SystemExit; nothing for 0, where none came."""
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    if number:
        raise SystemExit(128 + number)


def heeding(stopped: Callable[[], int | None], progress: Stages | None) -> Stages:
    """``progress``, if there is one, that ends the work which calls it where a signal came: there is no step to end yet."""

    def heed(stage: str, done: int, total: int) -> None:
        leave(stopped() or 0)
        if progress is not None:
            progress(stage, done, total)

    return heed
