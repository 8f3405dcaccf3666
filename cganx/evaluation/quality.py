"""How good a generator is, judged on the .onnx file itself, through the runtime."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cganx.data import DataSet
from cganx.errors import ModelError, RequestError, SeedError
from cganx.evaluation.classifier import Progress
from cganx.evaluation.judging import verdict
from cganx.evaluation.oracle import Oracle, oracle
from cganx.runtime import Generator, load

__all__ = ["Quality", "quality"]

BATCH = 256
SEEDS = 2**32


@dataclass(frozen=True, kw_only=True)
class Quality:
    """What was judged, by what, and the figures.

    ``agreement`` is the share of pictures, 0..1, in which the oracle sees the class that was asked for, and
    ``per_class`` the same class by class. ``frechet`` is the Frechet distance of the generator's pictures to the real ones of
    split ``reference`` (``reference_samples`` of them) in the oracle's 128 features, every class counted alike, and
    ``floor`` that of the real training pictures. Both figures belong together: agreement alone rewards sameness.
    """

    model: str
    sha256: str
    data: str
    samples: int
    seed: int
    agreement: float
    per_class: Mapping[str, float]
    frechet: float
    floor: float
    reference: str
    reference_samples: int
    oracle: str
    oracle_accuracy: float

    @property
    def ratio(self) -> float:
        """The Frechet distance in multiples of its floor; infinite where the floor is 0."""
        return self.frechet / self.floor if self.floor > 0 else float("inf")

    def to_dict(self) -> dict[str, Any]:
        """All figures, the ratio too, as JSON takes them."""
        return asdict(self) | {"ratio": self.ratio}


def quality(
    model: str | Path | Generator,
    dataset: DataSet,
    *,
    samples: int = 10_000,
    seed: int = 0,
    judge: Oracle | None = None,
    progress: Progress | None = None,
) -> Quality:
    """Judge a class generator by a labelled set of the pictures that it was trained for.

    The same figures each time for the same file, set and seed on one machine: picture i is of class i modulo the number
    of classes and has the seed ``seed * 2**32 + i``. There is no truncation.

    Args:
        model: a bundled name, the path of an .onnx file, or a loaded generator.
        dataset: its classes are the generator's, in any order, and its pictures are of the generator's size.
        samples: pictures to make, at least two and one of every class.
        seed: 0 <= seed < 2**32; other seeds judge other pictures.
        judge: the oracle of ``dataset`` where it is at hand; else :func:`oracle` finds or trains it.
        progress: called with (stage, done, total).

    Raises:
        ModelError: not a generator, or not one of this set's classes and picture size.
        DataError: the set cannot judge, see :func:`oracle`.
        RequestError, SeedError: ``samples`` or ``seed`` out of range.
    """
    generator = model if isinstance(model, Generator) else load(model)
    ids = _ids(generator, dataset)
    count = len(ids)
    if not max(count, 2) <= samples <= SEEDS:
        raise RequestError(f"samples is {samples}: {count} classes need at least {max(count, 2)}")
    if not 0 <= seed < SEEDS:
        raise SeedError(f"the seed of a judgement is an integer with 0 <= seed < 2**32, not {seed}")
    report = progress or (lambda *_: None)
    judge = judge or oracle(dataset, progress=progress)

    order = np.arange(samples) % count

    def pictures() -> Iterator[NDArray[np.uint8]]:
        for start in range(0, samples, BATCH):
            labels = order[start : start + BATCH]
            seeds = np.arange(start, start + len(labels), dtype=np.uint64) + np.uint64(seed * SEEDS)
            yield np.asarray(generator.generate(labels, seeds))
            report("judging the generator", start + len(labels), samples)

    found = verdict(judge, pictures(), ids[order])
    assert found.agreement is not None  # classes were asked for
    return Quality(
        model=generator.card.name,
        sha256=generator.sha256,
        data=dataset.name,
        samples=samples,
        seed=seed,
        agreement=found.agreement.overall,
        per_class=dict(zip(dataset.classes, found.agreement.per_class, strict=True)),
        frechet=found.frechet,
        floor=judge.floor,
        reference="test",
        reference_samples=judge.pictures,
        oracle=judge.name,
        oracle_accuracy=judge.accuracy,
    )


def _ids(generator: Generator, dataset: DataSet) -> np.ndarray[Any, np.dtype[np.int64]]:
    """The data set's id of each of the generator's classes. Raises ModelError where the two do not fit."""
    card = generator.card
    if card.kind != "class":
        raise ModelError(f"its kind is {card.kind!r}, and only generators by class can be judged so", model=card.name)
    made_only = [name for name in card.classes if name not in dataset.classes]
    real_only = [name for name in dataset.classes if name not in card.classes]
    if made_only or real_only:
        owner, other = (card.name, dataset.name) if made_only else (dataset.name, card.name)
        odd = (made_only or real_only)[0]
        raise ModelError(
            f"{owner} has class {odd!r} and {other} has not: judge it by the data that it was trained on", model=card.name
        )
    made = generator.picture_shape
    real = (dataset.height, dataset.width, dataset.channels)
    if made != real:
        height, width, channels = made
        raise ModelError(
            f"it makes pictures of {_size(made)} and {dataset.name} was loaded as {_size(real)}: "
            f"load the data with image_size=({height}, {width}), channels={channels}",
            model=card.name,
        )
    return np.array([dataset.classes.index(name) for name in card.classes], np.int64)


def _size(shape: tuple[int, int, int]) -> str:
    height, width, channels = shape
    return f"{height} x {width} pixels in {channels} channel{'' if channels == 1 else 's'}"
