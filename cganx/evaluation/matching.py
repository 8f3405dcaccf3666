"""A generator and a data set brought together: the classes that both have, and pictures of one size."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cganx.card import GeneratorCard
from cganx.data import DataSet, LabelledImages
from cganx.errors import DataError, ModelError

__all__ = ["Match", "match"]

MOST_NAMED = 6


@dataclass(frozen=True, eq=False)
class Match:
    """What can be judged.

    ``dataset`` has only the classes that the generator has too; ``asked`` int64 [classes] are the generator's ids of them, in
    that order, None where it takes no class. ``left_out`` are the names that only one side has.
    """

    dataset: DataSet
    asked: NDArray[np.int64] | None
    left_out: tuple[str, ...]


def match(card: GeneratorCard, dataset: DataSet) -> Match:
    """Bring a generator and a data set together.

    Raises ModelError for generators of other kinds and for pictures of another size, DataError for data with attributes and
    where fewer than two classes have the same name on both sides.
    """
    if card.kind not in ("class", "unconditional"):
        raise ModelError(
            f"its kind is {card.kind!r}, and generators by class and unconditional ones are judged", model=card.name
        )
    if dataset.kind == "attributes":
        raise DataError(f"{dataset.name} has attributes: generators are judged by data with classes")
    made, real = card.image, (dataset.height, dataset.width, dataset.channels)
    if (made.height, made.width, made.channels) != real:
        raise ModelError(
            f"it makes pictures of {made.height} x {made.width} x {made.channels} and {dataset.name} was loaded as "
            f"{' x '.join(str(side) for side in real)}: load the data with image_size=({made.height}, {made.width}), "
            f"channels={made.channels}",
            model=card.name,
        )
    if not card.classes:
        return Match(dataset, None, ())
    common = [name for name in dataset.classes if name in card.classes]
    if len(common) < 2:
        what = f"only the class {common[0]!r}" if common else "no class"
        raise DataError(
            f"{card.name} and {dataset.name} have {what} in common: the generator has {_listed(card.classes)}, the data "
            f"{_listed(dataset.classes)}. Judge it by the data that it was trained on"
        )
    left_out = tuple(name for name in dict.fromkeys((*card.classes, *dataset.classes)) if name not in common)
    asked = np.array([card.classes.index(name) for name in common], np.int64)
    return Match(_narrowed(dataset, common), asked, left_out)


def _narrowed(dataset: DataSet, names: Sequence[str]) -> DataSet:
    """The set with these classes alone, the same set where these are all."""
    if len(names) == len(dataset.classes):
        return dataset
    numbers = np.full(len(dataset.classes) + 1, -1, np.int64)  # the last is that of pictures without a label
    numbers[[dataset.classes.index(name) for name in names]] = np.arange(len(names))

    def part(images: LabelledImages) -> LabelledImages:
        labels = numbers[images.labels]
        places = np.flatnonzero(labels >= 0)
        return LabelledImages(images.images[places], labels[places])

    digest = hashlib.sha256(json.dumps([dataset.fingerprint, list(names)]).encode()).hexdigest()
    return replace(dataset, classes=tuple(names), train=part(dataset.train), test=part(dataset.test), fingerprint=digest)


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:MOST_NAMED])
    return f"{shown} and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else shown
