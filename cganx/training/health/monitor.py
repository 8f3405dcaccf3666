"""The monitor: fed with the lines of stats.jsonl as they are written, it says each failure once."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

from cganx.training.health.rules import RULES, WINDOW, Balance, Finding, History, Rules

__all__ = ["FAILURE", "RESTARTED", "Monitor", "replay"]

FAILURE, RESTARTED = "failure", "restarted_from"


class Monitor:
    """What a run has logged in the last 2,500 steps, judged line by line.

    It sees nothing but the lines of stats.jsonl, so that a resumed run goes on with the same judgement, and any run can be
    judged again from its file. A line with ``restarted_from`` begins the history anew; one with ``failure`` names what was
    found before.
    """

    def __init__(self, balance: Balance, rules: Rules = RULES) -> None:
        self._balance, self._rules = balance, rules
        self._lines: deque[Mapping[str, float]] = deque()
        self._named: set[str] = set()
        self._begun = 0

    def see(self, line: Mapping[str, Any]) -> list[Finding]:
        """What the line shows for the first time."""
        step = int(line["step"])
        if FAILURE in line:
            self._named.add(line[FAILURE])
            return []
        if RESTARTED in line:
            self._lines.clear()
            self._named.clear()
            self._begun = step
            return []
        self._lines.append({name: value for name, value in line.items() if isinstance(value, (int, float))})
        while self._lines[0]["step"] <= step - WINDOW:
            self._lines.popleft()
        lines = list(self._lines)
        history = History(self._balance, lines, [one for one in lines if "reach_low" in one], step - self._begun)
        found = []
        for name, rule in self._rules.items():
            evidence = None if name in self._named else rule(history)
            if evidence is not None:
                self._named.add(name)
                found.append(Finding(name, step, evidence))
        return found


def replay(lines: Iterable[Mapping[str, Any]], balance: Balance, rules: Rules = RULES) -> list[Finding]:
    """All that a monitor would have said of a run with these lines, whatever was said then."""
    monitor = Monitor(balance, rules)
    return [finding for line in lines if FAILURE not in line for finding in monitor.see(line)]
