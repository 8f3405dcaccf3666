"""A training step of the preset cdcgan against the same step in the tutorial's Keras code, batch 128.

Ours is ``cganx.training.train`` with its bookkeeping; theirs is keras_cgan.py, in an environment of its own. Both see
the same pictures, both networks have the same number of parameters, and both players learn. On a busy machine the wall
time of many threads says little (one of them waits, and all wait for it); there the last figure, of processor time with
each subject on one core, still holds.
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
PARAMETERS = {"generator": 1_169_336, "discriminator": 196_773}


MEASURE = "cdcgan training step, Keras' time / ours"


def measure(arguments: Namespace) -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        pictures = Path(folder) / "pictures.npz"
        train = data.load(DATA).train
        np.savez(pictures, images=train.images, labels=train.labels)
        taken = paired(pictures, arguments.pairs, arguments.steps)
        spread = Spread.of([theirs.wall / ours.wall for theirs, ours in taken])
        totals = sum(theirs.wall for theirs, _ in taken) / sum(ours.wall for _, ours in taken)
        figures = [
            Figure(MEASURE, spread.median, spread=spread, target=Target(">=", 2.5), note="wall time, all cores"),
            Figure(MEASURE, totals, note="wall time of all turns together, checkpoints included"),
        ]
        if hasattr(os, "sched_setaffinity"):
            with one_core():
                taken = paired(pictures, arguments.pairs, max(1, arguments.steps // 2))
            spread = Spread.of([theirs.cpu / ours.cpu for theirs, ours in taken])
            figures.append(Figure(MEASURE, spread.median, spread=spread, note="processor time, each on one core"))
    return figures


def paired(pictures: Path, pairs: int, steps: int) -> list[tuple[Cost, Cost]]:
    """What so many steps cost in Keras and here."""
    commands = (
        [os.fspath(keras()), script("keras_cgan.py"), os.fspath(pictures)],
        [sys.executable, script("cganx_steps.py"), DATA, "cdcgan", str(steps)],
    )
    say(f"cganx against Keras: {pairs} pairs of {steps} steps each ...")
    with workers(*commands, environment=users_environment()) as (theirs, ours):
        for worker in (theirs, ours):
            if worker.about["parameters"] != PARAMETERS:
                raise SystemExit(f"the networks are not the tutorial's: {worker.about['parameters']}")
        if not all(theirs.about["learns"].values()):
            raise SystemExit(f"the Keras code does not train both players: {theirs.about['learns']}")
        theirs.turn(1)
        return alternate(lambda: theirs.turn(steps), lambda: ours.turn(steps), pairs)


if __name__ == "__main__":
    main(__doc__ or "", measure, ("--pairs", 15, "paired turns"), ("--steps", 10, "training steps in a turn"))
