"""A process's private memory, watched from outside: what it alone holds and no file backs (Linux)."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

__all__ = ["private_bytes", "watched"]


def private_bytes(pid: int) -> int:
    """Anonymous pages, resident and swapped out. Pages of mapped files are no part of it, written or not."""
    text = Path(f"/proc/{pid}/status").read_text()
    return 1024 * sum(int(size) for size in re.findall(r"^(?:RssAnon|VmSwap):\s+(\d+) kB", text, re.MULTILINE))


def watched(
    command: Sequence[str | Path],
    seen: Callable[[float, int], object],
    every: float,
    environment: Mapping[str, str] | None = None,
) -> None:
    """Run a command to its end; ``seen(seconds, bytes)`` is called again and again. CalledProcessError where it fails."""
    begun = time.monotonic()
    with subprocess.Popen([os.fspath(part) for part in command], env=environment) as process:
        while process.poll() is None:
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has just ended
                seen(time.monotonic() - begun, private_bytes(process.pid))
            time.sleep(every)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
