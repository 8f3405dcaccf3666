"""A progress bar on stderr, where that is a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

__all__ = ["progress_bar", "stage_shown"]


def progress_bar(total: int, unit: str) -> Any:
    """A context manager that gives a bar with ``update()``, or None where stderr is no terminal."""
    if sys.stderr is None or not sys.stderr.isatty():
        return nullcontext()
    from tqdm import tqdm

    return tqdm(total=total, unit=unit, dynamic_ncols=True, leave=False)


def stage_shown(bar: Any) -> Callable[[str, int, int], None] | None:
    """What long work inside one unit of the bar calls with (stage, done, total), to be read beside it; None without a bar."""
    if bar is None:
        return None
    return lambda stage, done, total: bar.set_postfix_str(f"{stage} {done} of {total}")
