"""The two sides of a set for image-to-image, before they are packed: which pictures, what they show, how they are divided."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from unicodedata import normalize

import numpy as np
from numpy.typing import NDArray

from cganx.data.arrays import ArrayPictures
from cganx.data.files import FilePictures
from cganx.data.folder import TEST_NAMES, Listing, listing
from cganx.data.packing import judge
from cganx.data.paths import Paths
from cganx.data.picture import Half
from cganx.data.sources import Part, Progress, Source
from cganx.data.twins import THUMBNAIL, grouped, held_out_groups, twins
from cganx.errors import DataError

__all__ = [
    "Division",
    "Gallery",
    "Side",
    "array_side",
    "divide",
    "files_of",
    "folder_side",
    "gallery_in",
    "joined",
    "listed",
    "parts_of",
]

log = logging.getLogger("cganx")


@dataclass(frozen=True, eq=False)
class Gallery:
    """Pictures, what each of them shows, ``subjects``, and the style of each, where there are styles: int64 [n]."""

    where: str
    pictures: FilePictures | ArrayPictures
    subjects: Sequence[str]
    labels: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.subjects)

    def chosen(self, rows: NDArray[np.int64]) -> Gallery:
        """Those at these places."""
        inner = rows if self.pictures.rows is None else self.pictures.rows[rows]
        subjects = [self.subjects[row] for row in rows.tolist()]
        return Gallery(
            self.where, replace(self.pictures, rows=inner), subjects, None if self.labels is None else self.labels[rows]
        )

    @property
    def part(self) -> Part:
        """What the packing takes."""
        return Part(self.pictures, np.zeros(len(self), dtype=np.int64) if self.labels is None else self.labels)


@dataclass(frozen=True, eq=False)
class Side:
    """The pictures of one side; ``test`` is None where nobody has divided them yet."""

    where: str
    train: Gallery
    test: Gallery | None = None

    @property
    def galleries(self) -> Sequence[Gallery]:
        """One, or the training and the test part."""
        return [self.train] if self.test is None else [self.train, self.test]


# ----------------------------------------------------------------------------------------------------------------------
# From folders


def folder_side(folder: Path, half: Half | None = None) -> Side:
    """The pictures in a folder and the folders in it, or in its ``train/`` and ``test/``, one half of each if so wanted.

    What a picture shows is its path in the folder without the suffix. Raises DataError where there is none.
    """
    train, test = parts_of(folder)
    return Side(str(folder), gallery_in(train, half), None if test is None else gallery_in(test, half))


def parts_of(folder: Path) -> tuple[Path, Path | None]:
    """The folders of the training and the test part; the folder itself and None where it is not divided."""
    inside = listed(folder)
    parts = {one.name.casefold(): one for one in inside.folders}
    if "train" not in parts or inside.pictures:
        return folder, None
    return parts["train"], next((parts[name] for name in TEST_NAMES if name in parts), None)


def listed(folder: Path) -> Listing:
    """What is in a folder. Raises DataError where it is none."""
    if not folder.is_dir():
        raise DataError(f"{folder}: {'not a folder' if folder.exists() else 'no such folder'}: give a folder of pictures")
    return listing(folder, linked=True)


def gallery_in(folder: Path, half: Half | None = None) -> Gallery:
    """The pictures in a folder and in those below it. Raises DataError where there is none."""
    paths = list(_walked(folder, frozenset()))
    if not paths:
        raise DataError(f"{folder}: there is no picture in it: put some there, or give another folder")
    subjects = [normalize("NFC", path.relative_to(folder).with_suffix("").as_posix()) for path in paths]
    return Gallery(str(folder), FilePictures(Paths(paths), np.arange(len(paths)), half), subjects)


def _walked(folder: Path, above: frozenset[Path]) -> Iterator[Path]:
    """The pictures in a folder and all below it; a link that leads back up is not followed."""
    real = folder.resolve()
    if real in above:
        return
    inside = listing(folder, linked=True)
    yield from inside.pictures
    for one in inside.folders:
        yield from _walked(one, above | {real})


def joined(sides: Sequence[Side]) -> Side:
    """Several sides, all divided or none, as one of so many styles: each picture's label is the place of its side."""
    parts = zip(*(side.galleries for side in sides), strict=True)
    return Side(sides[0].where, *map(_one_gallery, parts))


def _one_gallery(galleries: Sequence[Gallery]) -> Gallery:
    paths = Paths(chain.from_iterable(files_of(one) for one in galleries))
    labels = np.repeat(np.arange(len(galleries)), [len(one) for one in galleries])
    subjects = list(chain.from_iterable(one.subjects for one in galleries))
    return Gallery(galleries[0].where, FilePictures(paths, np.arange(len(paths))), subjects, labels)


def array_side(source: Source, scratch: Path) -> Side:
    """The pictures of a source in its training and test part; each is a subject of its own. Classes count for nothing."""
    contents = source.open(scratch)
    galleries = [
        Gallery(source.name, part.pictures, list(map(str, range(len(part.pictures)))))
        for part in (contents.train, contents.test)
        if isinstance(part.pictures, FilePictures | ArrayPictures)
    ]
    return Side(source.name, *galleries)


def files_of(gallery: Gallery) -> Sequence[Path]:
    """The files of a gallery that is made of files."""
    return gallery.pictures.paths if isinstance(gallery.pictures, FilePictures) else ()


# ----------------------------------------------------------------------------------------------------------------------
# Training and test part


Division = list[tuple[Gallery, Gallery]]


def divide(sides: Sequence[Side], *, paired: bool, skip_unreadable: bool, progress: Progress) -> Division:
    """The training and the test part of each side, without pictures that cannot be used.

    One subject in ten is held out where nobody has divided the sides, the same ones on all of them. Subjects that have
    near-duplicate pictures stay together. Where there is a test part already, what is a near-duplicate of a training
    picture is left out of it. Of ``paired`` sides row i belongs to row i, before and after. Raises DataError.
    """
    galleries = [gallery for side in sides for gallery in side.galleries]
    galleries, small = _usable(galleries, len(galleries) // len(sides) if paired else None, skip_unreadable, progress)
    parts = [number for side in sides for number in range(len(side.galleries))]
    keys = [[f"{part}/{one}" for one in gallery.subjects] for part, gallery in zip(parts, galleries, strict=True)]
    place = {key: number for number, key in enumerate(dict.fromkeys(chain.from_iterable(keys)))}
    subjects = [np.array([place[key] for key in one], dtype=np.int64) for one in keys]
    groups = grouped(len(place), np.concatenate(subjects)[twins(np.concatenate(small))])
    if sides[0].test is not None:
        return _without_twins(galleries, [groups[one] for one in subjects], paired)
    out = held_out_groups(list(place), groups, subjects)
    return [
        (gallery.chosen(np.flatnonzero(~out[one])), gallery.chosen(np.flatnonzero(out[one])))
        for gallery, one in zip(galleries, subjects, strict=True)
    ]


def _usable(
    galleries: Sequence[Gallery], apart: int | None, skip_unreadable: bool, progress: Progress
) -> tuple[list[Gallery], list[NDArray[np.uint8]]]:
    """The galleries without pictures that cannot be used, and thumbnails; ``apart`` is how far a gallery's other side is."""
    small = [np.zeros((len(one), THUMBNAIL.height, THUMBNAIL.width, THUMBNAIL.channels), dtype=np.uint8) for one in galleries]
    failures = [
        gallery.pictures.fill(pixels, np.arange(len(gallery)), THUMBNAIL, progress).failures
        for gallery, pixels in zip(galleries, small, strict=True)
    ]
    failed = list(chain.from_iterable(failures))
    if not failed:
        return list(galleries), small
    judge(failed, sum(map(len, galleries)), skip_unreadable=skip_unreadable)
    good = [np.ones(len(one), dtype=np.bool_) for one in galleries]
    for number, some in enumerate(failures):
        for place in range(number % apart, len(galleries), apart) if apart else (number,):
            good[place][[failure.index for failure in some]] = False
    for gallery, kept in zip(galleries, good, strict=True):
        if len(gallery) and not kept.any():
            raise DataError(f"{gallery.where}: none of its {len(gallery)} pictures can be used: replace them")
    rows = [np.flatnonzero(kept) for kept in good]
    return [one.chosen(some) for one, some in zip(galleries, rows, strict=True)], [
        pixels[some] for pixels, some in zip(small, rows, strict=True)
    ]


def _without_twins(galleries: Sequence[Gallery], groups: Sequence[NDArray[np.int64]], paired: bool) -> Division:
    """Training and test galleries in turn, as pairs of them, the latter without what a training gallery has of its group."""
    seen = np.concatenate(groups[::2])
    good = [~np.isin(group, seen) for group in groups[1::2]]
    left_out = sum(int((~one).sum()) for one in (good[:1] if paired else good))
    if left_out:
        log.warning("%s: left out %d test pictures that are near-duplicates of training pictures", galleries[1].where, left_out)
    for gallery, one in zip(galleries[1::2], good, strict=True):
        if len(gallery) and not one.any():
            raise DataError(
                f"{gallery.where}: every test picture is a near-duplicate of a training picture: put others there, or "
                "remove the folder and one in ten is held out"
            )
    tests = [gallery.chosen(np.flatnonzero(one)) for gallery, one in zip(galleries[1::2], good, strict=True)]
    return list(zip(galleries[::2], tests, strict=True))
