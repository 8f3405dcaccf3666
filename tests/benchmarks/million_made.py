"""Memory of a command that makes a million pictures beside one that makes a thousand.

    python tests/benchmarks/million_made.py [--pictures 1000000] [--seconds 280]

``cganx generate fashion --shards`` into a folder below build/, a shard a thousand pictures. After ``--seconds`` the command is
interrupted as by Ctrl-C; this script then says how far it is, and goes on from there when it is called again. The figure is the
most private memory of the longest of these commands over that of one of a thousand pictures: what grows with them would show.
"""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from argparse import Namespace
from pathlib import Path

from private_memory import private_bytes
from report import Figure, Target, main
from subjects import BUILD

SHARD = 1000
MOST_GROWTH = 300.0
HEEDING = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have switched it off
from cganx_cli.group import cganx
cganx()
"""


def watched(out: Path, pictures: int, seconds: float) -> float:
    """MiB of private memory at most, in the command's life or so many seconds of it."""
    command = [sys.executable, "-c", HEEDING, "generate", "fashion", "--seeds", f"0-{pictures // 10 - 1}", "--quiet"]
    command += ["--shards", str(pictures // SHARD), "--existing", "skip", "-o", str(out)]
    most, until = 0, time.monotonic() + seconds
    with subprocess.Popen(command) as process:
        while process.poll() is None:
            most = max(most, private_bytes(process.pid))
            if time.monotonic() > until:
                process.send_signal(signal.SIGINT)
                until += 60
            time.sleep(0.05)
    if process.returncode not in (0, 130):
        raise subprocess.CalledProcessError(process.returncode, command)
    return most / 2**20


def measure(arguments: Namespace) -> list[Figure]:
    root = BUILD / "million"
    root.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(root / "few", ignore_errors=True)
    few = watched(root / "few", SHARD, arguments.seconds)
    before = len(list((root / "many").glob("*.tar")))
    most = watched(root / "many", arguments.pictures, arguments.seconds)
    done = len(list((root / "many").glob("*.tar")))
    record = root / "pieces.json"
    pieces = (json.loads(record.read_text()) if before else []) + [{"made": (done - before) * SHARD, "most": most}]
    record.write_text(json.dumps(pieces))
    longest = max(pieces, key=lambda piece: piece["made"])
    note = (
        f"{few:,.0f} MiB for 1,000, {longest['most']:,.0f} for {longest['made']:,} in one command, the longest of {len(pieces)}"
    )
    note += f"; {done * SHARD:,} of {arguments.pictures:,} are made"
    return [
        Figure(
            "private memory of many pictures over that of 1,000",
            longest["most"] - few,
            "MiB",
            None,
            Target("<=", MOST_GROWTH),
            note,
        )
    ]


if __name__ == "__main__":
    main(
        __doc__ or "",
        measure,
        ("--pictures", 1_000_000, "pictures in the end"),
        ("--seconds", 280, "seconds of one command"),
    )
