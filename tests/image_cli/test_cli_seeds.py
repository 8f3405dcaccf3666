"""Seeds as people write them."""

from __future__ import annotations

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

import cganx_cli.seeds
from cganx.errors import SeedError
from cganx_cli.seeds import drawn_seed, parse_seeds

pairs = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 12)), min_size=1, max_size=6)


def test_the_examples_in_the_docstrings_are_true():
    tried = doctest.testmod(cganx_cli.seeds)
    assert tried.attempted >= 3
    assert tried.failed == 0


@given(pairs)
def test_ranges_are_inclusive_ordered_and_each_seed_comes_once(pairs):
    text = ",".join(str(first) if not more else f"{first}-{first + more}" for first, more in pairs)
    expected = list(dict.fromkeys(seed for first, more in pairs for seed in range(first, first + more + 1)))
    seeds = parse_seeds(text)
    assert list(seeds) == expected
    assert seeds.count == len(expected)
    assert [seed for seed in range(60) if seed in seeds] == sorted(expected)


def test_huge_ranges_cost_nothing():
    seeds = parse_seeds("0-18446744073709551615,5")
    assert seeds.count == 2**64
    assert next(iter(seeds)) == 0
    assert 2**64 - 1 in seeds


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("", "no seed"),
        ("1,,2", "no seed"),
        ("-1", "no seed"),
        ("1.5", "no seed"),
        ("0:9", "no seed"),
        ("٣", "no seed"),
        ("9-0", "backwards; write 0-9"),
        ("18446744073709551616", "seeds are 0 to 18446744073709551615"),
        ("9" * 40, "no seed"),
    ],
)
def test_what_is_no_seed_is_refused_with_the_cause(text, cause):
    with pytest.raises(SeedError, match=cause):
        parse_seeds(text)


def test_a_drawn_seed_is_one_seed_and_another_each_time():
    first, second = drawn_seed(), drawn_seed()
    assert first.count == 1
    assert 0 <= next(iter(first)) < 2**64
    assert first != second
