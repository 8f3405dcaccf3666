# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that are there whole or not at all, also where another Blender reads them."""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path

from .refusal import Refusal


def write_whole(path: Path, data: bytes) -> None:
    """Write a file that takes its name when all of it is written. Raises Refusal."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch.write_bytes(data)
        scratch.replace(path)
    except OSError as error:
        discard(scratch)
        raise Refusal(f"Cannot write {path}: {error.strerror or error}") from None


def mark_of(*made_by: object) -> str:
    """A few letters for a file's name: the same for the same request, others for another."""
    return hashlib.sha256(repr(made_by).encode()).hexdigest()[:8]


def discard(path: Path) -> None:
    """Remove a file, if it is there."""
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
