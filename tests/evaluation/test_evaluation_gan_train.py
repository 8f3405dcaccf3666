"""The accuracy of a classifier of real pictures, beside GAN-train: learnt once, and then read from the cache."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cganx.data import DataSet
from cganx.evaluation import Oracle, Recipe, oracle
from cganx.evaluation.gan_train import Trained, real_train
from cganx.evaluation.suite import evaluate
from cganx.runtime import Generator

Stages = list[str]


@pytest.fixture(scope="module")
def short() -> Recipe:
    return Recipe(at_least=512, at_most=512, batch_size=64, seed=3)


def learnt(pictures: DataSet, recipe: Recipe, cache: Path) -> tuple[Trained, Stages]:
    stages: Stages = []
    return real_train(pictures, recipe, cache, lambda stage, _done, _total: stages.append(stage)), stages


def test_it_is_learnt_once_and_then_read(pictures: DataSet, short: Recipe, tmp_path: Path) -> None:
    first, stages = learnt(pictures, short, tmp_path)
    assert "training the classifier of real pictures" in stages
    assert first.pictures == 300
    assert learnt(pictures, short, tmp_path) == (first, [])
    assert learnt(pictures, short, tmp_path / "elsewhere")[0] == first


def test_an_evaluation_reads_it_too(
    generator: Generator, pictures: DataSet, judge: Oracle, short: Recipe, tmp_path: Path
) -> None:
    stages: Stages = []
    found = [
        evaluate(
            generator,
            pictures,
            samples=260,
            metrics=["gan-train"],
            train_samples=64,
            train_recipe=short,
            judge=judge,
            cache=tmp_path,
            progress=lambda stage, done, total: stages.append(stage) if done == total else None,
        )["gan-train"]
        for _ in range(2)
    ]
    assert found[0] == found[1]
    assert stages.count("training the classifier of real pictures") == 1
    assert stages.count("training a classifier on made pictures") == 2


def test_other_pictures_or_another_recipe_are_learnt_anew(pictures: DataSet, short: Recipe, tmp_path: Path) -> None:
    other_data, other_recipe = replace(pictures, fingerprint="other"), replace(short, seed=4)
    for dataset, recipe in ((pictures, short), (other_data, short), (pictures, other_recipe)):
        assert learnt(dataset, recipe, tmp_path)[1]
    assert len(list(tmp_path.iterdir())) == 3


def test_a_damaged_file_or_that_of_others_is_learnt_anew(pictures: DataSet, short: Recipe, tmp_path: Path) -> None:
    first, _ = learnt(pictures, short, tmp_path)
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    oracle(pictures, recipe=replace(short, seed=4), cache=tmp_path)
    (other,) = set(tmp_path.iterdir()) - {path}
    for content in (whole[: len(whole) // 2], other.read_bytes(), b""):
        path.write_bytes(content)
        again, stages = learnt(pictures, short, tmp_path)
        assert again == first
        assert stages
        assert path.read_bytes() == whole


def test_a_cache_that_cannot_be_written_costs_a_warning(
    pictures: DataSet, short: Recipe, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    assert learnt(pictures, short, blocked)[0] == learnt(pictures, short, tmp_path)[0]
    assert "cannot be written" in caplog.text
