"""What a run says of itself while it trains: numbers for programs, one line for people."""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TextIO

__all__ = ["Progress", "Status", "StatusLine"]

QUIET_SECONDS = 20.0  # between plain lines where there is no terminal


@dataclass(frozen=True, kw_only=True)
class Status:
    """Where a run stands.

    ``steps`` is the step at which it ends, None where only a time budget ends it. ``seconds`` counts all sessions of
    the run, ``remaining`` is an estimate, None before there is one. ``losses`` are means since the last line. ``metrics``
    are the figures of the generator that was judged last, none before the first; see `cganx.training.figures.Figures`.
    """

    step: int
    steps: int | None
    seconds: float
    remaining: float | None
    images_per_second: float
    losses: Mapping[str, float]
    metrics: Mapping[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        end = "" if self.steps is None else f"/{self.steps:,}"
        eta = "" if self.remaining is None else f"  ETA {_clock(self.remaining)}"
        losses = "  ".join(f"{name} {value:.3f}" for name, value in {**self.losses, **self.metrics}.items())
        return f"step {self.step:,}{end}  {self.images_per_second:,.0f} images/s  {losses}{eta}"


Progress = Callable[[Status], None]


class _Nowhere(io.StringIO):
    """A stream that keeps nothing."""

    def write(self, text: str, /) -> int:
        return len(text)


class StatusLine:
    """One line, rewritten in place on a terminal; elsewhere a plain line now and then. Use as a context manager."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr or _Nowhere()  # whoever started this may have closed stderr
        self._live = self._stream.isatty()
        self._width = 0
        self._spoken = float("-inf")
        self._last = ""

    def __call__(self, status: Status) -> None:
        """Show a status."""
        self._last = str(status)
        if self._live:
            self._stream.write("\r" + self._last.ljust(self._width))
            self._width = len(self._last)
        elif time.monotonic() - self._spoken >= QUIET_SECONDS:
            self._say()
        self._stream.flush()

    def stage(self, name: str, done: int, total: int) -> None:
        """Show how far some work before the first step is."""
        if self._live:
            text = f"{name} {done:,}/{total:,}"
            self._stream.write("\r" + text.ljust(self._width))
            self._stream.flush()
            self._width = len(text)

    def note(self, text: str) -> None:
        """Say something that stays, in a line of its own."""
        self._stream.write(f"\r{text.ljust(self._width)}\n" if self._live else f"{text}\n")
        self._stream.flush()
        self._width = 0

    def __enter__(self) -> StatusLine:
        return self

    def __exit__(self, *_: object) -> None:
        if self._live and self._width:
            self._stream.write("\n")
        elif self._last:
            self._say()
        self._stream.flush()

    def _say(self) -> None:
        if self._last:
            self._stream.write(self._last + "\n")
            self._spoken, self._last = time.monotonic(), ""


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(max(0.0, seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
