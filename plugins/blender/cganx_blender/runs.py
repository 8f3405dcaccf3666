# SPDX-License-Identifier: GPL-3.0-or-later
"""A run: what an operator asked the worker for, and its landing in Blender's data, a little at a time. Main thread only."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import bpy

from cganx.runtime import BackendConflict, BackendMissing, CganxError, DeviceUnavailable

from .onnx_runtimes import explained
from .refusal import Refusal, sentence
from .worker import Watch, Worker

SLICE = 0.03  # seconds of one look at the worker, so that the interface answers meanwhile


def _stay() -> None:
    pass


def _nothing(_context: bpy.types.Context) -> str:
    return ""


@dataclass(frozen=True)
class Plan:
    """``make`` is called on the worker's thread and touches no Blender; ``land`` and ``finish`` on the main thread.

    They hold names of Blender's data, no references: an undo in between would make those point at nothing. ``watch`` is for
    ``make`` to tell how far the next thing is, where one takes long.
    """

    make: Callable[[], Iterator[Any]]
    total: int
    land: Callable[[bpy.types.Context, Any], None]
    finish: Callable[[bpy.types.Context], str] = _nothing
    watch: Watch = field(default_factory=Watch)


class Run:
    """A plan at work."""

    def __init__(self, plan: Plan, worker: Worker) -> None:
        self.plan = plan
        self.job = worker.start(plan.make, plan.total)
        self.landed = 0
        self.leave: Callable[[], None] = _stay
        self.stopped = False
        self.problem = ""
        self.message = ""

    @property
    def share(self) -> float:
        """How much is done, 0..1."""
        return min(self.landed + self.plan.watch.share, self.plan.total) / max(self.plan.total, 1)

    def stop(self) -> None:
        """What has landed stays; nothing more will."""
        self.stopped = self.plan.watch.stopped = True
        self.job.cancel()

    def tick(self, context: bpy.types.Context, wait: float = 0.0) -> bool:
        """Land what is made, for a moment, and wait up to ``wait`` seconds for each; whether the run is over."""
        until = time.perf_counter() + SLICE
        try:
            while (made := self.job.take(wait)) is not None:
                self.plan.land(context, made)
                self.landed += 1
                if time.perf_counter() > until:
                    return False
            if not self.job.over:
                return False
            if self.job.error is not None and not self.stopped:
                self.problem = said(self.job.error)
            elif self.stopped:
                self.message = f"Stopped after {self.landed} of {self.plan.total}"
            else:
                self.message = self.plan.finish(context)
        except Exception as error:  # whatever it is, it is said, and the next run can begin
            self.job.cancel()
            self.problem = said(error)
        return True


def said(error: Exception) -> str:
    """The sentence for the user; of an error that nobody foresaw, its kind too."""
    if isinstance(error, (BackendMissing, BackendConflict, DeviceUnavailable)):
        return explained(error)
    if isinstance(error, (Refusal, CganxError, OSError)):
        return sentence(error)
    return f"{type(error).__name__}: {sentence(error)}"
