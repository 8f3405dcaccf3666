"""What a guest costs its host: cganx.runtime beside a bare script of onnxruntime and two packages that run models with it.

All in environments of their own with the same numpy and onnxruntime, on the same file, in rounds of fresh processes with an
empty HOME and nothing set for them; guest_subject.py is what runs. Linux.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from argparse import Namespace
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from report import Figure, Target, main, number
from side_by_side import Spread, fresh
from subjects import bundled_file, cdcgan_file, installed, peer, say, script, users_environment

PEERS = {"fastembed": "fastembed==0.9.*", "rembg": "rembg[cpu]==2.*"}


@dataclass(frozen=True)
class Guest:
    """How a guest is started, and the HOME that it finds empty."""

    name: str
    python: Path
    file: Path

    def command(self, how: str) -> list[str]:
        return [os.fspath(self.python), script("guest_subject.py"), how, self.name, os.fspath(self.file)]

    def costs(self) -> dict[str, float]:
        """One round: each figure by its name."""
        with tempfile.TemporaryDirectory() as scratch:
            home, told, temporary = (Path(scratch) / name for name in ("home", "told", "tmp"))
            home.mkdir()
            temporary.mkdir()
            environment = as_found({"HOME": home, "TOLD": told, "TMPDIR": temporary})
            importing, picture = (fresh(self.command(how), environment) for how in ("import", "picture"))
            stay = subprocess.run(self.command("stay"), env=environment, capture_output=True, check=True)
            written = [path for path in home.rglob("*") if path.is_file()]
            return {
                "import": 1000 * importing.cpu,
                "wall": 1000 * picture.wall,
                "cpu": 1000 * picture.cpu,
                "printed": len(stay.stdout) + len(stay.stderr),
                "files": len(written),
                **json.loads(told.read_text()),
            }


def as_found(more: Mapping[str, Path]) -> dict[str, str]:
    """A user's variables: nothing that quiets onnxruntime."""
    dropped = ("ORT_DISABLE_TELEMETRY", "CI", "GITHUB_ACTIONS", "XDG_CACHE_HOME", "XDG_DATA_HOME")
    kept = {name: value for name, value in users_environment().items() if name not in dropped}
    return kept | {name: os.fspath(path) for name, path in more.items()}


@dataclass(frozen=True)
class Row:
    """A figure of the table: how it is called, in which unit, and what may be asked of ours."""

    name: str
    measure: str
    unit: str = ""
    scale: float = 1.0
    target: Target | None = None


ROWS = (
    Row("import", "import, processor time", "ms"),
    Row("wall", "cold process to first picture, wall time", "ms"),
    Row("cpu", "cold process to first picture, processor time", "ms"),
    Row("idle", "processor time while idle after a picture", "%", 100, Target("<=", 1)),
    Row("paced", "processor time of a picture, twenty a second", "ms", 1000),
    Row("private", "private memory after the first picture", "MB", 1e-6),
    Row("threads", "threads then, the main one included"),
    Row("files", "files left in HOME", target=Target("<=", 0)),
    Row("printed", "bytes on stdout and stderr", target=Target("<=", 0)),
)


def measure(arguments: Namespace) -> list[Figure]:
    file = bundled_file() or cdcgan_file()
    ours = installed()
    pythons = {"cganx": ours, "bare": ours} | {name: peer(requirement) for name, requirement in PEERS.items()}
    guests = [Guest(name, python, file) for name, python in pythons.items()]
    for guest in guests:
        say(f"{guest.name}: a round that does not count ...")
        guest.costs()  # fills the disk's cache, and rembg compiles a part of itself
    taken: dict[str, list[dict[str, float]]] = {guest.name: [] for guest in guests}
    for turn in range(arguments.rounds):
        say(f"round {turn + 1} of {arguments.rounds} ...")
        for guest in guests[turn % 4 :] + guests[: turn % 4]:
            taken[guest.name].append(guest.costs())
    return [figure(row, lambda name, row=row: [row.scale * one[row.name] for one in taken[name]]) for row in ROWS]


def figure(row: Row, values: Callable[[str], list[float]]) -> Figure:
    """Ours, and in the note the medians of the others."""
    spread = Spread.of(values("cganx"))
    others = ", ".join(f"{name} {number(median(values(name)))}" for name in ("bare", *PEERS))
    return Figure(f"a guest's {row.measure}", spread.median, row.unit, spread, row.target, note=others)


if __name__ == "__main__":
    main(__doc__ or "", measure, ("--rounds", 8, "rounds of fresh processes"))
