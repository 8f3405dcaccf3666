"""The table of metrics, their intervals, and how each moves on real pictures that are spoilt in a known way."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from metric_samples import normal, of_features

from cganx.data import load
from cganx.errors import RequestError
from cganx.evaluation import Recipe, oracle
from cganx.evaluation.metrics import METRICS, Metric, Sample, interval
from cganx.evaluation.suite import GAN_TRAIN

Table = Mapping[str, Mapping[str, float]]


@pytest.fixture(scope="module")
def script() -> ModuleType:
    path = Path(__file__).parents[1] / "benchmarks" / "metric_table.py"
    specification = importlib.util.spec_from_file_location("metric_table", path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "metric_table", module)  # dataclasses look their module up
        specification.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def table(script: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Table:
    pictures = load("fashion-small")
    judge = oracle(pictures, recipe=Recipe(at_least=20_000, at_most=20_000), cache=tmp_path_factory.mktemp("cache"))
    found: Table = script.figures(script.ground(pictures, judge, 1000))
    return found


WORSE = {
    "noise": "label-agreement frechet-distance class-frechet-distance kernel-distance inception-score mode-score am-score "
    "precision recall density coverage two-sample-accuracy different-bins spectrum-distance colour-distance sharpness-ratio",
    "blur": "label-agreement frechet-distance class-frechet-distance kernel-distance inception-score mode-score am-score "
    "precision recall density coverage two-sample-accuracy different-bins spectrum-distance colour-distance sharpness-ratio "
    "gan-train",
    "half as bright": "label-agreement frechet-distance class-frechet-distance kernel-distance recall coverage "
    "gan-train two-sample-accuracy different-bins birthday-support spectrum-distance colour-distance sharpness-ratio",
    "one picture a class": "frechet-distance class-frechet-distance kernel-distance recall coverage two-sample-accuracy "
    "gan-train different-bins birthday-support spectrum-distance colour-distance",
    "half the classes": "frechet-distance kernel-distance inception-score mode-score am-score recall coverage "
    "gan-train two-sample-accuracy different-bins birthday-support colour-distance",
    "labels shuffled": "gan-train label-agreement class-frechet-distance",
    "copies": "memorisation-distance authenticity",
}
BLIND = {
    "half the classes": "precision class-frechet-distance label-agreement",
    "labels shuffled": "frechet-distance kernel-distance inception-score mode-score am-score precision recall density coverage "
    "two-sample-accuracy different-bins birthday-support memorisation-distance authenticity spectrum-distance sharpness-ratio",
    "copies": "label-agreement frechet-distance class-frechet-distance kernel-distance inception-score mode-score am-score "
    "gan-train precision recall density coverage two-sample-accuracy different-bins colour-distance sharpness-ratio",
}
SPLIT: Mapping[str, Callable[[float, float], bool]] = {
    "two-sample-accuracy": lambda spoilt, _: spoilt > 0.8,
    "memorisation-distance": lambda spoilt, real: spoilt < real / 10,
    "authenticity": lambda spoilt, real: spoilt < real / 10,
    "sharpness-ratio": lambda spoilt, real: abs(np.log(spoilt)) > 5 * abs(np.log(real)),
}
"""Which way is worse where an ideal lies between."""

SLACK = {"kernel-distance": 0.02, "different-bins": 0.1, "frechet-distance": 0.3, "colour-distance": 0.5}


@pytest.mark.parametrize(("corruption", "name"), [(key, name) for key, names in WORSE.items() for name in names.split()])
def test_it_moves_the_right_way(table: Table, corruption: str, name: str) -> None:
    spoilt, real = table[corruption][name], table["real"][name]
    better = "higher" if name == GAN_TRAIN else METRICS[name].better
    margin = max(0.05 * abs(real), SLACK.get(name, 0))
    if better == "higher":
        assert spoilt < real - margin
    elif better == "lower":
        assert spoilt > real + margin
    else:
        assert SPLIT[name](spoilt, real)


@pytest.mark.parametrize(("corruption", "name"), [(key, name) for key, names in BLIND.items() for name in names.split()])
def test_what_it_cannot_see_leaves_it_alone(table: Table, corruption: str, name: str) -> None:
    spoilt, real = table[corruption][name], table["real"][name]
    assert spoilt == pytest.approx(real, rel=0.1, abs=SLACK.get(name, 0.05))


def test_real_pictures_are_near_the_ideal(table: Table) -> None:
    real = table["real"]
    assert real["coverage"] > 0.9
    assert real["density"] == pytest.approx(1, abs=0.15)
    assert real["two-sample-accuracy"] == pytest.approx(0.5, abs=0.05)
    assert real["kernel-distance"] == pytest.approx(0, abs=0.03)
    assert real["different-bins"] < 0.15
    assert real["sharpness-ratio"] == pytest.approx(1, abs=0.1)
    assert real["birthday-support"] > 3000
    assert real["authenticity"] == pytest.approx(0.5, abs=0.1)


def test_precision_and_density_praise_a_collapse_on_good_pictures(table: Table) -> None:
    for name in ("precision", "density"):
        assert table["one picture a class"][name] >= table["real"][name]


def test_the_table_is_written_for_people(script: ModuleType, table: Table) -> None:
    lines = script.markdown(table).splitlines()
    assert len(lines) == 2 + len(METRICS) + 1
    assert len({line.count("|") for line in lines}) == 1
    assert all(np.isfinite(value) for figures in table.values() for value in figures.values())
    assert json.loads(json.dumps(table)) == table


def drawn(seed: int, count: int, labelled: bool = True) -> Sample:
    random = np.random.default_rng(seed)
    labels = np.arange(count) % 4
    features = normal(seed, count, 6) + 2 * np.eye(6, dtype=np.float32)[labels]
    probabilities = random.dirichlet([0.2] * 4, count)
    pixels = random.integers(0, 256, (count, 8, 8, 1), dtype=np.uint8)
    return Sample(pixels, features, probabilities, labels if labelled else None)


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_equal_samples_give_equal_figures_within_their_bounds(metric: Metric) -> None:
    again = [metric.compute(drawn(0, 1000), drawn(1, 1000)) for _ in range(2)]
    assert again[0] == again[1]
    assert isinstance(again[0], float)
    least, most = metric.bounds
    assert least <= again[0] <= most
    spans = [interval(metric, drawn(0, 1000), drawn(1, 1000), resamples=3, seed=seed) for seed in (0, 0, 1)]
    assert spans[0] == spans[1]
    assert least <= spans[0][0] <= again[0] <= spans[0][1] <= most


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_a_metric_says_what_it_needs(metric: Metric) -> None:
    enough, few = drawn(0, metric.least), drawn(1, metric.least - 1)
    assert metric.refusal(enough, enough) is None
    for pair in ((enough, few), (few, enough)):
        said = metric.refusal(*pair)
        assert said is not None
        assert f"at least {metric.least} pictures" in said
    unlabelled = replace(enough, labels=None)
    said = metric.refusal(unlabelled, enough)
    assert (said is not None) == metric.needs_labels
    if not metric.needs_labels:
        assert isinstance(metric.compute(unlabelled, enough), float)


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"pixels": np.zeros((1000, 8, 9, 1), np.uint8)}, "pictures of one size"),
        ({"features": np.zeros((1000, 5))}, "features of one size"),
        ({"probabilities": np.full((1000, 5), 0.2)}, "probabilities of one size"),
    ],
)
def test_sides_that_do_not_fit_each_other_are_not_compared(changes: dict[str, np.ndarray], cause: str) -> None:
    sides = drawn(0, 1000), replace(drawn(1, 1000), **changes)
    for pair in (sides, sides[::-1]):
        said = METRICS["precision"].refusal(*pair)
        assert said is not None
        assert cause in said


def test_judging_while_training_does_without_scikit_learn() -> None:
    """The extra `train` does not bring it."""
    code = "import sys, cganx.evaluation, cganx.training; sys.exit('sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("metric", [metric for metric in METRICS.values() if metric.each], ids=lambda metric: metric.name)
def test_a_figure_is_the_mean_of_each_pictures_own(metric: Metric) -> None:
    made, real = drawn(0, 300), drawn(1, 300)
    assert metric.each is not None
    assert metric.compute(made, real) == pytest.approx(float(metric.each(made, real).mean()), rel=1e-12)


@pytest.mark.parametrize("name", ["label-agreement", "frechet-distance", "kernel-distance", "recall", "coverage", "am-score"])
def test_an_interval_is_about_as_wide_as_other_pictures_would_move_the_figure(name: str) -> None:
    metric, real = METRICS[name], drawn(10_000, 400)
    figures = [metric.compute(drawn(seed, 400), real) for seed in range(60)]
    spans = [interval(metric, drawn(seed, 400), real) for seed in range(4)]
    width = np.mean([high - low for low, high in spans]) / (2 * 2.09)
    assert 0.6 < width / np.std(figures) < 2


def test_an_interval_holds_the_value_that_it_is_given() -> None:
    made, real = drawn(0, 200), drawn(1, 200)
    low, high = interval(METRICS["precision"], made, real, value=0.5)
    assert low < 0.5 < high
    assert (low + high) / 2 == pytest.approx(0.5)


def test_long_features_are_reduced_for_the_spread_alone() -> None:
    random = np.random.default_rng(0)
    mixed = random.normal(size=(10, 300)).astype(np.float32)
    made, real = (of_features(normal(seed, 400, 10) @ mixed) for seed in (0, 1))
    metric = METRICS["frechet-distance"]
    low, high = interval(metric, made, real, resamples=4)
    assert (low + high) / 2 == pytest.approx(metric.compute(made, real), rel=1e-6)
    # all of their variety lies in ten directions, so that nothing is lost
    short = (of_features(sample.features @ np.linalg.qr(mixed.T)[0]) for sample in (made, real))
    assert high - low == pytest.approx(np.subtract(*interval(metric, *short, resamples=4)[::-1]), rel=1e-2)


def test_the_kernel_distance_keeps_its_scale_where_features_are_reduced(monkeypatch: pytest.MonkeyPatch) -> None:
    """It divides by the number of features, and grows with the third power of what is left of their mean."""
    random = np.random.default_rng(0)
    offset = random.uniform(0, 1, size=300)
    made, real = (of_features(normal(seed, 400, 300) * random.uniform(0, 0.6, size=300) + offset) for seed in (0, 1))
    low, high = interval(METRICS["kernel-distance"], made, real)
    monkeypatch.setattr(importlib.import_module("cganx.evaluation.metrics.interval"), "DIMENSIONS", 300)
    whole = interval(METRICS["kernel-distance"], made, real)
    assert high - low == pytest.approx(whole[1] - whole[0], rel=0.2)


def test_an_interval_needs_halves() -> None:
    with pytest.raises(RequestError, match="at least two resamples"):
        interval(METRICS["precision"], drawn(0, 200), drawn(1, 200), resamples=1)
    with pytest.raises(RequestError, match="at least two made pictures"):
        interval(METRICS["spectrum-distance"], drawn(0, 4), drawn(1, 20))


def test_names_are_keys_and_sources_are_named() -> None:
    assert all(name == metric.name for name, metric in METRICS.items())
    assert all(metric.title and metric.source for metric in METRICS.values())
    page = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text()
    for metric in METRICS.values():
        assert f"`{metric.name}`" in page
        assert f"| {metric.least} |" in page
