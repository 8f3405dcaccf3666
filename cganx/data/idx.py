"""IDX files: the layout of MNIST, Fashion-MNIST and EMNIST.

A file is two zero bytes, a type (8: uint8), the number of dimensions, each dimension as a big-endian uint32, and the
values (LeCun, Cortes, Burges: The MNIST database, "File formats").
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cganx.data.arrays import ArrayPictures, split
from cganx.data.sources import Contents, Part, Source, check_names
from cganx.data.stream import DAMAGED, DEFLATE_RATIO, open_bytes, read_array
from cganx.errors import DataError

__all__ = ["find_idx", "idx_files", "read_idx", "write_idx"]

UINT8 = 8
NAMED = re.compile(
    r"(?P<prefix>.*?)(?P<part>train|t10k|test)-(?P<what>images|labels)[-.]idx(?:3|1)-ubyte(?P<packed>|\.gz|\.xz)"
)


@dataclass(frozen=True)
class Files:
    """The files of one set in a folder; the test part is held out of the training part where it has no files."""

    train_images: Path
    train_labels: Path
    test_images: Path | None = None
    test_labels: Path | None = None
    names: Path | None = None

    def present(self) -> tuple[Path, ...]:
        paths = (self.train_images, self.train_labels, self.test_images, self.test_labels, self.names)
        return tuple(path for path in paths if path is not None)


def read_idx(path: Path, dimensions: int, scratch: Path) -> NDArray[np.uint8]:
    """The uint8 values of an IDX file, plain, ``.gz`` or ``.xz``, with the number of ``dimensions`` that is expected.

    Raises DataError where the magic is another one, the file is damaged, cut short or longer than it declares.
    """
    magic = bytes((0, 0, UINT8, dimensions))
    try:
        with open_bytes(path) as stream:
            header = stream.read(4 + 4 * dimensions)
            if header[:4] != magic:
                raise DataError(
                    f"{path}: not an IDX file of {'pictures' if dimensions == 3 else 'labels'}: it starts with "
                    f"{header[:4].hex() or 'nothing'}, not with the magic {magic.hex()}"
                )
            if len(header) < 4 + 4 * dimensions:
                raise DataError(f"{path}: the file is cut short within its header: fetch it again")
            shape = struct.unpack(f">{dimensions}I", header[4:])
            on_disk = path.stat().st_size
            most = {".gz": on_disk * DEFLATE_RATIO, ".xz": 2**40}.get(path.suffix, on_disk - len(header))
            return read_array(stream, shape, most, scratch, str(path))
    except DAMAGED as error:
        raise DataError(f"{path}: the compressed file is damaged ({error}): fetch it again") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error


def write_idx(values: NDArray[np.uint8]) -> bytes:
    """The bytes of an uncompressed IDX file that holds ``values``, uint8 of any shape."""
    return struct.pack(f">BBBB{values.ndim}I", 0, 0, UINT8, values.ndim, *values.shape) + values.tobytes()


def idx_files(folder: Path) -> Mapping[str, Mapping[tuple[str, str], Path]]:
    """The IDX files in ``folder``: prefix (as ``emnist-letters-``) -> (``train``/``test``, what) -> path.

    Of a plain and a compressed copy the plain one is taken.
    """
    found: dict[str, dict[tuple[str, str], Path]] = {}
    for path in sorted(folder.iterdir(), reverse=True):
        match = NAMED.fullmatch(path.name)
        if match and path.is_file():
            part = "train" if match["part"] == "train" else "test"
            found.setdefault(match["prefix"], {})[part, match["what"]] = path
    return found


def _files(folder: Path, prefix: str, found: Mapping[tuple[str, str], Path]) -> Files:
    for part, what in (("train", "images"), ("train", "labels")):
        if (part, what) not in found:
            raise DataError(f"{folder}: there is no {prefix}{part}-{what}-idx{3 if what == 'images' else 1}-ubyte file")
    if (("test", "images") in found) != (("test", "labels") in found):
        alone = next(path for (part, _), path in found.items() if part == "test")
        raise DataError(f"{alone}: test pictures and test labels come in pairs, and the other file is not there")
    names = (folder / f"{prefix}mapping.txt", folder / "classes.txt")
    return Files(
        train_images=found["train", "images"],
        train_labels=found["train", "labels"],
        test_images=found.get(("test", "images")),
        test_labels=found.get(("test", "labels")),
        names=next((path for path in names if path.is_file()), None),
    )


def _named_labels(path: Path) -> dict[int, str]:
    """Label -> class name, from EMNIST's ``mapping.txt`` (label, then character codes) or one name a line."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
        if not path.name.endswith("mapping.txt"):
            return {i: line.strip() for i, line in enumerate(line for line in lines if line.strip())}
        rows = [line.split() for line in lines if line.strip()]
        return {int(row[0]): chr(int(row[1])) for row in rows}
    except (ValueError, IndexError, OverflowError) as error:
        raise DataError(f"{path}: each line has to hold a label and a character code ({error})") from error


def _part(
    images: Path, labels: Path, names: Mapping[int, str], transposed: bool, scratch: Path
) -> tuple[ArrayPictures, NDArray[np.int64]]:
    pictures = read_idx(images, 3, scratch)
    numbers = read_idx(labels, 1, scratch)
    if len(pictures) != len(numbers):
        raise DataError(f"{labels}: {len(numbers):,} labels, but {images.name} holds {len(pictures):,} pictures")
    if len(pictures) == 0:
        raise DataError(f"{images}: the file holds no picture")
    index = np.full(256, -1, dtype=np.int64)
    for place, number in enumerate(sorted(names)):
        if 0 <= number < 256:
            index[number] = place
    unknown = np.flatnonzero(index[numbers] < 0)
    if len(unknown):
        raise DataError(f"{labels}: label {numbers[unknown[0]]} (at {unknown[0]}) has no class name")
    if transposed:
        pictures = pictures.transpose(0, 2, 1)
    return ArrayPictures(pictures[..., None], str(images)), index[numbers]


def _open(files: Files, classes: Sequence[str] | None, transposed: bool, scratch: Path) -> Contents:
    if classes is not None:
        names = dict(enumerate(classes))
    elif files.names is not None:
        names = _named_labels(files.names)
    else:
        names = {int(number): str(number) for number in np.unique(read_idx(files.train_labels, 1, scratch))}
    train = _part(files.train_images, files.train_labels, names, transposed, scratch)
    ordered = check_names([names[number] for number in sorted(names)], str(files.names or files.train_labels))
    if files.test_images is not None and files.test_labels is not None:
        test = _part(files.test_images, files.test_labels, names, transposed, scratch)
        return Contents(ordered, Part(*train), Part(*test))
    return Contents(ordered, *split(*train))


def find_idx(path: Path, *, name: str = "", classes: Sequence[str] | None = None, licence: str = "") -> Source | None:
    """The IDX set in the folder ``path``, or the one that the IDX file ``path`` belongs to; None where there is none.

    The class names are ``classes``, else those of ``mapping.txt`` or ``classes.txt`` beside the files, else the
    labels as numerals. Files named ``emnist-...`` hold their pictures transposed.
    """
    folder, prefix = path, None
    if path.is_file():
        match = NAMED.fullmatch(path.name)
        if match is None:
            return None
        folder, prefix = path.parent, match["prefix"]
    sets = idx_files(folder)
    if not sets:
        return None
    if prefix is None:
        if len(sets) > 1:
            several = ", ".join(sorted(prefix or "(no prefix)" for prefix in sets))
            raise DataError(f"{folder}: several IDX sets ({several}): give the train-images file of one of them")
        prefix = next(iter(sets))
    files = _files(folder, prefix, sets[prefix])
    transposed = prefix.startswith("emnist")
    return Source(
        name=name or prefix.strip("-_. ") or folder.resolve().name,
        files=files.present(),
        open=partial(_open, files, classes, transposed),
        licence=licence,
    )
