"""Tries the whole corpus and writes what came of it, as docs/attacks.md.

    python tests/attacks/page.py

A file that is not refused, or does anything else, ends it.
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Sequence
from importlib.metadata import version
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory

from corpus import ATTACKS, BAIT, PLACES, Attack, Place, without_card
from trial import OURS, THEIRS, Answer, Outcome, Trials

PAGE = Path(__file__).resolve().parents[2] / "docs" / "attacks.md"
HEAD = """# The corpus of attacks

What the runtime is made to refuse ([SECURITY.md](../SECURITY.md)), and what each refusal costs: {attacks} attacks,
{files:,} files and places. Every one was read and loaded, by path and as bytes, in a process of its own, and graphs that are
hostile themselves without their card too. None wrote, opened another file, reached the net, printed, or ended its process.
`tests/attacks/corpus.py` makes them, `pytest tests/attacks` tries them, and `python tests/attacks/page.py` writes this page.

Seconds are of a processor and MB are over the import, for the costliest file of each, on {machine} with
onnxruntime {onnxruntime}. The costliest of all: {seconds:.2f} s and {megabytes:.0f} MB; the tests allow 2 s and 500 MB.
"""
TABLE = "| attack | what the file does | files | refused as | seconds | MB |\n|---|---|---|---|---|---|\n"


def shown(text: str) -> str:
    """A text as a cell of a table."""
    return "".join(f"\\{one}" if one in "\\|*_<`" else one for one in text)


def rows(page: str) -> list[list[str]]:
    """The cells of all attacks on the page, each row with its group before it."""
    found, group = [], ""
    for line in page.splitlines():
        if line.startswith("## "):
            group = line.removeprefix("## ")
        elif line.startswith("| `"):
            found.append([group, *line.strip("| ").split(" | ")])
    return found


def tried(attack: Attack | Place, trials: Trials, folder: Path) -> tuple[int, list[Outcome]]:
    """How many files or places there are, and what came of each. Raises RuntimeError where a process ended."""
    answers: list[tuple[list[Outcome], Answer]] = []
    if isinstance(attack, Place):
        path = attack.path(folder)
        count = 1
        answers.append(trials.files(folder, [] if path is None else [path], ("read path", "load path")))
    else:
        made = attack.files()
        count = len(made)
        (folder / BAIT).write_bytes(bytes(8192))
        for index, data in enumerate(made):
            (folder / f"{index}.onnx").write_bytes(data)
        answers.append(trials.files(folder, [f"{index}.onnx" for index in range(count)], OURS))
        if attack.foreign:
            (folder / "theirs.onnx").write_bytes(without_card(made[0]))
            answers.append(trials.files(folder, ["theirs.onnx"], THEIRS))
    outcomes = [one for lines, _ in answers for one in lines]
    for _, answer in answers:
        if answer.ended or answer.printed:
            raise RuntimeError(f"{attack.name}: {answer.ended}, printed {answer.printed!r}")
    for one in outcomes:
        read = isinstance(attack, Attack) and attack.late and one.way.startswith("read")
        if one.touched or not (one.leaf or read):
            raise RuntimeError(f"{attack.name}: {one}")
    return count, outcomes


def row(attack: Attack | Place, count: int, outcomes: Sequence[Outcome]) -> str:
    errors = ", ".join(sorted({one.error for one in outcomes if one.error})) or "not on this machine"
    seconds, megabytes = (max((getattr(one, what) for one in outcomes), default=0.0) for what in ("seconds", "megabytes"))
    return f"| `{attack.name}` | {shown(attack.tries)} | {count} | {errors} | {seconds:.2f} | {megabytes:.0f} |\n"


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.machine()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())


def page() -> str:
    every: list[tuple[Attack | Place, int, list[Outcome]]] = []
    with Trials() as trials:
        for attack in (*ATTACKS, *PLACES):
            with TemporaryDirectory() as folder:
                every.append((attack, *tried(attack, trials, Path(folder))))
    outcomes = [one for _, _, lines in every for one in lines]
    text = HEAD.format(
        attacks=len(every),
        files=sum(count for _, count, _ in every),
        machine=f"one core of {processor()}",
        onnxruntime=version("onnxruntime"),
        seconds=max(one.seconds for one in outcomes),
        megabytes=max(one.megabytes for one in outcomes),
    )
    for group, members in groupby(every, lambda one: one[0].group):
        text += f"\n## {group}\n\n{TABLE}" + "".join(row(*one) for one in members)
    return text


def main() -> int:
    text = page()
    PAGE.write_text(text, encoding="utf-8")
    print(f"{os.fspath(PAGE)}: {len(rows(text))} attacks")
    return 0


if __name__ == "__main__":
    sys.exit(main())
