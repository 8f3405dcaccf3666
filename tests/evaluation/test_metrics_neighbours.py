"""Precision, recall, density, coverage and the two-sample test, against plain loops over scipy's distances."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from metric_samples import normal, of_features

from cganx.errors import RequestError
from cganx.evaluation.metrics.density_coverage import coverage, density
from cganx.evaluation.metrics.neighbours import balls, nearest, nearest_others, squared_distances
from cganx.evaluation.metrics.precision_recall import precise, precision, recall
from cganx.evaluation.metrics.two_sample import two_sample

seeds = st.integers(0, 2**32 - 1)


def distances(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    found: np.ndarray = import_module("scipy.spatial.distance").cdist(one.astype(np.float64), other.astype(np.float64))
    return found


def radii(points: np.ndarray, k: int) -> list[float]:
    return [sorted(row)[k] for row in distances(points, points)]


@settings(max_examples=30)
@given(seed=seeds, n=st.integers(6, 40), m=st.integers(6, 40), shift=st.sampled_from([0.0, 0.7, 3.0]))
def test_they_are_what_plain_loops_give(part: Callable[[str], None], seed: int, n: int, m: int, shift: float) -> None:
    part("scipy")
    made, real = normal(seed, n, 3, shift), normal(seed + 1, m, 3)
    ours, theirs = of_features(made), of_features(real)
    across = distances(made, real)
    third, ours_third, fifth = radii(real, 3), radii(made, 3), radii(real, 5)
    expected_precision = np.mean([any(across[i, j] < third[j] for j in range(m)) for i in range(n)])
    expected_recall = np.mean([any(across[i, j] < ours_third[i] for i in range(n)) for j in range(m)])
    expected_density = sum(across[i, j] < fifth[j] for i in range(n) for j in range(m)) / (5 * n)
    expected_coverage = np.mean([min(across[:, j]) < fifth[j] for j in range(m)])
    assert precision(ours, theirs) == pytest.approx(expected_precision)
    assert recall(ours, theirs) == pytest.approx(expected_recall)
    assert density(ours, theirs) == pytest.approx(expected_density)
    assert coverage(ours, theirs) == pytest.approx(expected_coverage)


@settings(max_examples=30)
@given(seed=seeds, n=st.integers(6, 30), shift=st.sampled_from([0.0, 0.7, 3.0]))
def test_the_two_sample_test_is_leaving_one_out(part: Callable[[str], None], seed: int, n: int, shift: float) -> None:
    part("scipy")
    made, real = normal(seed, n, 3, shift), normal(seed + 1, n, 3)
    both, sides = np.concatenate([made, real]), np.repeat([0, 1], n)
    apart = distances(both, both)
    np.fill_diagonal(apart, np.inf)
    expected = np.mean(sides[apart.argmin(axis=1)] == sides)
    assert two_sample(of_features(made), of_features(real)) == pytest.approx(expected)


def test_one_distribution_gives_the_known_figures() -> None:
    made, real = of_features(normal(0, 2000, 8)), of_features(normal(1, 2000, 8))
    assert density(made, real) == pytest.approx(1, abs=0.1)
    assert coverage(made, real) == pytest.approx(1 - 2**-5, abs=0.02)
    assert two_sample(made, real) == pytest.approx(0.5, abs=0.03)
    assert precision(made, real) == pytest.approx(recall(made, real), abs=0.03)


def test_sides_that_do_not_meet_and_copies_are_the_extremes() -> None:
    real = of_features(normal(0, 200))
    far, copies = of_features(normal(1, 200, shift=100)), of_features(normal(0, 200))
    assert [metric(far, real) for metric in (precision, recall, density, coverage)] == [0, 0, 0, 0]
    assert two_sample(far, real) == 1
    assert [metric(copies, real) for metric in (precision, recall, density, coverage)] == [1, 1, 1, 1]
    assert two_sample(copies, real) == 0
    assert precise(copies, real).all()


def test_the_two_sample_test_takes_as_many_of_each_side() -> None:
    real = of_features(normal(0, 3000))
    assert two_sample(of_features(normal(1, 500)), real) == pytest.approx(0.5, abs=0.06)
    assert two_sample(real, of_features(normal(1, 500))) == pytest.approx(0.5, abs=0.06)


@given(seed=seeds, offset=st.sampled_from([0.0, 1000.0]))
def test_distances_hold_far_from_zero(part: Callable[[str], None], seed: int, offset: float) -> None:
    part("scipy")
    one, other = normal(seed, 7) + np.float32(offset), normal(seed + 1, 9) + np.float32(offset)
    np.testing.assert_allclose(np.sqrt(squared_distances(one, other)), distances(one, other), rtol=1e-6, atol=1e-6)
    found = nearest(one, other, 3)
    np.testing.assert_allclose(found.distances, np.sort(distances(one, other), axis=1)[:, :3], rtol=1e-3)


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    points, centres = normal(0, 50), normal(1, 40)
    reach = nearest_others(centres, 5).distances[:, 4]
    whole = balls(points, centres, reach)
    monkeypatch.setattr("cganx.evaluation.kernel.BLOCK", 120)
    np.testing.assert_array_equal(balls(points, centres, reach), whole)


def test_a_double_is_a_neighbour_and_oneself_is_not() -> None:
    features = np.array([[0.0], [0.0], [3.0]])
    assert nearest_others(features).distances[:, 0].tolist() == [0, 0, 3]


def test_too_few_for_their_neighbours_are_refused() -> None:
    few, enough = of_features(normal(0, 5)), of_features(normal(1, 6))
    assert 0 <= coverage(few, enough) <= 1
    for metric in (precision, density, coverage):
        with pytest.raises(RequestError, match="5 neighbours are looked for among 4"):
            metric(enough, few)
    for metric in (recall, two_sample):
        with pytest.raises(RequestError, match="more pictures are needed"):
            metric(few, enough)
