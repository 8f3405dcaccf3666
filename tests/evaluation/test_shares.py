"""Which pictures are drawn, by their classes."""

from __future__ import annotations

import numpy as np
import pytest

from cganx.evaluation.shares import divided, drawn_evenly, drawn_like, turns

EVEN, UNEVEN = np.arange(3000) % 3, np.repeat([0, 1, 2], [2100, 600, 300])


def test_pictures_are_divided_as_the_labels_are() -> None:
    np.testing.assert_array_equal(divided(100, UNEVEN, 3), [70, 20, 10])
    np.testing.assert_array_equal(divided(7, UNEVEN, 4), [5, 1, 1, 0])
    np.testing.assert_array_equal(divided(11, EVEN, 3), np.bincount(np.arange(11) % 3))
    assert divided(2**30, UNEVEN, 3).sum() == 2**30


def test_turns_count_within_a_class() -> None:
    np.testing.assert_array_equal(turns(np.array([1, 0, 1, 1, 0])), [0, 0, 1, 2, 1])


@pytest.mark.parametrize("most", [7, 100, 999, 1000])
def test_drawn_like_even_classes_is_drawn_evenly(most: int) -> None:
    for labels in (EVEN, UNEVEN):
        if most <= 900 or labels is EVEN:
            np.testing.assert_array_equal(drawn_like(labels, EVEN, most, 5), drawn_evenly(labels, most, 5))
    assert not np.array_equal(drawn_evenly(EVEN, 7, 5), drawn_evenly(EVEN, 7, 6))


def test_drawn_like_others_has_their_shares_and_says_so_by_fewer() -> None:
    places = drawn_like(EVEN, UNEVEN, 1000, 0)
    assert len(set(places.tolist())) == 1000
    np.testing.assert_array_equal(np.bincount(EVEN[places]), [700, 200, 100])
    few = np.bincount(EVEN[drawn_like(EVEN, UNEVEN, 10_000, 0)])  # there are only 1,000 of the first class
    np.testing.assert_allclose(few / few.sum(), [0.7, 0.2, 0.1], atol=0.01)
    assert few[0] == 1000
    np.testing.assert_array_equal(drawn_like(UNEVEN, UNEVEN, 10_000, 0), np.arange(3000))
