"""What one of several processes does in test_training_processes.py: OUT is the first argument."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import torch
from training_pictures import SMALL, data_set

from cganx.errors import TrainingError
from cganx.networks import r3gan
from cganx.training import PRESETS, keeping, train

# One of each update scheme, with and without batch norm, dropout, an average, and several batches of reals a step.
SCHEMES = ("sngan-small", "cdcgan", "cgan", "mode-collapse", "infogan", "wgan-gp", "acgan")


def relativistic(out: Path) -> None:
    """R3GAN in float64, on narrow networks: 20 steps of 64 pictures."""
    widths, blocks, dtype = r3gan.WIDTHS, r3gan.BLOCKS, torch.get_default_dtype()
    r3gan.WIDTHS, r3gan.BLOCKS = (16,), 1
    torch.set_default_dtype(torch.float64)
    try:
        settings = SMALL | {"batch_size": 64}
        train(data_set(height=8, width=8), "r3gan", out, steps=20, settings=settings, device="cpu")
    finally:
        r3gan.WIDTHS, r3gan.BLOCKS = widths, blocks
        torch.set_default_dtype(dtype)


def resumed(name: str, out: Path) -> None:
    """Four steps in one go, and in two halves."""
    height, width = PRESETS[name].fixed_size or (8, 8)
    data = data_set(height=height, width=width)
    for folder, stops in (("straight", (4,)), ("halves", (2, 4))):
        for steps in stops:
            torch.rand(3)
            train(data, name, out / name / folder, steps=steps, settings=SMALL | {"log_every": 3}, device="cpu")


def failing(out: Path) -> None:
    """The disk fills up at the second checkpoint; what each process says of it is left beside the run."""
    written = keeping.save_checkpoint

    def full(run: Path, step: int, *rest: Any) -> Path:
        if step == 2:
            raise TrainingError("the disk is full")
        return written(run, step, *rest)

    keeping.save_checkpoint = full
    try:
        train(
            data_set(height=8, width=8), "cdcgan", out / "full", steps=4, settings=SMALL | {"checkpoint_every": 2}, device="cpu"
        )
    except TrainingError as error:
        (out / f"said-{os.environ['RANK']}").write_text(str(error))
    finally:
        keeping.save_checkpoint = written


if __name__ == "__main__":
    relativistic(Path(sys.argv[1]) / "r3gan")
    for scheme in SCHEMES:
        resumed(scheme, Path(sys.argv[1]))
    failing(Path(sys.argv[1]))
