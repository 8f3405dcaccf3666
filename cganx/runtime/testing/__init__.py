"""A tiny generator for tests: a host's own, and this project's. No training, no download, a few kB.

``TINY`` is the path of a real file that follows the contract: two classes (``disc``, ``cross``), 8 latents, grey pictures
of 16 x 16. ``tiny()`` loads it. It is made by ``scripts/make_tiny_generator.py``.
"""

from __future__ import annotations

from pathlib import Path

from cganx.runtime.generator import Generator, load

__all__ = ["TINY", "tiny"]

TINY = Path(__file__).parent / "tiny.onnx"


def tiny(device: str = "cpu") -> Generator:
    """The tiny generator, loaded."""
    return load(TINY, device)
