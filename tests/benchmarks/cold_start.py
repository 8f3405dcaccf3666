"""From a cold process to the first picture: cganx.runtime against a bare script of numpy and onnxruntime.

Both run in an environment with the built wheel, so everything has its bytecode, as for a user. Wall time is from the
start of the process to the picture's first byte on the pipe, processor time that of the whole process.
"""

from __future__ import annotations

import os
from argparse import Namespace
from functools import partial
from pathlib import Path

from report import Figure, Target, main
from side_by_side import Spread, alternate, fresh
from subjects import bundled_file, cdcgan_file, installed, say, script, users_environment


def measure(arguments: Namespace) -> list[Figure]:
    python, environment = os.fspath(installed()), users_environment()
    files: dict[str, Path | None] = {"cdcgan": cdcgan_file(), "bundled": bundled_file()}
    figures, pairs = [], arguments.pairs
    for name, path in files.items():
        if path is None:
            continue
        say(f"cold start, {name}: {pairs} pairs of fresh processes ...")
        bare, ours = ([python, script(one), os.fspath(path)] for one in ("first_picture.py", "first_picture_cganx.py"))
        for command in (bare, ours):  # the disk's cache is warm for both
            fresh(command, environment)
        taken = alternate(partial(fresh, bare, environment), partial(fresh, ours, environment), pairs)
        wall = Spread.of([second.wall / first.wall for first, second in taken])
        cpu = Spread.of([second.cpu / first.cpu for first, second in taken])
        measure_ = f"cold start to first picture / bare script, {name}"
        figures.append(Figure(measure_, wall.median, spread=wall, target=Target("<=", 1.15), note="wall time"))
        figures.append(Figure(measure_, cpu.median, spread=cpu, note="processor time"))
    return figures


if __name__ == "__main__":
    main(__doc__ or "", measure, ("--pairs", 30, "pairs of fresh processes"))
