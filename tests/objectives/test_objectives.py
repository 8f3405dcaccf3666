from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cganx.objectives import HINGE, NON_SATURATING, AdversarialLoss, class_cross_entropy

scores = st.lists(st.floats(-20, 20, width=32), min_size=1, max_size=8)


@given(scores)
def test_hinge_by_closed_form(values: list[float]):
    score = torch.tensor(values, dtype=torch.float64)
    assert float(HINGE.real(score)) == pytest.approx(sum(max(0, 1 - v) for v in values) / len(values))
    assert float(HINGE.fake(score)) == pytest.approx(sum(max(0, 1 + v) for v in values) / len(values))
    assert float(HINGE.generator(score)) == pytest.approx(-sum(values) / len(values))


@given(scores)
def test_non_saturating_by_closed_form(values: list[float]):
    score = torch.tensor(values, dtype=torch.float64)
    probabilities = [1 / (1 + math.exp(-v)) for v in values]
    assert float(NON_SATURATING.real(score)) == pytest.approx(-sum(math.log(p) for p in probabilities) / len(values))
    assert float(NON_SATURATING.fake(score)) == pytest.approx(sum(math.log(1 + math.exp(v)) for v in values) / len(values))
    assert float(NON_SATURATING.generator(score)) == pytest.approx(float(NON_SATURATING.real(score)))


def test_hinge_pays_nothing_beyond_the_margin():
    assert float(HINGE.real(torch.tensor([1.0, 5.0]))) == 0
    assert float(HINGE.fake(torch.tensor([-1.0, -5.0]))) == 0


@pytest.mark.parametrize("loss", [HINGE, NON_SATURATING])
def test_the_players_want_opposite_things(loss: AdversarialLoss):
    score = torch.zeros(4, requires_grad=True)
    (of_fake,) = torch.autograd.grad(loss.fake(score), score)
    (of_generator,) = torch.autograd.grad(loss.generator(score), score)
    assert (of_fake > 0).all()
    assert (of_generator < 0).all()


def test_losses_stay_finite_where_the_sigmoid_saturates():
    score = torch.tensor([1e4, -1e4], requires_grad=True)
    total = NON_SATURATING.real(score) + NON_SATURATING.fake(score) + NON_SATURATING.generator(score)
    total.backward()
    assert total.isfinite()
    assert score.grad.isfinite().all()


def test_class_cross_entropy_by_closed_form():
    logits = torch.tensor([[2.0, 0.0, -1.0], [0.0, 0.0, 0.0]])
    label = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.5, 0.5]])
    first = -math.log(math.exp(2) / (math.exp(2) + 1 + math.exp(-1)))
    assert float(class_cross_entropy(logits, label)) == pytest.approx((first + math.log(3)) / 2)


def test_class_cross_entropy_of_hard_labels_is_torchs():
    torch.manual_seed(0)
    logits, classes = torch.randn(6, 4), torch.randint(4, (6,))
    expected = torch.nn.functional.cross_entropy(logits, classes)
    torch.testing.assert_close(class_cross_entropy(logits, torch.eye(4)[classes]), expected)
