"""What the main process writes of a run while it trains: stats.jsonl, TensorBoard events, sample grids, the report."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Protocol

from torch import nn

from cganx.data import DataSet
from cganx.training.directory import GRID_LATENTS, Events, GridWriter, Stats
from cganx.training.health import Checkup
from cganx.training.labels import shown_labels
from cganx.training.report import write_report
from cganx.training.run import Run
from cganx.training.sampling import LATENTS, seeded
from cganx.training.state import State

__all__ = ["AnyJournal", "Journal"]


class AnyCheckup(Protocol):
    """Looks at the networks of a run by the same pictures again and again."""

    def measure(self, generator: nn.Module, discriminator: nn.Module) -> Mapping[str, float]:
        """How they do, by name."""


class AnyJournal(ABC):
    """Writes what a run has come to; of several processes only the main one has it."""

    def __init__(self, run: Run, state: State, checkup: AnyCheckup) -> None:
        self._run, self._state, self._checkup = run, state, checkup
        self.stats = Stats(run.path, state.step)
        self._events = Events(run.path, state.step)

    @abstractmethod
    def show(self) -> None:
        """Write a sample grid, and the report anew."""

    def look(self) -> Mapping[str, float]:
        """The figures of a checkup."""
        measured = self._checkup.measure(self._state.shown, self._state.players.discriminator)
        self.plot("health", measured)
        return measured

    def plot(self, kind: str, values: Mapping[str, float]) -> None:
        """Add values to TensorBoard's events, each as kind/name."""
        self._events.add(self._state.step, {f"{kind}/{name}": value for name, value in values.items()})

    def close(self) -> None:
        """Close the events."""
        self._events.close()


class Journal(AnyJournal):
    """Writes what a run has come to; of several processes only the main one has it."""

    def __init__(self, run: Run, state: State, data: DataSet) -> None:
        config, preset, device = run.config, run.preset, state.processes.device
        checkup = Checkup.choose(
            data.train.images,
            data.train.labels,
            len(config.classes) * preset.settings.by_label,
            draw=run.fakes(state.players.generator, "checkup"),
            random=seeded(config.seed, "checkup pictures"),
            device=device,
        )
        super().__init__(run, state, checkup)
        size = int(state.players.generator.latent)  # type: ignore[arg-type]
        latents = LATENTS[preset.latent](GRID_LATENTS, size, seeded(config.seed, "grid"))
        shown = shown_labels(config.classes, config.combinations)
        self._grids = GridWriter(run.path, shown, latents.to(device), config.codes)

    def show(self) -> None:
        """Write a sample grid, and the report anew."""
        self._grids.write(self._state.step, self._state.shown)
        write_report(self._run)
