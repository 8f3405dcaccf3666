"""GAN-train: a classifier that learns from made pictures alone, asked about real ones.

Shmelkov et al. 2018, "How good is my GAN?", section 3; the classification accuracy score of Ravuri and Vinyals 2019. It sees
what label agreement cannot: sameness within a class, and kinds of real pictures that are never made.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cganx.data import DataSet
from cganx.evaluation.classifier import Progress, Recipe, fit
from cganx.evaluation.oracle import Oracle, oracle

__all__ = ["RECIPE", "Trained", "gan_train", "real_train"]

RECIPE = Recipe(passes=10, at_least=1, at_most=2**62)
"""Ten passes over whatever there is."""

BATCH = 256


@dataclass(frozen=True)
class Trained:
    """The ``accuracy`` of a classifier on ``pictures`` real test pictures, 0..1."""

    accuracy: float
    pictures: int


def gan_train(
    pixels: NDArray[np.uint8], labels: NDArray[np.int64], judge: Oracle, dataset: DataSet, recipe: Recipe, progress: Progress
) -> Trained:
    """Train the oracle's architecture on made pictures [n, ...] of ``labels`` [n]; test it on the real test pictures."""

    def report(_: str, done: int, total: int) -> None:
        progress("training a classifier on made pictures", done, total)

    network = fit(pixels, labels, len(dataset.classes), recipe, report)
    learnt = replace(judge, _network=network)
    known = dataset.test.labels >= 0
    images, truth = dataset.test.images, dataset.test.labels
    right = sum(
        int((learnt.predict(images[part][known[part]]) == truth[part][known[part]]).sum())
        for part in (slice(start, start + BATCH) for start in range(0, len(truth), BATCH))
    )
    return Trained(right / int(known.sum()), int(known.sum()))


def real_train(dataset: DataSet, recipe: Recipe, cache: Path | None, progress: Progress) -> Trained:
    """The same of the real training pictures, kept in the cache as another oracle of the set."""

    def report(stage: str, done: int, total: int) -> None:
        progress(stage.replace("the oracle", "the classifier of real pictures"), done, total)

    kept = oracle(dataset, recipe=recipe, cache=cache, progress=report)
    return Trained(kept.accuracy, kept.pictures)
