"""A process that times one model: ``python -m cganx_export.stopwatch MODEL FEEDS...``

A line ``INDEX COUNT`` on its input asks for ``COUNT`` runs on the feeds of that index, arrays in an .npz file; it answers with
the processor time in seconds of the cheapest, of all threads together. On a quiet machine that goes with wall time, for a
thread that waits for another stays awake; on a busy one wall time says nothing. Nothing else runs in it, for two sessions of
one process slow each other.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

from cganx.runtime.backend import open_session


def main(model: str, *feeds: str) -> None:
    """Answer until the input ends."""
    session, _ = open_session(Path(model).read_bytes(), "cpu", None)
    given = [dict(np.load(path)) for path in feeds]
    precise = time.get_clock_info("process_time").resolution < 1e-4  # on Windows it ticks 64 times a second
    clock = time.process_time if precise else time.perf_counter
    for line in sys.stdin:
        index, count = (int(one) for one in line.split())
        taken = []
        for _ in range(count):
            begin = clock()
            session.run(["pixels"], given[index])
            taken.append(clock() - begin)
        sys.stdout.write(f"{min(taken)!r}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
