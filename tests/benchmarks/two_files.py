"""Two generator files side by side, each alone in its process, in alternation."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from side_by_side import alternate_workers, workers
from subjects import script, users_environment

__all__ = ["seconds_of"]


def seconds_of(files: Sequence[Path], how: str, batch: int, arguments: Namespace) -> list[tuple[float, float]]:
    """Pairs of the seconds that a run of ``batch`` pictures takes; ``how`` is one of generate_subject.py's."""
    commands = [[sys.executable, script("generate_subject.py"), how, os.fspath(path), str(batch)] for path in files]
    with workers(*commands, environment=users_environment()) as (first, second):
        return alternate_workers(first, second, pairs=arguments.pairs, seconds=arguments.milliseconds / 1000)
