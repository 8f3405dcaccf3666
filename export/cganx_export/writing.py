"""A file that is there whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from cganx.errors import ExportError

__all__ = ["refuse_bad_target", "write_whole"]


def refuse_bad_target(path: Path) -> None:
    """Raise ExportError where ``path`` cannot become a file, before any work is done for it."""
    if path.is_dir():
        raise ExportError(f"{path} is a folder; name the file to write, for example {path / 'model.onnx'}")
    parent = next(folder for folder in path.absolute().parents if folder.exists())
    if not parent.is_dir():
        raise ExportError(f"{path} cannot be written: {parent} is a file, not a folder; name another folder")


def write_whole(path: Path, data: bytes) -> None:
    """Write beside ``path``, flush to the disk, and rename: a reader sees the old file or the new one, never a part."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise
    except OSError as error:
        raise ExportError(f"{path} cannot be written: {error.strerror or error}; choose another place with -o") from error
