"""What a set for image-to-image is made of, and how it is loaded."""

from __future__ import annotations

import difflib
import hashlib
import json
import logging
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import TypedDict, Unpack, get_args

import numpy as np

from cganx.data.cache import Packed, cache_folder
from cganx.data.dataset import fingerprint
from cganx.data.derived import Derivation, DerivedPictures, as_grey, reduced
from cganx.data.folder import licence_beside
from cganx.data.idx import find_idx
from cganx.data.load import find_source, packed
from cganx.data.matching import matched, require_apart, require_same_division
from cganx.data.named import NAMED
from cganx.data.packing import Options, default_size
from cganx.data.picture import SMALLEST, Half
from cganx.data.sides import (
    Division,
    Side,
    array_side,
    divide,
    files_of,
    folder_side,
    gallery_in,
    joined,
    listed,
    parts_of,
)
from cganx.data.sources import Contents, Part, Progress, Source, check_names
from cganx.data.translation import TranslationPictures, TranslationSet
from cganx.errors import DataError

__all__ = [
    "TASKS",
    "LoadOptions",
    "Pairs",
    "SideBySide",
    "Task",
    "TranslationData",
    "Unpaired",
    "load_pairs",
    "load_side_by_side",
    "load_task",
    "load_unpaired",
]

LARGEST_DEFAULT = 128
MOST_SCALE = 8

log = logging.getLogger("cganx")


class LoadOptions(TypedDict, total=False):
    """The arguments of `TranslationData.load`, which every loader takes."""

    image_size: int | tuple[int, int] | None
    channels: int | None
    source_channels: int | None
    fit: str
    licence: str | None
    skip_unreadable: bool
    cache: Path | None
    shared: bool
    progress: Progress | None


@dataclass(frozen=True, eq=False)
class Found:
    """The sides that were found, not decoded yet: the sources', unless they are made from targets, and the targets'."""

    sides: Sequence[Side]
    files: Sequence[Path]
    paired: bool = True
    classes: tuple[str, ...] = ()
    licence: str = ""


@dataclass(frozen=True, eq=False)
class Packing:
    """How the sides that were found are packed; they are divided when the first of them is, and not where all are cached."""

    found: Found
    options: Options
    size: tuple[int, int]
    key: str
    skip_unreadable: bool
    cache: Path
    shared: bool
    progress: Progress

    @cached_property
    def _division(self) -> Division:
        sides = self.found.sides
        return divide(sides, paired=self.found.paired, skip_unreadable=self.skip_unreadable, progress=self.progress)

    def given(self, place: int, channels: int | None) -> Packed:
        """The side at that place."""

        def parts() -> tuple[Part, Part]:
            train, test = self._division[place]
            return train.part, test.part

        return self._packed(f"side {place}", self.size, channels, parts)

    def derived(self, target: Packed, derivation: Derivation, size: tuple[int, int], channels: int) -> Packed:
        """Sources of that size made from ``target``."""

        def parts() -> tuple[Part, Part]:
            train, test = (DerivedPictures(part.images, derivation) for part in (target.train, target.test))
            return Part(train, np.zeros(len(train), np.int64)), Part(test, np.zeros(len(test), np.int64))

        return self._packed("derived", size, channels, parts)

    def _packed(self, role: str, size: tuple[int, int], channels: int | None, parts: Callable[[], tuple[Part, Part]]) -> Packed:
        name = json.dumps([self.key, role, self.skip_unreadable])
        source = Source(name, self.found.files, lambda _: Contents(self.found.classes, *parts()))
        options = replace(self.options, size=size, channels=channels)
        return packed(source, options, self.cache, self.shared, self.progress)


@dataclass(frozen=True)
class TranslationData(ABC):
    """What a set for image-to-image is made of: `Pairs`, `SideBySide`, `Unpaired` or `Task`."""

    @property
    @abstractmethod
    def name(self) -> str:
        """What the set is called."""

    @abstractmethod
    def _find(self, scratch: Path, progress: Progress) -> Found:
        """List the pictures and hold the sides against each other. Raises DataError."""

    @property
    def _task(self) -> str | None:
        return None

    @property
    def _scale(self) -> int:
        return 1

    def load(
        self,
        *,
        image_size: int | tuple[int, int] | None = None,
        channels: int | None = None,
        source_channels: int | None = None,
        fit: str = "crop",
        licence: str | None = None,
        skip_unreadable: bool = False,
        cache: Path | None = None,
        shared: bool = False,
        progress: Progress | None = None,
    ) -> TranslationSet:
        """The pictures, all of a side brought to one size, as packed uint8 arrays, in a training and a test part.

        Args:
            image_size: (height, width) of the targets in pixels, or the side of a square; it may be larger than what is
                trained on, for random crops. By default the commonest size of the targets where both sides are at most
                128, else 128 x 128.
            channels: 1 or 3, of the targets; of unpaired sets, of both sides. By default 1 where no picture has colour,
                else 3.
            source_channels: 1 or 3, of the sources of pairs, by default as the pictures are. Grey ones get three equal
                channels where 3 are asked for.
            fit: ``crop`` cuts the middle to the wanted aspect; ``pad`` keeps the whole picture and repeats its edge.
            licence: a line for the card, in place of what ``licences.txt`` in the folders or beside them says.
            skip_unreadable: go on without pictures that cannot be used, and without their twins, and log how many.
            cache: as of `cganx.data.load`, like ``shared`` and ``progress``.
            shared: keep and map packed pictures of any size, for several processes that load the same.
            progress: called with (stage, done, total), often, in this thread.

        Where there is no test part, one subject in ten is held out, by a hash of its name. Near-duplicates are on one
        side of the split: no test picture has a twin that is trained on.

        Raises:
            DataError: one sentence that names the file or folder and the cause.
            BackendMissing: Pillow is not installed.
        """
        progress, cache = progress or (lambda *_: None), cache or cache_folder()
        options = Options.checked(image_size, channels, fit, skip_unreadable=False)
        if source_channels not in (None, 1, 3):
            raise DataError(f"{source_channels!r} source channels: give 1 for grey or 3 for colour")
        check_names([self.name], self.name)
        found = self._find(cache, progress)
        size = options.size or self._default_size(found, progress)
        packing = Packing(found, options, size, repr(self), skip_unreadable, cache, shared, progress)
        source, target = self._packed(packing, source_channels)
        train, test = (
            TranslationPictures(one.images, other.images, other.labels.astype(np.int64) if found.classes else None)
            for one, other in ((source.train, target.train), (source.test, target.test))
        )
        return TranslationSet(
            name=self.name,
            train=train,
            test=test,
            paired=found.paired,
            scale=self._scale,
            task=self._task,
            classes=found.classes,
            fingerprint=self._fingerprint(found, source, target),
            licence=found.licence if licence is None else licence,
        )

    def _default_size(self, found: Found, progress: Progress) -> tuple[int, int]:
        sizes: Counter[tuple[int, int]] = Counter()
        for gallery in found.sides[-1].galleries[:1]:
            sizes += gallery.pictures.survey(progress).sizes
        if not sizes:
            raise DataError(f"{found.sides[-1].where}: none of its pictures can be read: replace them")
        height, width = default_size(sizes, LARGEST_DEFAULT)
        return height // self._scale * self._scale, width // self._scale * self._scale

    def _packed(self, packing: Packing, source_channels: int | None) -> tuple[Packed, Packed]:
        """The sources and the targets."""
        channels = packing.options.channels
        if not packing.found.paired and source_channels is None:
            source_channels = channels
        source, target = packing.given(0, source_channels), packing.given(1, channels)
        have, want = source.train.images.shape[3], target.train.images.shape[3]
        if have != want and not packing.found.paired:
            grey, colour = (0, 1) if have == 1 else (1, 0)
            where = [side.where for side in packing.found.sides]
            raise DataError(
                f"{where[grey]} is all grey and {where[colour]} has colour, and unpaired sides need equally many channels: "
                "ask for 3 channels, or for 1"
            )
        if have < want and source_channels is None:
            log.warning("%s: all its sources are grey and have one channel; with source_channels=3 they have three", self.name)
        return source, target

    def _fingerprint(self, found: Found, source: Packed, target: Packed) -> str:
        pixels = json.dumps([source.pixels, target.pixels, found.paired, self._task, self._scale])
        return fingerprint(found.classes, target.train.labels, target.test.labels, hashlib.sha256(pixels.encode()).hexdigest())


@dataclass(frozen=True)
class Pairs(TranslationData):
    """Two folders in which twins have one name: ``a/x/1.png`` is translated to ``b/x/1.jpg``.

    Both may be divided in ``train/`` and ``test/``. Twins of one aspect but different sizes are brought to one size.
    """

    a: str | Path
    b: str | Path

    @property
    def name(self) -> str:
        """Of both folders."""
        return _name_of_two(self.a, self.b)

    def _find(self, scratch: Path, progress: Progress) -> Found:  # noqa: ARG002
        a, b = Path(self.a), Path(self.b)
        require_apart(a, b)
        sides = matched(folder_side(a), folder_side(b), progress)
        return Found(sides, _files(sides), licence=_licence(a, b))


@dataclass(frozen=True)
class SideBySide(TranslationData):
    """A folder of pictures that hold two side by side, of which one, ``left`` or ``right``, is what is translated."""

    folder: str | Path
    source: Half = "left"

    def __post_init__(self) -> None:
        if self.source not in get_args(Half):
            raise DataError(f"source {self.source!r}: give left or right, the half that is translated")

    @property
    def name(self) -> str:
        """Of the folder."""
        return Path(self.folder).resolve().name

    def _find(self, scratch: Path, progress: Progress) -> Found:  # noqa: ARG002
        folder = Path(self.folder)
        other: Half = "right" if self.source == "left" else "left"
        sides = folder_side(folder, self.source), folder_side(folder, other)
        return Found(sides, _files(sides[:1]), licence=_licence(folder))


@dataclass(frozen=True)
class Unpaired(TranslationData):
    """Two folders of pictures that do not belong together one by one.

    Where ``b`` (or its ``train/`` and ``test/``) has subfolders and no pictures beside them, each is a style; ``a`` may be
    one of them, and is none then. A name that is on both sides is one subject: it is held out on both, or trained on.
    """

    a: str | Path
    b: str | Path

    @property
    def name(self) -> str:
        """Of both folders."""
        return _name_of_two(self.a, self.b)

    def _find(self, scratch: Path, progress: Progress) -> Found:  # noqa: ARG002
        a, b = Path(self.a), Path(self.b)
        found = _styles(b)
        styles = [side for side in found if Path(side.where).resolve() != a.resolve()]
        if len(styles) == len(found) or not styles:
            require_apart(a, b)
        source = folder_side(a)
        require_same_division([source, *styles])
        classes = check_names([Path(side.where).name for side in styles], str(b)) if len(styles) > 1 else ()
        target = joined(styles) if classes else styles[0]
        sides = source, target
        return Found(sides, _files(sides), paired=False, classes=classes, licence=_licence(a, b))


def _styles(folder: Path) -> list[Side]:
    """A side a style of a folder: itself, if it has none."""
    train, test = parts_of(folder)
    inside = listed(train)
    if inside.pictures or not inside.folders:
        return [folder_side(folder)]
    if test is None:
        return [folder_side(one) for one in inside.folders]
    return [Side(str(one), gallery_in(one), gallery_in(test / one.name)) for one in inside.folders]


# ----------------------------------------------------------------------------------------------------------------------
# Tasks


def _colorized(packing: Packing, scale: int) -> tuple[Packed, Packed]:  # noqa: ARG001
    if packing.options.channels == 1:
        raise DataError("colorize with 1 channel: its targets need colour, so ask for 3 channels, or for none")
    (side,) = packing.found.sides
    colourless = f"{side.where}: no picture has colour, so there is nothing to colorize: give others"
    surveys = [gallery.pictures.survey(packing.progress) for gallery in side.galleries]
    if any(survey.sizes for survey in surveys) and all(survey.grey for survey in surveys):
        raise DataError(colourless)  # before near-duplicates are looked for, which takes minutes of many pictures
    target = packing.given(0, None)
    if target.train.images.shape[3] == 1:
        raise DataError(colourless)
    return packing.derived(target, as_grey, packing.size, 1), target


def _enlarged(packing: Packing, scale: int) -> tuple[Packed, Packed]:
    height, width = packing.size
    if height % scale or width % scale or min(height, width) < scale * SMALLEST:
        raise DataError(
            f"image size {width} x {height}: superresolve needs sides that {scale} divides, at least {scale * SMALLEST}"
        )
    target = packing.given(0, packing.options.channels)
    return packing.derived(target, reduced, (height // scale, width // scale), target.train.images.shape[3]), target


def _filled(packing: Packing, scale: int) -> tuple[Packed, Packed]:  # noqa: ARG001
    target = packing.given(0, packing.options.channels)
    return target, target


TASKS: Mapping[str, Callable[[Packing, int], tuple[Packed, Packed]]] = MappingProxyType(
    {"colorize": _colorized, "superresolve": _enlarged, "inpaint": _filled}
)


@dataclass(frozen=True)
class Task(TranslationData):
    """Pictures that are targets, and a task that makes their sources.

    ``data`` is whatever `cganx.data.load` takes, whose classes count for nothing, or a folder of pictures.
    ``colorize``: the source is the target in grey (luma of ITU-R 601-2, Pillow's L). ``superresolve``: the target reduced by
    ``scale``, 4 by default, with Pillow's bicubic filter, which is antialiased. ``inpaint``: the target itself; holes are
    drawn while training.
    """

    data: str | Path
    task: str
    scale: int | None = None

    def __post_init__(self) -> None:
        if self.task not in TASKS:
            near = difflib.get_close_matches(str(self.task), TASKS, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(TASKS)}"
            raise DataError(f"no task {self.task!r}: {hint}")
        if self.scale is not None and self.task != "superresolve":
            raise DataError(f"scale belongs to superresolve, and the task is {self.task}: leave it out")
        if self.scale is not None and not (isinstance(self.scale, int) and 2 <= self.scale <= MOST_SCALE):
            raise DataError(f"scale {self.scale!r}: give a whole number from 2 to {MOST_SCALE}")

    @property
    def name(self) -> str:
        """Of the data and the task."""
        data = Path(self.data).resolve()
        return f"{data.name if data.is_dir() else data.stem}-{self.task}"

    @property
    def _task(self) -> str:
        return self.task

    @property
    def _scale(self) -> int:
        return (self.scale or 4) if self.task == "superresolve" else 1

    def _find(self, scratch: Path, progress: Progress) -> Found:  # noqa: ARG002
        path = Path(self.data)
        if self.data not in NAMED and path.is_dir() and find_idx(path) is None:
            side = folder_side(path)
            return Found([side], _files([side]), licence=_licence(path))
        source = find_source(self.data)
        return Found([array_side(source, scratch)], source.files, licence=source.licence)

    def _packed(self, packing: Packing, source_channels: int | None) -> tuple[Packed, Packed]:
        if source_channels is not None:
            raise DataError(f"source channels are made by the task {self.task}: leave them out")
        return TASKS[self.task](packing, self._scale)


# ----------------------------------------------------------------------------------------------------------------------


def load_pairs(a: str | Path, b: str | Path, **options: Unpack[LoadOptions]) -> TranslationSet:
    """`Pairs`, loaded; the options are those of `TranslationData.load`."""
    return Pairs(a, b).load(**options)


def load_side_by_side(folder: str | Path, source: Half = "left", **options: Unpack[LoadOptions]) -> TranslationSet:
    """`SideBySide`, loaded; the options are those of `TranslationData.load`."""
    return SideBySide(folder, source).load(**options)


def load_unpaired(a: str | Path, b: str | Path, **options: Unpack[LoadOptions]) -> TranslationSet:
    """`Unpaired`, loaded; the options are those of `TranslationData.load`."""
    return Unpaired(a, b).load(**options)


def load_task(data: str | Path, task: str, scale: int | None = None, **options: Unpack[LoadOptions]) -> TranslationSet:
    """`Task`, loaded; the options are those of `TranslationData.load`."""
    return Task(data, task, scale).load(**options)


def _name_of_two(a: str | Path, b: str | Path) -> str:
    return f"{Path(a).resolve().name}-to-{Path(b).resolve().name}"


def _files(sides: Sequence[Side]) -> Sequence[Path]:
    return list(chain.from_iterable(files_of(gallery) for side in sides for gallery in side.galleries))


def _licence(*folders: Path) -> str:
    """What the folders, or those that they lie in, say of their licences."""
    lines = (licence_beside(folder) or licence_beside(folder.resolve().parent) for folder in folders)
    return "; ".join(line for line in dict.fromkeys(lines) if line)
