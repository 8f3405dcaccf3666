"""What a command line says of pictures: labelled ones, or two sides for image-to-image."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from cganx.data.translating import Pairs, SideBySide, Task, TranslationData, Unpaired
from cganx.errors import RequestError

__all__ = ["told_data"]


def told_data(
    data: str | None,
    pairs: str | None,
    unpaired: str | None,
    beside: Sequence[str],
    side: Literal["left", "right"] | None,
    task: str | None,
) -> str | TranslationData:
    """The data of ``--data DATA [--task TASK]``, ``--pairs A B``, ``--pairs BOTH [--source SIDE]`` or ``--unpaired A B``.

    ``beside`` is what stands behind the options without one of its own. Raises RequestError where they do not fit.
    """
    given = [name for name, one in (("--data", data), ("--pairs", pairs), ("--unpaired", unpaired)) if one is not None]
    if len(given) != 1:
        said = " and ".join(given) if given else "nothing"
        raise RequestError(f"{said} says where the pictures are: give one of --data DATA, --pairs A B and --unpaired A B")
    most = 0 if data is not None else 1
    if len(beside) > most:
        raise RequestError(f"{beside[most]!r} belongs to no option: {given[0]} takes {'two folders' if most else 'one place'}")
    if task is not None and data is None:
        raise RequestError(f"--task makes the sources of --data, and {given[0]} brings its own: leave --task out")
    if side is not None and (pairs is None or beside):
        raise RequestError("--source says where the source is in pictures of both, with --pairs BOTH alone: leave it out")
    if data is not None:
        return data if task is None else Task(data, task)
    if unpaired is not None:
        if not beside:
            raise RequestError(f"--unpaired takes two folders: give --unpaired {unpaired} and another one")
        return Unpaired(Path(unpaired), Path(beside[0]))
    assert pairs is not None
    return Pairs(Path(pairs), Path(beside[0])) if beside else SideBySide(Path(pairs), side or "left")
