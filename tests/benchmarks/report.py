"""What a benchmark says: figures with their target and spread, as lines for people or JSON for the table."""

from __future__ import annotations

import argparse
import json
import operator
import os
import platform
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from side_by_side import Spread

_HOLDS: dict[str, Callable[[float, float], bool]] = {">=": operator.ge, "<=": operator.le}


@dataclass(frozen=True)
class Target:
    """A bound such as ``>= 2.5``."""

    relation: str
    bound: float

    def met(self, value: float) -> bool:
        return _HOLDS[self.relation](value, self.bound)


@dataclass(frozen=True)
class Figure:
    """One row of the table: a value (the median of paired measurements where there is a spread), its unit and target."""

    measure: str
    value: float
    unit: str = ""
    spread: Spread | None = None
    target: Target | None = None
    note: str = ""

    @property
    def met(self) -> bool | None:
        return None if self.target is None else self.target.met(self.value)

    def texts(self) -> tuple[str, str, str, str]:
        """measure, target, value, spread."""
        target = "" if self.target is None else f"{self.target.relation} {number(self.target.bound)}{self._unit()}"
        verdict = "" if self.met is None else (" (met)" if self.met else " (**missed**)")
        spread = ""
        if self.spread is not None:
            spread = f"{number(self.spread.low)} to {number(self.spread.high)}, {self.spread.count} pairs"
        measure = f"{self.measure} ({self.note})" if self.note else self.measure
        return measure, target, f"{number(self.value)}{self._unit()}{verdict}", spread

    def _unit(self) -> str:
        return f" {self.unit}" if self.unit else ""


def number(value: float) -> str:
    """Three significant digits, never an exponent."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) < 10 else f"{value:.1f}"


def machine() -> str:
    """What the figures were measured on."""
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        models = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
        name = models[0] if models else name
    return f"{processors} cores of {name}, {platform.system()}, Python {platform.python_version()}"


def main(about: str, measure: Callable[[argparse.Namespace], Sequence[Figure]], *options: tuple[str, int | str, str]) -> None:
    """The command line of a benchmark. ``options`` are (name, default, help); their type is the default's."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    for name, default, text in options:
        parser.add_argument(name, type=type(default), default=default, help=f"{text} (default {default!r})")
    arguments = parser.parse_args()
    figures = measure(arguments)
    if arguments.json:
        json.dump([asdict(figure) for figure in figures], sys.stdout)
        print()
        return
    print(machine())
    for figure in figures:
        measure_, target, value, spread = figure.texts()
        print(f"{measure_}: {value}{f'  [{spread}]' if spread else ''}{f'  target {target}' if target else ''}")


def figure_from(fields: dict[str, object]) -> Figure:
    """The figure that ``asdict`` took apart."""
    spread, target = fields.pop("spread"), fields.pop("target")
    return Figure(
        **fields,  # type: ignore[arg-type]
        spread=Spread(**spread) if isinstance(spread, dict) else None,
        target=Target(**target) if isinstance(target, dict) else None,
    )
