"""Run the benchmarks and write their figures as one markdown table.

    python tests/benchmarks/run.py [--only NAME ...] [--skip NAME ...] [-o TABLE.md]

Every figure is a ratio or a difference of two subjects measured in alternation in the same run, and the median of such
pairs with its quartiles; see side_by_side.py. A missed target is said in the table. The exit code is 1 where a benchmark
could not be run. The names are those of the scripts beside this one; each runs alone too.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from report import Figure, figure_from, machine
from subjects import BUILD, ROOT, say

BENCHMARKS = (
    "import_cost",
    "cold_start",
    "guest_table",
    "host_costs",
    "generate_ratio",
    "judged_pictures",
    "rewrites",
    "half_weights",
    "bundled_speed",
    "keras_step",
    "step_speed",
    "steady_memory",
    "under_load",
    "million_pictures",
    "bulk_rate",
    "encode_workers",
    "translate_rate",
    "mutants",
    "bundled_quality",
    "demo_time",
)
PACKAGES = ("numpy", "onnxruntime", "torch")
HEADER = ("measure", "target", "measured (median)", "quartiles", "command")


def run(name: str) -> list[Figure] | None:
    """The figures of one benchmark, None where it could not be run."""
    command = [sys.executable, f"tests/benchmarks/{name}.py", "--json"]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        say(f"{name} could not be run (exit code {done.returncode})")
        return None
    return [figure_from(fields) for fields in json.loads(done.stdout)]


def table(rows: Sequence[tuple[str, Figure]]) -> str:
    """Markdown."""
    lines = [f"| {' | '.join(HEADER)} |", f"|{'---|' * len(HEADER)}"]
    for name, figure in rows:
        cells = (*figure.texts(), f"`python tests/benchmarks/{name}.py`")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def conditions() -> str:
    """Where and when, and how busy the machine was with other things."""
    with_load = f", load {os.getloadavg()[0]:.1f} before" if hasattr(os, "getloadavg") else ""
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return f"{machine()}; {packages}; {datetime.now(UTC):%Y-%m-%d}{with_load}."


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=BENCHMARKS, default=BENCHMARKS, metavar="NAME")
    parser.add_argument("--skip", nargs="+", choices=BENCHMARKS, default=[], metavar="NAME")
    parser.add_argument("-o", "--out", type=Path, default=BUILD / "table.md", help="default: %(default)s")
    arguments = parser.parse_args()
    chosen = [name for name in arguments.only if name not in arguments.skip]

    where = conditions()
    rows: list[tuple[str, Figure]] = []
    failed: list[str] = []
    for name in chosen:
        figures = run(name)
        if figures is None:
            failed.append(name)
        rows += [(name, figure) for figure in figures or []]
    text = f"{where}\n\n{table(rows)}\n"
    if failed:
        text += f"\nCould not be run: {', '.join(failed)}.\n"
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(text, encoding="utf-8")
    print(text)
    say(f"written to {arguments.out}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
