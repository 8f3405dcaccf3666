"""A short turn of what tests/benchmarks/under_load.py does for minutes, and what keeps its memory in bounds."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cganx.runtime import testing
from cganx.runtime.processors import threads_here
from cganx.runtime.sessions import OwnSession

SUBJECT = Path(__file__).parents[1] / "benchmarks" / "load_subject.py"


@pytest.mark.skipif(sys.platform != "linux", reason="reads private memory from /proc")
def test_under_many_threads_pictures_stay_the_same_and_memory_does_not_grow(part: Callable[[str], None]) -> None:
    part("onnxruntime")
    done = subprocess.run(
        [sys.executable, SUBJECT, testing.TINY, "16", "4"], capture_output=True, text=True, timeout=120, check=True
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert lines[-1]["runs"] >= 16
    assert lines[-1]["differ"] == 0
    assert lines[-1]["private"] - lines[len(lines) // 3]["private"] < 5e6


def test_no_more_runs_at_once_than_processors() -> None:
    """Each takes memory that the session keeps."""

    class Slow:
        lock, now, most = threading.Lock(), 0, 0

        def run(self, names: object, feed: object) -> list[object]:
            del names, feed
            with self.lock:
                self.now += 1
                self.most = max(self.most, self.now)
            time.sleep(0.02)
            with self.lock:
                self.now -= 1
            return []

    slow = Slow()
    session = OwnSession(slow)
    crowd = [threading.Thread(target=session.run, args=((), {})) for _ in range(4 * threads_here())]
    for thread in crowd:
        thread.start()
    for thread in crowd:
        thread.join()
    assert slow.most == threads_here()
