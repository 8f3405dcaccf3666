"""For tests, a host's own and this project's. No training, no download.

With onnxruntime: ``TINY`` is the path of a real file of 12 kB that follows the contract: two classes (``disc``, ``cross``), 8
latents, grey pictures of 16 x 16. ``tiny()`` loads it. It is made by ``scripts/make_tiny_generator.py``.

Without onnxruntime: ``FakeBackend`` takes its place behind any file, and ``fake(card)`` is a generator of a card alone. Their
pictures are noise; labels, seeds, latents, streams and errors are those of a real generator.
"""

from __future__ import annotations

from pathlib import Path

from cganx.runtime.generator import Generator, load
from cganx.runtime.testing.fake import FakeBackend, fake

__all__ = ["TINY", "FakeBackend", "fake", "tiny"]

TINY = Path(__file__).parent / "tiny.onnx"


def tiny(device: str = "cpu") -> Generator:
    """The tiny generator, loaded. Raises DeviceUnavailable and BackendMissing as :func:`cganx.runtime.load` does.

    >>> from cganx.runtime import testing
    >>> testing.tiny()
    <Generator 'tiny' 16x16x1 on cpu>
    """
    return load(TINY, device)
