"""What runs a generator's file: the seam, and onnxruntime behind it, met in one place.

How onnxruntime is imported, how a session is built, and what device really runs. It falls back to the CPU in silence, and
what it lists as available proves nothing. Only the providers of the built session are honest, so they decide here.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from dataclasses import dataclass
from threading import Lock
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol

from cganx.errors import BackendConflict, BackendMissing, DeviceUnavailable, NotAGenerator, RequestError
from cganx.runtime.cuda import GraphedSession, cuda_options
from cganx.runtime.processors import threads_here
from cganx.runtime.sessions import FixedBatch, OwnSession, Session

if TYPE_CHECKING:
    from cganx.runtime.reader import ModelFile

__all__ = [
    "Backend",
    "Device",
    "OnnxRuntime",
    "Options",
    "cuda_index",
    "first_line",
    "import_onnxruntime",
    "open_session",
    "threads_here",
]

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
_ADD_CUDA = 'pip install "onnxruntime-gpu[cuda,cudnn]"'
_GPU_LINE = f"pip uninstall -y onnxruntime onnxruntime-gpu && {_ADD_CUDA}"
_CPU_LINE = "pip uninstall -y onnxruntime onnxruntime-gpu && pip install onnxruntime"
_OLDEST = (1, 18)  # the first that reads IR version 10, which export writes
_BOUNDS_SPINNING = (1, 27)  # 1.23 takes spin_duration_us and does not heed it
_SPIN_SHORTLY = ("session.intra_op.spin_duration_us", "500")
_NEVER_SPIN = ("session.intra_op.allow_spinning", "0")
_DRIVER = "Install an NVIDIA driver (series 580 or later for CUDA 13) on a machine with an NVIDIA GPU"
_building = Lock()
MOST_THREADS = 1024
MOST_PICTURES = 1 << 16


@dataclass(frozen=True)
class Device:
    """What runs: ``cpu`` or ``cuda:0``; what was asked for; and why it is not that, else ''.

    >>> from cganx import runtime
    >>> from cganx.runtime import testing
    >>> device = runtime.load("fashion", backend=testing.FakeBackend()).device
    >>> str(device), device.requested, device.reason
    ('cpu', 'auto', 'this backend is a fake that has 0 GPUs')
    """

    name: str
    requested: str = "auto"
    reason: str = ""

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, kw_only=True)
class Options:
    """How a file is to be run; :func:`cganx.runtime.load` says what each means.

    ``threads`` is 1 to 1,024 or None, ``cuda_batch`` 1 to 65,536. Raises RequestError for numbers that are out of range.

    >>> from cganx import runtime
    >>> runtime.Options(threads=2).cuda_batch
    64
    >>> runtime.Options(threads=0)
    Traceback (most recent call last):
    cganx.errors.RequestError: threads is 0, not a whole number of 1 to 1024
    """

    threads: int | None = None
    spin: bool = False
    precise: bool = False
    cuda_graphs: bool = False
    cuda_batch: int = 64

    def __post_init__(self) -> None:
        if self.threads is not None:
            _check_count("threads", self.threads, MOST_THREADS)
        _check_count("cuda_batch", self.cuda_batch, MOST_PICTURES)


def _check_count(name: str, value: object, most: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        raise RequestError(f"{name} is {value!r}, not a whole number of 1 to {most}")


class Backend(Protocol):
    """What opens a file for running: :class:`OnnxRuntime`, :class:`cganx.runtime.testing.FakeBackend`, or a host's own.

    >>> from cganx import runtime
    >>> from cganx.runtime import testing
    >>> class Told:
    ...     def open(self, file, device, options, /):
    ...         print(file.card.name, "is opened on", device)
    ...         return runtime.OnnxRuntime().open(file, device, options)
    >>> runtime.load(testing.TINY, "cpu", backend=Told()).picture_shape
    tiny is opened on cpu
    (16, 16, 1)
    """

    def open(self, file: ModelFile, device: str, options: Options, /) -> tuple[Session, Device]:
        """A session of a file that the reader accepted, on ``auto``, ``cpu``, ``cuda`` or ``cuda:N``, and what it runs on.

        Raises DeviceUnavailable, BackendMissing, BackendConflict or NotAGenerator.
        """
        ...


@dataclass(frozen=True)
class OnnxRuntime:
    """The backend that :func:`cganx.runtime.load` takes when none is given.

    >>> from cganx import runtime
    >>> from cganx.runtime import testing
    >>> session, device = runtime.OnnxRuntime().open(runtime.read(testing.TINY), "cpu", runtime.Options(threads=1))
    >>> str(device)
    'cpu'
    """

    def open(self, file: ModelFile, device: str, options: Options, /) -> tuple[Session, Device]:
        """A session of onnxruntime. On CUDA every run has the same size, so that a picture does not depend on its batch."""
        built, active = _open(file.data, device, options)
        name, _, index = active.name.partition(":")
        if name == "cpu":
            return OwnSession(built), active
        if file.card.source is not None:  # its runs are of as many sizes as its pictures; translation.py gives each one number
            if options.cuda_graphs:
                raise RequestError("cuda_graphs is for generators whose runs have one size, not for pictures from pictures")
            return OwnSession(built), active
        if options.cuda_graphs:
            graphs = GraphedSession(import_onnxruntime(), built, int(index), options.cuda_batch)
            return FixedBatch(graphs, options.cuda_batch), active
        return FixedBatch(OwnSession(built), options.cuda_batch), active


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
    if _version(onnxruntime) < _OLDEST:
        raise BackendMissing(f"onnxruntime {onnxruntime.__version__} is too old to read generators. {_again()}")
    module: ModuleType = onnxruntime
    return module


def _version(onnxruntime: ModuleType) -> tuple[int, ...]:
    """(major, minor)."""
    return tuple(int(part) for part in onnxruntime.__version__.split(".")[:2])


def cuda_index(device: str) -> int | None:
    """The index of the CUDA device that a name asks for, None for the CPU; ``auto`` is device 0. Raises DeviceUnavailable."""
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
    return _open(data, device, Options(threads=threads))


def _open(data: bytes, device: str, options: Options) -> tuple[Any, Device]:
    index = cuda_index(device)
    onnxruntime = import_onnxruntime()
    with _building:
        if index is None:
            return _session(onnxruntime, data, options), Device("cpu", device)
        fault = _cuda_fault(onnxruntime)
        if fault is None:
            try:
                session = _build(onnxruntime, data, [(CUDA, cuda_options(index, options)), CPU], options)
            except Exception as error:  # onnxruntime's errors share no base
                _session(onnxruntime, data, options)  # where it is the file's fault, this says so
                graphs = ", or leave cuda_graphs out" if options.cuda_graphs else ""
                fault = f"no session could be built there: {first_line(error)}", f"{_DRIVER}, or say device='cpu'{graphs}"
            else:
                if session.get_providers()[0] == CUDA:
                    return session, Device(f"cuda:{index}", device)
                fault = f"no usable NVIDIA GPU with number {index}", f"{_DRIVER}, or say device='cpu'"
        missing, fix = fault
        if device != "auto":
            if conflict := _both_wheels():
                raise BackendConflict(f"device {device!r} cannot run: {missing}. {conflict}")
            raise DeviceUnavailable(requested=device, active="cpu", missing=missing, fix=fix)
        return _session(onnxruntime, data, options), Device("cpu", device, missing)


def _session(onnxruntime: ModuleType, data: bytes, options: Options) -> Any:
    try:
        return _build(onnxruntime, data, [CPU], options)
    except Exception as error:  # onnxruntime's errors share no base
        if conflict := _both_wheels():
            raise BackendConflict(f"no session could be built: {first_line(error)}. {conflict}") from error
        raise NotAGenerator(f"onnxruntime {onnxruntime.__version__} cannot load it: {first_line(error)}") from error


def _build(onnxruntime: ModuleType, data: bytes, providers: list[Any], options: Options) -> Any:
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = options.threads or threads_here()
    settings.inter_op_num_threads = 1
    settings.log_severity_level = 4
    if not options.spin:
        # Workers wait awake for half a millisecond, over the operators of a run and up to a loop's next one, then sleep.
        bounded = _version(onnxruntime) >= _BOUNDS_SPINNING
        settings.add_session_config_entry(*(_SPIN_SHORTLY if bounded else _NEVER_SPIN))
    # Where a session cannot be built it would say so on stdout and build another on the CPU, in silence.
    return onnxruntime.InferenceSession(data, settings, providers=providers, enable_fallback=0)


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
