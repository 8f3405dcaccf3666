"""A training step of the preset cdcgan against the same step in the tutorial's Keras code, batch 128.

Ours is ``cganx.training.train`` with its bookkeeping; theirs is keras_cgan.py, in an environment of its own. Both see
the same pictures, both networks have the same number of parameters, and both players learn.
"""

from __future__ import annotations

import os
import sys
import tempfile
from argparse import Namespace
from pathlib import Path

import numpy as np
from report import Figure, Target, main
from side_by_side import Spread, alternate, workers
from subjects import keras, say, script, users_environment

from cganx import data

DATA = "fashion-small"
PARAMETERS = {"generator": 1_169_336, "discriminator": 196_773}


def measure(arguments: Namespace) -> list[Figure]:
    steps = arguments.steps
    with tempfile.TemporaryDirectory() as folder:
        pictures = Path(folder) / "pictures.npz"
        train = data.load(DATA).train
        np.savez(pictures, images=train.images, labels=train.labels)
        commands = (
            [os.fspath(keras()), script("keras_cgan.py"), os.fspath(pictures)],
            [sys.executable, script("cganx_cdcgan.py"), DATA, str(steps)],
        )
        say(f"cganx against Keras: {arguments.pairs} pairs of {steps} steps each ...")
        with workers(*commands, environment=users_environment()) as (theirs, ours):
            for worker in (theirs, ours):
                assert worker.about["parameters"] == PARAMETERS, worker.about
            assert all(theirs.about["learns"].values()), theirs.about
            theirs.turn(1)
            taken = alternate(lambda: theirs.turn(steps), lambda: ours.turn(steps), arguments.pairs)
    spread = Spread.of([keras_seconds / our_seconds for keras_seconds, our_seconds in taken])
    totals = sum(one for one, _ in taken) / sum(one for _, one in taken)
    measure_ = "cdcgan training step, Keras' time / ours"
    return [
        Figure(measure_, spread.median, spread=spread, target=Target(">=", 2.5)),
        Figure(measure_, totals, note="total of all turns, checkpoints included"),
    ]


if __name__ == "__main__":
    main(__doc__ or "", measure, ("--pairs", 15, "paired turns"), ("--steps", 10, "training steps in a turn"))
