"""Judge runs again from their stats.jsonl: which failures the health monitor names today, whatever it said then.

python tests/benchmarks/false_alarms.py RUN ...

Prints one line a run and how many of the runs, the failing presets left out, raise an alarm; the exit code is 1 where one does.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from cganx.training import open_run
from cganx.training.directory import read_stats
from cganx.training.health import replay

FAILING = ("mode-collapse", "convergence-failure")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    alarms = judged = 0
    for path in parser.parse_args().runs:
        run = open_run(path)
        lines = read_stats(path)
        findings = replay(lines, run.preset.balance)
        said = ", ".join(f"{one.name} at {one.step:,}" for one in findings) or "no failure"
        checkups = [line for line in lines if "variety" in line]
        least = f", variety {min(one['variety'] for one in checkups):.2f} at least" if checkups else ""
        most = f", copies {max(one['duplicates'] for one in checkups):.0%} at most" if checkups else ""
        print(f"{run.config.preset}, {run.step():,} steps: {said} ({len(checkups)} checkups{least}{most})")
        if run.config.preset not in FAILING:
            judged, alarms = judged + 1, alarms + bool(findings)
    print(f"alarms in {alarms} of {judged} runs that should raise none")
    return 1 if alarms else 0


if __name__ == "__main__":
    sys.exit(main())
