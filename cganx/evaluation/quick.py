"""A smaller oracle for the time of training, where the whole one would take more of it than it is worth."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from cganx.data import DataSet, LabelledImages
from cganx.errors import DataError
from cganx.evaluation.classifier import FEATURES, Progress, Recipe
from cganx.evaluation.oracle import Oracle, oracle

__all__ = ["QUICK", "quick_oracle"]

QUICK = Recipe(passes=1, at_least=30_000, at_most=30_000)
TRAIN, TEST = 20_000, 5_000  # pictures that it learns from and judges by, at most
FEWEST = FEATURES
"""Test pictures: with fewer than there are features their covariance has directions without any variety, and a generator
without variety is the nearest."""


def quick_oracle(dataset: DataSet, *, cache: Path | None = None, progress: Progress | None = None) -> Oracle:
    """An oracle of a data set that takes seconds to train, not minutes: from the cache, else trained and kept there.

    It sees fewer pictures than :func:`oracle`'s, and of a large set only some, evenly of every class. Its figures rank the
    checkpoints of one run; they do not compare with those of another oracle.

    Raises DataError where the set cannot judge: see :func:`oracle`; also with fewer than 128 labelled test pictures.
    """
    if dataset.kind == "attributes":
        raise DataError(f"{dataset.name}: attributes are not judged yet, only classes are")
    known = int((dataset.test.labels >= 0).sum())
    if known < FEWEST:
        raise DataError(
            f"{dataset.name}: {known} labelled test pictures are too few to judge by: {FEWEST} tell how varied pictures are"
        )
    count = len(dataset.classes)
    train, test = _some(dataset.train, count, TRAIN), _some(dataset.test, count, TEST)
    if train is not dataset.train or test is not dataset.test:
        dataset = replace(dataset, train=train, test=test, fingerprint=f"{dataset.fingerprint} {TRAIN} {TEST}")
    return oracle(dataset, recipe=QUICK, cache=cache, progress=progress)


def _some(part: LabelledImages, classes: int, most: int) -> LabelledImages:
    """At most so many labelled pictures (but one of each class), the same each time, as evenly of the classes as they come."""
    if len(part) <= most:
        return part
    random = np.random.default_rng(0)
    each = max(most // classes, 1)
    chosen = [random.permutation(np.flatnonzero(part.labels == label))[:each] for label in range(classes)]
    places = np.sort(np.concatenate(chosen))
    return LabelledImages(part.images[places], part.labels[places])
