"""Names of pictures: what a template may be, and that no two pictures share a file."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cganx.errors import RequestError
from cganx_cli.choices import Choice
from cganx_cli.names import file_names, folded
from cganx_cli.requests import Naming, Product
from cganx_cli.seeds import Seeds, parse_seeds
from cganx_cli.templates import Template


def product(classes=("Bag", "bag", "7"), seeds="0-20"):
    folders = file_names(classes)
    return Product(tuple(Choice(name, name, folders[name]) for name in classes), parse_seeds(seeds))


def naming(text):
    return Naming(Template.parse(text), "fashion")


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("{class}/{seed", "no template"),
        ("{class}/}{seed}.png", "no template"),
        ("{klass}/{seed}.png", "did you mean {class}"),
        ("{}/{seed}.png", "the fields are"),
        ("{class.x}/{seed}.png", "there is not"),
        ("{seed!r}.png", "leave it out"),
        ("{class:>9}/{seed}.png", "a text has no format"),
        ("{seed:6d}.png", "write it as {seed:06d}"),
        ("{seed:0<6}.png", "write it as {seed:06d}"),
        ("{seed:,}.png", "write it as {seed:06d}"),
        ("/{seed}.png", "begins with /"),
        ("C:/{seed}.png", "holds ':'"),
        ("a\\{seed}.png", "set off by /"),
        ("../{seed}.png", "leads out"),
        ("a/./{seed}.png", "leads out"),
        ("a//{seed}.png", "empty part"),
        (".hidden/{seed}.png", "hidden or lost"),
        ("a /{seed}.png", "hidden or lost"),
        ("con/{seed}.png", "reserves"),
        ("Manifest.jsonl/{seed}.png", "where the list of the files goes"),
        ("{seed}", "must end in its suffix"),
        ("x" * 300 + "{seed}.png", "255 bytes"),
    ],
)
def test_what_is_no_template_is_refused_with_the_cause(text, cause):
    with pytest.raises(RequestError) as refused:
        Template.parse(text)
    assert cause in str(refused.value)


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("{seed}.png", "every class would be the same file"),
        ("{class}.png", "every seed would be the same file"),
        ("{class}{seed}.png", "apart"),
        ("{class}1{seed}.png", "apart"),
        ("{class}-{seed}{index}.png", "apart"),
        ("{class}a{seed:x}.png", "apart"),
        ("lpt{seed}.{class}.png", "reserves"),
    ],
)
def test_names_that_could_meet_are_refused_before_any_is_made(text, cause):
    with pytest.raises(RequestError) as refused:
        product().check(naming(text))
    assert cause in str(refused.value)


def test_a_class_called_like_a_device_is_no_folder_of_that_name():
    made = product(("con", "a"))
    made.check(naming("{class}/{seed}.png"))
    assert naming("{class}/{seed}.png").name(next(iter(made))) == "%63on/0.png"


TEMPLATES = (
    "{class}/{seed}.png",
    "{seed:04d}-{class}.png",
    "{index}.png",
    "{model}/{class}-{seed:x}.jpg",
    "{seed}_{index}_{class}.webp",
)
class_names = st.lists(st.text("aA1-_ß/.%", min_size=1, max_size=4), min_size=1, max_size=4, unique=True)


@given(class_names, st.sampled_from(TEMPLATES))
def test_every_picture_has_a_name_of_its_own_and_is_found_by_it(classes, text):
    made, names = product(classes, "0-3,15-17,100000"), naming(text)
    made.check(names)
    each = [names.name(request) for request in made]
    assert len({folded(name) for name in each}) == made.count
    assert all(made.holds(name, names) and made.holds(name.upper(), names) for name in each)
    assert not any(made.holds(name, names) for name in ("manifest.jsonl", "4.pgn", "Bag/99.png", "9999.png", "x" + each[0]))


def test_what_is_there_is_looked_up_and_not_counted_through():
    made = Product((Choice(None, "unconditional", "unconditional"),), Seeds((range(2**64),)))
    assert made.holds("unconditional/18446744073709551615.png", naming("{class}/{seed}.png"))
    assert not made.holds("unconditional/018.png", naming("{class}/{seed}.png"))
    assert made.holds("0000000000000123.png", naming("{index:016d}.png"))


def test_parts_are_the_whole_in_order():
    made = product(seeds="5-14,100-103")
    whole = list(made)
    for count in (1, 2, 3, 14):
        assert [one for number in range(count) for one in made.part(number, count)] == whole
