"""Progress on stderr."""

from __future__ import annotations

import io

import pytest

from cganx.evaluation import stage_line
from cganx.evaluation.stage_line import StageLine


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_one_line_is_rewritten_and_gone_in_the_end() -> None:
    stream = Terminal()
    with StageLine(stream) as line:
        line("making pictures", 256, 10_000)
        line("making pictures", 512, 10_000)  # too soon to show
        line("computing recall", 0, 1)
    shown = stream.getvalue().split("\r")
    assert [text.rstrip() for text in shown if text.strip()] == ["making pictures 256/10,000", "computing recall"]
    assert "\n" not in stream.getvalue()


def test_elsewhere_a_line_comes_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([0.0, 1.0, 21.0, 22.0])
    monkeypatch.setattr(stage_line.time, "monotonic", lambda: next(now))
    stream = io.StringIO()
    with StageLine(stream) as line:
        for done in (1, 2, 3):
            line("making pictures", done, 9)
    assert stream.getvalue() == "making pictures 2/9\n"
