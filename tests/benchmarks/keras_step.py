"""A training step of the presets gan, cdcgan and acgan against the same step in the tutorials' Keras code.

Ours is ``cganx.training.train`` with its bookkeeping; theirs is keras_originals.py, in an environment of its own. Both see
the same pictures, both networks learn the same number of parameters, and both players learn. On a busy machine the wall
time of many threads says little (one of them waits, and all wait for it); there the last figure, of processor time with
each subject on one core, still holds. ``--precision bf16`` is another recipe than the tutorials': what ours makes of a
processor that has it.
"""

from __future__ import annotations

import os
import sys
import tempfile
from argparse import Namespace
from pathlib import Path

import numpy as np
from report import Figure, Target, main
from side_by_side import Cost, Spread, alternate, one_core, workers
from subjects import keras, say, script, users_environment

from cganx import data

DATA = "fashion-small"
PARAMETERS = {
    "gan": {"generator": 1_164_289, "discriminator": 155_137},
    "cdcgan": {"generator": 1_169_336, "discriminator": 196_773},
    "acgan": {"generator": 3_756_792, "discriminator": 526_731},
}
RUNNING = {"acgan": {"generator": 2 * 192, "discriminator": 2 * (64 + 128 + 256)}}
"""Batch norm's running statistics, which Keras counts as parameters."""


def measure(arguments: Namespace) -> list[Figure]:
    presets = [arguments.preset] if arguments.preset else list(PARAMETERS)
    with tempfile.TemporaryDirectory() as folder:
        pictures = Path(folder) / "pictures.npz"
        train = data.load(DATA).train
        np.savez(pictures, images=train.images, labels=train.labels)
        return [figure for preset in presets for figure in compared(preset, pictures, arguments)]


def compared(preset: str, pictures: Path, arguments: Namespace) -> list[Figure]:
    """Keras' time over ours: of pairs, of all turns together, and on one core."""
    what = f"{preset} training step, Keras' time / ours"
    ours = "" if arguments.precision == "no" else f", ours in {arguments.precision}"
    taken = paired(preset, pictures, arguments.pairs, arguments.steps, arguments.precision)
    spread = Spread.of([theirs.wall / mine.wall for theirs, mine in taken])
    totals = sum(theirs.wall for theirs, _ in taken) / sum(mine.wall for _, mine in taken)
    figures = [
        Figure(what, spread.median, spread=spread, target=Target(">=", 2.5), note=f"wall time, all cores{ours}"),
        Figure(what, totals, note=f"wall time of all turns together, checkpoints included{ours}"),
    ]
    if hasattr(os, "sched_setaffinity"):
        with one_core():
            taken = paired(preset, pictures, arguments.pairs, max(1, arguments.steps // 2), arguments.precision)
        spread = Spread.of([theirs.cpu / mine.cpu for theirs, mine in taken])
        figures.append(Figure(what, spread.median, spread=spread, note=f"processor time, each on one core{ours}"))
    return figures


def paired(preset: str, pictures: Path, pairs: int, steps: int, precision: str) -> list[tuple[Cost, Cost]]:
    """What so many steps cost in Keras and here."""
    commands = (
        [os.fspath(keras()), script("keras_originals.py"), os.fspath(pictures), preset],
        [sys.executable, script("cganx_steps.py"), DATA, preset, str(steps), precision],
    )
    say(f"cganx against Keras: {preset}, {pairs} pairs of {steps} steps each ...")
    with workers(*commands, environment=users_environment()) as (theirs, ours):
        running = RUNNING.get(preset, dict.fromkeys(PARAMETERS[preset], 0))
        counted = {name: count - running[name] for name, count in theirs.about["parameters"].items()}
        for parameters in (counted, ours.about["parameters"]):
            if parameters != PARAMETERS[preset]:
                raise SystemExit(f"the networks are not the tutorial's: {parameters}")
        if not all(theirs.about["learns"].values()):
            raise SystemExit(f"the Keras code does not train both players: {theirs.about['learns']}")
        theirs.turn(1)
        return alternate(lambda: theirs.turn(steps), lambda: ours.turn(steps), pairs)


if __name__ == "__main__":
    main(
        __doc__ or "",
        measure,
        ("--pairs", 15, "paired turns"),
        ("--steps", 10, "training steps in a turn"),
        ("--preset", "", "that one alone; all three where it is empty"),
        ("--precision", "no", "what ours computes in: no, for float32, or bf16"),
    )
