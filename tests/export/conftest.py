"""What the export tests share. Without torch, onnx, onnxscript or onnxruntime they skip with that reason."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from cganx.card import GeneratorCard, Image, Latent

CLASSES = ("up", "down", "left or right")


@pytest.fixture(scope="session")
def modules(part: Callable[[str], None]) -> ModuleType:
    """The small torch modules of export_modules.py."""
    for name in ("torch", "onnx", "onnxscript", "onnxruntime"):
        part(name)
    import export_modules

    return export_modules


@pytest.fixture
def card() -> Callable[..., GeneratorCard]:
    """The card that fits export_modules.Small, with changes."""

    def make(**changes: Any) -> GeneratorCard:
        given: dict[str, Any] = {
            "name": "small",
            "classes": CLASSES,
            "latent": Latent(size=6),
            "image": Image(height=8, width=12, channels=1),
        }
        return GeneratorCard(**(given | changes))

    return make


@pytest.fixture(scope="session")
def plain(modules: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The plain file of export_modules.Small, written once."""
    from cganx_export import export

    card = GeneratorCard(name="small", classes=CLASSES, latent=Latent(size=6), image=Image(height=8, width=12, channels=1))
    path: Path = tmp_path_factory.mktemp("plain") / "small.onnx"
    export(modules.Small(), card, path, rewrite=False)
    return path


@pytest.fixture(scope="session")
def run_path(modules: ModuleType, part: Callable[[str], None], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of three steps on noise, 13 x 9 pixels in three channels."""
    assert modules  # what they need is installed
    for name in ("safetensors", "accelerate"):
        part(name)
    import numpy as np

    from cganx.data import DataSet, LabelledImages
    from cganx.training import train

    generator = np.random.default_rng(0)
    pictures = LabelledImages(generator.integers(0, 256, (96, 13, 9, 3), np.uint8), np.arange(96) % 3)
    data = DataSet("noise", ("T-shirt/top", "Trouser", "Bag"), pictures, pictures, fingerprint="0" * 64, licence="none")
    out: Path = tmp_path_factory.mktemp("runs") / "noise"
    train(data, "sngan-small", out, steps=3, batch_size=8)
    return out
