"""Class names -> file names: distinct on every file system, taken by every file system, and undone by decode."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cganx_cli.names import decode, file_names

words = st.one_of(
    st.text(min_size=1, max_size=8),
    st.text(alphabet="aAbB%=. /éÉe\u0301ß\u017fKk\u212a\u0131I\u0130i0", min_size=1, max_size=5),
    st.sampled_from(
        ["CON", "con", "nul", "NUL.txt", "com1", "COM¹", "lpt9 .x", "conin$", ".", "..", " ", "~", "unconditional"]
    ),
)
several = st.lists(words, min_size=1, max_size=8, unique=True)


def as_compared(name):
    """What a file system that ignores case and Unicode form compares."""
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", name).upper().casefold())


@given(several)
@example(["cat", "Cat", "CAT", "%43at", "%2543at"])
@example(["≠", "=\u0338", "%3D\u0338"])
@example(["ß", "ss", "SS", "ẞ"])
@example(["1", "%31"])
def test_distinct_names_stay_distinct_where_case_and_form_do_not_count(names):
    made = file_names(names)
    assert list(made) == names
    assert len({as_compared(one) for one in made.values()}) == len(names)


@given(several)
def test_decode_undoes_it(names):
    assert [decode(one) for one in file_names(names).values()] == names


@given(several)
def test_every_file_system_takes_them(names):
    for one in file_names(names).values():
        assert one == one.strip(" ")
        assert not one.endswith(".")
        assert not one.startswith(".")
        assert not re.search(r'[\x00-\x1f\x7f/\\:*?"<>|=]', one)
        assert not re.match(r"(?i)(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])\s*(\.|$)", one)
        assert len(one.encode()) <= 255


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("sneaker", "sneaker"),
        ("Ankle boot", "Ankle boot"),
        ("T-shirt/top", "T-shirt%2Ftop"),
        ("tench, Tinca tinca", "tench, Tinca tinca"),
        ("猫", "猫"),
        ("CON", "%43ON"),
        ("nul.txt", "%6Eul.txt"),
        ("console", "console"),
        ("end.", "end%2E"),
        ("..", "%2E%2E"),
        ("a=b", "a%3Db"),
        ("100%", "100%25"),
    ],
)
def test_plain_names_stay_plain(name, expected):
    assert file_names([name]) == {name: expected}


def test_names_that_differ_in_case_are_spelt_out():
    assert file_names(["cat", "Cat", "dog"]) == {"cat": "cat", "Cat": "%43at", "dog": "dog"}


def test_long_names_are_cut_and_stay_distinct():
    made = file_names(["x" * 1000 + "a", "x" * 1000 + "b", "猫" * 300])
    assert len(set(made.values())) == 3
    assert all(len(one.encode()) <= 160 for one in made.values())
    with pytest.raises(ValueError, match="was cut"):
        decode(made["猫" * 300])
