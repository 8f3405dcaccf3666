"""What a generator must beat: each baseline by what it says it is."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from translating import soft

from cganx.evaluation.translation import baselines
from cganx.evaluation.translation.baselines import BASELINES, LUMA, Given
from cganx.evaluation.translation.holes import holes
from cganx.evaluation.translation.measures import psnr


def luma(pictures: np.ndarray) -> np.ndarray:
    return pictures @ np.array(LUMA)


def test_each_gives_pictures_of_the_wanted_shape(part: Callable[[str], None]) -> None:
    part("PIL")
    source, mask = soft(3), holes(3, 32, 32)
    for name, baseline in BASELINES.items():
        if baseline not in (baselines.TELEA, baselines.NAVIER_STOKES):
            made = baseline.make(Given(source, source.shape[1:], soft(5, seed=1), mask))
            assert (made.shape, made.dtype) == (source.shape, np.uint8), name
    large = (64, 64, 3)
    for baseline in (baselines.IDENTITY, baselines.BICUBIC, baselines.MEAN_COLOUR, baselines.BLUR):
        assert baseline.make(Given(source[..., :1], large, np.zeros((1, *large), np.uint8))).shape == (3, *large)


def test_identity_repeats_pixels_and_channels() -> None:
    source = soft(2, channels=1)
    made = baselines.IDENTITY.make(Given(source, (64, 64, 3), soft(1, side=64)))
    np.testing.assert_array_equal(made, source.repeat(2, axis=1).repeat(2, axis=2).repeat(3, axis=3))
    grey = baselines.IDENTITY.make(Given(soft(2), (32, 32, 1), soft(1, 1)))[..., 0]
    np.testing.assert_allclose(grey, luma(soft(2)), atol=0.51)


def test_bicubic_is_pillows_and_nearer_than_repeated_pixels(part: Callable[[str], None]) -> None:
    part("PIL")
    from PIL import Image

    target = soft(2, side=64)
    small = np.stack([np.asarray(Image.fromarray(one).resize((32, 32), Image.Resampling.BICUBIC)) for one in target])
    given = Given(small, target.shape[1:], target[:0])
    made = baselines.BICUBIC.make(given)
    np.testing.assert_array_equal(made[1], Image.fromarray(small[1]).resize((64, 64), Image.Resampling.BICUBIC))
    assert (psnr(made, target) > psnr(baselines.IDENTITY.make(given), target) + 3).all()


def test_the_mean_colour_is_the_training_targets_and_the_luma_the_sources() -> None:
    training = np.broadcast_to(np.array([150, 100, 60], np.uint8), (4, 32, 32, 3))
    source = soft(2, channels=1).clip(60, 180)
    made = baselines.MEAN_COLOUR.make(Given(source, training.shape[1:], training))
    np.testing.assert_allclose(luma(made), source[..., 0], atol=1)
    tint = np.array([150, 100, 60]) - luma(np.array([150, 100, 60]))
    np.testing.assert_allclose(made.astype(int) - source, np.broadcast_to(tint, made.shape), atol=0.51)


def test_a_hole_gets_the_mean_of_its_border_and_nothing_else_changes() -> None:
    source = soft(1)
    mask = np.zeros((1, 32, 32), bool)
    mask[:, 10:14, 20:26] = True
    source[0, 9:15, 19:27] = 77
    source[mask] = 0
    made = baselines.BORDER_MEAN.make(Given(source, source.shape[1:], source, mask))
    assert (made[mask] == 77).all()
    np.testing.assert_array_equal(made[~mask], source[~mask])


@pytest.mark.parametrize("baseline", [baselines.TELEA, baselines.NAVIER_STOKES])
@pytest.mark.parametrize("channels", [1, 3])
def test_opencv_fills_a_hole(part: Callable[[str], None], baseline: baselines.Baseline, channels: int) -> None:
    part("cv2")
    target, mask = soft(4, channels), holes(4, 32, 32)
    source = np.where(mask[..., None], np.uint8(128), target)
    given = Given(source, target.shape[1:], target, mask)
    made = baseline.make(given)
    np.testing.assert_array_equal(made[~mask], target[~mask])
    assert (psnr(made, target, mask) > psnr(source, target, mask)).all()


def test_flat_normals_and_random_targets() -> None:
    training = soft(5, seed=4)
    given = Given(soft(40), (32, 32, 3), training, seed=3)
    assert (baselines.FLAT_NORMAL.make(given) == (128, 128, 255)).all()
    drawn = baselines.RANDOM_TARGET.make(given)
    np.testing.assert_array_equal(drawn, baselines.RANDOM_TARGET.make(given))
    found = {next(place for place, one in enumerate(training) if (one == picture).all()) for picture in drawn}
    assert found == set(range(5))


@pytest.mark.parametrize(("height", "width"), [(64, 64), (48, 96), (12, 12)])
def test_holes_are_squares_and_strokes_the_same_each_time(height: int, width: int) -> None:
    found = holes(20, height, width, seed=1)
    np.testing.assert_array_equal(found, holes(20, height, width, seed=1))
    assert (found[1] != holes(20, height, width, seed=2)[1]).any()
    side = round(min(height, width) / 4)
    assert (found[::2].sum(axis=(1, 2)) == side**2).all()
    share = found[1::2].mean(axis=(1, 2))
    assert share.min() > 0
    assert share.max() < 0.5
