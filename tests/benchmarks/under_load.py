"""One generator under many threads: the pictures of a single thread, and no growth of private memory (Linux)."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from argparse import Namespace
from collections.abc import Sequence

from report import Figure, Target, main
from subjects import ROOT, bundled_file, cdcgan_file, say, script, users_environment


def measure(arguments: Namespace) -> list[Figure]:
    path = os.fspath(bundled_file() or cdcgan_file())
    what = f"{arguments.threads} threads on one generator for {arguments.minutes:g} minutes"
    say(f"{what} ...")
    command = [sys.executable, script("load_subject.py"), path, str(arguments.threads), str(60 * arguments.minutes)]
    environment = dict(users_environment()) | {"PYTHONPATH": os.fspath(ROOT)}
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    last = lines[-1]
    early, late = private(lines, 1), private(lines, 9)
    return [
        Figure(f"{what}: calls of {last['runs']:,} unlike a single thread's", last["differ"], target=Target("<=", 0)),
        Figure(f"{what}: private memory, last tenth against second", late - early, "MB", target=Target("<=", 5)),
        Figure(f"{what}: private memory in the last tenth", late, "MB"),
    ]


def private(lines: Sequence[dict[str, float]], tenth: int) -> float:
    """The median of a tenth of the time, in MB."""
    end = lines[-1]["at"]
    found = [line["private"] for line in lines if tenth <= 10 * line["at"] / end <= tenth + 1]
    if len(found) < 3:
        raise SystemExit("the run was too short to say anything: ask for more --minutes")
    return statistics.median(found) / 1e6


if __name__ == "__main__":
    main(
        __doc__ or "",
        measure,
        ("--threads", 32, "threads on one generator"),
        ("--minutes", 10.0, "how long"),
    )
