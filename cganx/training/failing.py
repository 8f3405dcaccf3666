"""What follows when the health monitor names a failure: a warning, a stop, or a way back to where the run was well."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from cganx.errors import TrainingError
from cganx.training.checkpoint import load_checkpoint
from cganx.training.directory import Stats, read_stats
from cganx.training.figures import by_rank
from cganx.training.health import FAILURE, RESTARTED, WINDOW, Finding, Monitor, remedies
from cganx.training.run import Run, open_run
from cganx.training.state import State

__all__ = ["Failures", "OnFailure", "check_on_failure"]

OnFailure = Literal["warn", "stop", "restart-best"]
MOST_RESTARTS = 3
_log = logging.getLogger("cganx")


def check_on_failure(asked: str) -> None:
    """Raise TrainingError where ``asked`` is none of ``warn``, ``stop`` and ``restart-best``."""
    if asked not in get_args(OnFailure):
        raise TrainingError(f"on_failure is {asked!r}: give one of {', '.join(get_args(OnFailure))}")


class Failures:
    """The failures of a run. Each is logged, and written to stats.jsonl with its evidence; then

    - ``warn``: the run goes on;
    - ``stop``: it is kept, and ends with a TrainingError;
    - ``restart-best``: networks and optimisers go back to the best checkpoint, or to the newest from before the failure, and
      learn on with new numbers at half the rates; after three times it stops.

    A run that is not finite cannot go on: with ``warn`` it ends too, and its last checkpoint stays.

    Of several processes the main one, which has ``stats``, judges; the others do as it does.
    """

    def __init__(self, run: Run, state: State, stats: Stats | None, keep: Callable[[], None], on_failure: OnFailure) -> None:
        self._run, self._state, self._stats, self._keep, self._on_failure = run, state, stats, keep, on_failure
        self._settings = run.preset.settings
        self._monitor = Monitor(run.preset.balance, run.preset.rules)
        for line in read_stats(run.path) if stats is not None else ():
            self._monitor.see(line)

    def see(self, line: Mapping[str, Any]) -> None:
        """Judge a line of stats.jsonl. To be called by all processes. Raises TrainingError where the run has to stop."""
        found: Finding | None = None
        for finding in self._monitor.see(line) if self._stats is not None else ():
            self._note(finding)
            if self._on_failure != "warn":
                found = finding
                break
        if self._on_failure == "warn" or self._state.processes.agreed(found is not None) == [0]:
            return
        if self._on_failure == "restart-best":
            self._go_back(found)
        else:
            self._keep()
            raise TrainingError(f"stopped. {self._words(found)}. The same command goes on if you think otherwise")

    def broken(self, finding: Finding) -> None:
        """The state is worth nothing any more: go back, or raise TrainingError. To be called by all processes."""
        self._note(finding)
        if self._on_failure != "restart-best":
            stays = "the last checkpoint" if self._stats is None else f"the checkpoint of step {self._run.step():,}"
            raise TrainingError(self._words(finding, f"; {stays} stays"))
        self._go_back(finding)

    def _note(self, finding: Finding) -> None:
        if self._stats is None:
            return
        self._stats.add({"step": finding.step, FAILURE: finding.name, "evidence": finding.evidence})
        _log.warning("%s", self._words(finding))

    def _words(self, finding: Finding | None, more: str = "") -> str:
        if finding is None:
            return "the first process says why"
        tries = " or ".join(remedies(finding.name, self._settings))
        return f"step {finding.step:,}: {finding.name}: {finding.evidence}{more}. Try in a new run: {tries}"

    def _go_back(self, finding: Finding | None) -> None:
        if self._state.restarts == MOST_RESTARTS:
            raise TrainingError(f"stopped after {MOST_RESTARTS} restarts. {self._words(finding)}")
        now, tensors = self._state.step, dict[str, Tensor]()
        if self._stats is not None:
            step = self._healthy(now)
            tensors = self._start() if step == 0 else load_checkpoint(self._run.path, step)[0]
        tensors, _ = self._state.processes.from_main(tensors, {})
        self._state.go_back(self._run.path, tensors)
        if self._stats is None:
            return
        line = {"step": now, RESTARTED: step}
        self._stats.add(line)
        self._monitor.see(line)
        _log.warning("step %s: the networks are those of step %s again, at %g of the rates", now, step, self._state.rate_factor)

    def _healthy(self, step: int) -> int:
        """The step to go back to: the best one before, else the newest that is a window older and stays for good, else 0.

        Only what is scheduled counts, so that a run that was resumed goes back to the same one.
        """
        judged, kept = self._settings.metric_every, self._settings.keep_every
        best = [one for one, _ in by_rank(self._run.path) if judged and one % judged == 0 and one < step]
        older = [one for one in self._run.checkpoints() if one % kept == 0 and one <= step - WINDOW]
        return best[0] if best else max(older, default=0)

    def _start(self) -> dict[str, Tensor]:
        """The state before the first step."""
        with torch.random.fork_rng(devices=[]):
            start = State.build(self._run.preset, self._run.config, self._state.labels, self._state.processes)
        if self._run.config.init_from is not None:
            start.take_weights(open_run(self._run.config.init_from))
        return start.shared()
