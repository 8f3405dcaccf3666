"""What a run would be, without beginning it: its config, its size in memory, how long it would take."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import torch

from cganx.errors import TrainingError
from cganx.training.checkpoint import load_checkpoint
from cganx.training.directory import in_use
from cganx.training.presets import find_preset
from cganx.training.run import CONFIG, Run, open_run
from cganx.training.settings import changed
from cganx.training.starting import check, refuse_strangers
from cganx.training.status import Progress, Status

__all__ = ["Trial", "estimate"]

STEPS = 3
NEVER = 10**9
PARTS = ("generator", "discriminator", "average", "generator_optimizer", "discriminator_optimizer")
MIB = 2**20


class Trial(Protocol):
    """`train` of everything that a dry run does not change."""

    def __call__(self, *, out: Path, steps: int, settings: Mapping[str, Any], progress: Progress) -> Run:
        """Train so many steps."""


def estimate(
    trial: Trial,
    preset: str,
    out: Path,
    *,
    steps: int | None,
    time_budget: float | None,
    settings: Mapping[str, Any],
    seed: int,
) -> dict[str, Any]:
    """The config of the run, its parameters, its memory and its time, as JSON takes them.

    Three real steps are made in a temporary directory, which is gone afterwards: what training would refuse is refused here
    by the same code, and the figures are measured on this machine. Nothing else is written. The time is that of the steps;
    judging, checkups and grids come on top.

    Raises what `train` raises, for the run that ``out`` already holds too.
    """
    check(steps, time_budget, seed)
    recipe = find_preset(preset)
    wanted = changed(recipe.settings, settings)
    refuse_strangers(out)
    if in_use(out):
        raise TrainingError(f"{out} is in use: a process trains there; wait for it, or train in another directory")
    seen: list[Status] = []
    quiet = dict(settings) | {
        "log_every": 1,
        "health_every": 0,
        "metric_every": 0,
        "checkpoint_every": NEVER,
        "grid_every": NEVER,
    }
    with tempfile.TemporaryDirectory(prefix="cganx-dry-run-") as folder:
        run = trial(out=Path(folder) / "run", steps=STEPS, settings=quiet, progress=seen.append)
        tensors, _ = load_checkpoint(run.path, STEPS)
        config = dataclasses.replace(run.config, settings=dataclasses.asdict(wanted))
        generator = run.preset.generator(config.shape, config.chosen)
        discriminator = run.preset.discriminator(config.shape, len(config.taught) or config.chosen)
    if (out / CONFIG).exists():
        there = open_run(out)
        differences = there.config.differences(config)
        if differences and there.checkpoints():
            raise TrainingError(
                f"{out} holds a run that was started otherwise; ask for the same:\n  " + "\n  ".join(differences)
            )

    step = (seen[-1].seconds - seen[0].seconds) / (STEPS - 1)
    sizes = {part: _bytes(one for name, one in tensors.items() if name.startswith(f"{part}/")) for part in PARTS}
    whole = steps or (recipe.steps if time_budget is None else None)
    seconds = [one for one in (time_budget, None if whole is None else whole * step) if one is not None]
    return {
        "config": dataclasses.asdict(config),
        "parameters": {
            name: sum(one.numel() for one in module.parameters())
            for name, module in (("generator", generator), ("discriminator", discriminator))
        },
        "pictures": config.pictures,
        "classes": len(config.taught or config.classes),
        "memory_mib": {name: round(size / MIB, 2) for name, size in sizes.items()} | _peaks(),
        "time": {
            "seconds_per_step": round(step, 4),
            "images_per_second": round(wanted.batch_size / step, 1),
            "steps": whole if time_budget is None else min(int(time_budget / step), whole or NEVER),
            "seconds": round(min(seconds), 1),
        },
    }


def _bytes(tensors: Any) -> int:
    return sum(one.numel() * one.element_size() for one in tensors)


def _peaks() -> dict[str, float]:
    """The most that this process has held, its libraries and the pictures included; of a GPU's memory too."""
    out: dict[str, float] = {}
    try:
        import resource
        import sys

        unit = 1 if sys.platform == "darwin" else 1024
        out["process_peak"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / MIB, 1)
    except ImportError:  # Windows
        pass
    if torch.cuda.is_available() and torch.cuda.max_memory_allocated():
        out["gpu_peak"] = round(torch.cuda.max_memory_allocated() / MIB, 1)
    return out
