"""What an evaluation is at, on stderr: one line rewritten in place on a terminal, elsewhere a line now and then."""

from __future__ import annotations

import io
import sys
import time
from typing import TextIO

__all__ = ["StageLine"]

QUIET_SECONDS = 20.0  # between plain lines where there is no terminal
LIVE_SECONDS = 0.05


class StageLine:
    """Called with (stage, done, total). Use as a context manager; the line is gone in the end."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr or io.StringIO()  # whoever started this may have closed stderr
        self._live = self._stream.isatty()
        self._width, self._stage = 0, ""
        self._spoken = time.monotonic() if not self._live else 0.0

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Show how far a stage is."""
        now = time.monotonic()
        if now - self._spoken < (LIVE_SECONDS if self._live and stage == self._stage else self._pause()):
            return
        self._spoken, self._stage = now, stage
        text = f"{stage} {done:,}/{total:,}" if total > 1 else stage
        if self._live:
            self._stream.write("\r" + text.ljust(self._width))
            self._width = len(text)
        else:
            self._stream.write(text + "\n")
        self._stream.flush()

    def _pause(self) -> float:
        return 0.0 if self._live else QUIET_SECONDS

    def __enter__(self) -> StageLine:
        return self

    def __exit__(self, *_: object) -> None:
        if self._live and self._width:
            self._stream.write("\r" + " " * self._width + "\r")
            self._stream.flush()
