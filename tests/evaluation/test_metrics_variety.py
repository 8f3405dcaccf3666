"""The birthday paradox, bins, and what tells copies."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from metric_samples import normal, of_features, of_pixels

from cganx.errors import RequestError
from cganx.evaluation.metrics.authenticity import authentic, authenticity
from cganx.evaluation.metrics.bins import bins_of, different_bins, different_share
from cganx.evaluation.metrics.birthday import batch_with_duplicates, birthday, closest_pairs
from cganx.evaluation.metrics.memorisation import angles_to_training, memorisation_distance
from cganx.evaluation.metrics.nearest_pictures import nearest_in_features, nearest_in_pixels

seeds = st.integers(0, 2**32 - 1)


def test_the_birthday_paradox_counts_pictures() -> None:
    real = of_features(normal(0, 1500, 8))
    assert birthday(real, real) == pytest.approx(10_000, rel=0.02)
    for support in (5, 50, 500):
        few = normal(1, support, 8)[np.random.default_rng(2).integers(0, support, 1500)]
        assert birthday(of_features(few), real) == pytest.approx(support, rel=0.2)
    far_apart = of_features(100 * normal(3, 1500, 8))
    assert birthday(far_apart, real) == 1500 * 1499 / 2


def test_large_samples_are_judged_by_a_batch() -> None:
    real, made = of_features(normal(0, 5000, 8)), of_features(normal(1, 100, 8)[np.arange(5000) % 100])
    assert birthday(made, real) == pytest.approx(100, rel=0.2)
    assert birthday(made, real) == birthday(of_features(made.features), of_features(real.features))


def test_half_of_the_batches_of_that_size_hold_two_the_same() -> None:
    random, size = np.random.default_rng(0), round(batch_with_duplicates(365))
    assert size == 22
    share = np.mean([len(set(random.integers(0, 365, size))) < size for _ in range(4000)])
    assert share == pytest.approx(0.48, abs=0.04)


@given(seed=seeds)
def test_the_closest_pairs_are_those_of_plain_loops(seed: int) -> None:
    made = normal(seed, 12, 2)
    found = closest_pairs(of_features(made), 3)
    apart = {pair: float(np.linalg.norm(made[pair[0]] - made[pair[1]])) for pair in combinations(range(12), 2)}
    best = min(apart, key=apart.__getitem__)
    assert tuple(found.places[0]) == best
    assert found.distances[0] == pytest.approx(apart[best], rel=1e-4)
    assert (np.diff(found.distances) >= 0).all()
    assert len({tuple(pair) for pair in found.places}) == len(found.places) <= 3


def test_bins_differ_by_chance_where_both_sides_are_alike() -> None:
    shares = [different_share(of_features(normal(2 * s, 1000)), of_features(normal(2 * s + 1, 1000))) for s in range(8)]
    assert np.mean(shares) == pytest.approx(0.05, abs=0.04)


def test_bins_are_held_by_the_test_of_two_proportions(part: Callable[[str], None]) -> None:
    part("scipy")
    made, real = of_features(normal(0, 700, 2, shift=0.3)), of_features(normal(1, 900, 2))
    bins = real.once(bins_of)
    assert (len(bins.counts), bins.counts.sum()) == (45, 900)
    centre = lambda point: int(np.argmin([np.linalg.norm(point - c) for c in bins.centres]))  # noqa: E731
    counts = np.bincount([centre(point) for point in made.features], minlength=45)
    chi2 = import_module("scipy.stats").chi2_contingency  # of 2 x 2 without correction it is the square of z
    expected = [
        chi2([[ours, 700 - ours], [theirs, 900 - theirs]], correction=False).pvalue < 0.05
        for ours, theirs in zip(counts, bins.counts, strict=True)
    ]
    np.testing.assert_array_equal(different_bins(made, real), expected)
    assert different_share(made, real) == np.mean(expected) > 0.2


def test_a_lost_part_is_found_in_its_bins() -> None:
    features = normal(0, 2000, 3)
    features[1000:] += 20
    real, half = of_features(features), of_features(normal(1, 1000, 3))
    assert different_share(half, real) > 0.7


def test_bins_need_pictures() -> None:
    with pytest.raises(RequestError, match="at least 40 real pictures, not 39"):
        different_share(of_features(normal(0, 50)), of_features(normal(1, 39)))
    with pytest.raises(RequestError, match="at least two"):
        birthday(of_features(normal(0, 1)), of_features(normal(1, 5)))


@settings(max_examples=30)
@given(seed=seeds, n=st.integers(1, 10), m=st.integers(2, 10))
def test_what_tells_copies_is_what_plain_loops_give(seed: int, n: int, m: int) -> None:
    made, training = normal(seed, n, 4), normal(seed + 1, m, 4)
    cosine = lambda x, y: abs(float(x @ y)) / float(np.linalg.norm(x) * np.linalg.norm(y))  # noqa: E731
    angles = [min(1 - cosine(x, y) for y in training) for x in made]
    a, b = of_features(made), of_features(training)
    np.testing.assert_allclose(angles_to_training(a, b), angles, atol=1e-6)
    assert memorisation_distance(a, b) == pytest.approx(np.mean(angles), abs=1e-6)
    for place, one in enumerate(made):
        nearest = int(np.argmin([np.linalg.norm(one - y) for y in training]))
        between = min(np.linalg.norm(training[nearest] - y) for k, y in enumerate(training) if k != nearest)
        assert authentic(a, b)[place] == (np.linalg.norm(one - training[nearest]) > between)
        found = nearest_in_features(a, b)
        assert found.places[place] == nearest
        assert found.distances[place] == pytest.approx(np.linalg.norm(one - training[nearest]), rel=1e-4)


def test_copies_and_strangers() -> None:
    training = of_features(normal(0, 300))
    assert authenticity(of_features(normal(0, 300)), training) == 0
    assert memorisation_distance(of_features(3 * normal(0, 300)), training) == pytest.approx(0, abs=1e-6)
    assert authenticity(of_features(normal(1, 300, shift=50)), training) == 1
    assert authenticity(of_features(normal(1, 300)), training) == pytest.approx(0.5, abs=0.1)
    assert memorisation_distance(of_features(np.zeros((2, 5))), training) == 1
    with pytest.raises(RequestError, match="more pictures are needed"):
        authenticity(of_features(normal(0, 3)), of_features(normal(1, 1)))


@pytest.mark.parametrize("shape", [(8, 8, 1), (30, 50, 3), (33, 64, 3), (1, 3000, 1)])
def test_nearest_pixels_are_found_at_any_size(shape: tuple[int, int, int]) -> None:
    random = np.random.default_rng(0)
    training = random.integers(0, 250, (20, *shape), dtype=np.uint8)
    order = random.permutation(20)
    made = training[order].astype(np.int64) + np.arange(20)[:, None, None, None] % 5
    found = nearest_in_pixels(of_pixels(made), of_pixels(training))
    np.testing.assert_array_equal(found.places, order)
    np.testing.assert_allclose(found.distances, np.arange(20) % 5)
    assert found.closest(4).tolist() == [0, 5, 10, 15]


def test_pixels_of_other_sizes_are_refused() -> None:
    with pytest.raises(RequestError, match="one size"):
        nearest_in_pixels(of_pixels(np.zeros((2, 4, 4, 1))), of_pixels(np.zeros((2, 4, 5, 1))))
