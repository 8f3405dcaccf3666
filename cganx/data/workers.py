"""Work on many pictures at once."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from cganx.data.sources import Progress

__all__ = ["in_threads"]

T = TypeVar("T")
CHUNK = 64
MOST_THREADS = 16


def in_threads(work: Callable[[int, int], T], count: int, stage: str, progress: Progress) -> list[T]:
    """``work(start, stop)`` for consecutive stretches of ``range(count)``, in threads; the results in order.

    Pillow decodes and resizes outside Python's lock. ``progress(stage, done, count)`` is called in this thread. On
    an error or Ctrl-C what has not begun is dropped.
    """
    results: list[T] = []
    progress(stage, 0, count)
    pool = ThreadPoolExecutor(min(MOST_THREADS, os.cpu_count() or 1), thread_name_prefix="cganx-data")
    try:
        starts = range(0, count, CHUNK)
        futures = [pool.submit(work, start, min(start + CHUNK, count)) for start in starts]
        for start, future in zip(starts, futures, strict=True):
            results.append(future.result())
            progress(stage, min(start + CHUNK, count), count)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    return results
