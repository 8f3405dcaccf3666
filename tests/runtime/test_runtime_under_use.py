"""A short turn of what `make benchmark` does for minutes: many threads on one generator, many generators in a row."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cganx.runtime import testing

SUBJECT = Path(__file__).parents[1] / "benchmarks" / "load_subject.py"


@pytest.mark.skipif(sys.platform != "linux", reason="reads private memory from /proc")
@pytest.mark.parametrize(("how", "numbers"), [("threads", (8, 3)), ("cycles", (60,))])
def test_under_use_pictures_stay_the_same_and_memory_does_not_grow(
    how: str, numbers: tuple[int, ...], part: Callable[[str], None]
) -> None:
    part("onnxruntime")
    done = subprocess.run(
        [sys.executable, SUBJECT, how, testing.TINY, *map(str, numbers)],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert lines[-1]["runs"] >= 8
    assert lines[-1]["differ"] == 0
    warm = lines[len(lines) // 3]["private"]
    assert lines[-1]["private"] - warm < 5e6
