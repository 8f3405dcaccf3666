"""A run that is stopped while its pictures are still being read."""

import os
import signal
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cganx.training import train


@pytest.mark.skipif(os.name != "posix", reason="Windows sends no SIGINT to a process of its own")
@pytest.mark.parametrize(("number", "raised"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)])
def test_a_signal_while_pictures_are_read_is_heeded(
    tmp_path: Path, number: signal.Signals, raised: type[BaseException]
) -> None:
    rng = np.random.default_rng(0)
    for index in range(200):
        path = tmp_path / "pictures" / f"class {index % 2}" / f"{index}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (8, 8), dtype=np.uint8)).save(path)
    stages: list[str] = []

    def interrupt(stage: str, done: int, total: int) -> None:  # noqa: ARG001
        stages.append(stage)
        if len(stages) == 1:
            os.kill(os.getpid(), number)

    with pytest.raises(raised):
        train(tmp_path / "pictures", "mode-collapse", tmp_path / "run", steps=1, device="cpu", data_progress=interrupt)
    assert stages == ["reading headers"], "it went on to read"
    assert not (tmp_path / "run").exists()
