import os
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cganx.data.paths import Paths

NAMES = st.binary(min_size=1, max_size=20).filter(lambda name: b"\0" not in name).map(os.fsdecode)


@given(st.lists(NAMES, max_size=8))
def test_paths_come_back_as_they_went_in(names: list[str]) -> None:
    paths = Paths(names)
    assert list(paths) == [Path(name) for name in names]
    assert list(paths[1:3]) == [Path(name) for name in names[1:3]]


def test_places_beyond_the_end_are_none() -> None:
    paths = Paths([Path("a"), Path("b")])
    assert paths[-1] == Path("b")
    with pytest.raises(IndexError):
        paths[2]


def test_they_take_little_memory() -> None:
    tracemalloc.start()
    try:
        paths = Paths(f"/pictures/class {number % 10}/picture {number:07}.png" for number in range(100_000))
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(paths) == 100_000
    assert taken < 60 * 100_000
