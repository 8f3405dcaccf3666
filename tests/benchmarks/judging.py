"""Figures of a file's quality, by quality.py."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from report import Figure, Target
from subjects import say, script

AGREEMENT = Target(">=", 0.90)
FRECHET = Target("<=", 20)


def judged(model: Path, name: str, *, data: str = "fashion-mnist", targets: bool) -> list[Figure]:
    """Label agreement, and the Frechet distance in units of its real-against-real floor."""
    say(f"judging {name} on {data} ...")
    command = [sys.executable, script("quality.py"), os.fspath(model), "--data", data, "--json"]
    found = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    note = f"{found['frechet']:.2f} over {found['floor']:.3f}"
    return [
        Figure(f"label agreement, {name}", found["agreement"], target=AGREEMENT if targets else None),
        Figure(f"Frechet distance / floor, {name}", found["ratio"], target=FRECHET if targets else None, note=note),
    ]
