"""What is installed: the built wheel, and environments for it."""

from __future__ import annotations

import subprocess
import sys

import pytest
from environments import ROOT, Environment


@pytest.fixture(scope="session")
def wheel(tmp_path_factory):
    """The wheel, built from the source distribution, which so is proved whole."""
    out = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-m", "build", "--no-isolation", "-o", out, ROOT], check=True, capture_output=True)
    (found,) = out.glob("*.whl")
    return found


@pytest.fixture
def environment(tmp_path):
    """``environment(*what)``: an empty environment with what pip is told to install."""

    def made(*what: str) -> Environment:
        new = Environment.empty(tmp_path)
        new.pip("install", "--no-cache-dir", "-c", ROOT / "constraints.txt", *what)
        return new

    return made
