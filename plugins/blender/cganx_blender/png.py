# SPDX-License-Identifier: GPL-3.0-or-later
"""PNG files, written on the worker's thread, where Blender's own writer may not be called."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import numpy as np

KINDS = {1: 0, 2: 4, 3: 2, 4: 6}  # by channels


def png_bytes(pixels: np.ndarray[Any, Any]) -> bytes:
    """The PNG of uint8 [height, width, channels]: grey or colour, and alpha where there is one channel more."""
    height, width, channels = pixels.shape
    rows = np.zeros((height, 1 + width * channels), np.uint8)  # each row begins with its filter: none
    rows[:, 1:] = pixels.reshape(height, -1)
    header = struct.pack(">IIBBBBB", width, height, 8, KINDS[channels], 0, 0, 0)
    parts = (b"IHDR", header), (b"IDAT", zlib.compress(rows.tobytes(), 6)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in parts)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
