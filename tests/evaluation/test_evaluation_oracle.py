from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from cganx.data import DataSet, LabelledImages, load
from cganx.errors import DataError
from cganx.evaluation import Oracle, Recipe, frechet, gaussian, oracle
from cganx.evaluation.classifier import Classifier


def again(*progress: object) -> None:
    pytest.fail(f"{progress}: the kept oracle should have been read")


def test_it_tells_the_classes_apart_and_says_how_well(judge: Oracle, pictures: DataSet) -> None:
    seen = judge.predict(pictures.test.images)
    assert seen.dtype == np.int64
    assert judge.accuracy == np.mean(seen == pictures.test.labels)
    assert judge.accuracy > 0.95
    assert judge.pictures == 300


def test_features_have_one_scale_and_do_not_depend_on_their_batch(judge: Oracle, pictures: DataSet) -> None:
    features = judge.features(pictures.train.images)
    assert (features.dtype, features.shape) == (np.dtype(np.float32), (600, 128))
    assert np.mean(features.var(axis=0)) == pytest.approx(1, abs=0.5)
    np.testing.assert_allclose(judge.features(pictures.train.images[7:9]), features[7:9], atol=1e-5)
    assert judge.features(pictures.train.images[:0]).shape == (0, 128)


def test_its_floor_is_the_distance_of_the_two_splits(judge: Oracle, pictures: DataSet) -> None:
    train, test = (gaussian(judge.features(part.images)) for part in (pictures.train, pictures.test))
    assert judge.floor == pytest.approx(frechet(train, test), rel=1e-4)


def test_it_is_trained_once(judge: Oracle, pictures: DataSet, recipe: Recipe, cache: Path) -> None:
    state = torch.random.get_rng_state()
    kept = oracle(pictures, recipe=recipe, cache=cache, progress=again)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert (kept.name, kept.accuracy, kept.floor, kept.pictures) == (judge.name, judge.accuracy, judge.floor, judge.pictures)
    np.testing.assert_array_equal(kept.real.covariance, judge.real.covariance)
    np.testing.assert_array_equal(kept.features(pictures.test.images), judge.features(pictures.test.images))
    assert [path.name for path in cache.iterdir()] == [f"oracle-{judge.name.rpartition('-')[2]}.safetensors"]


def test_training_it_again_gives_the_same_and_leaves_the_random_state(
    judge: Oracle, pictures: DataSet, recipe: Recipe, tmp_path: Path
) -> None:
    state = torch.random.get_rng_state()
    made = oracle(pictures, recipe=recipe, cache=tmp_path)
    assert torch.equal(torch.random.get_rng_state(), state)
    np.testing.assert_array_equal(made.features(pictures.test.images), judge.features(pictures.test.images))


def test_a_damaged_file_is_made_again(judge: Oracle, pictures: DataSet, recipe: Recipe, tmp_path: Path) -> None:
    path = tmp_path / f"oracle-{judge.name.rpartition('-')[2]}.safetensors"
    path.write_bytes(b"half of it")
    made = oracle(pictures, recipe=recipe, cache=tmp_path)
    assert made.accuracy == judge.accuracy
    oracle(pictures, recipe=recipe, cache=tmp_path, progress=again)


def test_a_cache_that_cannot_be_written_costs_only_the_keeping(
    pictures: DataSet, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    made = oracle(pictures, recipe=Recipe(at_least=64, at_most=64), cache=blocked)
    assert made.pictures == 300
    assert "cannot be written" in caplog.text


def test_another_recipe_or_other_data_make_another_oracle(judge: Oracle, pictures: DataSet, tmp_path: Path) -> None:
    quick = Recipe(at_least=64, at_most=64)
    names = {
        judge.name,
        oracle(pictures, recipe=quick, cache=tmp_path).name,
        oracle(pictures, recipe=replace(quick, seed=1), cache=tmp_path).name,
        oracle(replace(pictures, fingerprint="other"), recipe=quick, cache=tmp_path).name,
    }
    assert len(names) == 4


def test_unlabelled_pictures_are_left_out(pictures: DataSet, tmp_path: Path) -> None:
    train, test = (LabelledImages(part.images, part.labels.copy()) for part in (pictures.train, pictures.test))
    train.labels[100:] = -1
    test.labels[::3] = -1
    made = oracle(replace(pictures, train=train, test=test), recipe=Recipe(at_least=64, at_most=64), cache=tmp_path)
    assert made.pictures == 200


def test_every_class_counts_alike(judge: Oracle, pictures: DataSet, recipe: Recipe, cache: Path) -> None:
    """A test split with every picture of one class twice has the same mean of features, and nearly the covariance."""
    test = pictures.test
    twice = np.concatenate([np.arange(len(test)), np.flatnonzero(test.labels == 0)])
    doubled = LabelledImages(test.images[twice], test.labels[twice])
    made = oracle(replace(pictures, test=doubled), recipe=recipe, cache=cache / "elsewhere")
    np.testing.assert_allclose(made.real.mean, judge.real.mean, atol=1e-5)
    assert frechet(made.real, judge.real) < 0.01 * judge.floor


def test_noise_and_blur_take_pictures_further_away(judge: Oracle, pictures: DataSet) -> None:
    real = pictures.test.images.astype(float)
    random = np.random.default_rng(0)

    def distance(images: np.ndarray) -> float:
        return frechet(gaussian(judge.features(np.clip(images, 0, 255).astype(np.uint8))), judge.real)

    noisy = [distance(real + level * random.normal(size=real.shape)) for level in (0, 30, 90)]
    mixed, blurred = real, [distance(real)]
    for _ in range(2):
        for _ in range(3):
            mixed = sum(np.roll(mixed, shift, (1, 2)) for shift in ((0, 0), (0, 1), (1, 0), (1, 1))) / 4
        blurred.append(distance(mixed))
    for distances in (noisy, blurred):
        assert distances == sorted(distances)
        assert distances[-1] > 10 * judge.floor


def test_a_class_without_test_pictures_is_refused(pictures: DataSet, tmp_path: Path) -> None:
    only = pictures.test.labels == 0
    test = LabelledImages(pictures.test.images[only], pictures.test.labels[only])
    with pytest.raises(DataError, match=f"no labelled test picture of class '{pictures.classes[1]}'"):
        oracle(replace(pictures, test=test), cache=tmp_path)
    with pytest.raises(DataError, match="one class only"):
        oracle(replace(pictures, classes=pictures.classes[:1]), cache=tmp_path)


def test_pictures_of_another_size_are_refused(judge: Oracle) -> None:
    with pytest.raises(DataError, match="load both sides at one size"):
        judge.features(np.zeros((2, 8, 8, 1), np.uint8))
    with pytest.raises(DataError, match="float64"):
        judge.predict(np.zeros((2, 16, 16, 1)))


@pytest.mark.parametrize(("height", "width"), [(16, 16), (28, 28), (40, 36), (16, 128), (128, 128)])
@pytest.mark.parametrize("channels", [1, 3])
def test_it_takes_any_size(height: int, width: int, channels: int) -> None:
    network = Classifier(channels=channels, side=max(height, width), classes=5).eval()
    images = torch.zeros(2, channels, height, width)
    assert network.features(images).shape == (2, 128)
    assert network(images).shape == (2, 5)


def test_it_sees_enough_pictures_of_small_sets_and_not_too_many_of_large_ones() -> None:
    recipe = Recipe(passes=8, at_least=1000, at_most=5000, batch_size=100)
    assert [recipe.steps(count) for count in (10, 100, 500, 10_000)] == [100, 10, 40, 50]


@pytest.mark.slow
def test_it_learns_real_pictures(tmp_path: Path) -> None:
    made = oracle(load("fashion-small"), recipe=Recipe(at_least=10_000, at_most=10_000), cache=tmp_path)
    assert made.accuracy > 0.7
    assert 0 < made.floor < 2


def test_attributes_are_not_judged_and_the_sentence_says_so(pictures: DataSet) -> None:
    images = pictures.test.images
    each = LabelledImages(images, (np.arange(2 * len(images)).reshape(-1, 2) % 3 == 0).astype(np.uint8))
    data = DataSet("people", ("hat", "beard"), each, each, "people")
    with pytest.raises(DataError, match="the oracle tells classes apart, and this set has attributes"):
        oracle(data)
