"""What a set for image-to-image is once it is loaded: packed pictures of two sides."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cganx.errors import DataError

__all__ = ["TranslationPictures", "TranslationSet"]


@dataclass(frozen=True, eq=False)
class TranslationPictures:
    """Pictures to be translated and pictures as the results should be.

    ``source`` is uint8 [n, height, width, channels], ``target`` uint8 [m, height * scale, width * scale, channels], channels
    1 (grey) or 3 (sRGB), either perhaps a memory map. Of a paired set n is m, and row i belongs to row i. ``labels`` is
    int64 [m], the style of each target as an index into the set's ``classes``, or None where the set has no styles.
    """

    source: NDArray[np.uint8]
    target: NDArray[np.uint8]
    labels: NDArray[np.int64] | None = None


@dataclass(frozen=True, eq=False)
class TranslationSet:
    """A set of pictures for image-to-image, all sources of one size and all targets of one.

    ``paired`` says whether row i of the targets is what row i of the sources should become. ``scale`` is how many times
    larger a target is than a source. ``task`` names what the sources were made by: ``colorize``, ``superresolve`` or
    ``inpaint``; None where both sides are given. ``classes`` are the names of the targets' styles, empty where there
    are none. ``fingerprint`` is the sha256, in lower-case hex, of all of that and the pixels: two sets with the same one
    train the same network. ``licence`` is a line for the generator's card, empty where the source does not say.

    Raises DataError where the parts do not fit together.
    """

    name: str
    train: TranslationPictures
    test: TranslationPictures
    paired: bool
    scale: int
    task: str | None
    classes: tuple[str, ...]
    fingerprint: str
    licence: str = ""

    def __post_init__(self) -> None:
        for part in (self.train, self.test):
            sizes = (part.source.shape[1:3], part.target.shape[1:3])
            if tuple(side * self.scale for side in sizes[0]) != tuple(sizes[1]):
                raise DataError(f"{self.name}: sources of {sizes[0]} and targets of {sizes[1]} are not 1 to {self.scale}")
            if self.paired and len(part.source) != len(part.target):
                raise DataError(f"{self.name}: {len(part.source)} sources and {len(part.target)} targets are no pairs")
            if (part.labels is None) != (not self.classes):
                problem = "names of styles without labels" if self.classes else "labels without names of styles"
                raise DataError(f"{self.name}: {problem}: give both or neither")
            if part.labels is not None and not _are_indices(part.labels, len(part.target), len(self.classes)):
                raise DataError(f"{self.name}: labels have to be one index into {len(self.classes)} styles for each target")

    @property
    def source_shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of every source."""
        _, height, width, channels = self.train.source.shape
        return height, width, channels

    @property
    def target_shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of every target."""
        _, height, width, channels = self.train.target.shape
        return height, width, channels


def _are_indices(labels: NDArray[np.int64], count: int, bound: int) -> bool:
    return labels.shape == (count,) and bool(((labels >= 0) & (labels < bound)).all())
