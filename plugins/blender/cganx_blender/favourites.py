# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures that the user wants to find again: (generator, class, seed), in one small file."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from .files import write_whole


@dataclass(frozen=True, order=True)
class Favourite:
    """One picture by what makes it."""

    model: str
    label: str
    seed: int


class Favourites:
    """The favourites, in the order that they came. Read at each look: another Blender may have written them."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._seen: tuple[int, list[Favourite]] = (-1, [])

    def all(self) -> list[Favourite]:
        """What is in the file; nothing where there is none, or it is damaged."""
        try:
            changed = self._file.stat().st_mtime_ns
            if changed != self._seen[0]:
                self._seen = changed, [_favourite(one) for one in json.loads(self._file.read_text(encoding="utf-8"))]
        except (OSError, ValueError, KeyError, TypeError):
            return []
        return list(self._seen[1])

    def toggle(self, one: Favourite) -> bool:
        """Add it, or take it away; whether it is one now. Raises Refusal where it cannot be written."""
        kept = self.all()
        added = one not in kept
        kept = [*kept, one] if added else [other for other in kept if other != one]
        write_whole(self._file, json.dumps([asdict(other) for other in kept], ensure_ascii=False).encode())
        self._seen = -1, []
        return added


def _favourite(one: dict[str, object]) -> Favourite:
    return Favourite(str(one["model"]), str(one["label"]), int(str(one["seed"])))
