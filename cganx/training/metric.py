"""Judging the generator while it is trained, so that the best checkpoint can be kept."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable
from typing import Protocol

import torch
from torch import nn

from cganx.data import DataSet
from cganx.errors import DataError
from cganx.evaluation import Oracle, quick_oracle, verdict
from cganx.training.figures import AnyFigures, Figures
from cganx.training.run import Run
from cganx.training.sampling import to_pixels

__all__ = ["SAMPLES", "AnyMetric", "Metric", "Periodic"]

_log = logging.getLogger("cganx")
SAMPLES, BATCH = 2000, 250


class _Halted(Exception):
    """The run ends while the oracle is trained."""


class AnyMetric(Protocol):
    """Judges generators of one run by the same pictures each time, and leaves them as they are."""

    def due(self, step: int) -> bool:
        """Whether the generator of that step is to be judged."""

    def begun(self, step: int) -> bool:
        """Whether a run that stands at that step was to be judged before, or is now."""

    def ready(self, halted: Callable[[], bool]) -> bool:
        """Whether there is what judges; where it must be made first, until ``halted`` says that the run ends."""

    def __call__(self, generator: nn.Module) -> AnyFigures:
        """The figures of a generator. Call :meth:`ready` first."""


class Periodic:
    """When something is judged: every so many steps, never where that is 0."""

    def __init__(self, every: int) -> None:
        self._every = every

    def due(self, step: int) -> bool:
        """Whether the generator of that step is to be judged."""
        return self._every > 0 and step > 0 and step % self._every == 0

    def begun(self, step: int) -> bool:
        """Whether a run that stands at that step was to be judged before, or is now."""
        return 0 < self._every <= step


class Metric(Periodic):
    """Judges generators of one run by 2,000 pictures of the same latents and labels each time, drawn from the run's seed.

    A copy is judged whose batch-norm statistics are re-estimated as at export, so what is judged is what is exported, and
    nothing of the run changes. Label agreement is judged where the generator takes the data's classes, each asked for about
    as often as any other.
    """

    def __init__(self, data: DataSet, run: Run, progress: Callable[[str, int, int], None] | None) -> None:
        super().__init__(run.preset.settings.metric_every)
        self._data, self._run, self._progress = data, run, progress
        self._oracle: Oracle | None = None

    def ready(self, halted: Callable[[], bool]) -> bool:
        """Whether there is an oracle: from the cache, else it is trained now, until ``halted`` says that the run ends.

        Where the data cannot judge, one sentence in the log says so, and nothing is ever due again.
        """

        def report(stage: str, done: int, total: int) -> None:
            if halted():
                raise _Halted
            if self._progress is not None:
                self._progress(stage, done, total)

        if self._oracle is None and self._every > 0:
            try:
                self._oracle = quick_oracle(self._data, progress=report)
            except _Halted:
                return False
            except DataError as error:
                self._every = 0
                _log.warning("the best checkpoint is not chosen: %s", error)
        return self._oracle is not None

    @torch.no_grad()
    def __call__(self, generator: nn.Module) -> Figures:
        """The figures of a generator, which stays as it is. Call :meth:`ready` first."""
        judge, run = self._oracle, self._run
        assert judge is not None
        made = copy.deepcopy(generator).requires_grad_(False)
        run.settle(made)
        draw = run.fakes(made, "metric", evenly=True, device=next(made.parameters()).device)
        batches = [draw(BATCH) for _ in range(SAMPLES // BATCH)]
        asked = None
        if run.config.classes == self._data.classes:
            asked = torch.cat([label.argmax(dim=1) for _, label in batches]).cpu().numpy()
        found = verdict(judge, (to_pixels(made(latent, label)) for latent, label in batches), asked)
        return Figures(
            agreement=None if found.agreement is None else found.agreement.overall,
            frechet=found.frechet,
            floor=judge.floor,
            samples=SAMPLES,
            oracle=judge.name,
            oracle_accuracy=judge.accuracy,
        )
