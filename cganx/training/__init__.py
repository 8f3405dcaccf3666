"""Presets, the loop, checkpoints, and the run directory."""

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
