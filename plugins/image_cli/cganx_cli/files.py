"""Files that appear whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import click

__all__ = ["write_whole"]


def write_whole(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Let ``write`` fill a file beside ``path``, then give it that name; an interruption leaves nothing behind.

    Missing folders are made. Raises click.ClickException with one sentence where the disk is full or read-only.
    """
    scratch = path.with_name(f".cganx-{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with scratch.open("wb") as file:
                write(file)
            scratch.replace(path)
        except BaseException:
            scratch.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise click.ClickException(
            f"cannot write {path}: {error.strerror or error}. Files that were written before are whole"
        ) from None
