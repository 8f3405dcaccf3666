"""A file, or a folder, that is there whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

__all__ = ["UNFINISHED", "whole_file", "whole_folder"]

UNFINISHED = ".cganx-*.part"
"""What a process that was killed while it wrote may leave."""


@contextlib.contextmanager
def whole_file(path: Path, *, durable: bool = True) -> Iterator[BinaryIO]:
    """A file to write into that takes the name ``path`` when the block ends, and is gone where it ends by an exception.

    Whoever opens ``path`` meanwhile finds the old bytes or the new ones, never a part of them. Missing folders are made.
    With ``durable`` the bytes are on the disk before the name is, and both last through a power cut. Raises OSError, also
    where ``path`` is a folder, a device or a pipe.
    """
    if path.exists() and not path.is_file():  # a rename would put a file in the place of a device or a pipe
        raise OSError(errno.EINVAL, "it is there, and is not a regular file", str(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not after its name, which may be as long as names can be.
    scratch = path.with_name(UNFINISHED.replace("*", secrets.token_hex(4)))
    try:
        with scratch.open("xb") as file:
            yield file
            if durable:
                file.flush()
                os.fsync(file.fileno())
        scratch.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            scratch.unlink(missing_ok=True)
        raise
    if durable and os.name == "posix":
        _sync_folder(path.parent)


@contextlib.contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """A folder to fill that takes the name ``path`` when the block ends, and is gone where it ends by an exception.

    Its bytes are on the disk before the name is. Missing folders are made. Raises OSError, also where ``path`` is there
    already when the block ends, if only as an empty folder.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(UNFINISHED.replace("*", secrets.token_hex(4)))
    scratch.mkdir()
    try:
        yield scratch
        for file in scratch.rglob("*"):
            if file.is_file():
                _sync(file)
        if path.exists() or path.is_symlink():  # a rename would put it in the place of an empty folder
            raise FileExistsError(errno.EEXIST, "it is there already", str(path))
        scratch.rename(path)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    if os.name == "posix":
        _sync_folder(path.parent)


def _sync(file: Path) -> None:
    with file.open("rb+") as opened:
        os.fsync(opened.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
