"""One generator under many threads, and many generators one after the other: the same pictures, and no growth (Linux).

Growth is that of private memory, by the medians of its tenths or quarters; what comes before is warm-up.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from argparse import Namespace
from collections.abc import Sequence

from report import Figure, Target, main
from subjects import bundled_file, cdcgan_file, say, script, users_environment

MB = 1e6


def measure(arguments: Namespace) -> list[Figure]:
    path = os.fspath(bundled_file() or cdcgan_file())
    threads, minutes, cycles = arguments.threads, arguments.minutes, arguments.cycles
    say(f"{threads} threads on one generator for {minutes:g} minutes ...")
    under = told("threads", path, threads, 60 * minutes)
    what = f"{threads} threads on one generator, {minutes:g} minutes"
    figures = [
        Figure(f"{what}: answers unlike a single thread's", under[-1]["differ"], target=Target("<=", 0), note=count(under)),
        Figure(f"{what}: growth after the first tenth", growth(under, 10, 1), "MB", target=Target("<=", 5)),
        Figure(f"{what}: private memory in the last tenth", part(under, 10, 9) / MB, "MB"),
    ]
    say(f"{cycles} generators one after the other ...")
    after = told("cycles", path, cycles)
    what = f"load, make 16 pictures, let go, {cycles} times"
    grown = growth(after, 4, 1)
    note = f"{1000 * grown / (cycles / 2):.2f} kB a cycle"
    figures.append(Figure(f"{what}: answers unlike the first", after[-1]["differ"], target=Target("<=", 0)))
    figures.append(
        Figure(f"{what}: growth from the second quarter to the last", grown, "MB", target=Target("<=", 5), note=note)
    )
    return figures


def told(*arguments: object) -> list[dict[str, float]]:
    """What load_subject.py says, from this tree."""
    environment = dict(users_environment()) | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, script("load_subject.py"), *map(str, arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    return [json.loads(line) for line in done.stdout.splitlines()]


def count(lines: Sequence[dict[str, float]]) -> str:
    return f"of {lines[-1]['runs']:,.0f}"


def part(lines: Sequence[dict[str, float]], parts: int, which: int) -> float:
    """The median of the private bytes in one of so many equal parts of the run."""
    end = lines[-1]["at"]
    found = [line["private"] for line in lines if which <= parts * line["at"] / end <= which + 1]
    if len(found) < 3:
        raise SystemExit("the run was too short to say anything: ask for more --minutes or --cycles")
    return statistics.median(found)


def growth(lines: Sequence[dict[str, float]], parts: int, warm: int) -> float:
    """From the first part after the warm-up to the last part, in MB."""
    return (part(lines, parts, parts - 1) - part(lines, parts, warm)) / MB


if __name__ == "__main__":
    main(
        __doc__ or "",
        measure,
        ("--threads", 32, "threads on one generator"),
        ("--minutes", 10.0, "how long"),
        ("--cycles", 1000, "generators one after the other"),
    )
