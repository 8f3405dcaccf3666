"""Bytes from plain and compressed files into arrays, never more of them than was declared."""

from __future__ import annotations

import gzip
import lzma
import math
import tempfile
import zlib
from pathlib import Path
from typing import IO, cast

import numpy as np
from numpy.typing import NDArray

from cganx.errors import DataError

__all__ = ["DAMAGED", "MEMORY_LIMIT", "open_bytes", "read_array"]

MEMORY_LIMIT = 512 * 2**20
CHUNK = 2**20
DEFLATE_RATIO = 1032
"""The most that deflate can expand (zlib's technical notes): what declares more than that is cut short."""

DAMAGED = (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile)


def open_bytes(path: Path) -> IO[bytes]:
    """Open ``path`` for reading, through gzip or xz where its suffix says so."""
    if path.suffix == ".gz":
        return cast("IO[bytes]", gzip.open(path, "rb"))
    if path.suffix == ".xz":
        return lzma.open(path, "rb")
    return path.open("rb")


def read_array(stream: IO[bytes], shape: tuple[int, ...], most: int, scratch: Path, what: str) -> NDArray[np.uint8]:
    """Exactly ``shape`` bytes from ``stream`` as uint8 [shape].

    ``most`` is how many bytes the file can hold at best: a header that declares more is refused before anything is
    allocated. Above the memory limit the array is mapped to a nameless file in ``scratch``. Raises DataError, whose
    message starts with ``what``, where the stream is shorter or longer.
    """
    size = math.prod(shape)
    if size > most:
        raise DataError(f"{what}: its header declares {size:,} bytes, but the file is cut short: fetch it again")
    flat: NDArray[np.uint8]
    if size > MEMORY_LIMIT:
        scratch.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=scratch) as file:
            flat = np.memmap(file, dtype=np.uint8, mode="w+", shape=(size,))
    else:
        flat = np.empty(size, dtype=np.uint8)
    done = 0
    while done < size:
        block = stream.read(min(CHUNK, size - done))
        if not block:
            raise DataError(
                f"{what}: its header declares {size:,} bytes, but only {done:,} are there: the file is cut short, "
                "fetch it again"
            )
        flat[done : done + len(block)] = np.frombuffer(block, dtype=np.uint8)
        done += len(block)
    if stream.read(1):
        raise DataError(f"{what}: more bytes follow than the {size:,} that its header declares: fetch it again")
    return flat.reshape(shape)
