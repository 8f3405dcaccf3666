"""A file that is there whole or not at all."""

from __future__ import annotations

from pathlib import Path

from cganx.errors import ExportError
from cganx.whole_file import whole_file

__all__ = ["refuse_bad_target", "write_whole"]


def refuse_bad_target(path: Path) -> None:
    """Raise ExportError where ``path`` cannot become a file, before any work is done for it."""
    if path.is_dir():
        raise ExportError(f"{path} is a folder; name the file to write, for example {path / 'model.onnx'}")
    if path.exists() and not path.is_file():
        raise ExportError(f"{path} is not a regular file; name the file to write, for example model.onnx")
    parent = next(folder for folder in path.absolute().parents if folder.exists())
    if not parent.is_dir():
        raise ExportError(f"{path} cannot be written: {parent} is a file, not a folder; name another folder")


def write_whole(path: Path, data: bytes) -> None:
    """Write the file so that a reader sees the old one or the new one, never a part."""
    try:
        with whole_file(path) as file:
            file.write(data)
    except OSError as error:
        raise ExportError(f"{path} cannot be written: {error.strerror or error}; choose another place with -o") from error
