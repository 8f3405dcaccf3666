"""How many processors this process may use: what its affinity allows, and what the control groups around it pay for."""

from __future__ import annotations

import os

__all__ = ["group_limit", "threads_here"]


def threads_here() -> int:
    """The number of processors that this process may use: its affinity's, or fewer where its control groups allow less."""
    number = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limit = group_limit()
    return number if limit is None else min(number, limit)


def group_limit(mounted: str = "/sys/fs/cgroup", own: str = "/proc/self/cgroup") -> int | None:
    """What ``cpu.max`` of this process's control group (version 2) and of those above it allows, in whole processors.

    A part of a processor counts as one. None without a limit, or where nothing can be read.
    """
    group = next((line[4:].split("/") for line in _text(own).splitlines() if line.startswith("0::/")), None)
    if group is None:
        return None
    folders = ["/".join([mounted, *group[:depth]]) for depth in range(len(group) + 1)]
    limits = [_quota(_text(f"{folder}/cpu.max")) for folder in folders]
    return min((limit for limit in limits if limit is not None), default=None)


def _quota(text: str) -> int | None:
    """``50000 100000`` is half a processor's time; ``max 100000`` is no limit."""
    quota, _, period = text.strip().partition(" ")
    if not (quota.isdecimal() and period.isdecimal() and int(period)):
        return None
    return max(1, -(-int(quota) // int(period)))


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(4096)
    except OSError:
        return ""
