"""CSV tables with a column ``file``, and a column ``label`` or a column of 0 and 1 for each attribute."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from cganx.data.attributes import switches
from cganx.data.files import FilePictures, divided, file_source
from cganx.data.paths import Paths
from cganx.data.sources import Contents, Part, Source, check_names, held_out, natural_key
from cganx.errors import DataError

__all__ = ["find_table"]

VALUES = {"0": 0, "1": 1, "-1": 0xFF}  # bytes of int8


def find_table(path: Path) -> Source | None:
    """The pictures that a ``.csv`` file lists, UTF-8 with a header line; None for another suffix.

    The header is ``file,label`` (other columns are ignored), or ``file`` and the names of attributes: then every other
    column holds 1 where the picture has that attribute, else 0 (or -1). Files are relative to the table's folder. Classes
    are in natural order, attributes in that of the columns; one picture in ten is held out.
    """
    if path.suffix.casefold() != ".csv" or not path.is_file():
        return None
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            columns = reader.fieldnames or ()
            if "file" not in columns or len(columns) < 2:
                missing = "label" if "file" in columns else "file"
                raise DataError(
                    f"{path}: the header has no column {missing!r}: its first line has to be file,label, or file and a column "
                    "for each attribute"
                )
            return _by_class(path, reader) if "label" in columns else _by_attribute(path, reader)
    except (csv.Error, UnicodeDecodeError) as error:
        raise DataError(f"{path}: not a CSV table in UTF-8 ({error})") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error


def _picture(path: Path, line: int, name: str | None) -> Path:
    if not name:
        raise DataError(f"{path}: line {line} has no file")
    if "\0" in name:
        raise DataError(f"{path}: the file name in line {line} holds a NUL byte")
    return path.parent / name


def _by_class(path: Path, reader: csv.DictReader[str]) -> Source:
    found: dict[str, list[Path]] = {}
    for row in reader:
        picture = _picture(path, reader.line_num, row["file"])
        label = (row["label"] or "").strip()
        if not label:
            raise DataError(f"{path}: line {reader.line_num} has no label")
        found.setdefault(label, []).append(picture)
    if not found:
        raise DataError(f"{path}: the table lists no picture")
    names = check_names(sorted(found, key=natural_key), str(path))
    once = {name: list(dict.fromkeys(found[name])) for name in names}
    return file_source(path.stem, names, once, divided(once), also=[path])


def _by_attribute(path: Path, reader: csv.DictReader[str]) -> Source:
    columns = [name for name in reader.fieldnames or () if name != "file"]
    names = check_names([name.strip() for name in columns], str(path))
    found: dict[Path, bytes] = {}
    for row in reader:
        picture = _picture(path, reader.line_num, row["file"])
        if None in row:  # where DictReader puts what is too much
            raise DataError(f"{path}: line {reader.line_num} has more values than the header has columns")
        values = bytes(_value(path, reader.line_num, name, row[name]) for name in columns)
        if found.setdefault(picture, values) != values:
            raise DataError(f"{path}: line {reader.line_num} lists {row['file']} again, with other attributes")
    if not found:
        raise DataError(f"{path}: the table lists no picture")
    matrix = np.frombuffer(b"".join(found.values()), dtype=np.int8).reshape(len(found), len(names))
    attributes, pictures = switches(matrix, names, str(path)), list(found)
    test = held_out(picture.name for picture in pictures)
    if test.all():
        test[:] = False
    paths = Paths([*pictures, path])
    parts = [Part(FilePictures(paths, rows), attributes[rows]) for rows in (np.flatnonzero(~test), np.flatnonzero(test))]
    contents = Contents(names, *parts)
    return Source(name=path.stem, files=paths, open=lambda _: contents)


def _value(path: Path, line: int, column: str, text: str | None) -> int:
    value = VALUES.get((text or "").strip())
    if value is None:
        raise DataError(f"{path}: line {line}, column {column!r}: {text or ''!r} is neither 0 nor 1 (nor -1)")
    return value
