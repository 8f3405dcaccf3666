"""What runs a file, and what stands around it: the process that it belongs to, and runs of one size."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from ctypes import py_object, pythonapi
from dataclasses import dataclass
from threading import BoundedSemaphore
from typing import Any, Protocol, TypeAlias

import numpy as np

from cganx.errors import RequestError
from cganx.runtime.processors import threads_here

__all__ = ["FixedBatch", "OwnSession", "Session", "check_process"]

Array: TypeAlias = "np.ndarray[Any, Any]"


def check_process(process: int) -> None:
    """Raises RequestError where this is not that process, but a child that was forked from it."""
    if os.getpid() != process:
        raise RequestError(
            "this generator was loaded before its process forked, and its threads are not in the child: load it in the child, "
            "or start workers by multiprocessing's spawn, for which it is pickled by its path"
        )


class Session(Protocol):
    """A file that can be run, from several threads at once.

    >>> import numpy as np
    >>> from cganx import runtime
    >>> from cganx.runtime import testing
    >>> session, _ = runtime.OnnxRuntime().open(runtime.read(testing.TINY), "cpu", runtime.Options())
    >>> feed = {"latent": np.zeros((2, 8), np.float32), "label": np.eye(2, dtype=np.float32)}
    >>> [made.shape for made in session.run(["pixels", "image"], feed)]
    [(2, 16, 16, 1), (2, 1, 16, 16)]
    """

    def run(self, names: Sequence[str], feed: Mapping[str, Array], /) -> Sequence[Array]:
        """The outputs of those names, [n, ...] each, for inputs [n, ...], all by the file's own names."""
        ...


class OwnSession:
    """onnxruntime's session in the process that built it: a forked child has none of its threads."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self._process = os.getpid()
        # What runs take at once stays with the session's arena for good, and more of them than processors are no faster.
        self._turns = BoundedSemaphore(threads_here())

    def run(self, names: Sequence[str], feed: Mapping[str, Array], /) -> Sequence[Array]:
        """What onnxruntime makes, in as many runs at once as there are processors; others wait."""
        with self._turns:
            outputs: Sequence[Array] = self._session.run(names, feed)
        return outputs

    # Bound here, for when a process ends the names of a module are gone before its last objects are.
    def __del__(self, process: Any = os.getpid, keep: Any = pythonapi.Py_IncRef, reference: Any = py_object) -> None:
        if process() != self._process:
            keep(reference(self.__dict__))  # ending the session would wait for ever for threads that are not in this process


@dataclass(frozen=True)
class FixedBatch:
    """A session whose every run has ``size`` rows: the last row is repeated up to there, and what it makes is cut off.

    onnxruntime picks its kernels for CUDA by the size of a run, and other kernels round otherwise. With runs of one size
    a picture does not depend on how many are made beside it.
    """

    session: Session
    size: int

    def run(self, names: Sequence[str], feed: Mapping[str, Array], /) -> Sequence[Array]:
        """As many runs as the rows take."""
        number = min(len(value) for value in feed.values())
        parts = [self.session.run(names, self._rows(feed, start, number)) for start in range(0, number, self.size)]
        return [np.concatenate(pieces)[:number] for pieces in zip(*parts, strict=True)]

    def _rows(self, feed: Mapping[str, Array], start: int, number: int) -> dict[str, Array]:
        rows = np.minimum(np.arange(start, start + self.size), number - 1)
        return {name: value[rows] for name, value in feed.items()}
