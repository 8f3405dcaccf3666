"""A training step of every preset against the same networks and losses in plain PyTorch code.

Ours is ``cganx.training.train`` with its bookkeeping, theirs is plain_torch.py: what somebody writes who follows PyTorch's
tutorials. Both see fashion-small. On a busy machine the wall time of many threads says little (one of them waits, and all
wait for it); ``--one-core 1`` compares processor time there, each subject on one core.
"""

from __future__ import annotations

import contextlib
import sys
from argparse import Namespace

from report import Figure, Target, main
from side_by_side import Spread, Worker, alternate, one_core, workers
from subjects import say, script, users_environment

from cganx.training.presets import LATENT_PRESETS, find_preset

DATA = "fashion-small"
WARM = 2  # steps before anything is counted


def measure(arguments: Namespace) -> list[Figure]:
    presets = [arguments.preset] if arguments.preset else list(LATENT_PRESETS)
    figures = []
    with one_core() if arguments.one_core else contextlib.nullcontext():
        for preset in presets:
            find_preset(preset)
            figures.append(compared(preset, arguments))
            say(": ".join((figures[-1].texts()[0], figures[-1].texts()[2])))
    return figures


def compared(preset: str, arguments: Namespace) -> Figure:
    """Plain code's time over ours, the median of pairs."""
    what = "cpu" if arguments.one_core else "wall"
    command = [sys.executable, script("plain_torch.py"), DATA, preset]
    with workers(command, environment=users_environment()) as (plain,):
        steps = in_a_turn(plain, what, arguments.seconds)
        command = [sys.executable, script("cganx_steps.py"), DATA, preset, str(steps)]
        with workers(command, environment=users_environment()) as (ours,):
            ours.turn(steps)
            taken = alternate(lambda: plain.turn(steps), lambda: ours.turn(steps), arguments.pairs)
    spread = Spread.of([getattr(theirs, what) / getattr(mine, what) for theirs, mine in taken])
    note = "processor time, each on one core" if arguments.one_core else "wall time, all cores"
    measure_ = f"{preset} training step, plain torch's time / ours"
    return Figure(measure_, spread.median, spread=spread, target=Target(">=", 1.0), note=f"{note}, {steps} steps a turn")


def in_a_turn(worker: Worker, what: str, seconds: int) -> int:
    """How many steps take about so long."""
    worker.turn(WARM)
    count = 1
    while (took := getattr(worker.turn(count), what)) < seconds / 4:
        count *= 2
    return max(1, round(count * seconds / took))


if __name__ == "__main__":
    main(
        __doc__ or "",
        measure,
        ("--pairs", 7, "paired turns"),
        ("--seconds", 1, "seconds a turn, about"),
        ("--one-core", 0, "1: processor time of each on one core, for a busy machine"),
        ("--preset", "", "that one alone; all where it is empty"),
    )
