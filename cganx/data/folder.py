"""Folders with one subfolder a class."""

from __future__ import annotations

import logging
import os
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cganx.data.files import divided, file_source
from cganx.data.paths import Paths
from cganx.data.picture import SUFFIXES
from cganx.data.sources import LICENCES, Source, check_names, licence_line, natural_key
from cganx.errors import DataError

__all__ = ["TEST_NAMES", "Listing", "find_folder", "licence_beside", "listing"]

CLUTTER = frozenset({"thumbs.db", "desktop.ini", "@eadir", "__macosx", "manifest.jsonl"})  # the last is cganx generate's
MOST_LICENCE = 2**16
TEST_NAMES = ("test", "val", "valid", "validation")

log = logging.getLogger("cganx")


@dataclass(frozen=True)
class Listing:
    """What a folder holds, without hidden entries and clutter: subfolders, pictures, and how many other files."""

    folders: Sequence[Path]
    pictures: Paths
    others: int


def listing(folder: Path, *, linked: bool = False) -> Listing:
    """What is in a folder, in natural order; links to pictures are what they lead to, once each, or stay ``linked``."""
    folders, others = [], 0
    pictures: list[str] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith(".") or entry.name.casefold() in CLUTTER or entry.name == LICENCES:
                    continue
                if _is_folder(entry):
                    folders.append(Path(entry.path))
                elif Path(entry.name).suffix.casefold() in SUFFIXES:
                    # A broken link stays what it is: reading it says so. A pipe would be waited for without end.
                    follow = entry.is_symlink() and not linked
                    path = Path(os.path.realpath(entry.path)) if follow else Path(entry.path)
                    if path.is_file() or not path.exists():
                        pictures.append(str(path))
                    else:
                        others += 1
                else:
                    others += 1
    except OSError as error:
        raise DataError(f"{folder}: cannot be read ({error.strerror or error})") from error
    in_order = sorted(dict.fromkeys(pictures), key=lambda path: natural_key(Path(path).name))
    return Listing(sorted(folders, key=lambda path: natural_key(path.name)), Paths(in_order), others)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def _class_name(folder: Path) -> str:
    return unicodedata.normalize("NFC", folder.name)


def _pictures(folder: Path) -> tuple[Sequence[Path], int]:
    """The pictures of a class folder, and how many files beside them are none."""
    inside = listing(folder)
    if inside.folders:
        raise DataError(
            f"{folder}: a class folder holds pictures, and this one holds the folder {inside.folders[0].name!r}: move its "
            "pictures up, or give the folder whose subfolders are the classes"
        )
    if not inside.pictures:
        files = f"none of its {inside.others} files is a picture" if inside.others else "it is empty"
        raise DataError(f"{folder}: no picture of class {folder.name!r}, {files}: add some, or remove the folder")
    return inside.pictures, inside.others


def _classes(root: Path, inside: Listing) -> dict[str, Sequence[Path]]:
    """Class name -> pictures, for each subfolder of ``root``."""
    names = check_names([_class_name(folder) for folder in inside.folders], str(root))
    found, others = {}, inside.others + len(inside.pictures)
    for name, folder in zip(names, inside.folders, strict=True):
        found[name], more = _pictures(folder)
        others += more
    if others:
        log.warning("%s: ignored %d files that are no pictures in a class folder", root, others)
    return found


def licence_beside(path: Path) -> str:
    """What a folder's licences.txt says, as one line; empty where there is none."""
    try:
        with (path / LICENCES).open(encoding="utf-8", errors="replace") as file:
            return licence_line(file.read(MOST_LICENCE).splitlines())
    except OSError:  # most folders have none
        return ""


def find_folder(path: Path) -> Source | None:
    """The pictures in the folder ``path``: a subfolder a class, or ``train/`` and ``test/`` that hold such.

    Classes are in natural order (``2`` before ``10``). Without a test folder (``test``, ``val``, ``valid`` or
    ``validation``) one picture in ten is held out. Links are followed, and a picture that is linked twice from one
    class counts once. ``licences.txt`` beside the classes says on what terms the pictures are, for the generator's card.
    Returns None where ``path`` is no folder.
    """
    if not path.is_dir():
        return None
    top = listing(path)
    parts = {folder.name.casefold(): folder for folder in top.folders}
    inner = listing(parts["train"]) if "train" in parts else None
    if inner is not None and inner.folders and not inner.pictures:
        found = _classes(parts["train"], inner)
        test = next((parts[name] for name in TEST_NAMES if name in parts), None)
        ignored = [folder.name for folder in top.folders if folder not in (parts["train"], test)]
        if ignored:
            log.warning("%s: ignored the folders %s beside train", path, ", ".join(ignored))
    elif top.folders:
        found, test = _classes(path, top), None
    elif top.pictures:
        raise DataError(f"{path}: {len(top.pictures)} pictures, but no class folder: put each class in a folder of its own")
    else:
        raise DataError(f"{path}: nothing to learn from in it: it needs one subfolder a class, or IDX files")
    order, licence = tuple(found), licence_beside(path)
    if test is None:
        return file_source(path.resolve().name, order, found, divided(found), licence=licence)
    in_test = _classes(test, listing(test))
    unknown = [name for name in in_test if name not in order]
    if unknown:
        raise DataError(f"{test}: the class {unknown[0]!r} is not in the training part")
    return file_source(path.resolve().name, order, found, in_test, licence=licence)
