# SPDX-License-Identifier: GPL-3.0-or-later
"""What lives from the extension's enabling to its disabling, and is in no .blend file: models, worker, run, thumbnails."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import bpy

import cganx
from cganx.runtime import Generator

from .favourites import Favourites
from .labels import Item
from .models import Models, Running
from .onnx_runtimes import Found, in_use, try_folder
from .refusal import Refusal
from .work import Load
from .worker import Worker

if TYPE_CHECKING:
    from .runs import Run
    from .thumbnails import Thumbnails

PACKAGE = __package__
HERE = Path(__file__).parent
OWN_GENERATORS = HERE / "generators"


def user_folder(name: str, *, create: bool = False) -> Path:
    """A folder of the extension's in the user's Blender folder, which is writable where the extension's own need not be."""
    return Path(bpy.utils.extension_path_user(PACKAGE, path=name, create=create))


@dataclass(frozen=True)
class UsersRuntime:
    """The user's own onnxruntime: its folder, what its trial found, and why it is not used, if it is not."""

    folder: str = ""
    found: Found | None = None
    reason: str = ""


class Session:
    """Made by `open_session`; the one that is open is `session()`."""

    def __init__(self) -> None:
        self.models = Models(self._folders)
        self.worker = Worker()
        self.favourites = Favourites(user_folder("") / "favourites.json")
        self.run: Run | None = None
        self.problem = ""
        self.thumbnails: Thumbnails | None = None
        self.users_runtime = UsersRuntime()
        self.model_folder = user_folder("models")
        self._items: dict[Hashable, list[Item]] = {}
        self._trying = threading.Lock()
        self._path_added = ""

    def read_preferences(self) -> None:
        """Take over what other threads need of the preferences. Main thread only."""
        added = bpy.context.preferences.addons.get(PACKAGE)
        chosen = added.preferences.model_folder if added is not None and added.preferences is not None else ""
        folder = Path(bpy.path.abspath(chosen)) if chosen else user_folder("models")
        if folder != self.model_folder:
            self.model_folder = folder
            self.models.look()

    def loader(self) -> Load:
        """A function that loads a generator by name on the worker's thread, as the preferences say now. Main thread only."""
        self.read_preferences()
        chosen = preferences()
        running = Running(chosen.device, chosen.threads)
        folder, command = bpy.path.abspath(chosen.gpu_folder) if chosen.gpu_folder else "", child_command()

        def load(name: str) -> Generator:
            if folder:
                self.let_in(Path(folder), command, self.models.get(name).path)
            return self.models.load(name, running)

        return load

    def keep(self, key: Hashable, make: Callable[[], list[Item]]) -> list[Item]:
        """An enum's items, made once for each key: Blender keeps no reference to their texts, so Python must."""
        if key not in self._items:
            self._items[key] = make()
        return self._items[key]

    def close(self) -> None:
        """End the thread, let go of generators, pictures and the path that was added."""
        if self.run is not None:
            self.run.stop()
            self.run.leave()
            self.run = None
        self.worker.stop()
        self.models.close()
        if self.thumbnails is not None:
            self.thumbnails.close()
        self._put_first("")

    def _folders(self) -> Sequence[Path]:
        return OWN_GENERATORS, self.model_folder

    def let_in(self, folder: Path, command: Sequence[str], model: Path, *, again: bool = False) -> UsersRuntime:
        """Try the user's onnxruntime in a child, once or ``again``; where it runs on CUDA, it is the one imported here."""
        with self._trying:
            if again or self.users_runtime.folder != str(folder):
                self.users_runtime = self._tried(folder, command, model)
            return self.users_runtime

    def _tried(self, folder: Path, command: Sequence[str], model: Path) -> UsersRuntime:
        used = in_use()
        if used is None:
            self._put_first("")  # what an earlier trial let in is not meant any more
        try:
            found = try_folder(command, folder, Path(cganx.__file__).parents[1], model)
        except Refusal as error:
            return UsersRuntime(str(folder), reason=str(error))
        if not found.device.startswith("cuda"):
            return UsersRuntime(str(folder), found, found.reason or f"it runs on {found.device}")
        if used is not None and not Path(used.path).is_relative_to(folder):
            return UsersRuntime(str(folder), found, "another onnxruntime is in use already: start Blender again")
        self._put_first(str(folder))
        return UsersRuntime(str(folder), found)

    def _put_first(self, folder: str) -> None:
        """Have modules looked for in ``folder`` before all others, in place of the one that was put there before."""
        if self._path_added in sys.path:
            sys.path.remove(self._path_added)
        if folder:
            sys.path.insert(0, folder)
        self._path_added = folder


class _Open:
    """Holds the open session, so that Blender's callbacks, which are given no object of ours, find it."""

    session: Session | None = None


def open_session() -> Session:
    """Called by register."""
    _Open.session = Session()
    return _Open.session


def close_session() -> None:
    """Called by unregister."""
    if _Open.session is not None:
        _Open.session.close()
        _Open.session = None


def session() -> Session:
    """The open session. Raises Refusal where the extension is off."""
    if _Open.session is None:
        raise Refusal("The extension is off: enable it in the preferences")
    return _Open.session


def preferences():
    """The extension's preferences."""
    return bpy.context.preferences.addons[PACKAGE].preferences


def child_command() -> list[str]:
    """What runs a line of Python in a Blender like this one, or in the Python that the bpy module is in."""
    if bpy.app.binary_path:
        return [bpy.app.binary_path, "-b", "--factory-startup", "--python-exit-code", "5", "--python-expr"]
    return [sys.executable, "-c"]
