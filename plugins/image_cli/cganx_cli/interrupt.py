"""Ctrl-C and SIGTERM as a wish: what is being written is finished first. A second one is not asked to wait."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator

import click

__all__ = ["Terminated", "stop_on_interrupt"]


class Terminated(click.Abort):
    """The command was told to end by SIGTERM, as containers and batch systems do."""


@contextlib.contextmanager
def stop_on_interrupt() -> Iterator[threading.Event]:
    """An event that Ctrl-C and SIGTERM set, in the block; the second one does what it does elsewhere.

    click.Abort that comes out of the block after a SIGTERM is Terminated.
    """
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():  # only that one hears signals
        yield stop
        return
    numbers = [signal.SIGTERM, signal.SIGINT]
    before = {number: signal.getsignal(number) for number in numbers}
    # Who started this may want one to be ignored; a handler that is not Python's cannot be put back.
    heard = {number: handler for number, handler in before.items() if handler not in (signal.SIG_IGN, None)}
    first: list[int] = []

    def asked(number: int, frame: object) -> None:
        del frame
        first.append(number)
        stop.set()
        for one in heard:
            signal.signal(one, signal.default_int_handler if one == signal.SIGINT else signal.SIG_DFL)

    for number in heard:
        signal.signal(number, asked)
    try:
        yield stop
    except click.Abort:
        if signal.SIGTERM in first:
            raise Terminated from None
        raise
    finally:
        for number, handler in heard.items():
            signal.signal(number, handler)
