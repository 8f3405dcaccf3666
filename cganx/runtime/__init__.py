"""Labels and seeds -> pixels, from one .onnx file. Needs numpy and onnxruntime, and imports the latter when a model is loaded.

from cganx import runtime

generator = runtime.load("fashion")
pixels = generator.generate("sneaker", seeds=range(16))  # uint8 [16, 28, 28, 1]
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from cganx.errors import (
    BackendConflict,
    BackendMissing,
    CardMismatch,
    CganxError,
    DataError,
    DeviceUnavailable,
    ExportError,
    LabelError,
    ModelError,
    ModelNotFound,
    NewerFormat,
    NotAGenerator,
    RequestError,
    SeedError,
    TrainingError,
    UnsafeModel,
)

if TYPE_CHECKING:
    from cganx.card import GeneratorCard
    from cganx.runtime.adopting import card_of
    from cganx.runtime.backend import Backend, Device, OnnxRuntime, Options
    from cganx.runtime.generator import GeneratedPicture, Generator, Pictures, bundled, load
    from cganx.runtime.reader import LIMITS, Limits, ModelFile, read
    from cganx.runtime.sessions import Session
    from cganx.runtime.tensors import Tensors

__all__ = [
    "LIMITS",
    "Backend",
    "BackendConflict",
    "BackendMissing",
    "CardMismatch",
    "CganxError",
    "DataError",
    "Device",
    "DeviceUnavailable",
    "ExportError",
    "GeneratedPicture",
    "Generator",
    "GeneratorCard",
    "LabelError",
    "Limits",
    "ModelError",
    "ModelFile",
    "ModelNotFound",
    "NewerFormat",
    "NotAGenerator",
    "OnnxRuntime",
    "Options",
    "Pictures",
    "RequestError",
    "SeedError",
    "Session",
    "Tensors",
    "TrainingError",
    "UnsafeModel",
    "bundled",
    "card_of",
    "load",
    "read",
]

# A host pays for these when it first uses one, not when it imports the module.
_HOMES = {
    "GeneratorCard": "cganx.card",
    "Tensors": "cganx.runtime.tensors",
    "card_of": "cganx.runtime.adopting",
    "Session": "cganx.runtime.sessions",
    **dict.fromkeys(("Backend", "Device", "OnnxRuntime", "Options"), "cganx.runtime.backend"),
    **dict.fromkeys(("GeneratedPicture", "Generator", "Pictures", "bundled", "load"), "cganx.runtime.generator"),
    **dict.fromkeys(("LIMITS", "Limits", "ModelFile", "read"), "cganx.runtime.reader"),
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value = getattr(import_module(_HOMES[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
