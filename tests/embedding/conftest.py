"""The code of docs/embedding.md, as files, and what runs it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CODE = re.compile(r"```\w+\n((?://|#) (?P<name>[\w.]+).*?)```", re.DOTALL)
NODE_VERSION = 20


@pytest.fixture
def documented(tmp_path: Path) -> Path:
    """A folder with the files that the page holds, letter by letter."""
    page = (ROOT / "docs" / "embedding.md").read_text("utf-8")
    found = {match["name"]: match[1] for match in CODE.finditer(page)}
    assert found.keys() >= {"picture.mjs", "latent.mjs", "picture.cpp", "latent.hpp", "main.rs", "latent.rs"}
    for name, text in found.items():
        (tmp_path / name).write_text(text, "utf-8")
    return tmp_path


def ran(*words: str | Path, folder: Path) -> str:
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


@pytest.fixture
def node(documented: Path, lacking: Callable[[str], None]) -> Callable[..., str]:
    """``node(code)``: run a module beside the page's files, with the packages of package.json, and give what it prints."""
    if shutil.which("node") is None or int(ran("node", "--version", folder=documented)[1:].split(".")[0]) < NODE_VERSION:
        lacking(f"there is no node of version {NODE_VERSION} or later")
    places = [ROOT / ".venv" / "javascript" / "node_modules", *map(Path, filter(None, [os.environ.get("CGANX_NODE_MODULES")]))]
    modules = next((one for one in reversed(places) if (one / "onnxruntime-node").is_dir()), None)
    if modules is None or not (modules / "onnxruntime-web").is_dir():
        lacking(
            "onnxruntime-node and onnxruntime-web are not installed: `make test` does that where npm is, or say where they are "
            "with CGANX_NODE_MODULES"
        )
    assert modules is not None
    (documented / "node_modules").symlink_to(modules.resolve(), target_is_directory=True)

    def run(code: str) -> str:
        (documented / "test.mjs").write_text(code, "utf-8")
        return ran("node", "test.mjs", folder=documented)

    return run


@pytest.fixture
def compiled(documented: Path, lacking: Callable[[str], None]) -> Callable[..., str]:
    """``compiled(compiler, source, *options)``: compile a program beside the page's files, and give what it prints."""

    def run(compiler: str, source: str, *options: str) -> str:
        if shutil.which(compiler) is None:
            lacking(f"there is no {compiler}")
        ran(compiler, source, *options, "-o", "program", folder=documented)
        return ran(documented / "program", folder=documented)

    return run
