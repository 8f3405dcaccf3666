"""The seam ratio against closed forms."""

import numpy as np
import pytest
from numpy.typing import NDArray

from cganx.errors import RequestError
from cganx.evaluation.metrics.seam import seam_ratio


def ramps(side: int, step: int) -> NDArray[np.uint8]:
    """One picture that rises by ``step`` a pixel, down and right alike."""
    line = np.arange(side) * step
    return (line[:, None] + line[None, :]).astype(np.uint8)[None, :, :, None]


def test_a_ramp_falls_back_by_all_its_steps():
    assert seam_ratio(ramps(8, 3)) == (pytest.approx(7.0), 0.0)


@pytest.mark.parametrize(("waves", "low", "high"), [(4, 0.9, 1.1), (3.5, 3.0, 9.0)])
def test_whole_waves_have_no_seam_and_a_half_one_has(waves: float, low: float, high: float):
    """Averaged over phases: half a wave more, and the first pixel is as far as can be from the one that would follow."""
    phases = np.random.default_rng(0).uniform(0, 2 * np.pi, (200, 1))
    wave = 60 * np.cos(waves * 2 * np.pi * np.arange(64) / 64 + phases)
    pictures = 127.5 + wave[:, :, None, None] + wave[:, None, :, None]
    assert low < seam_ratio(np.clip(pictures, 0, 255).astype(np.uint8)).value < high


def test_of_noise_it_is_one_within_its_error_and_rolling_changes_nothing():
    random = np.random.default_rng(0)
    noise = random.integers(0, 256, (400, 16, 24, 3), dtype=np.uint8)
    value, error = seam_ratio(noise)
    assert 0 < error < 0.02
    assert abs(value - 1) < 3 * error
    rolled, _ = seam_ratio(np.roll(noise, (5, 7), (1, 2)))
    assert abs(rolled - 1) < 3 * error


def test_each_direction_has_its_own_scale():
    """Strong stripes down, a weak ramp right: the ramp's seam of 15 neighbours' differences counts as half."""
    stripes = np.tile(np.array([0, 100] * 8), (16, 1)).T + np.arange(16)[None, :]
    value, _ = seam_ratio(stripes.astype(np.uint8)[None, :, :, None])
    assert value == pytest.approx((1 + 15) / 2)


def test_the_error_is_that_of_repeated_draws():
    random = np.random.default_rng(1)
    draws = [seam_ratio(random.integers(0, 256, (50, 8, 8, 1), dtype=np.uint8)) for _ in range(200)]
    spread = np.std([value for value, _ in draws])
    assert np.mean([error for _, error in draws]) == pytest.approx(spread, rel=0.2)


def test_many_pictures_are_taken_in_blocks():
    assert seam_ratio(np.repeat(ramps(4, 1), 3000, axis=0)).value == pytest.approx(3.0)


@pytest.mark.parametrize(
    ("pictures", "why"),
    [(np.zeros((2, 8, 1, 1), np.uint8), "fewer than two"), (np.zeros((2, 8, 8, 1), np.uint8), "never differ")],
)
def test_what_has_no_neighbours(pictures: NDArray[np.uint8], why: str):
    with pytest.raises(RequestError, match=why):
        seam_ratio(pictures)
