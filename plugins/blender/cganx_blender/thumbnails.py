# SPDX-License-Identifier: GPL-3.0-or-later
"""Small pictures of the chosen class at the next seeds, made while the panel is looked at."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import bpy
import bpy.utils.previews

from cganx.runtime import CganxError

from .pictures import blender_pixels
from .refusal import Refusal
from .session import session
from .work import Made, Wanted, make_pictures
from .worker import Job

MOST = 256  # that are kept
TICK = 0.05  # seconds


class Thumbnail(NamedTuple):
    """Which picture it is of, by which file."""

    sha256: str
    wanted: Wanted

    @property
    def key(self) -> str:
        """Its name in the collection."""
        return f"{self.sha256}/{self.wanted!r}"


class Thumbnails:
    """Kept in memory alone; asked for by drawing, landed by a timer."""

    def __init__(self, redraw) -> None:
        self._redraw = redraw
        self._timer = self._land  # Blender knows a timer by this very object
        self._kept = bpy.utils.previews.new()
        self._job: Job[Made] | None = None
        self._waiting: list[Thumbnail] = []
        self._failed: set[str] = set()

    def icon(self, one: Thumbnail) -> int:
        """The icon's number, 0 while it is not made."""
        return self._kept[one.key].icon_id if one.key in self._kept else 0

    def ask(self, wanted: Iterable[Thumbnail]) -> None:
        """Have those made that are lacking; one job at a time, and none beside an operator's."""
        now = session()
        lacking = [one for one in wanted if one.key not in self._kept and one.key not in self._failed]
        if not lacking or self._job is not None or now.run is not None:
            return
        try:
            load = now.loader()
        except (Refusal, CganxError):
            return  # the button says why when it is pressed
        self._waiting, requests = lacking, [one.wanted for one in lacking]
        self._job = now.worker.start(lambda: make_pictures(load, requests), len(requests))
        bpy.app.timers.register(self._timer, first_interval=TICK, persistent=True)  # stays when a file is opened

    def try_again(self) -> None:
        """Ask for those that failed again: a run has just gone well."""
        self._failed.clear()

    def close(self) -> None:
        """Let go of the pictures and the timer."""
        if bpy.app.timers.is_registered(self._timer):
            bpy.app.timers.unregister(self._timer)
        if self._job is not None:
            self._job.cancel()
        bpy.utils.previews.remove(self._kept)

    def _land(self) -> float | None:
        job = self._job
        if job is None:
            return None
        going, failed = False, True
        try:
            while (made := job.take()) is not None:
                self._keep(self._waiting[job.taken - 1], made)
            self._redraw(bpy.context)
            going, failed = not job.over, job.error is not None
        finally:  # an error here ends the timer: what is asked for next has one of its own
            if not going:
                job.cancel()
                self._job = None
                if failed:  # asked for again at each drawing, they would fail for ever
                    self._failed.update(one.key for one in self._waiting)
        return TICK if going else None

    def _keep(self, one: Thumbnail, made: Made) -> None:
        if len(self._kept) >= MOST:
            self._kept.clear()
        preview = self._kept.new(one.key)
        preview.image_size = made.pixels.shape[1], made.pixels.shape[0]
        preview.image_pixels_float.foreach_set(blender_pixels(made.pixels))
