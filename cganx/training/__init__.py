"""Presets, the loop, checkpoints, and the run directory."""

import os

# Threads that spin for long while they wait cost a busy machine most of its steps, threads that sleep at once cost a quiet
# one a fifth: a thousand turns (libgomp, which torch brings on Linux), then sleep. Read once, when torch loads OpenMP.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")

from cganx.training.loop import train
from cganx.training.preset import Preset
from cganx.training.presets import DEFAULT, LATENT_PRESETS, PRESETS, find_preset
from cganx.training.run import Run, RunConfig, open_run
from cganx.training.settings import ClassHeadSettings, Settings
from cganx.training.status import Status, StatusLine

__all__ = [
    "DEFAULT",
    "LATENT_PRESETS",
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
