"""Points of the latent space: their lengths, their ends, and that no argument is changed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cganx import latent
from cganx.errors import RequestError, SeedError
from cganx.runtime.testing import tiny

SIZE = 6
vectors = arrays(np.float32, SIZE, elements=st.floats(-4, 4, width=32))
shares = st.floats(0, 1)


@pytest.fixture(autouse=True)
def _parts(part):
    part("onnxruntime")


@given(vectors, vectors, shares)
def test_slerp_s_length_goes_evenly_from_one_to_the_other(one, other, share):
    lengths = np.linalg.norm([one, other], axis=1)
    made = latent.slerp(one, other, share)
    assert np.isfinite(made).all()
    if lengths.min() > 1e-3:
        np.testing.assert_allclose(np.linalg.norm(made), lengths @ [1 - share, share], rtol=1e-4)


@given(vectors, vectors)
@pytest.mark.parametrize("way", [latent.lerp, latent.slerp])
def test_the_ends_are_the_ends_to_the_bit(way, one, other):
    np.testing.assert_array_equal(way(one, other, [0.0, 1.0]), np.stack([one, other]))


def test_slerp_of_right_angles_by_closed_form():
    made = latent.slerp([2.0, 0.0], [0.0, 2.0], [0.25, 0.5])
    angle = np.pi / 2 * np.array([0.25, 0.5])
    np.testing.assert_allclose(made, 2 * np.stack([np.cos(angle), np.sin(angle)], axis=1), rtol=1e-6)


@given(vectors, shares)
def test_slerp_to_the_opposite_point_and_to_itself(one, share):
    if np.linalg.norm(one) < 1e-3:
        return
    np.testing.assert_allclose(np.linalg.norm(latent.slerp(one, -one, share)), np.linalg.norm(one), rtol=1e-4)
    np.testing.assert_allclose(latent.slerp(one, one, share), one, rtol=1e-4, atol=1e-5)


def test_the_mean_shrinks_and_the_other_does_not():
    points = np.random.default_rng(0).normal(size=(9, 4096))
    assert np.linalg.norm(latent.mean(points)) == pytest.approx(64 / 3, rel=0.1)
    assert np.linalg.norm(latent.norm_preserving_mean(points)) == pytest.approx(np.linalg.norm(points, axis=1).mean(), rel=1e-5)
    with pytest.raises(RequestError, match="cancel each other out"):
        latent.norm_preserving_mean([[1.0, 0.0], [-1.0, 0.0]])


def test_arithmetic_by_hand():
    made = latent.arithmetic([3.0, 0.0], [[0.0, 4.0]], [[0.0, 0.0]], preserve_norm=False)
    np.testing.assert_array_equal(made, [3.0, 4.0])
    np.testing.assert_allclose(latent.arithmetic([3.0, 0.0], [[0.0, 4.0]], [[0.0, 0.0]]), [1.8, 2.4], rtol=1e-6)


@given(vectors, st.floats(0.01, 3))
def test_truncation_cuts_and_leaves_the_rest(one, bound):
    before = one.copy()
    made = latent.truncate(one, bound)
    assert np.abs(made).max() <= np.float32(bound)
    inside = np.abs(one) <= bound
    np.testing.assert_array_equal(made[inside], one[inside])
    np.testing.assert_array_equal(one, before)


def test_seeds_are_the_points_that_generate_uses():
    generator = tiny()
    points = latent.of_seeds(generator, [3, 4])
    np.testing.assert_array_equal(generator.generate("disc", latents=points), generator.generate("disc", [3, 4]))
    assert np.abs(latent.of_seeds(generator, range(50), truncation=0.7)).max() <= 0.7


@pytest.mark.parametrize("seed", [-1, 2**64, True, 1.5, "x"])
def test_what_is_no_seed_is_refused(seed):
    with pytest.raises(SeedError, match="a seed is an integer"):
        latent.of_seeds(tiny(), [seed])


@pytest.mark.parametrize("values", [[np.nan, 1.0], [np.inf, 0.0], ["a", "b"]])
def test_what_is_no_latent_is_refused(values):
    with pytest.raises(RequestError, match="finite numbers"):
        latent.lerp(values, [0.0, 0.0], 0.5)
