"""What hosts' programmers lean on: types, docstrings whose examples run, a page whose code runs."""

import doctest
import importlib
import inspect
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cganx import runtime
from cganx.runtime import testing

ROOT = Path(__file__).parents[2]


def test_a_host_is_typed_strictly(part: Callable[[str], None], tmp_path: Path) -> None:
    part("mypy")
    assert (ROOT / "cganx" / "py.typed").exists()
    command = [sys.executable, "-m", "mypy", "--config-file", "", "--strict", "--cache-dir", str(tmp_path)]
    done = subprocess.run(
        [*command, str(Path(__file__).with_name("typed_host.py"))],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=os.environ | {"MYPYPATH": str(ROOT)},
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "module", ["cganx.runtime", "cganx.runtime.generator", "cganx.runtime.backend", "cganx.runtime.testing.fake"]
)
def test_the_examples_of_docstrings_run(module: str, part: Callable[[str], None]) -> None:
    part("onnxruntime")
    failed, tried = doctest.testmod(importlib.import_module(module))
    assert failed == 0
    assert tried or module in ("cganx.runtime", "cganx.runtime.backend")


def test_the_pages_code_runs(part: Callable[[str], None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    part("onnxruntime")
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "runtime.md").read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) > 5
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.onnx").write_bytes(testing.TINY.read_bytes())
    names: dict[str, object] = {"__name__": "page"}
    for block in blocks:
        exec(compile(block, "docs/runtime.md", "exec"), names)


@pytest.mark.parametrize("name", [*runtime.__all__, *(f"testing.{name}" for name in testing.__all__)])
def test_every_public_name_says_what_it_is(name: str) -> None:
    value = getattr(testing, name.removeprefix("testing.")) if name.startswith("testing.") else getattr(runtime, name)
    if name in ("LIMITS", "testing.TINY"):
        return
    documented = (
        [value]
        if not inspect.isclass(value)
        else [
            value,
            *(member for called, member in vars(value).items() if not called.startswith("_") and inspect.isroutine(member)),
        ]
    )
    for one in documented:
        assert inspect.getdoc(one), one
        assert not (inspect.getdoc(one) or "").startswith(f"{name}("), "a docstring that dataclass made up"
