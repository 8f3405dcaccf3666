"""Where a run computes: the device that was asked for, or an error that says why not."""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import re
import sys
from collections.abc import Iterator

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState

from cganx.errors import DeviceUnavailable, TrainingError

__all__ = ["accelerator_for", "find_device", "kept_memory", "threads"]

_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4  # malloc.h
_NAME = re.compile(r"auto|cpu|mps|cuda(:\d+)?")


def find_device(requested: str) -> torch.device:
    """The torch device for ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.

    ``auto`` takes CUDA, then Apple's GPU, then the CPU. Raises DeviceUnavailable where the asked one cannot run,
    TrainingError where the text names no device.
    """
    if not _NAME.fullmatch(requested):
        raise TrainingError(f"{requested!r} is no device; ask for auto, cpu, cuda, cuda:N or mps")
    best = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    device = torch.device(best if requested == "auto" else requested)
    if device.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if (device.index or 0) >= count:
            _refuse(requested, best, _why_no_cuda(count), "Install torch's CUDA build and the GPU's driver")
    if device.type == "mps" and best != "mps":
        _refuse(requested, best, "Apple's GPU is not reachable from this torch", "Use a Mac with Apple silicon")
    return device


def _why_no_cuda(count: int) -> str:
    if torch.version.cuda is None:
        return f"the installed torch {torch.__version__} is built without CUDA"
    return f"torch sees {count} CUDA device{'' if count == 1 else 's'}"


def _refuse(requested: str, active: str, missing: str, fix: str) -> None:
    raise DeviceUnavailable(requested=requested, active=active, missing=missing, fix=f"{fix}, or ask for device 'auto'.")


def accelerator_for(device: torch.device) -> Accelerator:
    """Accelerate, set to that device. TrainingError when it was launched as several processes."""
    # Accelerate keeps the first device of a process for good; a second run in this process may want another one.
    AcceleratorState._reset_state(True)
    if device.type == "cuda" and device.index is not None:
        torch.cuda.set_device(device)
    accelerator = Accelerator(cpu=device.type == "cpu")
    if accelerator.num_processes > 1:
        raise TrainingError("a run trains in one process for now; start it without torchrun or accelerate launch")
    return accelerator


@contextlib.contextmanager
def kept_memory() -> Iterator[None]:
    """Let glibc keep what a step frees for the next step, instead of giving it back and asking for zeroed pages again.

    Large activations are mapped and unmapped in every step otherwise, which costs up to a fifth of it. Elsewhere nothing
    changes; afterwards glibc's own defaults hold again, and what was kept is given back.
    """
    if sys.platform != "linux" or platform.libc_ver()[0] != "glibc":
        yield
        return
    glibc = ctypes.CDLL(None)
    glibc.mallopt(_M_MMAP_MAX, 0)
    glibc.mallopt(_M_TRIM_THRESHOLD, -1)
    try:
        yield
    finally:
        glibc.mallopt(_M_MMAP_MAX, 65_536)
        glibc.mallopt(_M_TRIM_THRESHOLD, 128 * 1024)
        glibc.malloc_trim(0)


@contextlib.contextmanager
def threads() -> Iterator[int]:
    """As many of torch's threads as this process may use cores; what was set before comes back."""
    before = torch.get_num_threads()
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
    torch.set_num_threads(count)
    try:
        yield count
    finally:
        torch.set_num_threads(before)
