"""Where packed pictures are kept that are too big for memory: written whole or not at all, found again by a key.

``$CGANX_CACHE``, else the user's cache folder: ``$XDG_CACHE_HOME`` or ``~/.cache`` on Linux, ``~/Library/Caches`` on
macOS, ``%LOCALAPPDATA%`` on Windows. An entry is a folder ``data-KEY`` with the raw pixels (``train.u8``,
``test.u8``), the labels (``labels.npz``) and ``data.json``.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from cganx.data.dataset import pixel_digest
from cganx.data.packing import Options, PackedPart, mapped
from cganx.data.sources import Source
from cganx.errors import DataError

__all__ = ["Packed", "cache_folder", "entry_key", "keep", "read_entry", "scratch_folder"]

VERSION = 1
PARTS = ("train", "test")
FORGOTTEN = 24 * 3600.0  # seconds


@dataclass(frozen=True, eq=False)
class Packed:
    """A packed source: what a DataSet is made of."""

    classes: tuple[str, ...]
    train: PackedPart
    test: PackedPart
    pixels: str


def cache_folder() -> Path:
    """The folder for what can be made again: ``$CGANX_CACHE``, else ``cganx`` in the user's cache folder.

    Raises DataError where neither is known.
    """
    given = os.environ.get("CGANX_CACHE")
    if given:
        return Path(given)
    try:
        return _users_cache() / "cganx"
    except RuntimeError:
        raise DataError("this user has no home folder to keep a cache in: set CGANX_CACHE to a folder") from None


def _users_cache() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


def entry_key(source: Source, options: Options) -> str:
    """A hash of the names, sizes and times of all files of the source, and of the options."""
    digest = hashlib.sha256(json.dumps([VERSION, source.name, asdict(options)]).encode())
    for path in source.files:
        with suppress(OSError):  # what cannot be looked at cannot be read either: the reader will say so
            stat = path.stat()
            line = f"{path.absolute()}\0{stat.st_size}\0{stat.st_mtime_ns}\n"
            digest.update(line.encode("utf-8", "surrogateescape"))
    return digest.hexdigest()[:32]


@contextmanager
def scratch_folder(cache: Path) -> Iterator[Path]:
    """A name in ``cache`` for a folder that whoever needs it makes; it is removed in the end, if it is still there."""
    _clear_forgotten(cache)
    folder = cache / f".data-{secrets.token_hex(8)}"
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _clear_forgotten(cache: Path) -> None:
    """Remove what processes left that were killed while they packed: nobody has touched it for a day."""
    for folder in cache.glob(".data-*"):
        with suppress(OSError):
            touched = max(path.stat().st_mtime for path in (folder, *folder.iterdir()))
            if time.time() - touched > FORGOTTEN:
                shutil.rmtree(folder, ignore_errors=True)


def read_entry(cache: Path, key: str) -> Packed | None:
    """The entry, its pixels mapped copy-on-write; None where there is none or it is damaged."""
    folder = cache / f"data-{key}"
    try:
        described = json.loads((folder / "data.json").read_text(encoding="utf-8"))
        parts = []
        with np.load(folder / "labels.npz", allow_pickle=False) as labels:
            for name in PARTS:
                images = mapped(folder / f"{name}.u8", tuple(described["shapes"][name]), "c")
                parts.append(PackedPart(images, labels[name], folder / f"{name}.u8"))
        return Packed(tuple(described["classes"]), parts[0], parts[1], described["pixels"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def keep(cache: Path, key: str, made: Path, classes: tuple[str, ...], parts: list[PackedPart]) -> Packed:
    """Turn the folder ``made``, which holds the pixels of ``parts``, into the entry of ``key``, and read that.

    ``parts`` is emptied: while a file is mapped, Windows lets nobody shorten or move it.
    """
    sizes = [part.images.size for part in parts]
    described = {
        "classes": classes,
        "shapes": {name: part.images.shape for name, part in zip(PARTS, parts, strict=True)},
        "pixels": pixel_digest(parts[0].images, parts[1].images),
    }
    np.savez(made / "labels.npz", train=parts[0].labels, test=parts[1].labels)
    parts.clear()
    for name, size in zip(PARTS, sizes, strict=True):
        with (made / f"{name}.u8").open("r+b") as file:
            file.truncate(size)
            os.fsync(file.fileno())
    (made / "data.json").write_text(json.dumps(described), encoding="utf-8")
    final = cache / f"data-{key}"
    if read_entry(cache, key) is None:  # damaged, or left by a run that was stopped while it cleaned up
        shutil.rmtree(final, ignore_errors=True)
    with suppress(OSError):  # another process was faster: its entry serves as well
        made.rename(final)
    packed = read_entry(cache, key)
    if packed is None:
        raise DataError(f"{final}: the packed pictures cannot be kept there: set CGANX_CACHE to another folder")
    return packed
