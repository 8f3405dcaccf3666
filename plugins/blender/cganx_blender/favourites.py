# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures that the user wants to find again, by all that was chosen for them, in one small file."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path

from .files import write_whole
from .refusal import Refusal, sentence


@dataclass(frozen=True, order=True)
class Favourite:
    """One picture by what makes it: ``blend`` of the class ``other``, where there is one."""

    model: str
    label: str
    seed: int
    other: str = ""
    blend: float = 0.0
    truncation: float = 0.0

    @property
    def title(self) -> str:
        """A short name: what is shown, and the seed."""
        return f"{self.label or self.model}{f' + {self.other}' if self.other else ''} {self.seed}"


class Favourites:
    """The favourites, in the order that they came. Read at each look: another Blender may have written them."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._seen: tuple[int, list[Favourite], bool] = (-1, [], True)

    def all(self) -> list[Favourite]:
        """What is in the file and can be read; nothing where there is none."""
        try:
            return list(self._read()[0])
        except OSError:
            return []

    def toggle(self, one: Favourite) -> bool:
        """Add it, or take it away; whether it is one now. What could not be read is kept aside, in a file ``.damaged``.

        Raises Refusal where the file cannot be read or written; it stays as it was.
        """
        try:
            kept, whole = self._read()
            damaged = b"" if whole else self._file.read_bytes()
        except OSError as error:
            raise Refusal(f"Cannot read the favourites: {sentence(error)}") from None
        if not whole:
            write_whole(self._file.with_name(f"{self._file.name}.damaged"), damaged)
        added = one not in kept
        kept = [*kept, one] if added else [other for other in kept if other != one]
        write_whole(self._file, json.dumps([asdict(other) for other in kept], ensure_ascii=False).encode())
        self._seen = -1, [], True
        return added

    def _read(self) -> tuple[list[Favourite], bool]:
        """The favourites, and whether that is all that the file holds. Raises OSError."""
        try:
            changed = self._file.stat().st_mtime_ns
        except FileNotFoundError:
            return [], True
        if changed != self._seen[0]:
            self._seen = changed, *_favourites(self._file.read_bytes())
        return self._seen[1:]


def _favourites(data: bytes) -> tuple[list[Favourite], bool]:
    try:
        entries = json.loads(data)
    except (ValueError, RecursionError):
        return [], False
    if not isinstance(entries, list):
        return [], False
    read = [_favourite(one) for one in entries]
    kept = [one for one in read if one is not None]
    return kept, len(kept) == len(read)


def _favourite(one: object) -> Favourite | None:
    """An entry of the file, of which older versions wrote the first three values alone; None where it is none."""
    if not isinstance(one, dict):
        return None
    try:
        blend, truncation = float(str(one.get("blend", 0.0))), float(str(one.get("truncation", 0.0)))
        known = str(one["model"]), str(one["label"]), int(str(one["seed"])), str(one.get("other", ""))
    except (KeyError, ValueError):
        return None
    return Favourite(*known, blend, truncation) if math.isfinite(blend) and math.isfinite(truncation) else None
