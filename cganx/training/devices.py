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

__all__ = ["PRECISIONS", "accelerator_for", "check_precision", "find_device", "is_main", "kept_memory", "threads"]

PRECISIONS = ("no", "bf16", "fp16")
_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4  # malloc.h
_NAME = re.compile(r"auto|cpu|mps|cuda(:\d+)?")


def _told(name: str, default: int) -> int:
    """What torchrun, or whoever else starts several processes, says of this one."""
    try:
        return int(os.environ.get(name, default))
    except ValueError:
        return default


def is_main() -> bool:
    """Whether this process is the first of those that were started together, or alone."""
    return _told("RANK", 0) == 0


def find_device(requested: str) -> torch.device:
    """The torch device for ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``; of several processes each gets a GPU of its own.

    ``auto`` takes CUDA, then Apple's GPU, then the CPU. Raises DeviceUnavailable where the asked one cannot run,
    TrainingError where the text names no device, or one for several processes.
    """
    if not _NAME.fullmatch(requested):
        raise TrainingError(f"{requested!r} is no device; ask for auto, cpu, cuda, cuda:N or mps")
    here = _told("LOCAL_WORLD_SIZE", 1)
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    mps = torch.backends.mps.is_available() and here == 1
    best = "cuda" if count >= here else "mps" if mps else "cpu"
    device = torch.device(best if requested == "auto" else requested)
    if device.type == "cuda":
        if device.index is not None and here > 1:
            raise TrainingError(f"{requested} is one GPU for {here} processes; ask for cuda, and each takes its own")
        if (device.index or 0) >= count:
            _refuse(requested, best, _why_no_cuda(count), "Install torch's CUDA build and the GPU's driver")
        if here > count:
            _refuse(requested, best, f"{_why_no_cuda(count)} for {here} processes", "Start one process for each GPU")
        if here > 1:
            return torch.device("cuda", _told("LOCAL_RANK", 0))
    if device.type == "mps" and best != "mps":
        missing = "Apple's GPU is not reachable from this torch" if here == 1 else "Apple's GPU serves a single process"
        _refuse(requested, best, missing, "Use a Mac with Apple silicon, and one process")
    return device


def _why_no_cuda(count: int) -> str:
    if torch.version.cuda is None:
        return f"the installed torch {torch.__version__} is built without CUDA"
    return f"torch sees {count} CUDA device{'' if count == 1 else 's'}"


def _refuse(requested: str, active: str, missing: str, fix: str) -> None:
    raise DeviceUnavailable(requested=requested, active=active, missing=missing, fix=f"{fix}, or ask for device 'auto'.")


def check_precision(mixed_precision: str, device: torch.device) -> None:
    """Raise TrainingError for a precision that there is not, or that this device does not compute in."""
    if mixed_precision not in PRECISIONS:
        raise TrainingError(f"{mixed_precision!r} is no mixed precision; give one of {', '.join(PRECISIONS)}")
    if mixed_precision == "fp16" and device.type != "cuda":
        raise TrainingError(f"mixed precision fp16 needs CUDA, and this run is on {device.type}; take bf16, or no")
    if mixed_precision == "bf16" and device.type == "mps":
        raise TrainingError("mixed precision bf16 runs on the CPU and on CUDA, not on mps; take no")
    if mixed_precision == "bf16" and device.type == "cuda" and not torch.cuda.is_bf16_supported():
        raise TrainingError("this GPU does not compute in bf16; take fp16, or no")


def accelerator_for(device: torch.device, mixed_precision: str = "no") -> Accelerator:
    """Accelerate, set to that device and precision, and to the processes that this one was started with."""
    # Accelerate keeps the first device of a process for good; a second run in this process may want another one.
    AcceleratorState._reset_state(True)
    if device.type == "cuda" and device.index is not None:
        torch.cuda.set_device(device)
    return Accelerator(cpu=device.type == "cpu", mixed_precision=mixed_precision)


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
    """As many of torch's threads as this process may use cores, shared with those started beside it; undone in the end."""
    before = torch.get_num_threads()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
    count = max(1, cores // _told("LOCAL_WORLD_SIZE", 1))
    torch.set_num_threads(count)
    try:
        yield count
    finally:
        torch.set_num_threads(before)
