"""Private memory over 20,000 steps of a cheap preset, checkpoints, grids and events included: it must not grow.

Compared are the medians of the second and of the last quarter of the run; in between lie half of its steps.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from argparse import Namespace
from pathlib import Path

from private_memory import watched
from report import Figure, Target, main
from subjects import BUILD, say

PRESET, DATA, BATCH = "mode-collapse", "fashion-small", 8


def measure(arguments: Namespace) -> list[Figure]:
    BUILD.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=BUILD) as scratch:
        run = Path(scratch) / "run"
        command = [sys.executable, "-m", "cganx_cli", "train", "--data", DATA, "--preset", PRESET, "-o", run]
        command += ["--steps", str(arguments.steps), "--batch-size", str(BATCH), "--device", "cpu"]
        say(f"{arguments.steps:,} steps of {PRESET} ...")
        taken: list[tuple[int, int]] = []

        def note(seconds: float, private: int) -> None:  # noqa: ARG001
            taken.append((reached(run), private))

        watched(command, note, every=0.25)
    quarters = [[private for step, private in taken if low < step / arguments.steps <= low + 0.25] for low in (0.25, 0.75)]
    if not all(len(quarter) >= 10 for quarter in quarters):
        raise SystemExit("the run was too short to say anything: ask for more --steps")
    before, after = (statistics.median(quarter) for quarter in quarters)
    what = f"{arguments.steps:,} steps of {PRESET}"
    return [
        Figure(
            f"{what}: private memory, last quarter against second", (after - before) / 2**20, "MiB", target=Target("<=", 2.0)
        ),
        Figure(f"{what}: private memory in the last quarter", after / 2**20, "MiB"),
    ]


def reached(run: Path) -> int:
    """The last step that the run has noted."""
    try:
        with (run / "stats.jsonl").open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - 400))
            line = file.read().splitlines()[-1].decode()
    except (OSError, IndexError):
        return 0
    number = line.partition('"step": ')[2].partition(",")[0]
    return int(number) if number.isdigit() else 0


if __name__ == "__main__":
    main(__doc__ or "", measure, ("--steps", 20_000, "training steps"))
