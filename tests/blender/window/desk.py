"""Runs in Blender: installs the extension from its zip, then answers questions over a socket and times the interface.

blender ... --python desk.py -- ZIP SOCKET
"""

import importlib
import json
import socket
import sys
import time
import traceback

import bpy

MODULE = "bl_ext.user_default.cganx"
TICK = 0.005  # seconds between two looks, when the interface is free


class Desk:
    """Called by Blender's timer on the main thread, as the interface is: where it is late, the interface did not answer."""

    def __init__(self, path):
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(path)
        self._server.listen()
        self._server.setblocking(False)
        self._names = {"bpy": bpy, "session": importlib.import_module(f"{MODULE}.session").session, "desk": self}
        self._left = time.perf_counter()
        self.gaps = []
        self.seen = []
        self.held = []
        runs = importlib.import_module(f"{MODULE}.runs")
        runs.Run.tick = self._timed(runs.Run.tick)

    def __call__(self):
        now = time.perf_counter()
        self.gaps.append(now - self._left)
        count = sum("cganx.model" in image for image in bpy.data.images)
        if not self.seen or self.seen[-1][1] != count:
            self.seen.append((now, count))
        try:
            connection, _ = self._server.accept()
        except BlockingIOError:
            pass
        else:
            with connection:
                connection.setblocking(True)
                with connection.makefile("rw", encoding="utf-8") as file:
                    file.write(json.dumps(self._answer(json.loads(file.readline()))) + "\n")
        self._left = time.perf_counter()
        return TICK

    def _answer(self, question):
        """Statements, whose name ``answer`` is sent back."""
        names = dict(self._names)
        try:
            exec(compile(question, "question", "exec"), names)
        except Exception:
            return {"error": traceback.format_exc()}
        return {"answer": names.get("answer")}

    def _timed(self, method):
        """Note for how long the extension itself holds the interface at a time."""

        def timed(*arguments, **named):
            begun = time.perf_counter()
            try:
                return method(*arguments, **named)
            finally:
                self.held.append(time.perf_counter() - begun)

        return timed


zip_path, socket_path = sys.argv[sys.argv.index("--") + 1 :]
bpy.context.preferences.view.show_splash = False
bpy.context.preferences.system.viewport_aa = "OFF"  # without a graphics card, each of its 8 passes takes most of a second
# The operator says FINISHED also where nothing was installed: the import in Desk tells.
bpy.ops.extensions.package_install_files(filepath=zip_path, repo="user_default", enable_on_install=True)
bpy.app.timers.register(Desk(socket_path), first_interval=1.0, persistent=True)
