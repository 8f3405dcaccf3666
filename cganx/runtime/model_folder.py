"""The user's model folder: generators that are found by name, as the bundled ones are. ``cganx models add`` fills it."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from cganx.errors import RequestError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["added", "added_file", "models_folder"]

_NO_FOLDER = "this user has no home folder to keep models in: set CGANX_MODELS to a folder"


def models_folder() -> str:
    """``$CGANX_MODELS``, else ``cganx/models`` in the user's data folder; it need not be there.

    The data folder is ``$XDG_DATA_HOME`` or ``~/.local/share`` on Linux, ``~/Library/Application Support`` on macOS and
    ``%LOCALAPPDATA%`` on Windows. Raises RequestError where the user has none.

    >>> import os
    >>> from unittest import mock
    >>> from cganx import runtime
    >>> with mock.patch.dict(os.environ, CGANX_MODELS="/srv/models"):
    ...     runtime.models_folder()
    '/srv/models'
    """
    given = os.environ.get("CGANX_MODELS")
    return given or os.path.join(_data_folder(), "cganx", "models")


def _data_folder() -> str:
    if sys.platform == "win32":
        return os.environ.get("LOCALAPPDATA") or _home("AppData", "Local")
    if sys.platform == "darwin":
        return _home("Library", "Application Support")
    given = os.environ.get("XDG_DATA_HOME", "")
    return given if os.path.isabs(given) else _home(".local", "share")  # a relative one is to be ignored, says XDG


def _home(*parts: str) -> str:
    home = os.path.expanduser("~")
    if home == "~":
        raise RequestError(_NO_FOLDER)
    return os.path.join(home, *parts)


def added_file(name: str) -> str | None:
    """The file of that name in the user's model folder, None where there is none."""
    try:
        path = os.path.join(models_folder(), f"{name}.onnx")
        return path if os.path.isfile(path) else None
    except (RequestError, ValueError):  # no folder; a name with a null byte
        return None


def added() -> dict[str, Path]:
    """The generators in the user's model folder: name -> file; none where there is no such folder.

    >>> import os, shutil, tempfile
    >>> from unittest import mock
    >>> from cganx import runtime
    >>> from cganx.runtime import testing
    >>> with tempfile.TemporaryDirectory() as folder, mock.patch.dict(os.environ, CGANX_MODELS=folder):
    ...     _ = shutil.copy(testing.TINY, os.path.join(folder, "mine.onnx"))
    ...     list(runtime.added()), runtime.load("mine", "cpu").card.classes
    (['mine'], ('disc', 'cross'))
    """
    from pathlib import Path

    try:
        folder = Path(models_folder())
    except RequestError:
        return {}
    return {path.stem: path for path in sorted(folder.glob("*.onnx")) if "." not in path.stem and path.is_file()}
