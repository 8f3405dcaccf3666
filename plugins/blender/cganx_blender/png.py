# SPDX-License-Identifier: GPL-3.0-or-later
"""PNG files, written on the worker's thread, where Blender's own writer may not be called."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import numpy as np

GREY, COLOUR = 0, 2


def png_bytes(pixels: np.ndarray[Any, Any]) -> bytes:
    """The PNG of uint8 [height, width, 1 or 3]."""
    height, width, channels = pixels.shape
    kind = GREY if channels == 1 else COLOUR
    rows = np.zeros((height, 1 + width * channels), np.uint8)  # each row begins with its filter: none
    rows[:, 1:] = pixels.reshape(height, -1)
    header = struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)
    parts = (b"IHDR", header), (b"IDAT", zlib.compress(rows.tobytes(), 6)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in parts)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
