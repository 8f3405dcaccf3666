"""A folder of a million made-up colour pictures of 64 x 64 pixels, packed and trained on within two gigabytes.

Every picture is a file of its own name, which is opened, read and decoded; a thousand of them have bytes of their own and
the rest are hard links to those. Private memory is what the training process alone holds: the pages of the packed file,
which the system may drop at any time, are no part of it. Takes about 14 GB of disk for the time of the run.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import time
from argparse import Namespace
from pathlib import Path

import numpy as np
from PIL import Image
from private_memory import watched
from report import Figure, Target, main
from subjects import BUILD, say

SIDE, CLASSES, DISTINCT = 64, 10, 1000


def make(folder: Path, count: int) -> None:
    """A folder of ``count`` PNGs in ten classes."""
    rng = np.random.default_rng(0)
    kept = folder.with_name("distinct")
    kept.mkdir(parents=True)
    originals = [kept / f"{number}.png" for number in range(min(count, DISTINCT))]
    for path in originals:
        coarse = Image.fromarray(rng.integers(0, 256, (4, 4, 3), dtype=np.uint8))
        coarse.resize((SIDE, SIDE), Image.Resampling.BICUBIC).quantize(64).convert("RGB").save(path)
    for label in range(CLASSES):
        (folder / f"class {label}").mkdir(parents=True)
    for number in range(count):
        os.link(
            originals[number // CLASSES % len(originals)], folder / f"class {number % CLASSES}" / f"picture {number:07}.png"
        )


def measure(arguments: Namespace) -> list[Figure]:
    count = arguments.pictures
    BUILD.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=BUILD) as scratch:
        folder, run = Path(scratch) / "pictures", Path(scratch) / "run"
        say(f"making {count:,} pictures ...")
        make(folder, count)
        need, free = count * SIDE * SIDE * 3, shutil.disk_usage(scratch).free
        if free < need:
            raise SystemExit(f"{need / 1e9:.0f} GB of disk are needed and {free / 1e9:.0f} are free: ask for fewer --pictures")
        say("training ...")
        command = [sys.executable, "-m", "cganx_cli", "train", "--data", folder, "-o", run]
        command += ["--steps", str(arguments.steps), "--device", "cpu", "--set", f"log_every={arguments.steps}"]
        taken: list[tuple[float, int]] = []
        begun = time.monotonic()
        watched(command, lambda seconds, private: taken.append((seconds, private)), every=0.05)
        wall = time.monotonic() - begun
        line = json.loads((run / "stats.jsonl").read_text().splitlines()[-1])
        held = len(json.loads((run / "config.json").read_text())["class_counts"]), line["step"]
        if held != (CLASSES, arguments.steps):
            raise SystemExit(f"it trained on {held[0]} classes up to step {held[1]}: that is not what was asked")
        for seconds, private in taken[:: max(1, len(taken) // 40)]:
            say(f"  {seconds:7.1f} s  {private / 2**20:7.0f} MiB")
    what = f"a folder of {count:,} pictures, {SIDE} x {SIDE} colour"
    peak = max(private for _, private in taken)
    return [
        Figure(f"{what}: most private memory", peak / 2**30, "GiB", target=Target("<=", 2.0)),
        Figure(f"{what}: from the command to its end, {arguments.steps} steps", wall, "s"),
    ]


if __name__ == "__main__":
    main(__doc__ or "", measure, ("--pictures", 1_000_000, "pictures"), ("--steps", 20, "training steps"))
