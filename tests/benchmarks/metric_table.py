"""How every metric moves when perfect pictures are spoilt in a known way: the table of docs/metrics.md, as Markdown.

    python tests/benchmarks/metric_table.py [--data fashion-small] [--pictures 1000]

"Real" are training pictures that stand for a perfect generator's; all else is made of them. They are compared with as many
test pictures, and where copies are looked for with as many other training pictures.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from cganx import data
from cganx.data import DataSet, LabelledImages
from cganx.evaluation import Oracle, Recipe, quick_oracle
from cganx.evaluation.gan_train import gan_train
from cganx.evaluation.metrics import METRICS, Sample
from cganx.evaluation.suite import GAN_TRAIN

Pixels = NDArray[np.uint8]
Labels = NDArray[np.int64]
TAUGHT = Recipe(passes=10, at_least=1)


@dataclass(frozen=True, eq=False)
class Ground:
    """What the metrics are tried on: a perfect generator's pictures, the test pictures, and those that it was trained on."""

    perfect: Sample
    real: Sample
    training: Sample
    judge: Oracle
    dataset: DataSet


def ground(dataset: DataSet, judge: Oracle, pictures: int) -> Ground:
    """So many pictures a side, evenly of the classes; the perfect and the training ones are different ones."""
    ours = _evenly(dataset.train, 2 * pictures)
    halves = (slice(None, pictures), slice(pictures, None))
    perfect, training = (LabelledImages(ours.images[half], ours.labels[half]) for half in halves)
    real = _evenly(dataset.test, pictures)
    samples = (sample(judge, part.images, part.labels.astype(np.int64)) for part in (perfect, real, training))
    return Ground(*samples, judge, dataset)


def sample(judge: Oracle, pixels: Pixels, labels: Labels) -> Sample:
    features = judge.features(pixels)
    with torch.inference_mode():
        probabilities = torch.softmax(judge._network.classify(torch.from_numpy(features)), dim=1).numpy()
    return Sample(pixels, features, probabilities, labels)


def noise(on: Ground) -> Sample:
    """Normal noise of 40 levels."""
    drawn = np.random.default_rng(0).normal(0, 40, on.perfect.pixels.shape)
    return _changed(on, np.clip(np.rint(on.perfect.pixels + drawn), 0, 255).astype(np.uint8))


def blur(on: Ground) -> Sample:
    """Each pixel is the mean of the 3 x 3 around it."""
    _, height, width, _ = on.perfect.pixels.shape
    padded = np.pad(on.perfect.pixels.astype(np.float64), ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")
    around = [padded[:, row : row + height, column : column + width] for row in range(3) for column in range(3)]
    return _changed(on, np.rint(np.mean(around, axis=0)).astype(np.uint8))


def dim(on: Ground) -> Sample:
    """Half as bright."""
    return _changed(on, on.perfect.pixels // 2)


def collapse(on: Ground) -> Sample:
    """One picture a class, again and again."""
    labels = _labels(on.perfect)
    first = np.array([np.flatnonzero(labels == label)[0] for label in range(labels.max() + 1)])
    return on.perfect.take(first[labels])


def dropped(on: Ground) -> Sample:
    """The second half of the classes never comes; the first comes in their place, and is what is asked for."""
    labels = _labels(on.perfect)
    kept = np.flatnonzero(labels <= labels.max() // 2)
    return on.perfect.take(np.resize(kept, len(labels)))


def shuffled(on: Ground) -> Sample:
    """The pictures are as they were, the labels belong to others."""
    perfect = on.perfect
    labels = np.random.default_rng(0).permutation(_labels(perfect))
    return Sample(perfect.pixels, perfect.features, perfect.probabilities, labels)


def copies(on: Ground) -> Sample:
    """The pictures that it was trained on."""
    return on.training


CORRUPTIONS: Mapping[str, Callable[[Ground], Sample]] = {
    "real": lambda on: on.perfect,
    "noise": noise,
    "blur": blur,
    "half as bright": dim,
    "one picture a class": collapse,
    "half the classes": dropped,
    "labels shuffled": shuffled,
    "copies": copies,
}


def figures(on: Ground) -> Mapping[str, Mapping[str, float]]:
    """Every metric of every corruption, and what a classifier learns from it: figures[corruption][metric]."""
    references = {"test": on.real, "training": on.training}
    return {
        name: {metric.name: metric.compute(made, references[metric.reference]) for metric in METRICS.values()}
        | {GAN_TRAIN: gan_train(made.pixels, _labels(made), on.judge, on.dataset, TAUGHT, lambda *_: None).accuracy}
        for name, made in ((name, corruption(on)) for name, corruption in CORRUPTIONS.items())
    }


def markdown(table: Mapping[str, Mapping[str, float]]) -> str:
    rows = [("metric", *table), ("---", *("---:" for _ in table))]
    rows += [(name, *(f"{table[corruption][name]:.4g}" for corruption in table)) for name in (*METRICS, GAN_TRAIN)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _changed(on: Ground, pixels: Pixels) -> Sample:
    return sample(on.judge, pixels, _labels(on.perfect))


def _labels(made: Sample) -> Labels:
    assert made.labels is not None
    return made.labels


def _evenly(part: LabelledImages, count: int) -> LabelledImages:
    order = np.argsort(part.labels, kind="stable")
    ranks = np.empty(len(order), np.int64)
    starts = np.searchsorted(part.labels[order], part.labels[order])
    ranks[order] = np.arange(len(order)) - starts  # how many of its class come before a picture
    places = np.lexsort((part.labels, ranks))[:count]
    return LabelledImages(part.images[places], part.labels[places])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="fashion-small")
    parser.add_argument("--pictures", type=int, default=1000)
    parser.add_argument("--cache", type=Path)
    arguments = parser.parse_args()
    dataset = data.load(arguments.data)
    judge = quick_oracle(dataset, cache=arguments.cache)
    print(markdown(figures(ground(dataset, judge, arguments.pictures))))
    judged = f"the judge is right on {judge.accuracy:.3f} of the test pictures"
    print(f"\n{dataset.name}, {arguments.pictures} pictures a side; {judged}.")


if __name__ == "__main__":
    main()
