"""Virtual environments of their own, and the folder outside the tree that their programs run in."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

import pytest

__all__ = ["IN_CI", "ROOT", "Environment"]

ROOT = Path(__file__).parents[2]
ASKED = os.environ.get("CGANX_REQUIRE") == "all"
IN_CI = [
    pytest.mark.slow,
    pytest.mark.skipif(not ASKED, reason="makes whole environments with pip: set CGANX_REQUIRE=all"),
]


@dataclass(frozen=True)
class Environment:
    """A virtual environment and the folder outside the tree that its programs run in."""

    folder: Path
    work: Path

    @classmethod
    def empty(cls, folder: Path) -> Environment:
        """Nothing is in it, not even pip."""
        venv.create(folder / "env")
        (folder / "elsewhere").mkdir()
        return cls(folder / "env", folder / "elsewhere")

    def copy(self, folder: Path) -> Environment:
        """The same one again, in links: pip replaces files and never writes into them. Its scripts still name the first."""
        shutil.copytree(self.folder, folder / "env", symlinks=True, copy_function=os.link)
        (folder / "elsewhere").mkdir()
        return Environment(folder / "env", folder / "elsewhere")

    @property
    def programs(self) -> Path:
        return self.folder / ("Scripts" if os.name == "nt" else "bin")

    @property
    def home(self) -> Path:
        """The HOME of what runs here; nothing makes it."""
        return self.work.parent / "home"

    def run(self, program: str, *args: object, code: int = 0) -> subprocess.CompletedProcess[str]:
        # onnxruntime writes a device id, but neither in CI nor where it is told not to.
        dropped = ("PYTHONPATH", "VIRTUAL_ENV", "ORT_DISABLE_TELEMETRY", "CI", "GITHUB_ACTIONS", "XDG_CACHE_HOME")
        clean = {name: value for name, value in os.environ.items() if name not in dropped} | {"HOME": str(self.home)}
        done = subprocess.run(
            [self.programs / program, *map(str, args)], cwd=self.work, env=clean, capture_output=True, text=True, check=False
        )
        assert done.returncode == code, f"{program} {args}: {done.returncode}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
        return done

    def pip(self, command: str, *args: object) -> None:
        """The pip of the tests, at work on this environment."""
        here = ["--python", self.programs / "python"]
        subprocess.run([sys.executable, "-m", "pip", "-q", *here, command, *map(str, args)], check=True, capture_output=True)

    def python(self, code: str) -> str:
        return self.run("python", "-W", "error", "-c", code).stdout.strip()
