"""From a recipe to a class folder or an ``.npz`` that `cganx.data.load` reads."""

from __future__ import annotations

import hashlib
import logging
import os
import secrets
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cganx.data.building.recipe import CLASSES, Gathered, Item, Places, Recipe
from cganx.data.packing import LARGEST
from cganx.data.picture import SMALLEST, Unusable, pillow
from cganx.data.sources import LICENCES, Progress
from cganx.errors import DataError
from cganx.whole_file import UNFINISHED, whole_file

__all__ = ["Built", "build"]

BLOCK = 256
TRAINING_A_TEST = 9

log = logging.getLogger("cganx")


@dataclass(frozen=True)
class Built:
    """What was made: where, how many pictures of each class, and how many were left out."""

    path: Path
    counts: dict[str, int]
    unusable: int
    repeated: int


@dataclass(frozen=True, eq=False)
class Made:
    """A picture that is done; ``pixels`` is uint8 [side, side] or [side, side, 3]."""

    label: str
    name: str
    test: bool
    pixels: NDArray[np.uint8]


@dataclass
class Left:
    """How many pictures are left out, and why."""

    unusable: int = 0
    repeated: int = 0
    first: str = ""


def build(
    recipe: Recipe,
    out: str | Path,
    *,
    image_size: int | None = None,
    limit_per_class: int | None = None,
    places: Places | None = None,
    progress: Progress | None = None,
) -> Built:
    """Make the data set of a recipe; the same packages and arguments make the same bytes.

    ``out`` is a new folder, which gets ``train/CLASS/NAME.png`` and ``test/CLASS/NAME.png`` and ``licences.txt``, or a
    new ``.npz`` file with ``images``, ``labels``, ``classes``, ``test_images``, ``test_labels`` and ``licences``. It is
    there whole or not at all. Of each class at most ``limit_per_class`` training pictures are taken and a ninth as many
    test pictures, and a larger limit keeps those of a smaller one; pictures that are equal to the pixel are taken once.
    A recipe of another layout makes a folder, and the limit is one of subjects, each of them on all sides.

    Raises DataError in one sentence where ``out`` is there already, a package is missing or an argument is impossible;
    BackendMissing without Pillow.
    """
    out = Path(out)
    side = recipe.size if image_size is None else image_size
    if not SMALLEST <= side <= LARGEST:
        raise DataError(f"image size {side}: give one side in pixels, {SMALLEST} to {LARGEST}")
    if limit_per_class is not None and limit_per_class < 1:
        raise DataError(f"a limit of {limit_per_class} pictures a class: give at least 1")
    as_npz = out.suffix.casefold() == ".npz"
    if as_npz and recipe.layout != CLASSES:
        raise DataError(f"{out}: this set has no classes, so it is made as a folder: give --out without .npz")
    _refuse_what_is_there(out)
    places = places or Places()
    lacking = recipe.look(places)
    if lacking:
        log.info("%s", lacking)
    gathered = recipe.gather(places)
    left, counts = Left(), Counter[str]()
    pictures = _pictures if recipe.layout == CLASSES else _subjects

    def counted() -> Iterator[Made]:
        with pillow():
            for made in pictures(gathered, side, limit_per_class, left, progress or (lambda *_: None)):
                counts[made.label] += 1
                yield made

    write = _write_npz if as_npz else partial(_write_folder, layout=recipe.layout)
    try:
        write(out, counted(), gathered)
    except OSError as error:
        raise DataError(f"{out}: cannot be written ({error.strerror or error}); nothing of it is left") from error
    if left.unusable:
        log.warning("left out %d pictures that cannot be used; the first: %s", left.unusable, left.first)
    return Built(out, {name: counts[name] for name in gathered.classes if counts[name]}, left.unusable, left.repeated)


def _refuse_what_is_there(out: Path) -> None:
    if out.exists() or out.is_symlink():
        raise DataError(f"{out} is there already: give another name with --out, or remove it")


def _pictures(gathered: Gathered, side: int, limit: int | None, left: Left, progress: Progress) -> Iterator[Made]:
    """The pictures, class after class, training part first, without those that look exactly like an earlier one."""
    seen: set[bytes] = set()
    groups = list(_groups(gathered, limit))
    total, done = sum(min(most, len(items)) for items, _, most in groups), 0
    with ThreadPoolExecutor(min(16, os.cpu_count() or 1), thread_name_prefix="cganx-data") as pool:
        for items, test, most in groups:
            taken = place = 0
            while taken < most and place < len(items):
                block = items[place : place + min(BLOCK, most - taken)]
                place += len(block)
                for item, drawn in zip(block, pool.map(partial(_drawn, side), block), strict=True):
                    if isinstance(drawn, Unusable):
                        left.unusable += 1
                        left.first = left.first or f"{item.label}/{item.name}: {drawn}"
                        continue
                    digest = hashlib.sha256(drawn.tobytes()).digest()
                    if digest in seen:
                        left.repeated += 1
                        continue
                    seen.add(digest)
                    taken += 1
                    yield Made(item.label, item.name, test, drawn)
                progress("drawing pictures", done + taken, total)
            done += taken


def _subjects(gathered: Gathered, side: int, limit: int | None, left: Left, progress: Progress) -> Iterator[Made]:
    """The pictures, subject after subject, of each all sides or none."""
    subjects: dict[tuple[bool, str], list[Item]] = {}
    for item in gathered.items:
        subjects.setdefault((item.test, item.name), []).append(item)
    whole = [sides for sides in subjects.values() if len(sides) == len(gathered.classes)]
    if limit is not None:
        whole.sort(key=lambda sides: sides[0].place)
    parts = [[sides for sides in whole if sides[0].test == test] for test in (False, True)]
    if limit is not None:
        parts = [parts[0][:limit], parts[1][: max(1, limit // TRAINING_A_TEST)]]
    total, done = sum(map(len, parts)), 0
    with ThreadPoolExecutor(min(16, os.cpu_count() or 1), thread_name_prefix="cganx-data") as pool:
        for part in parts:
            for start in range(0, len(part), BLOCK):
                block = part[start : start + BLOCK]
                for sides, drawn in zip(block, pool.map(partial(_all_drawn, side), block), strict=True):
                    if isinstance(drawn, Unusable):
                        left.unusable += 1
                        left.first = left.first or f"{sides[0].name}: {drawn}"
                        continue
                    for item, pixels in zip(sides, drawn, strict=True):
                        yield Made(item.label, item.name, item.test, pixels)
                done += len(block)
                progress("drawing pictures", done, total)


def _groups(gathered: Gathered, limit: int | None) -> Iterator[tuple[Sequence[Item], bool, int]]:
    """(pictures, whether they are the test part, how many of them are wanted) of every class and part."""
    for name in gathered.classes:
        items = [item for item in gathered.items if item.label == name]
        in_train = [item for item in items if not item.test] or items
        in_test = [item for item in items if item.test] if in_train is not items else []
        for part, test in ((in_train, False), (in_test, True)):
            if limit is None:
                yield part, test, len(part)
            else:
                wanted = max(1, limit // TRAINING_A_TEST) if test else limit
                yield sorted(part, key=lambda item: item.place), test, wanted


def _drawn(side: int, item: Item) -> NDArray[np.uint8] | Unusable:
    try:
        return np.asarray(item.draw(side))
    except Unusable as error:
        return error


def _all_drawn(side: int, sides: Sequence[Item]) -> list[NDArray[np.uint8]] | Unusable:
    try:
        return [np.asarray(item.draw(side)) for item in sides]
    except Unusable as error:
        return error


def _write_folder(out: Path, pictures: Iterator[Made], gathered: Gathered, layout: str) -> None:
    from PIL import Image

    out.parent.mkdir(parents=True, exist_ok=True)
    scratch = out.with_name(UNFINISHED.replace("*", secrets.token_hex(4)))
    try:
        for one in pictures:
            path = scratch / layout.format(part="test" if one.test else "train", label=one.label, name=one.name)
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(one.pixels).save(path)
        (scratch / LICENCES).write_text("".join(f"{line}\n" for line in gathered.licences), encoding="utf-8")
        _refuse_what_is_there(out)  # a rename would put it in the place of an empty folder
        scratch.rename(out)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _write_npz(out: Path, pictures: Iterator[Made], gathered: Gathered) -> None:
    parts: tuple[list[Made], list[Made]] = ([], [])
    for one in pictures:
        parts[one.test].append(one)
    classes = [name for name in gathered.classes if any(one.label == name for one in parts[0])]
    arrays: dict[str, NDArray[Any]] = {}
    for prefix, part in zip(("", "test_"), parts, strict=True):
        if part:
            arrays[f"{prefix}images"] = np.stack([one.pixels for one in part])
            arrays[f"{prefix}labels"] = np.array([classes.index(one.label) for one in part], dtype=np.int64)
    arrays["classes"] = np.array(classes, dtype=np.str_)
    arrays["licences"] = np.array(gathered.licences, dtype=np.str_)
    with whole_file(out) as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)
