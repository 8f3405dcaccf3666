"""What hosts' programmers lean on: types, docstrings whose examples run, a page whose code runs."""

import doctest
import importlib
import importlib.util
import inspect
import os
import pkgutil
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

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


def with_examples() -> list[str]:
    """The modules that a host's programmers meet and whose docstrings have examples."""
    names = ["cganx.card", "cganx.errors", *(one.name for one in pkgutil.walk_packages(runtime.__path__, "cganx.runtime."))]
    files = {name: importlib.util.find_spec(name) for name in names}
    return [name for name, spec in files.items() if spec and spec.origin and ">>> " in Path(spec.origin).read_text("utf-8")]


@pytest.mark.parametrize("module", with_examples())
def test_the_examples_of_docstrings_run(module: str, part: Callable[[str], None]) -> None:
    part("onnxruntime")
    failed, tried = doctest.testmod(importlib.import_module(module), globs={})  # each example has its own imports
    assert failed == 0
    assert tried


def test_the_pages_code_runs(part: Callable[[str], None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    part("onnxruntime")
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "runtime.md").read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) > 5
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.onnx").write_bytes(testing.TINY.read_bytes())
    names: dict[str, object] = {"__name__": "page"}
    for block in blocks:
        exec(compile(block, "docs/runtime.md", "exec"), names)


PUBLIC = [*runtime.__all__, *(f"testing.{name}" for name in testing.__all__)]
VALUES = ("LIMITS", "testing.TINY")  # these have no docstring of their own


def public(name: str) -> Any:
    return getattr(testing, name.removeprefix("testing.")) if name.startswith("testing.") else getattr(runtime, name)


def methods(value: Any) -> list[Any]:
    """What a class offers beside itself; properties too."""
    members = {called: member for called, member in vars(value).items() if not called.startswith("_")}
    offered = (property, classmethod, staticmethod)
    return [
        getattr(value, called) for called, member in members.items() if inspect.isroutine(member) or isinstance(member, offered)
    ]


@pytest.mark.parametrize("name", [name for name in PUBLIC if name not in VALUES])
def test_every_public_name_says_what_it_is(name: str) -> None:
    value = public(name)
    for one in [value, *(methods(value) if inspect.isclass(value) else [])]:
        assert inspect.getdoc(one), one
        assert not (inspect.getdoc(one) or "").startswith(f"{name}("), "a docstring that dataclass made up"


@pytest.mark.parametrize("name", [name for name in PUBLIC if name not in VALUES])
def test_every_public_name_has_an_example(name: str) -> None:
    value = public(name)
    if inspect.isclass(value) and issubclass(value, Exception):  # leaves that are raised alike are shown by their base
        assert any(">>> " in (one.__doc__ or "") for one in value.__mro__)
        return
    for one in [value, *(methods(value) if value is runtime.Generator else [])]:
        assert ">>> " in (inspect.getdoc(one) or ""), one
