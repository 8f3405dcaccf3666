from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from cganx.card import Image
from cganx.data import DataSet, LabelledImages
from cganx.errors import ModelError, RequestError, SeedError
from cganx.evaluation import Oracle, quality
from cganx.runtime import Generator
from cganx.runtime.testing import TINY


class Renamed(Generator):
    """The tiny generator under a changed card, as a file would have it that was trained on other data."""

    def __init__(self, generator: Generator, **changes: object) -> None:
        self.__dict__.update(generator.__dict__)
        self.card = replace(generator.card, **changes)  # type: ignore[arg-type]


def test_a_generator_of_the_real_pictures_reaches_their_floor(judge: Oracle, pictures: DataSet) -> None:
    made = quality(TINY, pictures, samples=600, judge=judge)
    assert made.agreement > 0.95
    assert set(made.per_class) == set(pictures.classes)
    assert made.agreement == pytest.approx(np.mean(list(made.per_class.values())))
    assert made.ratio < 5
    assert (made.samples, made.reference, made.reference_samples) == (600, "test", 300)
    assert (made.floor, made.oracle_accuracy, made.oracle) == (judge.floor, judge.accuracy, judge.name)


def test_the_same_request_gives_the_same_figures(judge: Oracle, pictures: DataSet, generator: Generator) -> None:
    one, same, other = (quality(generator, pictures, samples=300, seed=seed, judge=judge) for seed in (1, 1, 2))
    assert one == same
    assert other.frechet != one.frechet
    assert json.loads(json.dumps(one.to_dict()))["ratio"] == one.ratio


def test_classes_are_taken_by_name_not_by_place(judge: Oracle, pictures: DataSet, generator: Generator) -> None:
    """The same file with its two names exchanged makes every picture of the wrong class, at the same distance."""
    right = quality(generator, pictures, samples=200, judge=judge)
    wrong = quality(Renamed(generator, classes=generator.card.classes[::-1]), pictures, samples=200, judge=judge)
    assert wrong.agreement == pytest.approx(1 - right.agreement)
    assert wrong.frechet == right.frechet


def test_a_generator_that_makes_one_picture_a_class_is_far_away(
    judge: Oracle, pictures: DataSet, generator: Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = quality(generator, pictures, samples=200, judge=judge)
    varied = generator.generate
    monkeypatch.setattr(generator, "generate", lambda labels, seeds: varied(labels, seeds[:1]))
    same = quality(generator, pictures, samples=200, judge=judge)
    assert same.frechet > 3 * made.frechet


def test_other_classes_are_refused(judge: Oracle, pictures: DataSet, generator: Generator) -> None:
    with pytest.raises(ModelError, match="rings has class 'ring' and tiny has not"):
        quality(Renamed(generator, classes=("disc", "ring"), name="rings"), pictures, judge=judge)
    with pytest.raises(ModelError, match="tiny has class 'cross' and discs has not"):
        quality(Renamed(generator, classes=("disc",), name="discs"), pictures, judge=judge)


def test_other_sizes_are_refused(pictures: DataSet, generator: Generator) -> None:
    large = LabelledImages(np.zeros((4, 32, 16, 3), np.uint8), np.arange(4) % 2)
    with pytest.raises(ModelError, match=r"image_size=\(16, 16\), channels=1"):
        quality(generator, replace(pictures, train=large, test=large))
    with pytest.raises(ModelError, match="8 x 16 pixels in 1 channel "):
        quality(Renamed(generator, image=Image(height=8, width=16, channels=1)), pictures)


def test_generators_without_classes_are_refused(pictures: DataSet, generator: Generator) -> None:
    with pytest.raises(ModelError, match="'unconditional'"):
        quality(Renamed(generator, kind="unconditional", classes=(), label=None), pictures)


@pytest.mark.parametrize(("samples", "seed", "error"), [(1, 0, RequestError), (10, -1, SeedError), (10, 2**32, SeedError)])
def test_counts_and_seeds_out_of_range_are_refused(
    samples: int, seed: int, error: type[Exception], judge: Oracle, pictures: DataSet, generator: Generator
) -> None:
    with pytest.raises(error):
        quality(generator, pictures, samples=samples, seed=seed, judge=judge)


def test_progress_is_told(judge: Oracle, pictures: DataSet, generator: Generator) -> None:
    told: list[tuple[str, int, int]] = []
    note: Callable[[str, int, int], None] = lambda *one: told.append(one)  # noqa: E731
    quality(generator, pictures, samples=300, judge=judge, progress=note)
    assert told == [("judging the generator", 256, 300), ("judging the generator", 300, 300)]
