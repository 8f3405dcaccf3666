"""The operations of augmentation against numpy and closed forms, and the adaptive probability by its paper's numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from cganx.training.augmentation import (
    NUMBERS,
    STANDARD,
    AdaptiveProbability,
    Augmenter,
    Strengths,
    augment,
    cut_out,
    resampled,
    spread,
    translated,
)
from cganx.training.sampling import Chances, Share, seeded

ALL_OF_IT = Strengths(translation=0.2, scaling=0.3, rotation=30.0, mirror=True, colour=1.0, cutout=0.5)
CPU = torch.device("cpu")


def pictures(n: int = 4, channels: int = 3, height: int = 9, width: int = 12) -> Tensor:
    return 2 * torch.rand(n, channels, height, width, generator=torch.Generator().manual_seed(0)) - 1


def numbers(n: int = 4, seed: int = 1) -> Tensor:
    return torch.rand(n, NUMBERS, generator=torch.Generator().manual_seed(seed))


def test_without_strength_it_is_the_identity() -> None:
    image = pictures()
    assert augment(image, numbers(), Strengths()) is image


def test_with_probability_zero_it_is_the_identity_bit_for_bit() -> None:
    image = pictures()
    for probability in (0.0, torch.zeros(())):
        assert torch.equal(augment(image, numbers(), ALL_OF_IT, probability), image)


@pytest.mark.parametrize("name", ["translation", "scaling", "rotation", "mirror", "colour", "cutout"])
def test_each_operation_acts_by_itself(name: str) -> None:
    image, strengths = pictures(32), Strengths(**{name: getattr(ALL_OF_IT, name)})
    made = augment(image, numbers(32), strengths)
    assert made.shape == image.shape
    assert made.dtype == image.dtype
    acted = float((made != image).flatten(1).any(dim=1).float().mean())
    assert acted > 0.25 if name == "mirror" else acted > 0.8
    assert augment(image.double(), numbers(32), strengths).dtype == torch.float64


@given(st.integers(-10, 10), st.integers(-13, 13))
def test_translation_is_a_shift_with_the_mirror_image_outside(down: int, right: int) -> None:
    image = pictures(1)
    source = np.pad(image[0].permute(1, 2, 0).numpy(), ((13, 13), (13, 13), (0, 0)), mode="symmetric")
    made = translated(image, torch.tensor([down]), torch.tensor([right]))
    np.testing.assert_array_equal(made[0].permute(1, 2, 0).numpy(), source[13 - down : 22 - down, 13 - right : 25 - right])


def test_pictures_move_as_far_as_asked_and_no_farther_each_by_itself() -> None:
    image = torch.zeros(4000, 1, 16, 16)
    image[:, :, 8, 8] = 1
    made = augment(image, numbers(4000), Strengths(translation=0.125))
    rows, columns = np.nonzero(made[:, 0].sum(dim=0).numpy())
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (6, 10, 6, 10)
    shares = made[:, 0].mean(dim=0)[6:11, 6:11].numpy()
    assert shares == pytest.approx(np.full((5, 5), 1 / 25), abs=0.012)


def test_turning_by_a_right_angle_and_doubling_by_hand() -> None:
    image = pictures(2, height=8, width=8)
    turned = resampled(image, torch.ones(2), torch.full((2,), math.pi / 2))
    np.testing.assert_allclose(turned.numpy(), np.rot90(image.numpy(), -1, axes=(2, 3)), atol=1e-5)
    flat = torch.full((1, 1, 8, 8), 0.5)
    larger, smaller = (resampled(flat, torch.tensor([scale]), torch.zeros(1)) for scale in (2.0, 0.5))
    torch.testing.assert_close(larger, flat)
    torch.testing.assert_close(smaller, flat)
    half = resampled(image, torch.full((2,), 0.5), torch.zeros(2))
    torch.testing.assert_close(half[:, :, 2:6, 2:6], functional.avg_pool2d(image, 2))
    torch.testing.assert_close(half[:, :, :2], half[:, :, 2:4].flip(2))  # what lies beyond the edge is mirrored


def test_mirroring_takes_half() -> None:
    image = pictures(2000)
    made = augment(image, numbers(2000), Strengths(mirror=True))
    flipped = (made == image.flip(3)).flatten(1).all(dim=1)
    assert float(flipped.float().mean()) == pytest.approx(0.5, abs=0.04)
    assert torch.equal(made[~flipped], image[~flipped])


def test_contrast_keeps_the_mean_and_saturation_the_grey() -> None:
    image = pictures()
    centre, factor = image.mean(dim=(1, 2, 3), keepdim=True), torch.tensor([0.0, 0.5, 1.0, 1.5])
    made = spread(image, centre, factor)
    torch.testing.assert_close(made.mean(dim=(1, 2, 3)), image.mean(dim=(1, 2, 3)))
    torch.testing.assert_close(made.std(dim=(1, 2, 3)), factor * image.std(dim=(1, 2, 3)))
    grey = image.mean(dim=1, keepdim=True).expand(-1, 3, -1, -1)
    torch.testing.assert_close(spread(grey, grey.mean(dim=1, keepdim=True), factor), grey)


def test_grey_pictures_change_brightness_and_contrast_alone() -> None:
    image = pictures(500, channels=1)
    made = augment(image, numbers(500), Strengths(colour=1.0))
    moved = made.mean(dim=(1, 2, 3)) - image.mean(dim=(1, 2, 3))
    assert -0.5 <= float(moved.min()) < -0.48
    assert 0.48 < float(moved.max()) <= 0.5
    factor = made.std(dim=(1, 2, 3)) / image.std(dim=(1, 2, 3))
    assert 0.5 <= float(factor.min()) + 1e-5 < 0.52
    assert 1.48 < float(factor.max()) - 1e-5 <= 1.5


def test_cutout_takes_a_square_whose_middle_is_anywhere() -> None:
    image = torch.ones(4, 1, 8, 8)
    acts, down, right = (
        torch.tensor([1.0, 0.0, 1.0, 1.0]),
        torch.tensor([0.0, 0.0, -1.0, 1.0]),
        torch.tensor([0.0, 0.0, -1.0, 1.0]),
    )
    made = cut_out(image, 0.5, acts, down, right)
    wanted = np.ones((4, 8, 8))
    wanted[0, 2:6, 2:6] = wanted[2, :2, :2] = wanted[3, 6:, 6:] = 0
    np.testing.assert_array_equal(made[:, 0].numpy(), wanted)


def test_gradients_pass_twice() -> None:
    image = pictures(2, height=4, width=3).double().requires_grad_()
    fixed = numbers(2)
    assert torch.autograd.gradcheck(lambda x: augment(x, fixed, ALL_OF_IT), image)
    assert torch.autograd.gradgradcheck(lambda x: augment(x, fixed, ALL_OF_IT).pow(3).sum(), image)


def test_a_probability_acts_on_as_many_pictures() -> None:
    image = pictures(4000)
    made = augment(image, numbers(4000), Strengths(colour=1.0), torch.tensor(0.2))
    untouched = (made == image).flatten(1).all(dim=1).float().mean()
    assert float(untouched) == pytest.approx(0.8**3, abs=0.02)  # brightness, saturation, contrast


def test_processes_share_the_numbers_of_one() -> None:
    image = pictures(6)
    whole = Augmenter(ALL_OF_IT, Chances(seeded(0, "a"), CPU))(image)
    for rank in (0, 1):
        share = Share(rank, 2)
        part = Augmenter(ALL_OF_IT, Chances(seeded(0, "a"), CPU, share))(share.of(image))
        assert torch.equal(part, share.of(whole))


def test_what_adaptive_augmentation_does_by_itself_never_mirrors() -> None:
    assert not STANDARD.mirror


# --- the adaptive probability


def fed(probability: AdaptiveProbability, sign: float, batches: int, n: int = 10) -> float:
    for _ in range(batches):
        probability.watch(torch.full((n,), sign))
    return float(probability.value)


def test_it_moves_by_a_fixed_amount_a_picture_after_every_fourth_batch() -> None:
    probability = AdaptiveProbability(0.6, 1000, CPU)
    assert fed(probability, 1.0, 3) == 0.0
    assert fed(probability, 1.0, 1) == pytest.approx(40 / 1000)
    assert fed(probability, 1.0, 8) == pytest.approx(120 / 1000)
    assert fed(probability, -1.0, 4) == pytest.approx(80 / 1000)


def test_it_follows_the_mean_sign_of_four_batches() -> None:
    for right, rises in ((33, True), (31, False)):  # of 40: means of 0.65 and 0.55
        probability = AdaptiveProbability(0.6, 1000, CPU)
        fed(probability, 1.0, 4)
        signs = torch.tensor([1.0] * right + [-1.0] * (40 - right))
        for batch in signs.split(10):
            probability.watch(batch)
        assert float(probability.value) == pytest.approx(0.08 if rises else 0.0)


def test_it_ends_where_augmentation_begins_to_leak() -> None:
    probability = AdaptiveProbability(0.6, 100, CPU)
    assert fed(probability, -1.0, 4) == 0.0
    assert fed(probability, 1.0, 40) == pytest.approx(0.8)
    assert fed(probability, 1.0, 4) == pytest.approx(0.8)


def test_two_processes_move_it_as_one_does() -> None:
    one, halves = AdaptiveProbability(0.6, 1000, CPU), torch.tensor([[1.0] * 10, [1.0] * 6 + [-1.0] * 4])

    def average(tensors: list[Tensor]) -> None:
        tensors[0].copy_(halves.mean())  # what both processes agree on

    part = AdaptiveProbability(0.6, 1000, CPU, Share(1, 2), average)
    for _ in range(4):
        one.watch(halves.flatten())
        part.watch(halves[1])  # of its own it would fall: 0.2
    assert float(part.value) == float(one.value) == 0.0  # a mean of 0.6 is the target itself
    halves[1, 6] = 1.0
    for _ in range(4):
        one.watch(halves.flatten())
        part.watch(halves[1])
    assert float(part.value) == float(one.value) == pytest.approx(80 / 1000)


def test_it_goes_on_from_a_state() -> None:
    straight, resumed = AdaptiveProbability(0.6, 1000, CPU), AdaptiveProbability(0.6, 1000, CPU)
    fed(straight, 1.0, 6)
    resumed.restore(straight.state())
    assert fed(straight, 1.0, 2) == fed(resumed, 1.0, 2) == pytest.approx(0.08)
