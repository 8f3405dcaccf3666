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
