"""Blocks replaced: nothing but the block changes, and each begins from the base."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cganx import latent
from cganx.errors import RequestError


@given(st.integers(1, 70), st.integers(1, 30), st.integers(1, 30))
def test_blocks_cover_the_latent_where_they_step_by_no_more_than_their_size(size, block, step):
    found = latent.blocks_of(size, block, min(step, block))
    assert sorted({place for one in found for place in range(one.start, one.stop)}) == list(range(size))
    assert found[-1].stop == size


@given(st.sampled_from(sorted(latent.FILLS)), st.integers(0, 40), st.integers(1, 20), st.integers(0, 3))
def test_only_the_block_changes_and_the_base_stays(fill, start, size, seed):
    base = np.random.default_rng(0).normal(size=64).astype(np.float32)
    before, block = base.copy(), latent.Block(start, start + size)
    made = latent.replace_block(base, block, fill, seed=seed)
    outside = np.ones(64, bool)
    outside[start : start + size] = False
    np.testing.assert_array_equal(made[outside], before[outside])
    np.testing.assert_array_equal(base, before)
    assert not np.shares_memory(made, base)


def test_the_fills():
    base, block = np.full(10, 9.0, np.float32), latent.Block(2, 7)
    np.testing.assert_array_equal(latent.replace_block(base, block, "zeros")[2:7], np.zeros(5))
    np.testing.assert_array_equal(latent.replace_block(base, block, "ones")[2:7], np.ones(5))
    np.testing.assert_allclose(latent.replace_block(base, block, "hanning")[2:7], [0, 0.5, 1, 0.5, 0], atol=1e-7)
    np.testing.assert_array_equal(latent.replace_block(base, block, [1, 2, 3, 4, 5])[2:7], [1, 2, 3, 4, 5])
    noise = [latent.replace_block(base, block, "noise", seed=seed)[2:7] for seed in (0, 0, 1)]
    np.testing.assert_array_equal(noise[0], noise[1])
    assert not np.array_equal(noise[0], noise[2])


def test_what_is_refused():
    with pytest.raises(RequestError, match="no fill 'nose'; they are noise"):
        latent.replace_block(np.zeros(4), latent.Block(0, 2), "nose")
    with pytest.raises(RequestError, match="not within one latent"):
        latent.replace_block(np.zeros(4), latent.Block(2, 6), "zeros")
    with pytest.raises(RequestError, match="takes 2 values"):
        latent.replace_block(np.zeros(4), latent.Block(0, 2), [1.0])
    with pytest.raises(RequestError, match="at least one entry"):
        latent.blocks_of(10, 0)
