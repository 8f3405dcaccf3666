"""A file judged by every figure."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import changed_tiny
import numpy as np
import pytest
import torch
from data_sets import data_set

from cganx import runtime
from cganx.data import DataSet, LabelledImages
from cganx.errors import DataError, ModelError, RequestError, SeedError
from cganx.evaluation import Oracle, Recipe, agreement
from cganx.evaluation.backbones import Backbone
from cganx.evaluation.figures import Evaluation
from cganx.evaluation.metrics import METRICS
from cganx.evaluation.metrics.seam import seam_ratio
from cganx.evaluation.suite import NAMES, evaluate
from cganx.runtime import Generator, Tensors, card_of
from cganx.runtime.testing import TINY

Judged = Callable[..., Evaluation]


@pytest.fixture(scope="module")
def judged(generator: Generator, pictures: DataSet, judge: Oracle, recipe: Recipe, cache: Path) -> Judged:
    def call(model: Any = generator, dataset: DataSet = pictures, **changes: Any) -> Evaluation:
        known: dict[str, Any] = {
            "samples": 400,
            "train_samples": 300,
            "train_recipe": recipe,
            "judge": judge,
            "cache": cache,
        }
        return evaluate(model, dataset, **(known | changes))

    return call


@pytest.fixture(scope="module")
def found(judged: Judged) -> Evaluation:
    return judged()


def test_every_figure_is_there_in_its_order(found: Evaluation, pictures: DataSet, judge: Oracle) -> None:
    assert [figure.name for figure in found.figures] == [name for name in NAMES if name != "seam-ratio"]  # it is not tileable
    assert found.classes == pictures.classes
    assert found.left_out == ()
    assert (found.judge.name, found.judge.accuracy, found.judge.pictures) == (judge.name, judge.accuracy, 300)


def test_a_figure_is_the_metric_of_what_the_runtime_makes(found: Evaluation, generator: Generator, judge: Oracle) -> None:
    asked = np.arange(400) % 2
    pixels = generator.generate(asked, range(400))
    np.testing.assert_array_equal(found.evidence.made.pixels, pixels)
    seen = judge.predict(pixels)
    assert found["label-agreement"].value == agreement(asked, seen, 2).overall
    assert [one.agreement for one in found.by_class] == list(agreement(asked, seen, 2).per_class)
    assert found.confusion is not None
    assert np.array(found.confusion).sum() == 400
    assert np.trace(found.confusion) == (asked == seen).sum()
    distance = METRICS["frechet-distance"].compute(found.evidence.made, found.evidence.test)
    assert found["frechet-distance"].value == distance


def test_beside_a_figure_stands_what_it_must_be_read_with(found: Evaluation, judge: Oracle) -> None:
    figure = found["kernel-distance"]
    assert figure.low is not None
    assert figure.high is not None
    assert figure.value is not None
    assert figure.low <= figure.value <= figure.high
    assert figure.real is not None
    assert (figure.samples, figure.reference, figure.reference_samples) == (400, "test", 300)
    assert judge.name in figure.features
    assert f"{judge.accuracy:.4f}" in figure.features
    assert found["label-agreement"].real == judge.accuracy
    assert found["memorisation-distance"].reference == "training"


def test_a_perfect_generator_reaches_what_real_pictures_do(found: Evaluation) -> None:
    for name in ("precision", "coverage", "gan-train", "label-agreement"):
        figure = found[name]
        assert figure.value == pytest.approx(figure.real, abs=0.1)
    distance = found["frechet-distance"]
    assert distance.value is not None
    assert distance.real is not None
    assert distance.value < 3 * distance.real + 1


SETS = ("kernel-distance", "mode-score", "am-score", "inception-score", "two-sample-accuracy", "colour-distance")


@pytest.fixture(scope="module")
def uneven(generator: Generator) -> DataSet:
    """Real pictures of which nine in ten are discs."""

    def part(count: int, first: int) -> LabelledImages:
        labels = (np.arange(count) % 10 == 0).astype(np.int64)
        return LabelledImages(np.asarray(generator.generate(labels, range(first, first + count))), labels)

    return data_set(part(2000, 2**60), part(1000, 2**61), generator.card.classes, "uneven")


def test_a_perfect_generator_reaches_what_real_pictures_do_where_classes_are_uneven(
    judged: Judged, judge: Oracle, uneven: DataSet
) -> None:
    backbone = Backbone("small", "0" * 8, 16, lambda _height, _width: 16, lambda x: x[:, 0, ::4, ::4].flatten(1))
    known: dict[str, Any] = {"dataset": uneven, "judge": judge, "samples": 1000, "backbones": [backbone]}
    found = judged(**known, metrics=["label-agreement", "class-frechet-distance", "frechet-distance", *SETS])
    made, mixed, test = found.evidence.made, found.evidence.mixed, found.evidence.test
    assert made.labels is not None
    assert mixed.labels is not None
    np.testing.assert_array_equal(np.bincount(made.labels), [500, 500])
    np.testing.assert_array_equal(np.bincount(mixed.labels), [900, 100])
    assert len({picture.tobytes() for picture in mixed.pixels}) == 1000  # more discs, not the same again
    for name in (*SETS, "frechet-distance", "fid-small", "kid-small"):
        metric = METRICS[{"fid": "frechet-distance", "kid": "kernel-distance"}.get(name[:3], name)]
        figure = found[name]
        assert figure.value is not None
        assert figure.real is not None
        assert (figure.samples, figure.real_samples) == (1000, 1000)
        if name not in ("fid-small", "kid-small"):
            off = abs(metric.compute(made, test) - figure.real)  # if as many of each class stood in for all
            assert abs(figure.value - figure.real) < (0.25 * off if name in SETS else 2 * figure.real), name
    for name in ("label-agreement", "class-frechet-distance"):
        assert found[name].value == METRICS[name].compute(made, test)
    again = judged(**known, metrics=["kernel-distance"])
    assert again["kernel-distance"] == found["kernel-distance"]
    np.testing.assert_array_equal(again.evidence.mixed.pixels, mixed.pixels)


def test_where_classes_are_even_all_figures_are_of_the_same_pictures(found: Evaluation) -> None:
    assert found.evidence.mixed is found.evidence.made


def test_real_pictures_of_its_own_are_reconstructed(found: Evaluation) -> None:
    figure = found["reconstruction-error"]
    assert figure.reference_samples == 100
    assert figure.low is not None
    assert figure.high is not None
    assert figure.value is not None
    assert 0 <= figure.low <= figure.value <= figure.high < 0.02


def test_the_seam_is_looked_at_in_tileable_files_and_wherever_it_is_asked_for(
    part: Callable[[str], None], judged: Judged, found: Evaluation
) -> None:
    part("onnx")
    (asked,) = judged(metrics=["seam-ratio"]).figures
    assert asked.value == seam_ratio(found.evidence.made.pixels).value
    assert asked.low is not None
    assert asked.high is not None
    assert asked.low < asked.value < asked.high
    assert "of the real pictures, which need not repeat, it is" in asked.note
    image = runtime.read(TINY).card.image
    tileable = runtime.load(changed_tiny.changed(image=replace(image, tileable=True)))
    assert judged(tileable)["seam-ratio"] == asked


def test_equal_seeds_give_equal_figures(judged: Judged, found: Evaluation) -> None:
    names = ("frechet-distance", "recall", "birthday-support", "path-length", "gan-train")
    again, other = judged(metrics=names), judged(metrics=names, seed=1)
    for name in names:
        assert again[name] == found[name]
    assert other["frechet-distance"].value != again["frechet-distance"].value
    assert not np.array_equal(other.evidence.made.pixels, again.evidence.made.pixels)


def test_it_is_json_and_short_enough_for_a_card(found: Evaluation) -> None:
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["figures"][0]["name"] == "label-agreement"
    text = json.dumps(found.for_card(), allow_nan=False)
    assert len(text) < 5000
    assert set(json.loads(text)["agreement_by_class"]) == {"disc", "cross"}


def test_too_few_pictures_are_said(judged: Judged) -> None:
    few = judged(samples=60, metrics=["precision", "spectrum-distance", "label-agreement"])
    assert few["precision"].value is None
    assert few["precision"].note == "it needs at least 200 pictures on each side, and one has 60"
    assert few["spectrum-distance"].value is not None


def test_without_classes_what_needs_them_is_said(part: Callable[[str], None], judged: Judged) -> None:
    part("onnx")
    data = changed_tiny.foreign(changed_tiny.without_label)
    tensors = Tensors(latent="z", image="fake")
    plain = runtime.load(data, card=card_of(data, tensors, name="plain"), tensors=tensors)
    made = judged(plain, samples=260)
    assert made["label-agreement"].note == "it needs the classes of both sides, and no class was asked for"
    assert made["gan-train"].value is None
    assert made["coverage"].value is not None
    assert (made.by_class, made.confusion) == ((), None)


def test_without_classes_the_real_pictures_count_as_they_come(
    part: Callable[[str], None], judged: Judged, uneven: DataSet
) -> None:
    part("onnx")
    data = changed_tiny.foreign(changed_tiny.without_label)
    tensors = Tensors(latent="z", image="fake")
    plain = runtime.load(data, card=card_of(data, tensors, name="plain"), tensors=tensors)
    made = judged(plain, uneven, metrics=["frechet-distance"])
    mixed, test = made.evidence.mixed, made.evidence.test
    assert mixed.labels is None
    assert made["frechet-distance"].value == METRICS["frechet-distance"].compute(mixed, replace(test, labels=None))


def test_a_foreign_file_is_judged_as_ours(part: Callable[[str], None], judged: Judged, found: Evaluation) -> None:
    part("onnx")
    data = changed_tiny.foreign()
    tensors = Tensors(latent="z", label="y", image="fake")
    card = card_of(data, tensors, name="theirs", classes=found.classes)
    made = judged(runtime.load(data, card=card, tensors=tensors), metrics=["coverage"])
    assert made["coverage"] == found["coverage"]


def by_number(model: Any) -> None:
    """It takes a class's number in place of weights."""
    from onnx import TensorProto, helper, numpy_helper

    for node in model.graph.node:
        node.input[:] = ["weights" if name == "label" else name for name in node.input]
    model.graph.node.insert(0, helper.make_node("Gather", ["one_hot", "label"], ["weights"], axis=0))
    model.graph.initializer.append(numpy_helper.from_array(np.eye(2, dtype=np.float32), "one_hot"))
    label = model.graph.input[1]
    batch = label.type.tensor_type.shape.dim[0].dim_param
    label.CopyFrom(helper.make_tensor_value_info("label", TensorProto.INT64, [batch]))


def test_a_file_that_takes_numbers_of_classes_has_the_figures_of_one_that_takes_weights(
    part: Callable[[str], None], judged: Judged, found: Evaluation
) -> None:
    part("onnx")
    label = runtime.read(TINY).card.label
    assert label is not None
    ours = runtime.load(changed_tiny.changed(by_number, label=replace(label, input="index")))
    data, tensors = changed_tiny.foreign(by_number), Tensors(latent="z", label="y", image="fake")
    theirs = runtime.load(data, card=card_of(data, tensors, name="theirs", classes=found.classes), tensors=tensors)
    for generator in (ours, theirs):
        assert generator.card.label is not None
        assert generator.card.label.input == "index"
        made = judged(generator)
        assert made.figures == found.figures
        assert (made.by_class, made.confusion) == (found.by_class, found.confusion)


def of_classes(dataset: DataSet, *names: str) -> DataSet:
    return data_set(dataset.train, dataset.test, names, "other")


def test_classes_that_only_one_side_has_are_left_out(
    judged: Judged, pictures: DataSet, recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.import_module("cganx.evaluation.oracle"), "Recipe", lambda: recipe)
    labels = pictures.train.labels.copy()
    labels[:100] = 2
    three = LabelledImages(pictures.train.images, labels)
    labels = pictures.test.labels.copy()
    labels[:50] = 2
    wide = data_set(three, LabelledImages(pictures.test.images, labels), (*pictures.classes, "hole"), "wide")
    made = judged(dataset=wide, metrics=["label-agreement"], judge=None)
    assert made.left_out == ("hole",)
    assert made.classes == pictures.classes
    assert made.judge.pictures == 250


def test_nothing_in_common_names_both_sides(judged: Judged, pictures: DataSet) -> None:
    with pytest.raises(DataError, match=r"no class in common: the generator has 'disc', 'cross', the data 'cat', 'dog'"):
        judged(dataset=of_classes(pictures, "cat", "dog"))
    with pytest.raises(DataError, match="only the class 'disc' in common"):
        judged(dataset=of_classes(pictures, "disc", "dog"))


def test_a_judge_that_guesses_is_refused_unless_forced(judged: Judged, judge: Oracle) -> None:
    guessing = replace(judge, accuracy=0.7)
    assert guessing.least_accuracy == 0.75
    with pytest.raises(DataError, match=r"right on only 0\.700 .* --force"):
        judged(judge=guessing)
    assert judged(judge=guessing, force=True, metrics=["coverage"]).judge.accuracy == 0.7


def test_nan_and_one_colour_are_refused(part: Callable[[str], None], judged: Judged) -> None:
    part("onnx")
    with pytest.raises(ModelError, match="each of its 400 pictures is of one colour"):
        judged(runtime.load(changed_tiny.changed(changed_tiny.one_colour)))
    with pytest.raises(ModelError, match="picture of class 'cross' with seed 1 holds values that are not numbers"):
        judged(runtime.load(changed_tiny.changed(changed_tiny.not_a_number)))


def test_what_is_asked_wrongly_is_named(judged: Judged, pictures: DataSet) -> None:
    with pytest.raises(RequestError, match="no figure 'fid'; there are label-agreement"):
        judged(metrics=["fid"])
    with pytest.raises(SeedError):
        judged(seed=2**32)
    with pytest.raises(RequestError, match="classes need at least"):
        judged(samples=1)
    small = LabelledImages(pictures.train.images[:, 1:], pictures.train.labels)
    test = LabelledImages(pictures.test.images[:, 1:], pictures.test.labels)
    with pytest.raises(ModelError, match=r"image_size=\(16, 16\)"):
        judged(dataset=data_set(small, test, pictures.classes))


def test_other_networks_add_their_figures(judged: Judged) -> None:
    backbone = Backbone(
        "halves", "0" * 8, 4, lambda _height, _width: 16, lambda x: x.unfold(2, 8, 8).mean((1, 3, 4)).repeat(1, 2)
    )
    made = judged(metrics=["coverage"], backbones=[backbone])
    assert [figure.name for figure in made.figures] == ["coverage", "fid-halves", "kid-halves"]
    figure = made["fid-halves"]
    assert figure.network == "halves 00000000 at 16 x 16"
    assert figure.network_accuracy is not None
    assert 0.0 < figure.network_accuracy < 1.0  # means of halves know little of discs and crosses
    assert figure.value is not None
    assert figure.reference_samples == 300


def test_networks_with_classes_of_their_own_give_scores_in_them(judged: Judged, judge: Oracle, uneven: DataSet) -> None:
    def corners(pictures: torch.Tensor) -> torch.Tensor:
        return pictures[:, 0, ::5, ::5].flatten(1) / 255

    backbone = Backbone("corners", "0" * 8, 16, lambda _height, _width: 16, corners, lambda features: 20 * features[:, 5:8])
    made = judged(dataset=uneven, judge=judge, samples=1000, metrics=["coverage"], backbones=[backbone])
    names = ["fid-corners", "kid-corners", "inception-score-corners", "mode-score-corners", "am-score-corners"]
    assert [figure.name for figure in made.figures] == ["coverage", *names]
    probabilities = backbone.probabilities(backbone.features(made.evidence.mixed.pixels, "", lambda *_: None))
    assert probabilities.shape == (1000, 3)
    score = np.exp((probabilities * np.log(probabilities / probabilities.mean(axis=0))).sum(axis=1).mean())
    assert made["inception-score-corners"].value == pytest.approx(score, rel=1e-4)
    assert score > 1.05
    for name in names:
        figure = made[name]
        assert figure.value is not None
        assert figure.low is not None
        assert figure.high is not None
        assert figure.real is not None
        assert figure.low <= figure.value <= figure.high
        assert figure.value == pytest.approx(figure.real, abs=0.1)
        assert figure.network_accuracy == pytest.approx(1.0, abs=0.02)  # which corners are dark says what it is


def test_the_accuracy_of_features_is_that_of_the_nearest_training_pictures() -> None:
    from cganx.evaluation.suite import _nearest_accuracy

    random = np.random.default_rng(0)
    known, seen = random.normal(size=(300, 8)), random.normal(size=(2100, 8))
    labels, wanted = random.integers(0, 3, 300), random.integers(0, 3, 2100)
    neighbours = importlib.import_module("sklearn.neighbors")
    nearest = neighbours.KNeighborsClassifier(1, metric="cosine", algorithm="brute").fit(known, labels)
    assert _nearest_accuracy(known, labels, seen, wanted) == nearest.score(seen, wanted)


def test_of_efficientnets_figures_only_those_that_are_named_are_given(judged: Judged) -> None:
    from cganx.evaluation.command import _named

    backbone = Backbone("efflite0", "0" * 8, 16, lambda _height, _width: 16, lambda x: x[:, 0, ::4, ::4].flatten(1))
    found = judged(metrics=["coverage"], backbones=[backbone])
    names = ["coverage", "fid-efflite0", "kid-efflite0"]
    for asked, given in (([], names), (["coverage"], names[:1]), (["coverage", "kid-efflite0"], [names[0], names[2]])):
        assert [figure.name for figure in _named(found, asked).figures] == given
