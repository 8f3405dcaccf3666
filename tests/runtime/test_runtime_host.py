"""What a host may count on: imports, output, HOME, threads, devices. Each in a process of its own."""

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cganx import runtime
from cganx.errors import BackendConflict, BackendMissing, DeviceUnavailable
from cganx.runtime import backend, testing

ALLOWED = {"cganx", "numpy"}


def python(code: str, env: dict[str, str] | None = None, flags: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *flags, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=120, env=env, check=False
    )


def test_import_loads_numpy_and_the_standard_library_alone() -> None:
    done = python(
        """
        import sys
        before = set(sys.modules)
        import cganx.runtime
        print(*sorted({name.partition(".")[0] for name in set(sys.modules) - before}))
        print(*sorted(name for name in sys.modules if name.startswith("cganx.")))
        """
    )
    assert done.returncode == 0, done.stderr
    roots, ours = (set(line.split()) for line in done.stdout.splitlines())
    assert roots - set(sys.stdlib_module_names) <= ALLOWED
    assert "importlib.metadata" not in roots
    assert {name.split(".")[1] for name in ours} <= {"runtime", "card", "errors"}


@pytest.mark.parametrize(
    "module", ["torch", "onnx", "PIL", "click", "onnxruntime", "importlib.metadata", "difflib", "ctypes.util"]
)
def test_import_does_not_load(module: str) -> None:
    done = python(
        f"import numpy, sys; before = set(sys.modules); import cganx.runtime; sys.exit({module!r} in set(sys.modules) - before)"
    )
    assert done.returncode == 0, done.stderr


def test_a_host_stays_clean(tmp_path: Path, part: Callable[[str], None]) -> None:
    part("onnxruntime")
    home = tmp_path / "home"
    home.mkdir()
    env = {name: value for name, value in os.environ.items() if name not in ("CI", "ORT_DISABLE_TELEMETRY", "GITHUB_ACTIONS")}
    env |= {"HOME": str(home), "XDG_CACHE_HOME": str(home / "cache")}
    done = python(
        """
        import faulthandler, logging, os, signal, sys, threading, time, warnings
        import numpy  # which brings threads and loggers of its own, or none
        def look():
            tasks = len(os.listdir("/proc/self/task")) if os.path.exists("/proc/self/task") else 0
            named = {name: logging.getLogger(name) for name in list(logging.root.manager.loggerDict)}
            loggers = {name: (one.handlers, one.level) for name, one in named.items() if one.handlers or one.level}
            return (
                list(logging.root.handlers), logging.root.level, logging.root.manager.disable, loggers,
                {one: signal.getsignal(one) for one in signal.valid_signals()}, faulthandler.is_enabled(),
                threading.active_count(), tasks, sys.stdout, sys.stderr, sys.excepthook, list(warnings.filters),
                os.getcwd(),
            )
        before = look()
        from cganx import runtime
        from cganx.runtime import testing
        with runtime.load(testing.TINY, "auto", threads=2) as tiny:
            tiny.warm_up()
            tiny.generate("disc", seeds=range(70))
            stream = tiny.stream((("disc", seed) for seed in range(99)), 8, prefetch=True)
            next(stream)
            del stream
        until = time.monotonic() + 5  # a thread that has ended is listed until the system has cleared it away
        while (after := look()) != before and time.monotonic() < until:
            time.sleep(0.01)
        assert after == before, (before, after)
        """,
        env,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list(home.rglob("*")) == []


def test_an_idle_session_does_not_spin(part: Callable[[str], None]) -> None:
    part("onnxruntime")
    done = python(
        """
        import time
        from cganx.runtime import testing
        tiny = testing.tiny()
        tiny.generate("disc", seeds=range(256))
        time.sleep(0.2)
        start, began = time.process_time(), time.perf_counter()
        time.sleep(1.5)
        print((time.process_time() - start) / (time.perf_counter() - began))
        """
    )
    assert float(done.stdout) < 0.01, done.stderr


def test_the_session_uses_the_processors_that_the_process_may_use(
    monkeypatch: pytest.MonkeyPatch, part: Callable[[str], None]
) -> None:
    part("onnxruntime")
    assert 1 <= backend.threads_here() <= len(os.sched_getaffinity(0))
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3})
    assert backend.threads_here() == 1
    session, _ = backend.open_session(testing.TINY.read_bytes(), "cpu", None)
    assert session.get_session_options().intra_op_num_threads == 1
    assert session.get_session_options().inter_op_num_threads == 1


def has_cuda() -> bool:
    import onnxruntime

    return "CUDAExecutionProvider" in onnxruntime.get_available_providers()


def test_cuda_is_a_promise(part: Callable[[str], None]) -> None:
    part("onnxruntime")
    if has_cuda():
        pytest.skip("this onnxruntime has CUDA; tests/packaging tries that wheel")
    for device in ("cuda", "cuda:0", "cuda:3"):
        with pytest.raises(DeviceUnavailable) as caught:
            runtime.load(testing.TINY, device=device)
        error = caught.value
        assert (error.requested, error.active) == (device, "cpu")
        assert "without CUDA" in error.missing
        assert "pip install" in error.fix
        assert "onnxruntime-gpu[cuda,cudnn]" in str(error)
    automatic = runtime.load(testing.TINY).device
    assert (str(automatic), automatic.requested) == ("cpu", "auto")
    assert "without CUDA" in automatic.reason
    assert runtime.load(testing.TINY, device="cpu").device == runtime.Device("cpu", "cpu", "")


@pytest.mark.parametrize("device", ["gpu", "cuda:", "cuda:x", "cuda:-1", "CUDA", "", "cpu:0", "cuda:99999"])
def test_what_is_no_device_is_refused(device: str, part: Callable[[str], None]) -> None:
    part("onnxruntime")
    with pytest.raises(DeviceUnavailable, match="no such device"):
        runtime.load(testing.TINY, device=device)


class FakeSession:
    def __init__(self, providers: list[str]) -> None:
        self.providers = providers

    def get_providers(self) -> list[str]:
        return self.providers


class FakeOrt:
    """onnxruntime with CUDA listed; what a session then runs on is ``active``."""

    __version__ = "1.31.1"

    def __init__(self, active: str, folder: Path) -> None:
        self.active = active
        self.__file__ = str(folder / "__init__.py")

    def get_available_providers(self) -> list[str]:
        return ["CUDAExecutionProvider", "CPUExecutionProvider"]

    class SessionOptions:
        def add_session_config_entry(self, key: str, value: str) -> None:
            pass

    def InferenceSession(self, data: bytes, options: Any, providers: list[Any], enable_fallback: int) -> FakeSession:  # noqa: N802
        del data, options
        assert enable_fallback == 0
        wants_cuda = providers[0] != "CPUExecutionProvider"
        return FakeSession([self.active, "CPUExecutionProvider"] if wants_cuda else ["CPUExecutionProvider"])


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], None]:
    def use(active: str) -> None:
        monkeypatch.setattr(backend, "import_onnxruntime", lambda: FakeOrt(active, tmp_path))

    return use


def test_a_session_that_fell_back_in_silence_is_found_out(fake: Callable[[str], None], monkeypatch: pytest.MonkeyPatch) -> None:
    fake("CPUExecutionProvider")
    monkeypatch.setattr(backend, "_library_fault", lambda _: None)
    with pytest.raises(DeviceUnavailable, match="no usable NVIDIA GPU"):
        backend.open_session(b"", "cuda", None)
    assert str(backend.open_session(b"", "auto", None)[1]) == "cpu"
    fake("CUDAExecutionProvider")
    assert str(backend.open_session(b"", "cuda:1", None)[1]) == "cuda:1"
    assert backend.open_session(b"", "auto", None)[1] == backend.Device("cuda:0", "auto", "")


def test_the_missing_library_is_named(fake: Callable[[str], None]) -> None:
    fake("CUDAExecutionProvider")
    with pytest.raises(DeviceUnavailable, match="onnxruntime_providers_shared"):
        backend.open_session(b"", "cuda", None)


def test_two_wheels_over_each_other_are_named_only_where_they_hurt(
    fake: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    fake("CPUExecutionProvider")
    monkeypatch.setattr(backend, "_both_wheels", lambda: "onnxruntime 1 and onnxruntime-gpu 1 are installed over each other")
    assert str(backend.open_session(b"", "cpu", None)[1]) == "cpu"
    assert str(backend.open_session(b"", "auto", None)[1]) == "cpu"
    with pytest.raises(BackendConflict, match="over each other"):
        backend.open_session(b"", "cuda", None)


def test_without_onnxruntime_the_pip_line_is_given(tmp_path: Path) -> None:
    done = python(
        """
        import sys
        sys.modules["onnxruntime"] = None
        from cganx import runtime
        from cganx.runtime import testing
        try:
            runtime.load(testing.TINY)
        except runtime.BackendMissing as error:
            print(error)
        """
    )
    assert 'pip install "cganx[cpu]"' in done.stdout, done.stderr
    broken = tmp_path / "onnxruntime"
    broken.mkdir()
    (broken / "__init__.py").write_text("")
    env = os.environ | {"PYTHONPATH": str(tmp_path)}
    done = python(
        """
        from cganx.runtime import testing
        from cganx import runtime
        try:
            testing.tiny()
        except runtime.BackendMissing as error:
            print(error)
        """,
        env,
    )
    assert "damaged" in done.stdout, done.stderr
    (broken / "__init__.py").write_text("import no_such_part")
    done = python("from cganx.runtime import testing; testing.tiny()", env)
    assert "lacks no_such_part" in done.stderr
    assert issubclass(BackendMissing, runtime.CganxError)


def test_bad_models_name_themselves(tmp_path: Path, part: Callable[[str], None]) -> None:
    part("onnxruntime")
    path = tmp_path / "cut.onnx"
    path.write_bytes(testing.TINY.read_bytes()[:5000])
    with pytest.raises(runtime.ModelError) as caught:
        runtime.load(path)
    assert caught.value.model == str(path)
    assert "\n" not in str(caught.value)


def test_another_threads_stdout_is_left_alone_while_a_model_loads() -> None:
    code = """
        import contextlib, io, sys, threading
        from cganx import runtime
        from cganx.runtime import testing
        before = sys.stdout
        seen = []
        loading = threading.Event()
        def look():
            while not loading.is_set():
                seen.append(sys.stdout is before)
        other = threading.Thread(target=look)
        other.start()
        for _ in range(5):
            runtime.load(testing.TINY, device="cpu")
        loading.set()
        other.join()
        assert seen and all(seen)
        assert sys.stdout is before
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True)
