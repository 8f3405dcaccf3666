"""Judging and keeping what a run has reached: the metric, the classifier's accuracy, checkpoints and the best of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cganx.training.accuracy import class_accuracy
from cganx.training.checkpoint import remove_stale, save_checkpoint
from cganx.training.clock import Clock
from cganx.training.figures import by_rank
from cganx.training.journal import AnyJournal
from cganx.training.metric import AnyMetric
from cganx.training.run import Run
from cganx.training.state import State

__all__ = ["Keeper"]

KEPT = 2


class Keeper:
    """Every process has one, for what is kept is agreed on; only the main one, which has a journal, judges and writes.

    ``kept`` is the step of the checkpoint that the run goes on from, None at its start. ``halted`` says that the run ends.
    """

    def __init__(
        self,
        run: Run,
        state: State,
        data: Any,
        clock: Clock,
        metric: AnyMetric,
        journal: AnyJournal | None,
        *,
        kept: int | None,
        halted: Callable[[], bool],
    ) -> None:
        self._run, self._state, self._data, self._clock = run, state, data, clock
        self._metric, self._journal, self._kept, self._halted = metric, journal, kept, halted
        self._keep_every: int = run.preset.settings.keep_every
        taught = len(run.config.taught)
        self._taught = taught if taught and data.kind == "class" and bool((data.test.labels >= 0).any()) else 0
        self._tried: tuple[int, dict[str, float]] = (0, {})

    def judge(self) -> dict[str, float]:
        """Judge the generator; the figures, none where it cannot be judged or the run ends meanwhile."""
        self._state.check_finite()
        if self._journal is None:
            return {}
        with self._clock.pause():
            ready = self._metric.ready(self._halted)
        if not ready:
            return {}
        with self._clock.reserve("judging"):
            self._state.figures = self._metric(self._state.shown)
        figures = self._state.figures.scalars()
        self._journal.plot("metric", figures)
        return figures

    def test(self) -> dict[str, float]:
        """The accuracy on the test pictures, where the discriminator is taught classes; nothing before the first step."""
        state = self._state
        if not self._taught or not state.step or self._journal is None:
            return {}
        if self._tried[0] != state.step:
            accuracy = class_accuracy(state.judge, self._data.test, self._taught, state.processes.device)
            self._tried = state.step, {"test_accuracy": accuracy}
            self._journal.plot("classifier", self._tried[1])
        return self._tried[1]

    def keep(self, *, grid: bool, anew: bool = False) -> None:
        """Write a checkpoint, unless this step has one and ``anew`` is false, and a sample grid where one is due."""
        state, run = self._state, self._run
        anew = state.processes.agreed(anew) != [0]
        with self._clock.reserve("keeping"):
            if grid and self._journal is not None:
                self._journal.show()
            if anew or state.step != self._kept:
                state.check_finite()
                state.seconds, self._kept = self._clock.elapsed(), state.step
                tensors = state.tensors()
                if self._journal is not None:
                    save_checkpoint(run.path, state.step, tensors, state.about() | self.test())
                    best = next((step for step, _ in by_rank(run.path, quiet=True)), None)
                    remove_stale(run.path, newest=KEPT, every=self._keep_every, best=best)
