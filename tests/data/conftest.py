"""Small data sets on disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CGANX_CACHE", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.delenv("CGANX_DATA", raising=False)


@pytest.fixture
def folder(tmp_path: Path) -> Callable[..., Path]:
    """``folder({"cat": 12, "dog": 12}, size=(height, width))``: coloured PNGs, one subfolder a class."""

    def make(counts: dict[str, int], size: tuple[int, int] = (10, 12), root: str = "animals") -> Path:
        top = tmp_path / root
        rng = np.random.default_rng(0)
        for name, count in counts.items():
            (top / name).mkdir(parents=True)
            for number in range(count):
                pixels = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(top / name / f"{number}.png")
        return top

    return make
