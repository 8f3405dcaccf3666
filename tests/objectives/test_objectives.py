from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cganx.objectives import (
    HINGE,
    LEAST_SQUARES,
    NON_SATURATING,
    RELATIVISTIC,
    WASSERSTEIN,
    AdversarialLoss,
    class_cross_entropy,
    code_likelihood,
    feature_matching,
    gradient_penalty,
    mode_seeking,
    noisy,
    orthogonal_penalty,
    smoothed,
    squared_gradient,
    watched,
)

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


@given(scores)
def test_least_squares_by_closed_form(values: list[float]):
    score = torch.tensor(values, dtype=torch.float64)
    towards_one = sum((v - 1) ** 2 for v in values) / len(values)
    assert float(LEAST_SQUARES.real(score)) == pytest.approx(towards_one)
    assert float(LEAST_SQUARES.generator(score)) == pytest.approx(towards_one)
    assert float(LEAST_SQUARES.fake(score)) == pytest.approx(sum(v**2 for v in values) / len(values))


@given(scores)
def test_wasserstein_by_closed_form(values: list[float]):
    score = torch.tensor(values, dtype=torch.float64)
    mean = sum(values) / len(values)
    assert float(WASSERSTEIN.real(score)) == pytest.approx(-mean)
    assert float(WASSERSTEIN.fake(score)) == pytest.approx(mean)
    assert float(WASSERSTEIN.generator(score)) == pytest.approx(-mean)


@given(scores, st.floats(0, 0.5))
def test_one_sided_smoothing_by_closed_form(values: list[float], smoothing: float):
    score = torch.tensor(values, dtype=torch.float64)
    loss = smoothed(NON_SATURATING, smoothing)
    cross_entropy = [(1 - smoothing) * math.log(1 + math.exp(-v)) + smoothing * math.log(1 + math.exp(v)) for v in values]
    assert float(loss.real(score)) == pytest.approx(sum(cross_entropy) / len(values))
    assert float(loss.fake(score)) == pytest.approx(float(NON_SATURATING.fake(score)))
    assert float(loss.generator(score)) == pytest.approx(float(NON_SATURATING.generator(score)))

    squares = smoothed(LEAST_SQUARES, smoothing)
    assert float(squares.real(score)) == pytest.approx(sum((v - (1 - smoothing)) ** 2 for v in values) / len(values))
    assert float(squares.fake(score)) == pytest.approx(float(LEAST_SQUARES.fake(score)))
    assert float(squares.generator(score)) == pytest.approx(float(LEAST_SQUARES.generator(score)))


def test_smoothing_needs_targets_and_its_name_says_it():
    assert smoothed(HINGE, 0.0) is HINGE
    assert smoothed(LEAST_SQUARES, 0.2).name == "least squares, reals towards 0.8"
    for game in (HINGE, WASSERSTEIN):
        with pytest.raises(ValueError, match=f"{game.name} game has no targets"):
            smoothed(game, 0.1)


@pytest.mark.parametrize("game", [HINGE, NON_SATURATING, LEAST_SQUARES, smoothed(NON_SATURATING, 0.1)])
def test_a_picture_that_is_told_wrong_pays_as_one_of_the_other_side(game: AdversarialLoss):
    score, wrong = torch.linspace(-2, 2, 5), torch.tensor([True, False, False, True, False])
    told = noisy(game, lambda n: wrong[:n])
    right = ~wrong
    assert float(told.real(score)) == pytest.approx(
        float(game.as_fake(score[wrong]).sum() + game.as_real(score[right]).sum()) / 5
    )
    assert float(told.fake(score)) == pytest.approx(
        float(game.as_real(score[wrong]).sum() + game.as_fake(score[right]).sum()) / 5
    )
    assert float(told.generator(score)) == float(game.generator(score))
    assert float(told.accuracy(score, score)) == float(game.accuracy(score, score))


@pytest.mark.parametrize("game", [HINGE, LEAST_SQUARES])
def test_who_watches_sees_on_which_side_the_reals_lie(game: AdversarialLoss):
    seen: list[list[float]] = []
    watching = watched(game, lambda sign: seen.append(sign.tolist()))
    score = game.boundary + torch.tensor([0.5, -0.25, 3.0])
    assert float(watching.real(score)) == float(game.real(score))
    watching.fake(score)
    watching.generator(score)
    assert seen == [[1.0, -1.0, 1.0]]


@given(st.lists(st.tuples(st.floats(-20, 20, width=32), st.floats(-20, 20, width=32)), min_size=1, max_size=8))
def test_relativistic_pairs_by_closed_form(pairs: list[tuple[float, float]]):
    real, fake = (torch.tensor(values, dtype=torch.float64) for values in zip(*pairs, strict=True))
    expected = sum(math.log(1 + math.exp(f - r)) for r, f in pairs) / len(pairs)
    assert float(RELATIVISTIC.discriminator(real, fake)) == pytest.approx(expected)
    assert float(RELATIVISTIC.generator(fake, real)) == pytest.approx(expected)


@pytest.mark.parametrize(("loss", "boundary"), [(NON_SATURATING, 0.0), (LEAST_SQUARES, 0.5)])
def test_accuracy_counts_what_is_taken_for_what_it_is(loss: AdversarialLoss, boundary: float):
    over, under = torch.tensor([boundary + 0.1] * 3), torch.tensor([boundary - 0.1] * 5)
    assert float(loss.accuracy(over, under)) == 1.0
    assert float(loss.accuracy(under, over)) == 0.0
    assert float(loss.accuracy(torch.cat([over, under]), under)) == pytest.approx(0.5 * (3 / 8 + 1))


def test_the_gradient_penalty_of_a_linear_critic_is_that_of_its_weights():
    torch.manual_seed(0)
    weights = torch.randn(2, 3, 4, dtype=torch.float64)
    real, fake = torch.randn(2, 5, 2, 3, 4, dtype=torch.float64)
    penalty = gradient_penalty(lambda image: (image * weights).sum(dim=(1, 2, 3)), real, fake, torch.rand(5))
    assert float(penalty.detach()) == pytest.approx((float(weights.norm()) - 1) ** 2)


def test_the_gradient_penalty_is_taken_between_real_and_fake():
    """Of D(x) = |x|^2 / 2 the gradient is x itself."""
    real, fake = torch.full((1, 1, 1, 1), 4.0), torch.full((1, 1, 1, 1), 2.0)
    for weight, place in ((0.0, 2.0), (0.25, 2.5), (1.0, 4.0)):
        penalty = gradient_penalty(lambda x: 0.5 * x.square().sum(dim=(1, 2, 3)), real, fake, torch.tensor([weight]))
        assert float(penalty.detach()) == pytest.approx((place - 1) ** 2)


def test_squared_gradients_by_closed_form_and_differentiable_again():
    """Of D(x) = a |x|^2 the squared gradient is 4 a^2 |x|^2, and its derivative by a is 8 a |x|^2."""
    image = torch.tensor([[[[1.0, 2.0]]], [[[0.0, -3.0]]]], requires_grad=True)
    scale = torch.tensor(0.5, requires_grad=True)
    penalty = squared_gradient(scale * image.square().sum(dim=(1, 2, 3)), image)
    assert float(penalty.detach()) == pytest.approx(4 * 0.25 * (5 + 9) / 2)
    penalty.backward()
    assert float(scale.grad) == pytest.approx(8 * 0.5 * (5 + 9) / 2)


def test_the_orthogonal_penalty_by_closed_form():
    layer = torch.nn.Linear(2, 2)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    assert float(orthogonal_penalty(torch.nn.Sequential(layer)).detach()) == pytest.approx(2 * (1 * 3 + 2 * 4) ** 2)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[0.0, 5.0], [-2.0, 0.0]]))  # orthogonal rows of any length
    embedding = torch.nn.Linear(2, 2, bias=False)
    assert float(orthogonal_penalty(torch.nn.Sequential(layer, embedding)).detach()) == 0.0


def test_hinge_pays_nothing_beyond_the_margin():
    assert float(HINGE.real(torch.tensor([1.0, 5.0]))) == 0
    assert float(HINGE.fake(torch.tensor([-1.0, -5.0]))) == 0


@pytest.mark.parametrize("loss", [HINGE, NON_SATURATING, WASSERSTEIN, LEAST_SQUARES, smoothed(NON_SATURATING, 0.1)])
def test_the_players_want_opposite_things(loss: AdversarialLoss):
    score = torch.full((4,), 0.5, requires_grad=True)
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


def test_feature_matching_by_closed_form():
    real, fake = torch.tensor([[1.0, 2.0], [3.0, 2.0]]), torch.tensor([[1.0, 0.0]])
    assert float(feature_matching(real, fake)) == pytest.approx((2 - 1) ** 2 + (2 - 0) ** 2)


def test_feature_matching_asks_for_the_same_means_alone():
    torch.manual_seed(0)
    real = torch.randn(6, 4)
    fake = real.mean(dim=0) + torch.stack([torch.ones(4), -torch.ones(4)]) * torch.rand(4)
    assert float(feature_matching(real, fake)) == pytest.approx(0.0, abs=1e-9)


def test_the_balance_is_what_is_paid_when_the_discriminator_knows_nothing() -> None:
    assert NON_SATURATING.balance == pytest.approx((2 * math.log(2), math.log(2)))
    assert smoothed(NON_SATURATING, 0.1).balance == pytest.approx(NON_SATURATING.balance)
    assert LEAST_SQUARES.balance == (0.5, 0.25)
    assert RELATIVISTIC.balance == pytest.approx((math.log(2), math.log(2)))
    assert HINGE.balance == (2.0, 0.0)
    assert WASSERSTEIN.balance == (0.0, 0.0)


def test_code_likelihood_is_that_of_a_gaussian_of_variance_one():
    mean, code = torch.tensor([[0.0, 1.0], [0.5, -1.0]]), torch.tensor([[0.5, 1.0], [-0.5, 1.0]])
    expected = -torch.distributions.Normal(mean, 1.0).log_prob(code).sum(dim=1).mean()
    torch.testing.assert_close(code_likelihood(mean, code), expected)


def test_mode_seeking_by_closed_form():
    image = torch.tensor([0.0, 5.0, 0.5, 9.0]).view(4, 1, 1, 1).expand(4, 1, 2, 2)
    latent = torch.tensor([[0.0, 0.0], [7.0, 7.0], [1.0, 3.0], [8.0, 8.0]])
    label = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.5, 0.5]])  # one pair: the first and the third
    assert float(mode_seeking(image, latent, label)) == pytest.approx(2.0 / 0.5, rel=1e-4)
    alone = torch.eye(4)
    assert float(mode_seeking(image, latent, alone)) == 0.0
    unconditional = torch.zeros(4, 0)
    assert float(mode_seeking(image, latent, unconditional)) == pytest.approx((7 + 5 + 6) / (5 + 4.5 + 8.5), rel=1e-4)


def test_mode_seeking_asks_pictures_of_one_class_to_differ():
    torch.manual_seed(0)
    image = torch.rand(8, 3, 4, 4, requires_grad=True)
    latent, label = torch.randn(8, 5), torch.eye(2).repeat(4, 1)
    before = mode_seeking(image, latent, label)
    before.backward()
    assert image.grad is not None
    assert float(mode_seeking((image - 0.1 * image.grad).detach(), latent, label)) < float(before.detach())
    assert torch.isfinite(mode_seeking(torch.zeros(8, 3, 4, 4), latent, label))
