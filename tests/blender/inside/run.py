"""Runs the checks in this folder inside a real Blender: `python run.py JUNIT [FILES]`, in an environment with bpy and pytest.

BLENDER_USER_RESOURCES is an empty folder, CGANX_ZIP the built extension, CGANX_WANTED what the library outside made.
"""

import os
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent

if __name__ == "__main__":
    files = sys.argv[2:] or sorted(path.name for path in HERE.glob("check_*.py"))
    sys.path.insert(0, str(HERE))
    code = pytest.main(
        ["-q", "--durations=8", f"--junitxml={sys.argv[1]}", f"--rootdir={HERE}", *(str(HERE / file) for file in files)]
    )
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(int(code))  # bpy 4.2 crashes in its own clearing up, after all is told
