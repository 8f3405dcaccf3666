"""The Frechet and the kernel distance of samples."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from metric_samples import normal, of_features

from cganx.errors import RequestError
from cganx.evaluation.metrics import Sample
from cganx.evaluation.metrics.class_frechet import class_distances, class_frechet
from cganx.evaluation.metrics.frechet_distance import frechet_distance
from cganx.evaluation.metrics.kernel_distance import kernel_distance

seeds = st.integers(0, 2**32 - 1)


def by_scipy(one: np.ndarray, other: np.ndarray) -> float:
    one, other = one.astype(np.float64), other.astype(np.float64)
    a, b = np.cov(one, rowvar=False), np.cov(other, rowvar=False)
    root = np.real(import_module("scipy.linalg").sqrtm(a @ b))
    return float(np.sum((one.mean(axis=0) - other.mean(axis=0)) ** 2) + np.trace(a + b - 2 * root))


@settings(max_examples=20)
@given(one=seeds, other=seeds)
def test_the_frechet_distance_is_what_the_matrix_root_of_scipy_gives(part: Callable[[str], None], one: int, other: int) -> None:
    part("scipy")
    made, real = normal(one, 40, shift=0.5), normal(other, 60, scale=2)
    assert frechet_distance(of_features(made), of_features(real)) == pytest.approx(by_scipy(made, real), rel=1e-4, abs=1e-4)


def test_every_class_counts_alike_in_it() -> None:
    """Some pictures of class 0 twice make no other distance than before, save for the unbiased covariance's last touch."""
    features, labels = normal(0, 400), np.arange(400) % 2
    features[labels == 0] += 3
    twice = np.concatenate([np.arange(400), np.flatnonzero(labels == 0)])
    real = of_features(normal(1, 400))
    once, doubled = of_features(features, labels), of_features(features[twice], labels[twice])
    assert frechet_distance(doubled, real) == pytest.approx(frechet_distance(once, real), rel=1e-2)
    assert frechet_distance(of_features(features[twice]), real) > 1.2 * frechet_distance(once, real)


def test_within_classes_it_sees_what_the_whole_hides(part: Callable[[str], None]) -> None:
    part("scipy")
    features, labels = normal(0, 300), np.arange(300) % 3
    features += 5 * labels[:, None]
    real, swapped = of_features(features, labels), of_features(features, (labels + 1) % 3)
    assert class_frechet(real, real) == pytest.approx(0, abs=1e-6)
    found = class_distances(swapped, real)
    for label in range(3):
        one, other = features[labels == (label + 2) % 3], features[labels == label]
        assert found[label] == pytest.approx(by_scipy(one, other), rel=1e-4)
    assert class_frechet(swapped, real) == pytest.approx(np.mean(list(found.values())))
    assert frechet_distance(swapped, real) == pytest.approx(0, abs=1e-6)


def test_a_class_without_a_partner_or_variety_is_refused() -> None:
    features = normal(0, 6)
    some = of_features(features, np.array([0, 0, 0, 1, 1, 1]))
    with pytest.raises(RequestError, match="needs the labels"):
        class_frechet(of_features(features), some)
    with pytest.raises(RequestError, match="no real picture of class 1"):
        class_frechet(some, of_features(features, np.zeros(6, np.int64)))
    with pytest.raises(RequestError, match="at least two"):
        class_frechet(of_features(features, np.array([0, 0, 0, 0, 0, 1])), some)


def by_loops(one: np.ndarray, other: np.ndarray) -> float:
    one, other = one.astype(np.float64), other.astype(np.float64)
    n, m, d = len(one), len(other), one.shape[1]
    kernel: Callable[[np.ndarray, np.ndarray], float] = lambda x, y: float((x @ y / d + 1) ** 3)  # noqa: E731
    a = sum(kernel(one[i], one[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    b = sum(kernel(other[i], other[j]) for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
    across = sum(kernel(x, y) for x in one for y in other) / (n * m)
    return a + b - 2 * across


@settings(max_examples=20)
@given(seed=seeds, n=st.integers(2, 9), m=st.integers(2, 9))
def test_the_kernel_distance_is_that_of_plain_loops(seed: int, n: int, m: int) -> None:
    made, real = normal(seed, n, shift=1), normal(seed + 1, m)
    assert kernel_distance(of_features(made), of_features(real)) == pytest.approx(by_loops(made, real), rel=1e-6, abs=1e-6)


def test_it_has_no_bias_however_few_pictures() -> None:
    """Of two ten at a time from one distribution: 0 on average; of distributions one apart: that of their moments."""
    same, apart = [], []
    for seed in range(400):
        real = of_features(normal(2 * seed, 10, 1))
        same.append(kernel_distance(of_features(normal(2 * seed + 1, 10, 1)), real))
        apart.append(kernel_distance(of_features(normal(2 * seed + 1, 10, 1, shift=1)), real))
    moments = ((0, 1, 0), (1, 2, 4))  # E x, E x^2, E x^3 of N(0, 1) and N(1, 1)
    expected = sum(c * (a - b) ** 2 for c, a, b in zip((3, 3, 1), *moments, strict=True))
    for values, mean in ((same, 0), (apart, expected)):
        assert np.mean(values) == pytest.approx(mean, abs=4 * np.std(values) / np.sqrt(len(values)))


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    made, real = normal(0, 50), normal(1, 40)
    fresh: Callable[[], tuple[Sample, Sample]] = lambda: (of_features(made), of_features(real))  # noqa: E731
    whole = kernel_distance(*fresh())
    monkeypatch.setattr("cganx.evaluation.kernel.BLOCK", 120)
    assert kernel_distance(*fresh()) == pytest.approx(whole, rel=1e-9)


def test_one_picture_has_no_kernel_distance() -> None:
    with pytest.raises(RequestError, match="at least two"):
        kernel_distance(of_features(normal(0, 1)), of_features(normal(1, 5)))
