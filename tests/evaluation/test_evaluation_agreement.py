from __future__ import annotations

import math

import numpy as np
import pytest

from cganx.errors import RequestError
from cganx.evaluation import agreement


def test_shares_overall_and_by_class() -> None:
    made = agreement(np.array([0, 0, 0, 1, 3, 3]), np.array([0, 1, 0, 1, 0, 3]), 4)
    assert made.overall == 4 / 6
    assert made.per_class[:2] == (2 / 3, 1.0)
    assert math.isnan(made.per_class[2])
    assert made.per_class[3] == 0.5


def test_shuffled_verdicts_agree_by_chance() -> None:
    asked = np.arange(20_000) % 10
    seen = np.random.default_rng(0).permutation(asked)
    assert agreement(asked, asked, 10).overall == 1
    assert agreement(asked, seen, 10).overall == pytest.approx(0.1, abs=0.01)


@pytest.mark.parametrize(
    ("asked", "seen"), [([], []), ([0, 1], [0]), ([0, 2], [0, 1]), ([0, 1], [0, -1]), ([0.0, 1.0], [0, 1]), ([[0]], [[0]])]
)
def test_ids_that_do_not_fit_are_refused(asked: list[int], seen: list[int]) -> None:
    with pytest.raises(RequestError):
        agreement(np.array(asked), np.array(seen), 2)
