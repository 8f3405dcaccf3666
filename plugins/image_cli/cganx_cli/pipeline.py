"""Session, encoding and writing at the same time: requests go in, what became of them comes out in their order.

    requests -> [which are there already] -> session -> encoders -> results
                                             a thread   threads     the caller

One thread runs the session, several encode and write, and the caller takes the results, which it may put into a file in their
order. A bounded queue stands between them: whoever is ahead waits, so that memory does not grow with the number of pictures.
Threads do, for the session, zlib, Pillow and the system's writes all let others run meanwhile.
"""

from __future__ import annotations

import contextlib
import math
import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any, Generic, TypeVar

import numpy as np

from cganx.runtime import Generator
from cganx_cli.requests import Request

__all__ = ["Pipeline", "pixels_of"]

T = TypeVar("T")
PIECE = 16  # pictures that an encoder takes at once
PIECE_BYTES = 2 * 2**20  # of a piece's pictures, where they are more than one
WINDOW = 4  # batches whose pictures are looked for at once
AHEAD = 4  # pieces for each encoder that may wait
MOST_BYTES = 64 * 2**20  # of pictures that may wait
MOST_ENCODING = 2**30  # bytes that all encoders may take together
ENCODING = 6  # times its own bytes is what a picture takes while it is encoded
Array = np.ndarray[Any, Any]


def pixels_of(generator: Generator, requests: Sequence[Request]) -> Array:
    """uint8 [n, height, width, channels]. Raises CganxError."""
    codes = None
    if any(one.codes is not None for one in requests):
        none = (0.0,) * len(generator.card.codes)
        codes = np.array([none if one.codes is None else one.codes.values for one in requests])
    truncation = None
    if any(one.truncation is not None for one in requests):
        off = 1.0 if generator.card.truncates else np.inf
        truncation = np.array([off if one.truncation is None else one.truncation for one in requests])
    labels = [one.choice.label for one in requests] if generator.card.classes else None
    seeds = [one.seed for one in requests]
    return np.asarray(generator.generate(labels, seeds, codes=codes, truncation=truncation, batch_size=len(requests)))


@dataclass(frozen=True)
class Pipeline(Generic[T]):
    """``encode`` is called with pieces of requests and their pixels, in ``encoders`` threads; what it returns comes out.

    ``there``, where given, is called so as well, before the session, and returns what comes out for requests that need no
    picture, and the requests that do. ``stop`` ends the work early: what the session has made is still encoded.

    ``shape`` is that of the pictures that ``encode`` makes, where it is not the generator's: what waits and who encodes is
    bounded by their bytes. ``live`` requests come one by one, and none waits for another that no batch needs.
    """

    generator: Generator
    encode: Callable[[Sequence[Request], Array], T]
    encoders: int
    batch_size: int
    stop: threading.Event
    there: Callable[[Sequence[Request]], tuple[T, Sequence[Request]]] | None = None
    shape: tuple[int, int, int] | None = None
    live: bool = False

    @property
    def picture_bytes(self) -> int:
        """Of a picture where it is largest."""
        return max(math.prod(self.generator.picture_shape), math.prod(self.shape or ()))

    @property
    def threads(self) -> int:
        """How many encode: all, or as many as memory is for."""
        return max(1, min(self.encoders, MOST_ENCODING // (ENCODING * self.picture_bytes)))

    @property
    def piece(self) -> int:
        """Pictures that an encoder takes at once."""
        return max(1, min(PIECE, PIECE_BYTES // self.picture_bytes))

    def run(self, requests: Iterable[Request]) -> Iterator[T]:
        """Results in the order of the requests, save that those of pictures that were there come early.

        An error of any thread is raised here, when the results before it have been given.
        """
        with ThreadPoolExecutor(self.threads, "encode") as pool:
            feeder = _Feeder(self, iter(requests), pool)
            feeder.start()
            try:
                while (one := feeder.next()) is not None:
                    yield one.result()
            finally:
                feeder.end()
                pool.shutdown(wait=False, cancel_futures=True)


class _Feeder(threading.Thread, Generic[T]):
    """The thread that reads requests and runs the session."""

    def __init__(self, pipeline: Pipeline[T], requests: Iterator[Request], pool: ThreadPoolExecutor) -> None:
        super().__init__(name="session", daemon=True)  # a read that waits for ever must not keep the process
        most = MOST_BYTES // (pipeline.piece * pipeline.picture_bytes)
        self._pipeline, self._requests, self._pool = pipeline, requests, pool
        self._results: queue.Queue[Future[T] | None] = queue.Queue(max(2, min(AHEAD * pipeline.threads, most)))
        self._closed = threading.Event()
        self._reading = False
        self._failed: Exception | None = None

    def run(self) -> None:
        try:
            for batch in self._batches():
                pixels = pixels_of(self._pipeline.generator, batch)
                for piece, part in self._pieces(batch):
                    self._results.put(self._pool.submit(self._pipeline.encode, piece, pixels[part]))
        except BaseException as error:
            failed: Future[T] = Future()
            failed.set_exception(error)
            self._results.put(failed)
        self._results.put(None)

    def next(self) -> Future[T] | None:
        """The next result, None after the last. It does not wait for a line that may never come once it is told to stop."""
        while True:
            try:
                return self._results.get(timeout=0.2)
            except queue.Empty:
                if self._reading and self._stopped:
                    return None

    def end(self) -> None:
        """Let the thread come to its end; what it still made is dropped."""
        self._closed.set()
        while self.is_alive() and not self._reading:
            with contextlib.suppress(queue.Empty):
                self._results.get(timeout=0.02)

    @property
    def _stopped(self) -> bool:
        return self._closed.is_set() or self._pipeline.stop.is_set()

    def _batches(self) -> Iterator[list[Request]]:
        """Batches of what is to be made, the last one smaller."""
        there, size = self._pipeline.there, self._pipeline.batch_size
        wanted: list[Request] = []
        while window := self._read(size if there is None or self._pipeline.live else WINDOW * size):
            if there is None:
                yield window
                continue
            checks = [self._pool.submit(there, piece) for piece, _ in self._pieces(window)]
            for check in checks:
                found, missing = check.result()
                done: Future[T] = Future()
                done.set_result(found)
                self._results.put(done)
                wanted += missing
            while len(wanted) >= size and not self._stopped:
                yield wanted[:size]
                del wanted[:size]
        if wanted and not self._stopped:
            yield wanted

    def _read(self, count: int) -> list[Request]:
        """The next requests; what comes before a wrong one is made before that is said."""
        if self._failed is not None:
            raise self._failed
        if self._stopped:
            return []
        self._reading = True
        read: list[Request] = []
        try:
            read.extend(islice(self._requests, count))
        except Exception as error:
            self._failed = error
        finally:
            self._reading = False
        if self._failed is not None and not read:
            raise self._failed
        return read

    def _pieces(self, requests: Sequence[Request]) -> Iterator[tuple[Sequence[Request], slice]]:
        size = self._pipeline.piece
        for start in range(0, len(requests), size):
            part = slice(start, start + size)
            yield requests[part], part
