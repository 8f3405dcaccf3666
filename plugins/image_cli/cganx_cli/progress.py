"""A progress bar on stderr, where that is a terminal."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from typing import Any

__all__ = ["progress_bar"]


def progress_bar(total: int, unit: str) -> Any:
    """A context manager that gives a bar with ``update()``, or None where stderr is no terminal."""
    if sys.stderr is None or not sys.stderr.isatty():
        return nullcontext()
    from tqdm import tqdm

    return tqdm(total=total, unit=unit, dynamic_ncols=True, leave=False)
