"""How far a long work is: a bar with rate and time left on a terminal, a line now and then in a log."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any

import click

from cganx_cli.progress import progress_bar

__all__ = ["Reporter"]

FIRST_LINE = 10.0  # seconds: shorter work needs no line
EVERY = 60.0


class Reporter:
    """Counts pictures. ``total`` is None where nobody knows it. With ``quiet`` nothing is said."""

    def __init__(self, total: int | None, unit: str, *, quiet: bool) -> None:
        self._total, self._unit, self._quiet = total, unit, quiet
        self._done = self._made = 0
        self._begun = time.monotonic()
        self._next = self._begun + FIRST_LINE
        self._context = None if quiet or not _terminal() else progress_bar(total, unit)  # type: ignore[arg-type]
        self._bar: Any = None

    def __enter__(self) -> Reporter:
        if self._context is not None:
            self._bar = self._context.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._context is not None:
            self._context.__exit__(kind, error, trace)

    def count(self, made: int, there: int = 0) -> None:
        """So many pictures more: ``made`` count for the rate, those that were there do not."""
        self._done += made + there
        self._made += made
        if self._bar is not None:
            self._bar.update(made + there)
        elif not self._quiet and time.monotonic() >= self._next:
            self._next = time.monotonic() + EVERY
            click.echo(self._line(), err=True)

    def note(self, text: str) -> None:
        """Something that whoever waits wants to know."""
        if not self._quiet:
            click.echo(text, err=True)

    def _line(self) -> str:
        rate = self._made / (time.monotonic() - self._begun)
        said = f"{self._done:,}" if self._total is None else f"{self._done:,} of {self._total:,}"
        left = "" if self._total is None or not rate else f", {_span((self._total - self._done) / rate)} left"
        return f"{said} {self._unit}s, {rate:,.0f}/s{left}"


def _terminal() -> bool:
    return sys.stderr is not None and sys.stderr.isatty()


def _span(seconds: float) -> str:
    """Seconds as people say them: 45 s, 12 min, 3.5 h."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
