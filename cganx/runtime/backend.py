"""onnxruntime, met in one place: how it is imported, how a session is built, and what device really runs.

onnxruntime falls back to the CPU in silence, and what it lists as available proves nothing. Only the providers of the
built session are honest, so they decide here.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from threading import Lock
from types import ModuleType
from typing import Any

from cganx.errors import BackendConflict, BackendMissing, DeviceUnavailable, NotAGenerator

__all__ = ["Device", "first_line", "import_onnxruntime", "open_session", "threads_here"]

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
_ADD_CUDA = 'pip install "onnxruntime-gpu[cuda,cudnn]"'
_GPU_LINE = f"pip uninstall -y onnxruntime onnxruntime-gpu && {_ADD_CUDA}"
_CPU_LINE = "pip uninstall -y onnxruntime onnxruntime-gpu && pip install onnxruntime"
_OLDEST = (1, 18)  # the first that reads IR version 10, which export writes
_DRIVER = "Install an NVIDIA driver (series 580 or later for CUDA 13) on a machine with an NVIDIA GPU"
_building = Lock()


@dataclass(frozen=True)
class Device:
    """What runs: ``cpu`` or ``cuda:0``; what was asked for; and why it is not that, else ''."""

    name: str
    requested: str = "auto"
    reason: str = ""

    def __str__(self) -> str:
        return self.name


def import_onnxruntime() -> ModuleType:
    """The onnxruntime module, with its telemetry off. Raises BackendMissing with the pip line."""
    # From 1.29 on the import itself writes a device id, so this must stand before it.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    try:
        import onnxruntime
    except ModuleNotFoundError as error:
        if error.name == "onnxruntime":
            raise BackendMissing(
                'onnxruntime is not installed. Install one of them: pip install "cganx[cpu]" or pip install "cganx[gpu]"'
            ) from None
        raise BackendMissing(f"onnxruntime lacks {error.name}. Install it again: {_again()}") from error
    except ImportError as error:
        raise BackendMissing(
            f"onnxruntime is installed but does not load: {first_line(error)}. Install it again: {_again()}"
        ) from error
    if not hasattr(onnxruntime, "InferenceSession"):
        raise BackendMissing(f"onnxruntime is damaged, as uninstalling one of its two wheels leaves it. {_again()}")
    if tuple(int(part) for part in onnxruntime.__version__.split(".")[:2]) < _OLDEST:
        raise BackendMissing(f"onnxruntime {onnxruntime.__version__} is too old to read generators. {_again()}")
    module: ModuleType = onnxruntime
    return module


def threads_here() -> int:
    """The number of processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _parse(device: str) -> int | None:
    """The index of the CUDA device, or None for the CPU; ``auto`` is device 0."""
    name, colon, index = str(device).partition(":")
    if device in ("auto", "cuda"):
        return 0
    if device == "cpu":
        return None
    if name == "cuda" and colon and index.isascii() and index.isdecimal() and len(index) < 4:
        return int(index)
    raise DeviceUnavailable(
        requested=str(device), active="cpu", missing="there is no such device name", fix="Say auto, cpu, cuda or cuda:N"
    )


def open_session(data: bytes, device: str, threads: int | None) -> tuple[Any, Device]:
    """Build a session on the asked device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.

    Returns (onnxruntime.InferenceSession, Device). Raises DeviceUnavailable where CUDA was asked for and does not run,
    BackendMissing, BackendConflict, NotAGenerator where onnxruntime cannot load the file.
    """
    index = _parse(device)
    onnxruntime = import_onnxruntime()
    with _building:
        if index is None:
            return _session(onnxruntime, data, [CPU], threads), Device("cpu", device)
        fault = _cuda_fault(onnxruntime)
        if fault is None:
            options = {
                "device_id": str(index),
                "cudnn_conv_algo_search": "HEURISTIC",
                "arena_extend_strategy": "kSameAsRequested",
            }
            with _stdout_as_stderr():
                session = _session(onnxruntime, data, [(CUDA, options), CPU], threads)
            if session.get_providers()[0] == CUDA:
                return session, Device(f"cuda:{index}", device)
            fault = f"no usable NVIDIA GPU with number {index}", f"{_DRIVER}, or say device='cpu'"
        missing, fix = fault
        if device != "auto":
            if conflict := _both_wheels():
                raise BackendConflict(f"device {device!r} cannot run: {missing}. {conflict}")
            raise DeviceUnavailable(requested=device, active="cpu", missing=missing, fix=fix)
        return _session(onnxruntime, data, [CPU], threads), Device("cpu", device, missing)


def _session(onnxruntime: ModuleType, data: bytes, providers: list[Any], threads: int | None) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or threads_here()
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    # Workers wait awake for half a millisecond, over the operators of a run and up to the next of a host's loop, then sleep.
    options.add_session_config_entry("session.intra_op.spin_duration_us", "500")
    # Where there is nothing to fall back to, it would say so on stdout and build the same session again.
    fallback = int(len(providers) > 1)
    try:
        return onnxruntime.InferenceSession(data, options, providers=providers, enable_fallback=fallback)
    except Exception as error:  # onnxruntime's errors share no base
        if conflict := _both_wheels():
            raise BackendConflict(f"no session could be built: {first_line(error)}. {conflict}") from error
        raise NotAGenerator(f"onnxruntime {onnxruntime.__version__} cannot load it: {first_line(error)}") from error


def first_line(error: Exception) -> str:
    """What an error says, as a part of a sentence: onnxruntime's go on for lines."""
    return str(error).strip().partition("\n")[0][:300]


def _cuda_fault(onnxruntime: ModuleType) -> tuple[str, str] | None:
    """(what is missing, the line that mends it), or None where nothing speaks against CUDA before a session is built."""
    if CUDA not in onnxruntime.get_available_providers():
        return f"this onnxruntime {onnxruntime.__version__} is a build without CUDA", _GPU_LINE
    if hasattr(onnxruntime, "preload_dlls") and not ("torch" in sys.modules and sys.platform == "win32"):
        with contextlib.redirect_stdout(io.StringIO()):  # what it could not load is said below, in one sentence
            onnxruntime.preload_dlls()
    return _library_fault(os.path.join(os.path.dirname(str(onnxruntime.__file__)), "capi"))


def _library_fault(folder: str) -> tuple[str, str] | None:
    import ctypes

    pattern = "onnxruntime_providers_{}.dll" if sys.platform == "win32" else "libonnxruntime_providers_{}.so"
    try:
        for name in ("shared", "cuda"):
            ctypes.CDLL(os.path.join(folder, pattern.format(name)), mode=getattr(ctypes, "RTLD_GLOBAL", 0))
    except OSError as error:
        library, _, cause = str(error).partition(": ")
        if "libcuda." in library or "nvcuda" in str(error):
            return f"the NVIDIA driver's library {library} is not there", _DRIVER
        if not cause:  # Windows names only the library that needs it
            library, cause = pattern.format(name), str(error)
        return f"the library {library} cannot be loaded ({cause})", _ADD_CUDA
    return None


def _wheels() -> list[str]:
    """The installed distributions that bring the module onnxruntime; each writes over the files of the others."""
    from importlib.metadata import packages_distributions

    return sorted(set(packages_distributions().get("onnxruntime", [])))


def _again() -> str:
    """The line that installs onnxruntime afresh: for CUDA where a wheel with CUDA is what is installed."""
    return _GPU_LINE if _wheels() == ["onnxruntime-gpu"] else _CPU_LINE


def _both_wheels() -> str | None:
    wheels = _wheels()
    if len(wheels) < 2:
        return None
    from importlib.metadata import version

    found = " and ".join(f"{name} {version(name)}" for name in wheels)
    return f"{found} are installed over each other; keep one: pip uninstall -y {' '.join(wheels)} && {_ADD_CUDA}"


@contextlib.contextmanager
def _stdout_as_stderr() -> Iterator[None]:
    """onnxruntime prints to stdout when a provider fails to load; a host's stdout is for the host."""
    with contextlib.redirect_stdout(sys.stderr):
        yield
