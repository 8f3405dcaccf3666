"""A lock that lasts as long as the process that holds it."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

__all__ = ["lock"]


def lock(path: str) -> int | None:
    """Lock a file, which is made where it is missing. Gives its descriptor; None where another process holds it.

    Raises OSError where the folder is missing or cannot be written, or its file system knows no locks.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    with contextlib.ExitStack() as unless_held:
        unless_held.callback(os.close, descriptor)
        if not (_locked(descriptor) and _is_still(path, descriptor)):
            return None
        unless_held.pop_all()
    return descriptor


def _is_still(path: str, descriptor: int) -> bool:
    """Whether the name is still that of the locked file: who held it before may have removed it."""
    try:
        return os.path.samestat(Path(path).stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


if sys.platform == "win32":
    import msvcrt

    def _locked(descriptor: int) -> bool:
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _locked(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
