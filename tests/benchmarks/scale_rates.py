"""The rates from which docs/scale.md reckons: what a picture of 64 px costs a core, how large it is, and what a shard costs.

    python tests/benchmarks/scale_rates.py [-o docs/scale-rates.json]
    python scripts/make_scale_page.py

All times are processor times of one process, its threads together, so that other work on the machine moves them little:
pictures a core-second. Each is the median of ``--rounds`` turns, taken in alternation.
"""

from __future__ import annotations

import argparse
import itertools
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from bulk_rate import MODELS, SETTINGS, Subjects
from report import machine
from subjects import BUILD, ROOT, say

from cganx import runtime
from cganx.runtime.testing import TINY
from cganx_cli.fill_shards import fill_shards
from cganx_cli.shards import SHARDS
from cganx_cli.sinks import LocalSink

PICTURES = 1000
FEW, MANY = 20, 420  # shards of one picture


def cost(turn: Callable[[Path], object], folder: Path) -> float:
    """Processor seconds of a turn."""
    begun = time.process_time()
    turn(folder)
    return time.process_time() - begun


def per_core(rounds: int, scratch: Path) -> dict[str, float]:
    """Pictures a core-second: the session alone, encoders and writers alone, and the command's pipeline."""
    subjects = Subjects(MODELS["materials"], PICTURES)
    subjects.generator = runtime.load(MODELS["materials"], "cpu", threads=1)
    turns = {"session": subjects.raw, "encoding": subjects.shards_alone, "command": subjects.shards}
    taken: dict[str, list[float]] = {name: [] for name in turns}
    numbers = itertools.count()
    for number in range(rounds + 1):
        for name, turn in turns.items():
            seconds = cost(turn, scratch / f"turn-{next(numbers)}")
            taken[name] += [seconds] if number else []
    count = len(subjects.requests)
    return {name: round(count / statistics.median(each), 1) for name, each in taken.items()}


def bytes_each(_: int, scratch: Path) -> dict[str, float]:
    """Bytes that a picture takes: as a file of its own, in a tar, in a Parquet file."""
    subjects = Subjects(MODELS["materials"], PICTURES)
    turns = {"files": subjects.files, "webdataset": subjects.shards, "parquet": subjects.parquet}
    sizes = {}
    for name, turn in turns.items():
        turn(scratch / name)
        files = [
            path.stat().st_size for path in (scratch / name).rglob("*") if path.is_file() and path.name != "manifest.jsonl"
        ]
        sizes[name] = round(sum(files) / len(subjects.requests), 1)
    return sizes


def shard_seconds(rounds: int, scratch: Path) -> float:
    """Processor time that a shard costs beside its pictures."""
    generator, numbers = runtime.load(TINY, "cpu", threads=1), itertools.count()
    plan = Subjects(str(TINY), MANY).plan
    each = []
    for _ in range(rounds):
        seconds = {}
        for shards in (FEW, MANY // 2):
            settings = replace(SETTINGS, shards=shards)
            folder = scratch / f"shards-{next(numbers)}"
            seconds[shards] = cost(
                lambda at, told=settings: fill_shards(generator, plan, SHARDS["webdataset"], LocalSink(str(at)), told), folder
            )
        each.append((seconds[MANY // 2] - seconds[FEW]) / (MANY // 2 - FEW))
    return round(statistics.median(each), 6)


def ray_seconds(rounds: int, scratch: Path) -> float:
    """Processor time that handing out a shard costs the command on a Ray cluster."""
    sys.path.insert(0, str(ROOT / "tests" / "image_cli"))
    from ray_cluster import cluster

    each = []
    with cluster({}) as machines:
        for number in range(rounds):
            seconds = {}
            for shards in (FEW, MANY):
                command = [sys.executable, "-m", "cganx_cli", "generate", str(TINY), "--seeds", f"0-{MANY - 1}", "--quiet"]
                command += ["--class", "disc", "--shards", str(shards), "-o", str(scratch / f"ray-{number}-{shards}")]
                before = resource.getrusage(resource.RUSAGE_CHILDREN)
                subprocess.run(
                    [*command, "--engine", "ray", "--address", machines.address], env=machines.environment, check=True
                )
                after = resource.getrusage(resource.RUSAGE_CHILDREN)
                seconds[shards] = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            each.append((seconds[MANY] - seconds[FEW]) / (MANY - FEW))
    return round(statistics.median(each), 6)


PARTS: dict[str, Callable[[int, Path], object]] = {
    "pictures_a_core_second": per_core,
    "bytes": bytes_each,
    "shard_seconds": shard_seconds,
    "ray_seconds": ray_seconds,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--out", type=Path, default=ROOT / "docs" / "scale-rates.json")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--parts", default=",".join(PARTS), help="measure these alone, and keep the others of the file")
    arguments = parser.parse_args()
    BUILD.mkdir(parents=True, exist_ok=True)
    found = json.loads(arguments.out.read_text()) if arguments.out.exists() else {}
    for part in arguments.parts.split(","):
        say(f"{part} ...")
        with tempfile.TemporaryDirectory(dir=BUILD) as scratch:
            found |= {"machine": machine(), part: PARTS[part](arguments.rounds, Path(scratch))}
        arguments.out.write_text(json.dumps(found, indent=2) + "\n")
    say(json.dumps(found))


if __name__ == "__main__":
    main()
