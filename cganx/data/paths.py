"""Very many paths in little memory."""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import overload

__all__ = ["Paths"]


class Paths(Sequence[Path]):
    """Paths, kept as their bytes end to end: about a hundred a path, where a Path object takes half a thousand."""

    def __init__(self, paths: Iterable[str | Path]) -> None:
        text, ends = bytearray(), array("q", [0])
        for path in paths:
            text += os.fsencode(path)
            ends.append(len(text))
        self._text, self._ends = bytes(text), ends

    def __len__(self) -> int:
        return len(self._ends) - 1

    @overload
    def __getitem__(self, index: int) -> Path: ...
    @overload
    def __getitem__(self, index: slice) -> Paths: ...
    def __getitem__(self, index: int | slice) -> Path | Paths:
        """The path at that place, as a new object."""
        if isinstance(index, slice):
            return Paths(self[one] for one in range(*index.indices(len(self))))
        place = range(len(self))[index]
        return Path(os.fsdecode(self._text[self._ends[place] : self._ends[place + 1]]))
