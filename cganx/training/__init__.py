"""Presets, the loop, checkpoints, and the run directory."""

import os

# Waiting threads that spin cost a busy machine more than half of its steps. OpenMP reads this once, when torch loads it.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from cganx.training.loop import train
from cganx.training.presets import PRESETS, Preset, find_preset
from cganx.training.run import Run, RunConfig, open_run
from cganx.training.settings import ClassHeadSettings, Settings
from cganx.training.status import Status, StatusLine

__all__ = [
    "PRESETS",
    "ClassHeadSettings",
    "Preset",
    "Run",
    "RunConfig",
    "Settings",
    "Status",
    "StatusLine",
    "find_preset",
    "open_run",
    "train",
]
