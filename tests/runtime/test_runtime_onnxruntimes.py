"""onnxruntime that is there and of no use, by small modules in its place; tests/packaging has the real wheels."""

import ctypes
import importlib.metadata
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cganx.errors import BackendMissing
from cganx.runtime import backend
from cganx.runtime.backend import import_onnxruntime

AFRESH = "pip uninstall -y onnxruntime onnxruntime-gpu && pip install onnxruntime"
AFRESH_WITH_CUDA = 'pip uninstall -y onnxruntime onnxruntime-gpu && pip install "onnxruntime-gpu[cuda,cudnn]"'


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """``installed("onnxruntime")``: these distributions bring the module onnxruntime."""

    def use(*names: str) -> None:
        monkeypatch.setattr(importlib.metadata, "packages_distributions", lambda: {"onnxruntime": list(names)})
        monkeypatch.setattr(importlib.metadata, "version", lambda _: "1.31.1")

    return use


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """``module(source)``: ``import onnxruntime`` runs this."""
    kept = {name: one for name, one in sys.modules.items() if name.partition(".")[0] == "onnxruntime"}
    for name in kept:
        del sys.modules[name]

    def use(source: str) -> None:
        (tmp_path / "onnxruntime").mkdir()
        (tmp_path / "onnxruntime" / "__init__.py").write_text(source)
        monkeypatch.syspath_prepend(tmp_path)

    yield use
    for name in [one for one in sys.modules if one.partition(".")[0] == "onnxruntime"]:
        del sys.modules[name]
    sys.modules.update(kept)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("", "onnxruntime is damaged"),
        ("from onnxruntime.capi import of_another_python", "onnxruntime lacks onnxruntime.capi"),
        ("import no_such_part", "onnxruntime lacks no_such_part"),
        ("raise ImportError('DLL load failed\\nand lines of advice')", "does not load: DLL load failed. Install it again"),
        ("InferenceSession = 1; __version__ = '1.17.3'", "onnxruntime 1.17.3 is too old to read generators"),
    ],
)
def test_a_module_of_no_use_is_named_with_the_line_that_mends_it(
    source: str, said: str, module: Callable[[str], None], installed: Callable[..., None]
) -> None:
    module(source)
    installed("onnxruntime")
    with pytest.raises(BackendMissing) as caught:
        import_onnxruntime()
    assert said in str(caught.value)
    assert str(caught.value).endswith(AFRESH)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("version", ["1.18.0", "1.32.0", "2.0.0", "1.33.0.dev20261101"])
def test_the_oldest_and_later_ones_are_taken(version: str, module: Callable[[str], None]) -> None:
    module(f"InferenceSession = 1; __version__ = {version!r}")
    assert import_onnxruntime().__version__ == version


def test_what_is_left_of_the_wheel_with_cuda_is_installed_afresh_with_cuda(
    module: Callable[[str], None], installed: Callable[..., None]
) -> None:
    module("")
    installed("onnxruntime-gpu")
    with pytest.raises(BackendMissing) as caught:
        import_onnxruntime()
    assert str(caught.value).endswith(AFRESH_WITH_CUDA)


def test_any_distributions_that_overwrite_each_other_are_named(installed: Callable[..., None]) -> None:
    installed("onnxruntime")
    assert backend._both_wheels() is None
    installed("onnxruntime-directml", "onnxruntime", "onnxruntime")
    assert backend._both_wheels() == (
        "onnxruntime 1.31.1 and onnxruntime-directml 1.31.1 are installed over each other; keep one: "
        'pip uninstall -y onnxruntime onnxruntime-directml && pip install "onnxruntime-gpu[cuda,cudnn]"'
    )


@pytest.mark.parametrize(
    ("said", "missing", "fix"),
    [
        (
            "libcublasLt.so.13: cannot open shared object file: No such file or directory",
            "the library libcublasLt.so.13 cannot be loaded (cannot open shared object file: No such file or directory)",
            'pip install "onnxruntime-gpu[cuda,cudnn]"',
        ),
        (
            "Could not find module 'C:\\site\\onnxruntime_providers_cuda.dll' (or one of its dependencies)",
            "the library onnxruntime_providers_cuda.dll cannot be loaded "
            "(Could not find module 'C:\\site\\onnxruntime_providers_cuda.dll' (or one of its dependencies))",
            'pip install "onnxruntime-gpu[cuda,cudnn]"',
        ),
        (
            "libcuda.so.1: cannot open shared object file: No such file or directory",
            "the NVIDIA driver's library libcuda.so.1 is not there",
            backend._DRIVER,
        ),
    ],
)
def test_the_library_that_cuda_misses_is_named(said: str, missing: str, fix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def load(path: str, mode: int) -> None:
        del mode
        if "_cuda" in path:
            raise OSError(said)

    monkeypatch.setattr(ctypes, "CDLL", load)
    monkeypatch.setattr(sys, "platform", "win32" if "dll" in said else "linux")
    assert backend._library_fault("folder") == (missing, fix)
