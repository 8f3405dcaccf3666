"""From pictures of any size to one uint8 array of one size, in memory or, where it is big, mapped from a file."""

from __future__ import annotations

import logging
import math
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cganx.data.dataset import Labels
from cganx.data.picture import FITS, SMALLEST
from cganx.data.sources import Contents, Failure, Form, Part, Pictures, Progress
from cganx.data.stream import MEMORY_LIMIT
from cganx.errors import DataError

__all__ = ["Options", "PackedPart", "default_size", "judge", "pack"]

LARGEST_DEFAULT = 64
LARGEST = 4096
ROWS = 4096

log = logging.getLogger("cganx")


@dataclass(frozen=True)
class Options:
    """What the caller wants of the pictures; ``size`` (height, width) and ``channels`` are None for: as the data has it."""

    size: tuple[int, int] | None = None
    channels: int | None = None
    fit: str = "crop"
    skip_unreadable: bool = False

    @classmethod
    def checked(cls, size: int | tuple[int, int] | None, channels: int | None, fit: str, skip_unreadable: bool) -> Options:
        """The options, or DataError for what is not possible."""
        pair = (size, size) if isinstance(size, int) else size
        if pair is not None and not _is_size(pair):
            raise DataError(f"image size {size!r}: give one side or (height, width) in pixels, {SMALLEST} to {LARGEST} each")
        if channels not in (None, 1, 3):
            raise DataError(f"{channels!r} channels: give 1 for grey or 3 for colour")
        if fit not in FITS:
            raise DataError(f"fit {fit!r}: give one of {', '.join(FITS)}")
        return cls(pair, channels, fit, skip_unreadable)


def _is_size(pair: object) -> bool:
    return (
        isinstance(pair, tuple)
        and len(pair) == 2
        and all(isinstance(side, int) and SMALLEST <= side <= LARGEST for side in pair)
    )


@dataclass(frozen=True, eq=False)
class PackedPart:
    """uint8 [n, height, width, channels] and labels; ``path`` is the file of raw bytes where the pictures are mapped."""

    images: NDArray[np.uint8]
    labels: Labels
    path: Path | None = None


def pack(contents: Contents, options: Options, folder: Path, progress: Progress, *, shared: bool = False) -> list[PackedPart]:
    """The training and the test part, packed, in this order.

    Above the memory limit, or ``shared``, both are files, ``train.u8`` and ``test.u8`` in ``folder``, which is made.
    Pictures are read twice: their headers, which settle the size, then their pixels, each straight to its place. Raises
    DataError where pictures cannot be used, unless ``options.skip_unreadable``.
    """
    parts = (contents.train, contents.test)
    surveys = [part.pictures.survey(progress) for part in parts]
    chosen = []
    for part, survey in zip(parts, surveys, strict=True):
        usable = np.ones(len(part.labels), dtype=np.bool_)
        usable[[failure.index for failure in survey.failures]] = False
        chosen.append(np.flatnonzero(usable))
    failed = [failure for survey in surveys for failure in survey.failures]
    total = sum(len(part.labels) for part in parts)
    if failed and not options.skip_unreadable:
        judge(failed, total, at_least=True)
    if len(chosen[0]) == 0:
        judge(failed, total, none_left=True)

    height, width = options.size or default_size(surveys[0].sizes)
    grey = all(survey.grey for survey in surveys)
    form = Form(height, width, options.channels or (1 if grey else 3), options.fit)
    size = sum(map(len, chosen)) * height * width * form.channels
    on_disk = folder if shared or size > MEMORY_LIMIT else None
    if on_disk is not None:
        _make_room(on_disk, size)

    packed: list[PackedPart] = []
    all_grey = True
    for name, part, rows in zip(("train", "test"), parts, chosen, strict=True):
        one, failures, part_grey = _fill(name, part, rows, form, on_disk, progress)
        packed.append(one)
        failed += failures
        all_grey = all_grey and part_grey
    if failed:
        judge(failed, total, skip_unreadable=options.skip_unreadable, none_left=len(packed[0].labels) == 0)
    if options.channels is None and form.channels == 3 and all_grey:
        packed = [_one_channel(part) for part in packed]
    return packed


def judge(
    failed: Sequence[Failure], total: int, *, skip_unreadable: bool = False, none_left: bool = False, at_least: bool = False
) -> None:
    """Raise DataError for what failed; ``at_least`` where only the headers were read so far."""
    first = f"{failed[0].name}: {failed[0].cause}" if failed else "there is none"
    if none_left:
        raise DataError(f"no training picture can be used; the first: {first}")
    if not skip_unreadable:
        known = "at least " if at_least else ""
        more = f" ({known}{len(failed):,} of {total:,} pictures cannot be used, this is the first)" if len(failed) > 1 else ""
        raise DataError(f"{first}{more}: remove or replace what is bad, or go on without it with --skip-unreadable")
    log.warning("skipped %d of %d pictures that cannot be used; the first: %s", len(failed), total, first)


def default_size(sizes: Counter[tuple[int, int]], largest: int = LARGEST_DEFAULT) -> tuple[int, int]:
    """The commonest size where no side is over ``largest``, else a square of that; of equally common ones the larger."""
    height, width = max(sizes, key=lambda size: (sizes[size], size))
    return (height, width) if max(height, width) <= largest else (largest, largest)


def _make_room(folder: Path, size: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if free < size:
        raise DataError(
            f"{folder}: the packed pictures need {size / 2**30:.1f} GiB, and {free / 2**30:.1f} GiB are free: "
            "set CGANX_CACHE to a folder on a larger disk, or ask for a smaller image size"
        )


def mapped(path: Path, shape: tuple[int, ...], mode: str) -> NDArray[np.uint8]:
    """The raw bytes in ``path`` as uint8 ``shape``; mode as of numpy.memmap. An empty file cannot be mapped."""
    if math.prod(shape) == 0:
        path.touch()
        return np.empty(shape, dtype=np.uint8)
    return np.memmap(path, dtype=np.uint8, mode=mode, shape=shape)  # type: ignore[call-overload, no-any-return]


def _fill(
    name: str, part: Part, rows: NDArray[np.int64], form: Form, folder: Path | None, progress: Progress
) -> tuple[PackedPart, Sequence[Failure], bool]:
    pictures: Pictures = part.pictures
    shape = (len(rows), form.height, form.width, form.channels)
    if folder is None:
        ready = pictures.ready(form)
        if ready is not None:
            return PackedPart(ready, part.labels), (), form.channels == 1
    path = folder / f"{name}.u8" if folder is not None else None
    images = np.empty(shape, dtype=np.uint8) if path is None else mapped(path, shape, "w+")
    filled = pictures.fill(images, rows, form, progress)
    labels = part.labels[rows]
    if filled.failures:
        kept = np.ones(len(rows), dtype=np.bool_)
        kept[[failure.index for failure in filled.failures]] = False
        images, labels = _close_ranks(images, kept), labels[kept]
    return PackedPart(images, labels, path), filled.failures, filled.grey


def _close_ranks(images: NDArray[np.uint8], kept: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Only the rows that are ``kept``, moved up in place."""
    rows = np.flatnonzero(kept)
    for start in range(0, len(rows), ROWS):
        block = rows[start : start + ROWS]
        images[start : start + len(block)] = images[block]
    return images[: len(rows)]


def _one_channel(part: PackedPart) -> PackedPart:
    """Of three equal channels one, moved up in place; what is behind it in a file is cut when the file is kept."""
    count, height, width, _ = part.images.shape
    flat, pixels = part.images.reshape(-1), height * width
    for start in range(0, count, ROWS):
        block = part.images[start : start + ROWS, ..., 0].reshape(-1)
        flat[start * pixels : start * pixels + len(block)] = block
    images = flat[: count * pixels].reshape(count, height, width, 1)
    return PackedPart(images if part.path is not None else images.copy(), part.labels, part.path)
