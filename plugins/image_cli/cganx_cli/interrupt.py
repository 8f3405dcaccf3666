"""Ctrl-C as a wish: what is being written is finished first. A second one is not asked to wait."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator

__all__ = ["stop_on_interrupt"]


@contextlib.contextmanager
def stop_on_interrupt() -> Iterator[threading.Event]:
    """An event that Ctrl-C sets, in the block; the second Ctrl-C is a KeyboardInterrupt, as ever."""
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():  # only that one hears signals
        yield stop
        return
    before = signal.getsignal(signal.SIGINT)

    def asked(number: int, frame: object) -> None:
        del number, frame
        stop.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    if before is signal.SIG_IGN or before is None:  # whoever started this wants it so
        yield stop
        return
    signal.signal(signal.SIGINT, asked)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)
