"""A hundred thousand files that are one change away from good ones: each is refused or makes pictures, never else.

The files are those of ``tests/attacks/mutants.py``. They are loaded in processes of their own, a few hundred in each, under
limits on memory and files; what crashes, hangs, writes, prints, or raises anything but a leaf of ModelError is a fault. So are
the graphs of one operator of ``tests/attacks/single_nodes.py`` in which the reader is wrong about a shape.
"""

from __future__ import annotations

import os
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from typing import Any

from report import Figure, Target, main
from subjects import ROOT, say

IN_ONE_PROCESS = 500
Line = dict[str, Any]


def tried(name: str, ask: Callable[[int, int], tuple[list[Line], Any]], first: int, count: int) -> Iterator[Line]:
    """What came of each number; one that ended its process, or printed, has a fault."""
    at, begun = first, time.monotonic()
    while at < first + count:
        lines, answer = ask(at, min(IN_ONE_PROCESS, first + count - at))
        done = [line for line in lines if "faults" in line]
        yield from done
        at += len(done)
        if answer.printed or answer.ended:
            yield {"index": at, "faults": [f"{answer.ended}, printed {answer.printed!r} (it, or one just before it)"]}
        if answer.ended:
            at += 1
        if (at - first) % 10_000 < IN_ONE_PROCESS:
            say(f"{at - first:,} of {count:,} {name} after {time.monotonic() - begun:.0f} s")


def faults(lines: list[Line]) -> int:
    for line in lines:
        for fault in line["faults"]:
            say(f"number {line['index']}: {fault}")
    return sum(bool(line["faults"]) for line in lines)


def measure(arguments: Namespace) -> list[Figure]:
    # Behind this folder, for its own module is of this script's name.
    sys.path.append(os.fspath(ROOT / "tests" / "attacks"))
    from trial import Trials

    with Trials() as trials:
        mutants = list(tried("mutants", trials.mutants, arguments.first, arguments.mutants))
        graphs = list(tried("graphs", trials.single_nodes, arguments.first, arguments.graphs))
    pictures = sum(not line.get("refused", True) for line in mutants)
    run = sum(bool(line.get("operator")) for line in graphs)
    none = Target("<=", 0)
    return [
        Figure(
            "mutants neither refused nor good",
            faults(mutants),
            target=none,
            note=f"{arguments.mutants:,} mutants, {pictures / arguments.mutants:.0%} of which make pictures",
        ),
        Figure(
            "the slowest mutant",
            max(line.get("seconds", 0) for line in mutants),
            unit="s",
            target=Target("<=", 2),
            note="processor time",
        ),
        Figure(
            "the largest mutant",
            max(line.get("megabytes", 0) for line in mutants),
            unit="MB",
            target=Target("<=", 500),
            note="over the import",
        ),
        Figure(
            "graphs of one operator whose shape is not the reader's",
            faults(graphs),
            target=none,
            note=f"{arguments.graphs:,} graphs, {run / arguments.graphs:.0%} of which run",
        ),
    ]


if __name__ == "__main__":
    main(
        __doc__ or "",
        measure,
        ("--mutants", 100_000, "how many"),
        ("--graphs", 30_000, "how many of one operator"),
        ("--first", 0, "the number of the first"),
    )
