"""Work on the items of an iterator, in turn or one item ahead of who uses what comes of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from cganx.runtime.sessions import check_process

if TYPE_CHECKING:
    from concurrent.futures import Future

__all__ = ["ahead", "in_turn"]

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_turn(work: Callable[[Item], Result], items: Iterator[Item]) -> Generator[tuple[Item, Result]]:
    """(item, work(item)) of each, when it is asked for."""
    for item in items:
        yield item, work(item)


def ahead(work: Callable[[Item], Result], items: Iterator[Item]) -> Generator[tuple[Item, Result]]:
    """The same, while a thread works on the next item.

    Items are taken in the thread that asks. An error comes when its item's turn has come. The thread ends with the iterator.
    """
    from concurrent.futures import ThreadPoolExecutor

    process = os.getpid()
    worker = ThreadPoolExecutor(1, "cganx-ahead")

    def begin() -> tuple[Item, Future[Result]] | None:
        for item in items:
            return item, worker.submit(work, item)
        return None

    try:
        begun, error = begin(), None
        while begun is not None:
            check_process(process)  # a forked child would wait for a thread that it does not have
            (item, future), begun = begun, None
            try:
                begun = begin()
            except Exception as late:
                error = late
            yield item, future.result()
            if error is not None:
                raise error
    finally:
        with suppress(RuntimeError):  # dropped by the collector in the worker itself, which then ends on its own
            worker.shutdown(cancel_futures=True)
