"""What a terminal sees while a command works."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from cganx.runtime.testing import TINY, tiny

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a pseudo-terminal is POSIX's")


@pytest.fixture
def on_a_terminal(part):
    """Run a command with a terminal for stderr; gives what that was shown."""
    part("tqdm")
    import pty
    import termios

    master, slave = pty.openpty()
    termios.tcsetwinsize(slave, (24, 120))
    os.set_blocking(master, False)

    def run(*arguments):
        command = [sys.executable, "-m", "cganx_cli", *map(str, arguments)]
        subprocess.run(command, stderr=slave, stdout=subprocess.PIPE, check=True)
        return os.read(master, 100_000)

    yield run
    os.close(slave)
    os.close(master)


def test_pictures_are_counted(on_a_terminal, tmp_path):
    assert b"/200" in on_a_terminal("generate", TINY, "-o", tmp_path, "--seeds", "0-99")


def test_the_search_for_the_nearest_picture_says_how_far_it_is(on_a_terminal, tmp_path):
    from PIL import Image

    Image.fromarray(tiny().generate("disc", 5)[0, :, :, 0]).save(tmp_path / "disc.png")
    shown = on_a_terminal("explore", TINY, "-o", tmp_path / "out", "--sheet", "picture", "--picture", tmp_path / "disc.png")
    assert b"of 2" in shown
    assert b"nearest picture" in shown
