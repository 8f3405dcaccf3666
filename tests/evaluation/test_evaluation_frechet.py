from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cganx.errors import RequestError
from cganx.evaluation import Gaussian, Moments, frechet, gaussian

sizes = st.integers(1, 12)
seeds = st.integers(0, 2**32 - 1)


def drawn(seed: int, size: int) -> Gaussian:
    random = np.random.default_rng(seed)
    root = random.normal(size=(size, size))
    return Gaussian(random.normal(size=size), root @ root.T)


@settings(deadline=None)
@given(size=sizes, one=seeds, other=seeds)
def test_it_is_what_the_matrix_root_of_scipy_gives(part: Callable[[str], None], size: int, one: int, other: int) -> None:
    part("scipy")
    linalg = import_module("scipy.linalg")
    a, b = drawn(one, size), drawn(other, size)
    root = linalg.sqrtm(a.covariance @ b.covariance)
    expected = np.sum((a.mean - b.mean) ** 2) + np.trace(a.covariance + b.covariance - 2 * np.real(root))
    assert frechet(a, b) == pytest.approx(expected, rel=1e-6, abs=1e-5)


@settings(deadline=None)
@given(size=sizes, seed=seeds)
def test_commuting_covariances_have_a_closed_form(size: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    means, deviations = random.normal(size=(2, size)), random.exponential(size=(2, size))
    axes, _ = np.linalg.qr(random.normal(size=(size, size)))
    a, b = (Gaussian(mean, axes * deviation**2 @ axes.T) for mean, deviation in zip(means, deviations, strict=True))
    expected = np.sum((means[0] - means[1]) ** 2) + np.sum((deviations[0] - deviations[1]) ** 2)
    assert frechet(a, b) == pytest.approx(expected, rel=1e-9, abs=1e-9)


@settings(deadline=None)
@given(size=sizes, one=seeds, other=seeds)
def test_it_is_symmetric_zero_to_itself_and_never_negative(size: int, one: int, other: int) -> None:
    a, b = drawn(one, size), drawn(other, size)
    assert frechet(a, b) == pytest.approx(frechet(b, a), rel=1e-9, abs=1e-9)
    assert 0 <= frechet(a, a) <= 1e-10 * np.trace(a.covariance)
    assert frechet(a, b) >= 0


def test_singular_covariances_stay_exact() -> None:
    line = np.diag([4.0, 0.0, 0.0])
    across = np.diag([0.0, 9.0, 0.0])
    zero = np.zeros(3)
    assert frechet(Gaussian(zero, line), Gaussian(zero, line)) == pytest.approx(0, abs=1e-12)
    assert frechet(Gaussian(zero, line), Gaussian(zero, across)) == pytest.approx(13, rel=1e-12)
    assert frechet(Gaussian(zero, 0 * line), Gaussian(zero + 1, line)) == pytest.approx(7, rel=1e-12)


@settings(deadline=None)
@given(seed=seeds, cut=st.integers(0, 40), offset=st.sampled_from([0.0, 1e6]))
def test_batches_give_the_moments_of_the_whole(seed: int, cut: int, offset: float) -> None:
    features = np.random.default_rng(seed).normal(size=(40, 5)) + offset
    moments = Moments()
    moments.add(features[:cut])
    moments.add(features[cut:])
    made = moments.gaussian()
    np.testing.assert_allclose(made.mean, features.mean(axis=0), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(made.covariance, np.cov(features, rowvar=False), rtol=1e-6, atol=1e-7)


def test_a_whole_weight_counts_as_copies_and_scale_of_weights_is_no_matter() -> None:
    random = np.random.default_rng(3)
    features, weights = random.normal(size=(30, 4)), random.integers(1, 5, 30)
    weighted, copied = gaussian(features, weights), gaussian(np.repeat(features, weights, axis=0))
    np.testing.assert_allclose(weighted.mean, copied.mean, rtol=1e-12)
    biased = np.cov(features, rowvar=False, aweights=weights)
    np.testing.assert_allclose(weighted.covariance, biased, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(gaussian(features, weights / 7).covariance, weighted.covariance, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    ("features", "weights", "cause"),
    [
        (np.zeros(4), None, "n, d"),
        (np.full((4, 2), np.nan), None, "not finite"),
        (np.zeros((4, 2)), np.ones(3), "as many weights"),
        (np.zeros((1, 2)), None, "at least two"),
        (np.zeros((0, 2)), None, "at least two"),
    ],
)
def test_what_has_no_moments_is_refused(features: np.ndarray, weights: np.ndarray | None, cause: str) -> None:
    with pytest.raises(RequestError, match=cause):
        gaussian(features, weights)


def test_features_of_other_length_are_refused() -> None:
    with pytest.raises(RequestError, match="length 2 and 3"):
        frechet(drawn(0, 2), drawn(0, 3))
    moments = Moments()
    moments.add(np.zeros((2, 3)))
    with pytest.raises(RequestError, match="one d throughout"):
        moments.add(np.zeros((2, 4)))
