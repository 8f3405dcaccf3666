"""A Blender with a window in a Debian of its own, with a mouse and a keyboard: what the window's tests drive."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).parent
SCREEN = (1600, 1000)
FOLDER = "root/cganx"  # in the chroot
PANELS = """
screen = bpy.context.window_manager.windows[0].screen
area = max(screen.areas, key=lambda one: one.width * one.height)
region = next(one for one in area.regions if one.type == "UI")
"""


class Region(NamedTuple):
    """In pixels, from the left and from below."""

    x: int
    y: int
    width: int
    height: int


class Window:
    """``root`` is a chroot as scripts/blender_chroot.sh makes it; pictures are written into ``pictures``."""

    def __init__(self, root: Path, extension: Path, pictures: Path) -> None:
        self._root, self._pictures = root.resolve(), pictures
        self._size = SCREEN
        pictures.mkdir(parents=True, exist_ok=True)
        folder = self._root / FOLDER
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        shutil.copy(extension, folder / "extension.zip")
        shutil.copy(HERE / "desk.py", folder)
        self._socket = folder / "desk"
        self._log = (folder / "log").open("w")
        self._display = ""
        self._processes: list[subprocess.Popen[str]] = []
        try:
            self._start_server()
            self._start_blender()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End Blender and its screen."""
        for process in reversed(self._processes):
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdout is not None:
                process.stdout.close()
        self._log.close()

    @property
    def log(self) -> str:
        """What Blender said."""
        return (self._root / FOLDER / "log").read_text(encoding="utf-8", errors="replace")

    def ask(self, statements: str) -> Any:
        """Run Python in Blender's main thread, as soon as its interface answers; what it gives the name ``answer``."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(120)
            connection.connect(os.fspath(self._socket))
            with connection.makefile("rw", encoding="utf-8") as file:
                file.write(json.dumps(statements) + "\n")
                file.flush()
                said = json.loads(file.readline())
        assert "error" not in said, said["error"]
        return said["answer"]

    def until(self, expression: str, wanted: Callable[[Any], bool] = bool, timeout: float = 60) -> Any:
        """The expression's value, once it is as wanted."""
        begun = time.perf_counter()
        while not wanted(answer := self.ask(f"answer = {expression}")):
            assert time.perf_counter() - begun < timeout, f"{expression} is {answer!r} still"
            time.sleep(0.05)
        return answer

    def show(self, editor: str, *, alone: bool = False) -> Region:
        """The extension's tab in the sidebar of that editor, in the large area; ``alone``, beside nothing slow to draw."""
        self.ask(f"{PANELS}\narea.ui_type = {editor!r}\narea.spaces.active.show_region_ui = True")
        if alone:
            self.ask(f"{PANELS}\nfor one in screen.areas:\n    one.ui_type = one.ui_type if one == area else 'CONSOLE'")
        time.sleep(1.5)  # the tab can be chosen when the sidebar was drawn
        self.ask(f"{PANELS}\nregion.active_panel_category = 'cganx'\narea.tag_redraw()")
        time.sleep(1.5)
        return Region(*self.ask(f"{PANELS}\nanswer = region.x, region.y, region.width, region.height"))

    def buttons(self, region: Region) -> dict[str, tuple[int, int]]:
        """Operators in the middle of a region by name, and where the button is.

        Blender's own answer: Ctrl+C over a button copies the Python that it runs.
        """
        found: dict[str, tuple[int, int]] = {}
        for row in range(self._size[1] - region.y - region.height, self._size[1] - region.y, 12):
            place = region.x + region.width // 2 - 15, row
            self.ask("bpy.context.window_manager.clipboard = ''")
            self.press("mousemove", *map(str, place), "sleep", "0.06", "key", "ctrl+c", "sleep", "0.06")
            said = self.ask("answer = bpy.context.window_manager.clipboard")
            if said.startswith("bpy.ops.cganx."):
                found.setdefault(said.removeprefix("bpy.ops.cganx.").partition("(")[0], place)
        return found

    def press(self, *words: str) -> None:
        """xdotool: ``press("mousemove", "10", "20", "click", "1")``, ``press("key", "Escape")``."""
        self._run("xdotool", *words)

    def move(self, place: tuple[int, int]) -> None:
        """The mouse; and let Blender see that it is there."""
        self.press("mousemove", *map(str, place), "sleep", "0.4")

    def click(self) -> float:
        """The left button where the mouse is; the time of it, by the clock that Blender's Python has too."""
        now = time.perf_counter()
        self.press("click", "1")
        return now

    def resize(self, width: int, height: int) -> None:
        """Blender's window."""
        found = self._run("xdotool", "search", "--onlyvisible", "--class", "blender").split()
        self.press("windowsize", "--sync", found[-1], str(width), str(height), "sleep", "1")
        self._size = width, height

    def picture(self, name: str) -> Path:
        """Blender's window, by X itself: Blender's own screenshot is black without a screen."""
        part = "{}x{}+0+0".format(*self._size)
        self._run("import", "-window", "root", "-crop", part, "+repage", f"/{FOLDER}/{name}.png")
        return Path(shutil.move(self._root / FOLDER / f"{name}.png", self._pictures / f"{name}.png"))

    def _run(self, *words: str) -> str:
        done = subprocess.run(self._command(*words), check=True, capture_output=True, text=True)
        return done.stdout

    def _command(self, *words: str) -> list[str]:
        return ["chroot", os.fspath(self._root), "env", f"DISPLAY={self._display}", *words]

    def _start_server(self) -> None:
        (self._root / "tmp/.X11-unix").mkdir(exist_ok=True)
        words = ["Xvfb", "-displayfd", "1", "-screen", "0", f"{SCREEN[0]}x{SCREEN[1]}x24", "-nolisten", "tcp"]
        process = subprocess.Popen(self._command(*words), stdout=subprocess.PIPE, stderr=self._log, text=True)
        self._processes.append(process)
        assert process.stdout is not None
        self._display = f":{process.stdout.readline().strip()}"
        assert self._display != ":", f"Xvfb did not start: {self.log[-2000:]}"

    def _start_blender(self) -> None:
        folder = f"/{FOLDER}"
        words = ["env", f"BLENDER_USER_RESOURCES={folder}/user", f"HOME={folder}", "ORT_DISABLE_TELEMETRY=1", "blender"]
        words += ["--factory-startup", "-p", "0", "0", *map(str, SCREEN), "--python-exit-code", "5"]
        words += ["--python", f"{folder}/desk.py", "--", f"{folder}/extension.zip", f"{folder}/desk"]
        process = subprocess.Popen(self._command(*words), stdout=self._log, stderr=subprocess.STDOUT, text=True)
        self._processes.append(process)
        begun = time.perf_counter()
        while not self._socket.exists():
            assert process.poll() is None, f"Blender ended with {process.returncode}: {self.log[-2000:]}"
            assert time.perf_counter() - begun < 120, f"Blender did not come up: {self.log[-2000:]}"
            time.sleep(0.1)
