"""Spectrum, colour, sharpness, and the length of paths through the latent space."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from metric_samples import normal, of_pixels

from cganx.errors import RequestError
from cganx.evaluation.metrics.colour import colour_distance, colours
from cganx.evaluation.metrics.perceptual_path import PathLength, linear, perceptual_path_length, spherical
from cganx.evaluation.metrics.sharpness import sharpness, sharpness_ratio
from cganx.evaluation.metrics.spectrum import ROUNDING, spectrum, spectrum_distance

seeds = st.integers(0, 2**32 - 1)


def noise(seed: int, count: int = 20, side: int = 16, channels: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(50, 200, (count, side, side, channels)).astype(np.uint8)


def test_a_wave_has_its_power_at_its_frequency() -> None:
    wave = 128 + 100 * np.cos(2 * np.pi * 3 * np.arange(16) / 16)
    found = spectrum(of_pixels(np.rint(np.broadcast_to(wave[:, None, None], (2, 16, 16, 1))))) - ROUNDING
    assert found.argmax() == 2  # frequencies 1, 2, 3, ...
    ring = np.sum(np.rint(np.hypot(*np.meshgrid(np.fft.fftfreq(16) * 16, np.fft.fftfreq(16) * 16))) == 3)
    assert found[2] == pytest.approx(2 * (100 * 16 * 16 / 2) ** 2 / 256 / ring, rel=0.01)
    assert found[[0, 1, 3]].max() < 1e-2 * found[2]


def test_white_noise_is_flat_and_ten_times_the_power_are_ten_decibels() -> None:
    pixels = 100 * (noise(0, 500).astype(np.int64) > 125)
    found = spectrum(of_pixels(pixels))
    np.testing.assert_allclose(found, np.var(pixels), rtol=0.1)
    assert spectrum_distance(of_pixels(pixels), of_pixels(pixels)) == 0
    assert spectrum_distance(of_pixels(pixels // 10), of_pixels(pixels)) == pytest.approx(20, abs=0.1)


def test_colours_are_means_and_deviations() -> None:
    pixels = noise(0, channels=3)
    np.testing.assert_allclose(colours(of_pixels(pixels))[4], [*pixels[4].mean((0, 1)), *pixels[4].std((0, 1))])


@given(seed=seeds, brighter=st.integers(0, 50))
def test_brighter_pictures_are_so_many_levels_away(seed: int, brighter: int) -> None:
    pixels = noise(seed)
    assert colour_distance(of_pixels(pixels + brighter), of_pixels(pixels)) == pytest.approx(brighter, abs=1e-3)


def test_sharpness_is_the_variance_of_the_laplacian() -> None:
    pixels = noise(0, count=2, side=6).astype(np.int64)
    y = pixels[1, :, :, 0]
    laplacian = [y[r - 1, c] + y[r + 1, c] + y[r, c - 1] + y[r, c + 1] - 4 * y[r, c] for r in range(1, 5) for c in range(1, 5)]
    assert sharpness(of_pixels(pixels))[1] == pytest.approx(np.var(laplacian))
    board = 50 * (np.indices((8, 8)).sum(0) % 2)[None, :, :, None]
    assert sharpness_ratio(of_pixels(board // 2), of_pixels(board)) == pytest.approx(1 / 4)
    grey = np.repeat(board, 3, axis=3)
    np.testing.assert_allclose(sharpness(of_pixels(grey)), sharpness(of_pixels(board)))


def test_what_cannot_be_compared_is_refused() -> None:
    small, flat = of_pixels(noise(0, side=2)), of_pixels(np.zeros((2, 8, 8, 1)))
    with pytest.raises(RequestError, match="no sharpness"):
        sharpness(small)
    with pytest.raises(RequestError, match="no spectrum"):
        spectrum(small)
    with pytest.raises(RequestError, match="one colour"):
        sharpness_ratio(of_pixels(noise(0)), flat)
    with pytest.raises(RequestError, match="one size"):
        spectrum_distance(of_pixels(noise(0)), of_pixels(noise(0, side=8)))
    with pytest.raises(RequestError, match="as many channels"):
        colour_distance(of_pixels(noise(0)), of_pixels(noise(0, channels=3)))


@given(seed=seeds, share=st.floats(0, 1))
def test_great_circles_keep_length_and_meet_their_ends(seed: int, share: float) -> None:
    one, other = (ends / np.linalg.norm(ends, axis=1, keepdims=True) for ends in (normal(seed, 3), normal(seed + 1, 3)))
    here = spherical(one, other, np.full(3, share))
    np.testing.assert_allclose(np.linalg.norm(here, axis=1), 1, rtol=1e-6)
    angle = np.arccos(np.sum(one * other, axis=1, dtype=np.float64))
    np.testing.assert_allclose(np.arccos(np.clip(np.sum(here * one, axis=1), -1, 1)), share * angle, atol=2e-3)
    np.testing.assert_allclose(spherical(one, other, np.ones(3)), other, atol=1e-5)
    np.testing.assert_allclose(spherical(one, one, np.full(3, share)), one, atol=1e-5)


def test_straight_paths_of_a_linear_generator_have_their_squared_length() -> None:
    one, other, labels = np.zeros((300, 4), np.float32), np.ones((300, 4), np.float32), np.arange(300) % 3
    found = perceptual_path_length(
        lambda latents, asked: latents * (1 + asked[:, None] * 0),
        lambda pictures: 3 * pictures,
        one,
        other,
        labels,
        between=linear,
    )
    assert found.value == pytest.approx(9 * 4, rel=1e-3)
    assert found.error < 1e-2


def test_arcs_are_as_long_as_their_angle_and_the_outer_paths_are_left_out() -> None:
    one, other = np.tile(np.eye(4, dtype=np.float32)[:2].reshape(2, 1, 4), (1, 500, 1))
    arc = perceptual_path_length(lambda z, _: z, lambda x: x, one, other)
    assert arc.value == pytest.approx((np.pi / 2) ** 2, rel=1e-3)
    wild = one.copy()
    wild[:3] *= 1000
    assert perceptual_path_length(lambda z, _: z, lambda x: x, wild, other).value == pytest.approx(arc.value, rel=1e-2)


def bent(places: int, ends: int = 0, count: int = 50) -> PathLength:
    """Of a generator whose steps are long at one end, with seeds of the places and of the paths."""
    one, other = normal(2 * ends, count), normal(2 * ends + 1, count)
    return perceptual_path_length(lambda z, _: z**3, lambda x: x, one, other, seed=places)


def test_paths_of_other_seeds_differ_by_the_standard_error() -> None:
    found = [bent(seed, seed, 400) for seed in range(60)]
    spread = np.std([one.value for one in found], ddof=1)
    assert 0.75 < np.mean([one.error for one in found]) / spread < 1.33


def test_the_seed_chooses_the_places() -> None:
    assert bent(0) == bent(0) != bent(1)


@pytest.mark.parametrize(
    ("count", "labels", "step", "cause"),
    [(3, 2, 0.01, "2 labels"), (0, None, 0.01, "two ends"), (1, None, 0.01, "at least two"), (3, None, 1.0, "between 0 and 1")],
)
def test_paths_that_do_not_fit_are_refused(count: int, labels: int | None, step: float, cause: str) -> None:
    ends = np.zeros((count, 4), np.float32)
    asked = None if labels is None else np.zeros(labels, np.int64)
    with pytest.raises(RequestError, match=cause):
        perceptual_path_length(lambda z, _: z, lambda x: x, ends, ends, asked, step=step)
