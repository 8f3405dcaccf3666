"""Labels and seeds -> pixels, from one .onnx file. Needs numpy and onnxruntime, and imports the latter when a model is loaded.

from cganx import runtime

generator = runtime.load("fashion")
pixels = generator.generate("sneaker", seeds=range(16))  # uint8 [16, 28, 28, 1]
"""

from __future__ import annotations

from cganx.card import GeneratorCard
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
from cganx.runtime.backend import Device
from cganx.runtime.generator import GeneratedPicture, Generator, Pictures, bundled, load
from cganx.runtime.reader import LIMITS, Limits, ModelFile, read

__all__ = [
    "LIMITS",
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
    "Pictures",
    "RequestError",
    "SeedError",
    "TrainingError",
    "UnsafeModel",
    "bundled",
    "load",
    "read",
]
