"""Files that appear whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import click

from cganx.whole_file import whole_file

__all__ = ["write_whole"]


def write_whole(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Let ``write`` fill a file beside ``path``, then give it that name; an interruption leaves nothing behind.

    Missing folders are made. Raises click.ClickException with one sentence where the disk is full or read-only.
    """
    try:
        with whole_file(path, durable=False) as file:
            write(file)
    except OSError as error:
        raise click.ClickException(
            f"cannot write {path}: {error.strerror or error}. Files that were written before are whole"
        ) from None
