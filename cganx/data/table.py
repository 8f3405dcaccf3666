"""CSV tables with a column ``file`` and a column ``label``."""

from __future__ import annotations

import csv
from pathlib import Path

from cganx.data.files import divided, file_source
from cganx.data.sources import Source, check_names, natural_key
from cganx.errors import DataError

__all__ = ["find_table"]


def find_table(path: Path) -> Source | None:
    """The pictures that a ``.csv`` file lists, UTF-8 with a header line ``file,label``; None for another suffix.

    Files are relative to the table's folder. Classes are in natural order; one picture in ten is held out. Other
    columns are ignored.
    """
    if path.suffix.casefold() != ".csv" or not path.is_file():
        return None
    found: dict[str, list[Path]] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            missing = {"file", "label"}.difference(reader.fieldnames or ())
            if missing:
                raise DataError(f"{path}: the header has no column {min(missing)!r}: its first line has to be file,label")
            for row in reader:
                if not row["file"] or not row["label"] or not row["label"].strip():
                    raise DataError(f"{path}: line {reader.line_num} has no {'label' if row['file'] else 'file'}")
                if "\0" in row["file"]:
                    raise DataError(f"{path}: the file name in line {reader.line_num} holds a NUL byte")
                found.setdefault(row["label"].strip(), []).append(path.parent / row["file"])
    except (csv.Error, UnicodeDecodeError) as error:
        raise DataError(f"{path}: not a CSV table in UTF-8 ({error})") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error
    if not found:
        raise DataError(f"{path}: the table lists no picture")
    names = check_names(sorted(found, key=natural_key), str(path))
    once = {name: list(dict.fromkeys(found[name])) for name in names}
    return file_source(path.stem, names, once, divided(once), also=[path])
