"""``.npz`` files with ``images``, ``labels`` (or ``attributes``) and ``classes``."""

from __future__ import annotations

import tokenize
import zipfile
from functools import partial
from pathlib import Path

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from cganx.data.arrays import ArrayPictures, split
from cganx.data.attributes import switches
from cganx.data.dataset import Labels
from cganx.data.sources import Contents, Part, Source, check_names, licence_line
from cganx.data.stream import DAMAGED, DEFLATE_RATIO, read_array
from cganx.errors import DataError

__all__ = ["find_npz"]

MOST_LICENCE = 2**16
HOW = "save it with numpy.savez(path, images=..., labels=..., classes=...)"
HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


def find_npz(path: Path) -> Source | None:
    """The arrays in an ``.npz`` file; None for another suffix.

    ``images`` is uint8 [n, height, width] or [n, height, width, channels] with 1 or 3 channels, ``labels`` integers
    [n], each an index into ``classes`` or -1, ``classes`` strings. In place of ``labels`` there may be ``attributes``, integers
    or booleans [n, attributes] of 0 and 1 (or -1 and 1); ``classes`` names them. ``test_images`` and ``test_labels`` (or
    ``test_attributes``) are the test part; without them one picture in ten is held out. ``licences``, strings that
    may be there, say on what terms the pictures are, for the generator's card.
    """
    if path.suffix.casefold() != ".npz" or not path.is_file():
        return None
    return Source(name=path.stem, files=(path,), open=partial(_open, path), licence=_licence(path))


def _licence(path: Path) -> str:
    """What the file says of its licences; nothing where it does not, or is damaged: opening it will tell."""
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo("licences.npy").file_size > MOST_LICENCE:
                return ""
            lines = _array(path, archive, "licences", "U", "strings", path.parent)
            return licence_line(str(line) for line in lines.reshape(-1).tolist())
    except (KeyError, OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError, DataError, *DAMAGED):
        return ""


def _open(path: Path, scratch: Path) -> Contents:
    try:
        with zipfile.ZipFile(path) as archive:
            present = {name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")}
            labels, read = ("attributes", _attributes) if "attributes" in present else ("labels", _labels)
            if {"attributes", "labels"} <= present:
                raise DataError(f"{path}: both labels and attributes are in it: leave one out")
            for key in ("images", labels, "classes"):
                if key not in present:
                    raise DataError(f"{path}: no array {key!r} in it, only {', '.join(sorted(present)) or 'none'}: {HOW}")
            if ("test_images" in present) != (f"test_{labels}" in present):
                raise DataError(f"{path}: test_images and test_{labels} come in pairs, and one is not there")
            classes = check_names(_classes(path, archive, scratch), f"{path}: classes")

            def part(prefix: str) -> tuple[ArrayPictures, Labels]:
                pictures = _pictures(path, archive, prefix, scratch)
                key = f"{prefix}{labels}"
                values = _array(path, archive, key, "iub" if labels == "attributes" else "iu", "integers", scratch)
                if values.shape[:1] != (len(pictures),):
                    raise DataError(f"{path}: {key} has the shape {values.shape}, but there are {len(pictures)} {prefix}images")
                return pictures, read(values, classes, f"{path}: {key}")

            train = part("")
            return Contents(classes, *(split(*train) if "test_images" not in present else (Part(*train), Part(*part("test_")))))
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, *DAMAGED) as error:  # RuntimeError: it is encrypted
        raise DataError(f"{path}: not an .npz file, or damaged ({error}): {HOW}") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error


def _array(path: Path, archive: zipfile.ZipFile, key: str, kinds: str, wanted: str, scratch: Path) -> NDArray[np.generic]:
    """The array ``key``, whose dtype's kind must be one of ``kinds``; nothing in it is ever unpickled."""
    what = f"{path}: {key}"
    info = archive.getinfo(f"{key}.npy")
    with archive.open(info) as stream:
        try:
            shape, fortran, dtype = HEADERS[npy.read_magic(stream)](stream)
        except (ValueError, KeyError, SyntaxError, tokenize.TokenError) as error:
            raise DataError(f"{what}: not an array of numpy's format 1.0 or 2.0: {HOW}") from error
        if any(size < 0 for size in shape) or len(shape) > 4 or not dtype.itemsize:
            raise DataError(f"{what}: its header declares the shape {shape} of {dtype}, which no array here has: {HOW}")
        if dtype.kind not in kinds:
            raise DataError(f"{what}: its type is {dtype}, and it has to be {wanted}")
        flat = read_array(stream, (*shape, dtype.itemsize), info.compress_size * DEFLATE_RATIO, scratch, what)
    values = flat.reshape(-1).view(dtype)
    return values.reshape(shape[::-1]).transpose() if fortran else values.reshape(shape)


def _classes(path: Path, archive: zipfile.ZipFile, scratch: Path) -> list[str]:
    classes = _array(path, archive, "classes", "US", "an array of strings (numpy.array(names, dtype=str))", scratch)
    if classes.ndim != 1 or not len(classes):
        raise DataError(f"{path}: classes has the shape {classes.shape}, and it has to be a list of names")
    return [name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name) for name in classes.tolist()]


def _pictures(path: Path, archive: zipfile.ZipFile, prefix: str, scratch: Path) -> ArrayPictures:
    key = f"{prefix}images"
    images = _array(path, archive, key, "u", "uint8, 0 to 255", scratch)
    if images.dtype != np.uint8:
        raise DataError(f"{path}: {key}: its type is {images.dtype}, and it has to be uint8, 0 to 255")
    if images.ndim == 3:
        images = images[..., None]
    if images.ndim != 4 or images.shape[3] not in (1, 3):
        raise DataError(
            f"{path}: {key} has the shape {images.shape}, and it has to be [n, height, width] or "
            "[n, height, width, channels] with 1 or 3 channels"
        )
    if not prefix and not len(images):
        raise DataError(f"{path}: {key} holds no picture")
    return ArrayPictures(images.astype(np.uint8, copy=False), f"{path}: {key}")


def _labels(values: NDArray[np.generic], classes: tuple[str, ...], where: str) -> NDArray[np.int64]:
    if values.ndim != 1:
        raise DataError(f"{where} has the shape {values.shape}, and it has to be one number a picture")
    numbers = values.astype(np.int64)
    wrong = np.flatnonzero((numbers < -1) | (numbers >= len(classes)))
    if len(wrong):
        raise DataError(
            f"{where}[{wrong[0]}] is {numbers[wrong[0]]}, and with {len(classes)} classes a label is 0 to "
            f"{len(classes) - 1}, or -1 for none"
        )
    return numbers


def _attributes(values: NDArray[np.generic], classes: tuple[str, ...], where: str) -> NDArray[np.uint8]:
    if values.shape[1:] != (len(classes),):
        raise DataError(f"{where} has the shape {values.shape}, and it has to be [n, {len(classes)}]: a column for each name")
    wrong = np.argwhere(~np.isin(values, (-1, 0, 1)))
    if len(wrong):
        row, column = wrong[0]
        raise DataError(f"{where}[{row}, {column}] is {values[row, column]}, and an attribute is 0 or 1 (or -1 and 1)")
    return switches(values.astype(np.int8), classes, where)
