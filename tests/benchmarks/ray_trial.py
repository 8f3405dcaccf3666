"""Two workers of a real Ray cluster on this machine train a few steps, and go on.

Needs `pip install "cganx[train,ray]"`, which the test suite does without: Ray is large and slow to start.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from cganx.errors import TrainingError
from cganx.training import open_run
from cganx.training.cluster import train_on_ray


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        begun, out = time.monotonic(), Path(folder) / "run"
        for steps in (4, 6):
            settings = {"batch_size": 8, "log_every": 2, "checkpoint_every": 2, "metric_every": 0}
            told = {"data": "fashion-small", "preset": "sngan-small", "out": out, "steps": steps, "device": "cpu"}
            train_on_ray(2, told | {"settings": settings})
            assert open_run(out).step() == steps
            print(f"two workers are at step {steps} after {time.monotonic() - begun:.0f} s")
        try:
            train_on_ray(2, told | {"settings": settings | {"batch_size": 6}})
        except TrainingError as error:
            print(f"another batch size is refused: {error}")
        else:
            raise AssertionError("another batch size was not refused")


if __name__ == "__main__":
    main()
