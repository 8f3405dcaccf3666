from __future__ import annotations

import importlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cganx.data import DataSet, LabelledImages
from cganx.errors import DataError, RequestError
from cganx.evaluation import Oracle, Recipe, agreement, frechet, gaussian, oracle, quick_oracle, verdict

quick = importlib.import_module("cganx.evaluation.quick")


def test_a_verdict_is_that_of_the_features_however_the_pictures_are_cut(judge: Oracle, pictures: DataSet):
    images, asked = pictures.test.images[:90], pictures.test.labels[:90]
    features = judge.features(images)
    weights = 1.0 / np.bincount(asked)[asked]
    for cuts in ([90], [1, 50, 39]):
        found = verdict(judge, np.split(images, np.cumsum(cuts)[:-1]), asked)
        assert found.frechet == pytest.approx(frechet(gaussian(features, weights), judge.real), rel=1e-6)
        assert found.agreement == agreement(asked, judge.classify(features), len(pictures.classes))
    alone = verdict(judge, [images], None)
    assert alone.agreement is None
    assert alone.frechet == pytest.approx(frechet(gaussian(features), judge.real), rel=1e-6)


def test_what_does_not_fit_is_refused(judge: Oracle, pictures: DataSet):
    images, asked = pictures.test.images[:9], pictures.test.labels[:9]
    with pytest.raises(RequestError):
        verdict(judge, [images], asked[:8])
    with pytest.raises(RequestError, match="at least two"):
        verdict(judge, [images[:1]], None)
    with pytest.raises(DataError):
        verdict(judge, [images[:, 1:]], None)


def test_a_quick_oracle_takes_some_pictures_evenly(
    pictures: DataSet, recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(quick, "QUICK", recipe)
    whole = quick_oracle(pictures, cache=tmp_path)
    assert whole.name == oracle(pictures, recipe=recipe, cache=tmp_path).name
    monkeypatch.setattr(quick, "TEST", 150)
    some = quick_oracle(pictures, cache=tmp_path)
    assert some.name != whole.name
    assert some.pictures == 150
    assert quick_oracle(pictures, cache=tmp_path).real.mean == pytest.approx(some.real.mean)
    part = quick._some(pictures.test, len(pictures.classes), 150)
    assert set(np.bincount(part.labels)) == {150 // len(pictures.classes)}
    assert quick._some(pictures.test, len(pictures.classes), 300) is pictures.test


def test_too_few_test_pictures_are_refused(pictures: DataSet, tmp_path: Path):
    few = LabelledImages(pictures.test.images[:100], pictures.test.labels[:100])
    with pytest.raises(DataError, match="100 labelled test pictures are too few"):
        quick_oracle(replace(pictures, test=few), cache=tmp_path)
    assert not list(tmp_path.iterdir())
