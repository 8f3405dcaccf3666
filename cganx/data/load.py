"""``load``: any source of labelled pictures, as a DataSet."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cganx.data.cache import Packed, cache_folder, entry_key, keep, read_entry, scratch_folder
from cganx.data.dataset import UNLABELLED, DataSet, LabelledImages, Labels, fingerprint, kind_of, pixel_digest
from cganx.data.folder import find_folder
from cganx.data.idx import find_idx
from cganx.data.named import NAMED
from cganx.data.npz import find_npz
from cganx.data.packing import Options, pack
from cganx.data.sources import Progress, Source, check_names
from cganx.data.table import find_table
from cganx.errors import DataError

__all__ = ["find_source", "load", "packed"]

READERS: tuple[Callable[[Path], Source | None], ...] = (find_npz, find_table, find_idx, find_folder)
"""Asked in this order; each says None to what is not its kind."""


def load(
    spec: str | Path,
    *,
    image_size: int | tuple[int, int] | None = None,
    channels: int | None = None,
    fit: str = "crop",
    labels_per_class: int | None = None,
    skip_unreadable: bool = False,
    cache: Path | None = None,
    shared: bool = False,
    progress: Progress | None = None,
) -> DataSet:
    """Load labelled pictures, all brought to one size, as packed uint8 arrays.

    Args:
        spec: ``fashion-small``, ``fashion-mnist``, or the path of a folder with one subfolder a class, a folder with
            ``train/`` and ``test/`` that hold such, a folder of IDX files, an ``.npz`` or a ``.csv`` file. The last two may
            hold attributes, any number to a picture, in place of classes.
        image_size: (height, width) in pixels, or the side of a square. By default the commonest size of the training
            pictures where both sides are at most 64, else 64 x 64.
        channels: 1 or 3. By default 1 where no picture has colour, else 3.
        fit: ``crop`` cuts the middle to the wanted aspect; ``pad`` keeps the whole picture and repeats its edge.
        labels_per_class: keep the labels of so many training pictures of each class, and mark the others -1. Which
            ones depends on their place alone, and a larger number keeps those of a smaller one.
        skip_unreadable: go on without pictures that cannot be used, and log how many there were.
        cache: where packed pictures of more than 512 MiB are kept and mapped from; by default ``$CGANX_CACHE``, else
            the user's cache folder.
        shared: keep and map packed pictures of any size, for several processes that load the same.
        progress: called with (stage, done, total), often, in this thread.

    Raises:
        DataError: one sentence that names the file and the cause.
        BackendMissing: pictures have to be decoded or resized, and Pillow is not installed.
    """
    options = Options.checked(image_size, channels, fit, skip_unreadable)
    source = find_source(spec)
    made = packed(source, options, cache or cache_folder(), shared, progress or (lambda *_: None))
    labels = made.train.labels
    if labels_per_class is not None:
        labels = _few_labels(labels, made.classes, labels_per_class, source.name)
    return DataSet(
        name=source.name,
        classes=made.classes,
        train=LabelledImages(made.train.images, labels),
        test=LabelledImages(made.test.images, made.test.labels),
        fingerprint=fingerprint(made.classes, labels, made.test.labels, made.pixels),
        licence=source.licence,
    )


def find_source(spec: str | Path) -> Source:
    """The source that a named set or a path is, not read yet. Raises DataError where it is none."""
    if isinstance(spec, str) and spec in NAMED:
        return NAMED[spec]()
    path = Path(spec)
    if spec == "":
        raise DataError("the data is an empty text: give a named set, a folder or a file")
    if not path.exists():
        raise DataError(f"{spec}: no such file or folder, nor one of the named sets {', '.join(NAMED)}")
    for reader in READERS:
        source = reader(path)
        if source is not None:
            check_names([source.name], str(path))
            return source
    raise DataError(
        f"{spec}: not a set of labelled pictures: give a folder with one subfolder a class, a folder of IDX files, "
        "an .npz or a .csv file"
    )


def packed(source: Source, options: Options, cache: Path, shared: bool, progress: Progress) -> Packed:
    """The pictures of a source, packed: from the cache, or in memory or mapped from it."""
    key = entry_key(source, options)
    kept = read_entry(cache, key)
    if kept is not None:
        return kept
    with scratch_folder(cache) as scratch:
        contents = source.open(scratch)
        parts = pack(contents, options, scratch, progress, shared=shared)
        if parts[0].path is not None:
            return keep(cache, key, scratch, contents.classes, parts)
        train, test = parts
        return Packed(contents.classes, train, test, pixel_digest(train.images, test.images))


def _few_labels(labels: Labels, classes: tuple[str, ...], count: int, name: str) -> Labels:
    """``labels`` with all but ``count`` of each class set to -1."""
    if kind_of(labels) == "attributes":
        raise DataError(f"{name}: labels_per_class is for classes, and this set has attributes: leave it out")
    if count < 1:
        raise DataError(f"labels_per_class {count}: give at least 1")
    order = np.argsort(_scattered(len(labels)), kind="stable")
    few = np.full_like(labels, UNLABELLED)
    for label, named in enumerate(classes):
        members = order[labels[order] == label][:count]
        if len(members) < count:
            raise DataError(
                f"{name}: class {named!r} has {len(members)} labelled training pictures, and labels_per_class asks for {count}"
            )
        few[members] = label
    return few


def _scattered(count: int) -> NDArray[np.uint64]:
    """SplitMix64 of 0 ... count - 1 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014)."""
    mixed = (np.arange(1, count + 1, dtype=np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
