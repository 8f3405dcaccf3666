"""The Blenders that the extension is tested in, as Python modules in environments of their own: `python blenders.py FOLDER`.

None has onnxruntime: it must come from the extension's zip. 1.1 GB each on the disk.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

# Blender: (its Python, what pip installs)
BLENDERS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "5.2": ("3.13", ("bpy==5.2.3",)),
    "5.0": ("3.11", ("bpy==5.0.1",)),
    "4.2": ("3.11", ("bpy==4.2.23", "numpy==1.24.3")),
}
TOOLS = ("pytest>=8",)


def interpreter(version: str) -> str | None:
    """A Python of that version: this one, one on the path, or one of pyenv's."""
    if sys.version_info[:2] == tuple(map(int, version.split("."))):
        return sys.executable
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    places = [shutil.which(f"python{version}"), *sorted(root.glob(f"versions/{version}*/bin/python{version}"), reverse=True)]
    return next((str(one) for one in places if one is not None and _runs(str(one), version)), None)


def _runs(path: str, version: str) -> bool:
    """pyenv puts a file of that name on the path also where it has no such Python to run."""
    ask = "import sys; print('%d.%d' % sys.version_info[:2])"
    done = subprocess.run([path, "-c", ask], capture_output=True, text=True, check=False)
    return done.returncode == 0 and done.stdout.strip() == version


def python_of(folder: Path) -> Path:
    """The Python of an environment."""
    return folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def make(folder: Path) -> None:
    """Make all of them in ``folder``; what is there already stays."""
    for blender, (version, packages) in BLENDERS.items():
        place = folder / blender
        mark = place / ".installed"
        if mark.exists() and mark.read_text("utf-8").split() == list(packages):
            continue
        python = interpreter(version)
        if python is None:
            sys.exit(f"blenders.py: there is no Python {version}, which Blender {blender} is built for: install one")
        shutil.rmtree(place, ignore_errors=True)
        subprocess.run([python, "-m", "venv", place], check=True)
        install = [python_of(place), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        install += shlex.split(os.environ.get("PIP_ARGS", ""))
        subprocess.run([*install, *packages, *TOOLS], check=True)
        mark.write_text(" ".join(packages), "utf-8")


if __name__ == "__main__":
    make(Path(sys.argv[1]))
