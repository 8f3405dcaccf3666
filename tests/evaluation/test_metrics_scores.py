"""What the oracle's probabilities say: the three scores, agreement and confusion."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from metric_samples import of_probabilities

from cganx.errors import RequestError
from cganx.evaluation import agreement
from cganx.evaluation.metrics.am_score import am_score
from cganx.evaluation.metrics.inception_score import inception_score
from cganx.evaluation.metrics.label_agreement import confusion, label_agreement
from cganx.evaluation.metrics.mode_score import mode_score

seeds = st.integers(0, 2**32 - 1)
EVEN = np.full((30, 3), 1 / 3)
SURE = np.eye(3)[np.arange(30) % 3]
ONE = np.eye(3)[np.zeros(30, np.int64)]
LOPSIDED = np.eye(3)[np.repeat([0, 0, 0, 1, 2], 6)]


def drawn(seed: int, count: int) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet([0.3, 0.5, 1.0, 2.0], count)


@given(one=seeds, other=seeds)
def test_they_are_what_scipys_entropy_gives(part: Callable[[str], None], one: int, other: int) -> None:
    part("scipy")
    entropy = import_module("scipy.stats").entropy
    made, real = drawn(one, 20), drawn(other, 15)
    p, true = made.mean(axis=0), real.mean(axis=0)
    inception = np.exp(np.mean([entropy(row, p) for row in made]))
    a, b = of_probabilities(made), of_probabilities(real)
    assert inception_score(a, b) == pytest.approx(inception, rel=1e-6)
    assert mode_score(a, b) == pytest.approx(inception * np.exp(-entropy(p, true)), rel=1e-6)
    assert am_score(a, b) == pytest.approx(entropy(true, p) + np.mean([entropy(row) for row in made]), rel=1e-6)


@given(one=seeds, other=seeds)
def test_the_mode_score_of_the_surveys_is_the_inception_score(part: Callable[[str], None], one: int, other: int) -> None:
    part("scipy")
    entropy = import_module("scipy.stats").entropy
    made, true = drawn(one, 20), drawn(other, 15).mean(axis=0)
    survey = np.exp(np.mean([entropy(row, true) for row in made]) - entropy(made.mean(axis=0), true))
    assert inception_score(of_probabilities(made), of_probabilities(made)) == pytest.approx(survey, rel=1e-6)


@pytest.mark.parametrize(
    ("made", "inception", "mode", "am"),
    [
        (SURE, 3, 3, 0),
        (EVEN, 1, 1, np.log(3)),
        (LOPSIDED, np.exp(-0.6 * np.log(0.6) - 0.4 * np.log(0.2)), None, np.log(1 / 3) - np.log(0.6 * 0.2 * 0.2) / 3),
    ],
)
def test_closed_forms(made: np.ndarray, inception: float, mode: float | None, am: float) -> None:
    a, real = of_probabilities(made), of_probabilities(SURE)
    assert inception_score(a, real) == pytest.approx(inception, rel=1e-9)
    # against even classes KL(p || p*) = log 3 - H(p), and H(p) is what the logarithm of the Inception Score is here
    assert mode_score(a, real) == pytest.approx(inception**2 / 3 if mode is None else mode, rel=1e-9)
    assert am_score(a, real) == pytest.approx(am, rel=1e-9, abs=1e-9)


def test_a_class_that_never_comes_costs_much_and_stays_finite() -> None:
    one, real = of_probabilities(ONE), of_probabilities(SURE)
    assert inception_score(one, real) == pytest.approx(1)
    assert mode_score(one, real) == pytest.approx(1 / 3)
    assert 10 < am_score(one, real) < 100


def test_agreement_is_that_of_the_verdicts() -> None:
    asked = np.random.default_rng(0).integers(0, 4, 200)
    made = of_probabilities(drawn(1, 200), asked)
    seen = made.probabilities.argmax(axis=1)
    assert label_agreement(made, made) == pytest.approx(agreement(asked, seen, 4).overall)
    table = confusion(made)
    expected = np.zeros((4, 4), np.int64)
    for row, column in zip(asked, seen, strict=True):
        expected[row, column] += 1
    np.testing.assert_array_equal(table, expected)
    assert np.trace(table) / table.sum() == label_agreement(made, made)


def test_agreement_needs_labels() -> None:
    made = of_probabilities(SURE)
    with pytest.raises(RequestError, match="no labels"):
        label_agreement(made, made)
    with pytest.raises(RequestError, match="no labels"):
        confusion(made)
