"""The built extension, and the modules of it that need no Blender."""

from __future__ import annotations

import importlib
import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from blenders import BLENDERS, python_of

ROOT = Path(__file__).parents[2]
PLUGIN = ROOT / "plugins" / "blender"
collect_ignore = ["inside"]


@pytest.fixture(scope="session")
def addon() -> Callable[[str], ModuleType]:
    """``addon("worker")``: a module of the extension, imported without Blender."""
    if str(PLUGIN) not in sys.path:
        sys.path.append(str(PLUGIN))
    return lambda name: importlib.import_module(f"cganx_blender.{name}")


@pytest.fixture(scope="session")
def build_script() -> ModuleType:
    """plugins/blender/build.py as a module."""
    spec = importlib.util.spec_from_file_location("blender_build", PLUGIN / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def linux_zip(tmp_path_factory: pytest.TempPathFactory, lacking: Callable[[str], None]) -> Path:
    """The zip for Linux, built as its user builds it."""
    out = tmp_path_factory.mktemp("zip")
    command = [sys.executable, str(PLUGIN / "build.py"), "--out", str(out), "--platform", "linux-x64"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode and "pip could not fetch" in done.stderr:
        lacking(f"the wheels that the extension bundles cannot be fetched: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    (path,) = out.glob("*linux*.zip")
    return path


@pytest.fixture(scope="session")
def blender(lacking: Callable[[str], None]) -> Callable[[str], Path]:
    """``blender("5.2")``: the Python of an environment that has this Blender as a module."""
    places = [ROOT / ".venv" / "blenders", *map(Path, filter(None, [os.environ.get("CGANX_BLENDERS")]))]

    def find(version: str) -> Path:
        found = [python_of(place / version) for place in reversed(places) if python_of(place / version).exists()]
        if not found:
            lacking(
                f"there is no Blender {version} ({BLENDERS[version][1][0]}): `make blenders` installs it, "
                "or say where it is with CGANX_BLENDERS"
            )
        return found[0]

    return find
