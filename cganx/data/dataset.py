"""What a data set is once it is loaded: packed pictures, labels, and the names of what they say."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cganx.errors import DataError

__all__ = ["DataSet", "Kind", "LabelledImages", "Labels", "fingerprint", "kind_of", "pixel_digest", "require_classes"]

Kind: TypeAlias = Literal["class", "attributes"]
Labels: TypeAlias = "NDArray[np.int64] | NDArray[np.uint8]"
"""Of kind ``class`` int64 [n], -1 for none; of kind ``attributes`` uint8 [n, attributes] of 0 and 1."""

UNLABELLED = -1
HASHED_ROWS = 4096


@dataclass(frozen=True, eq=False)
class LabelledImages:
    """Pictures and their labels.

    ``images`` is uint8 [n, height, width, channels] with channels 1 (grey) or 3 (sRGB), perhaps a memory map.
    ``labels`` is int64 [n]: an index into the set's ``classes``, or -1 for a picture without a label. Of a set with
    attributes it is uint8 [n, attributes]: 1 where the picture has that attribute, else 0.
    """

    images: NDArray[np.uint8]
    labels: Labels

    def __len__(self) -> int:
        return len(self.images)


@dataclass(frozen=True, eq=False)
class DataSet:
    """A labelled set of pictures, all of one size.

    ``classes`` are the names in the order of the labels; of a set with attributes, which may come together, those of the
    attributes. ``fingerprint`` is the sha256, in lower-case hex, of the class names, labels and pixels: two sets with the
    same one train the same network. ``licence`` is a line for the generator's card, empty where the source does not say.
    """

    name: str
    classes: tuple[str, ...]
    train: LabelledImages
    test: LabelledImages
    fingerprint: str
    licence: str = ""

    @property
    def kind(self) -> Kind:
        """``class`` where every picture has one label of several, ``attributes`` where it has any number of them."""
        return kind_of(self.train.labels)

    @property
    def height(self) -> int:
        """Rows of every picture, in pixels."""
        return int(self.train.images.shape[1])

    @property
    def width(self) -> int:
        """Columns of every picture, in pixels."""
        return int(self.train.images.shape[2])

    @property
    def channels(self) -> int:
        """1 for grey pictures, 3 for sRGB."""
        return int(self.train.images.shape[3])


def kind_of(labels: Labels) -> Kind:
    """What these labels are, by their shape."""
    return "attributes" if labels.ndim == 2 else "class"


def pixel_digest(train: NDArray[np.uint8], test: NDArray[np.uint8]) -> str:
    """Sha256 over the shapes and pixels of both parts, read a few thousand pictures at a time."""
    digest = hashlib.sha256()
    for images in (train, test):
        digest.update(json.dumps(images.shape).encode())
        for start in range(0, len(images), HASHED_ROWS):
            digest.update(np.ascontiguousarray(images[start : start + HASHED_ROWS]).data)
    return digest.hexdigest()


def fingerprint(classes: tuple[str, ...], train_labels: Labels, test_labels: Labels, pixels: str) -> str:
    """Sha256 over the class names, the labels and the pixels, these by their own digest."""
    kind = [] if kind_of(train_labels) == "class" else ["attributes"]
    digest = hashlib.sha256(json.dumps([list(classes), pixels, *kind]).encode())
    for labels in (train_labels, test_labels):
        digest.update(np.ascontiguousarray(labels, dtype="<i8").data)
    return digest.hexdigest()


def require_classes(data: DataSet) -> None:
    """Raise DataError unless a conditional generator can be trained on ``data``.

    It needs two classes or more, and a labelled training picture of each; or attributes that some training pictures have and
    some have not.
    """
    if data.kind == "attributes":
        _require_both_sides(data)
        return
    if len(data.classes) < 2:
        named = f"one class only ({data.classes[0]!r})" if data.classes else "no class"
        raise DataError(
            f"{data.name}: {named}, and a conditional generator needs at least two: add a folder for another class, or take a "
            "preset without classes, such as gan"
        )
    labels = data.train.labels
    counts = np.bincount(labels[labels >= 0], minlength=len(data.classes))
    empty = [name for name, count in zip(data.classes, counts, strict=True) if count == 0]
    if empty:
        raise DataError(f"{data.name}: no labelled training picture of class {empty[0]!r}: add some, or leave it out")


def _require_both_sides(data: DataSet) -> None:
    count = data.train.labels.sum(axis=0, dtype=np.int64)
    for name, on in zip(data.classes, count.tolist(), strict=True):
        if on in (0, len(data.train)):
            who = "every" if on else "no"
            raise DataError(
                f"{data.name}: {who} training picture has the attribute {name!r}: leave its column out, or add others"
            )
