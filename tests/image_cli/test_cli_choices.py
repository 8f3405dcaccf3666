"""``--class`` -> labels and folders."""

from __future__ import annotations

import pytest

from cganx.card import GeneratorCard, Image, Label, Latent
from cganx.errors import LabelError, RequestError
from cganx_cli.choices import choices, codes_of


def card_of(*classes, kind="class", label=None, codes=()):
    return GeneratorCard(
        name="made",
        codes=codes,
        kind=kind,
        classes=classes,
        label=label,
        latent=Latent(size=4),
        image=Image(height=8, width=8, channels=1),
    )


def folders(card, *given):
    return [one.folder for one in choices(card, given)]


def test_all_classes_where_nothing_is_given():
    assert folders(card_of("Bag", "T-shirt/top")) == ["Bag", "T-shirt%2Ftop"]


def test_names_ids_and_any_case_name_one_class_once():
    card = card_of("Bag", "Ankle boot", "3")
    assert folders(card, "ankle BOOT", "1", "Ankle boot", "bag") == ["Ankle boot", "Bag"]
    assert [one.label for one in choices(card, ["3"])] == ["3"]


def test_a_blend_is_canonical_whatever_its_order():
    card = card_of("Bag", "Sneaker", "Dress")
    (one,) = choices(card, ["sneaker=0.7,bag=0.3", "BAG=.3,1=0.70"])
    assert one.label == {"Sneaker": 0.7, "Bag": 0.3}
    assert one.folder == one.text == "Bag=0.3,Sneaker=0.7"


def test_a_name_is_tried_whole_before_it_is_read_as_a_blend():
    card = card_of("a=1", "a", "b,c", "d=0.5,a=0.5")
    assert choices(card, ["a=1"])[0].label == "a=1"
    assert choices(card, ["d=0.5,a=0.5"])[0].label == "d=0.5,a=0.5"
    assert choices(card, ["b,c=0.5,a=1=0.5"])[0].label == {"b,c": 0.5, "a=1": 0.5}


def test_a_blend_never_shares_a_folder_with_a_class_that_is_called_like_it():
    card = card_of("a=0.5,b=0.5", "a", "b")
    assert folders(card, "a=0.5,b=0.5", "b=0.5,a=0.5") == ["a%3D0.5,b%3D0.5", "a=0.5,b=0.5"]


def test_all_weight_on_one_class_is_that_class():
    assert choices(card_of("Bag", "Dress"), ["bag=1.0"])[0].folder == "Bag"
    assert folders(card_of("Bag", "Dress"), "bag=1,dress=0", "bag") == ["Bag"]


def test_attributes_are_switched_together():
    card = card_of("smiling", "glasses", kind="attributes")
    assert folders(card, "smiling=1,glasses=0.5", "smiling=1,glasses=1") == [
        "glasses=0.5,smiling=1",
        "glasses=1,smiling=1",
    ]
    assert folders(card, "smiling=0", "none", "NONE") == ["none"]
    assert [one.text for one in choices(card, ())] == ["none", "smiling", "glasses"]
    assert [choices(card, [one.text])[0].folder for one in choices(card, ())] == folders(card)


def test_an_attribute_may_be_called_none():
    card = card_of("None", "hat", kind="attributes")
    assert folders(card) == ["=none", "None", "hat"]
    assert choices(card, ["none"])[0].label == "None"
    assert folders(card, "none=0") == ["=none"]


def test_an_unconditional_generator_has_one_folder_and_takes_no_class():
    card = card_of(kind="unconditional")
    assert folders(card) == ["unconditional"]
    assert choices(card, ())[0].label is None
    with pytest.raises(LabelError, match="has no classes"):
        choices(card, ["x"])


@pytest.mark.parametrize(
    ("given", "cause"),
    [
        ("snaeker", "Did you mean 'Sneaker'"),
        ("7", "ids are 0 to 1"),
        ("sneaker=0.7", "must sum to 1"),
        ("sneaker=0.5,sneaker=0.5", "twice"),
        ("sneaker=0.7,hat=0.3", "no class 'hat'"),
        ("sneaker=0.7,", "no class"),
        ("sneaker=nan", "the weight 'nan' of 'Sneaker'"),
        ("sneaker=-1,bag=2", "the weight '-1' of 'Sneaker' in 'sneaker=-1,bag=2' is no number from 0 to 1"),
        ("sneaker=0.5,bag=half", "the weight 'half' of 'Bag'"),
        ("sneaker=-1,hat=2", "no class"),
        ("=1", "no class"),
        ("", "no class"),
    ],
)
def test_what_is_no_label_is_refused_with_the_cause(given, cause):
    with pytest.raises(LabelError, match=cause):
        choices(card_of("Bag", "Sneaker"), [given])


def test_a_file_that_takes_an_index_refuses_blends():
    card = card_of("Bag", "Sneaker", label=Label(input="index"))
    assert folders(card, "bag") == ["Bag"]
    with pytest.raises(LabelError, match="cannot be blended"):
        choices(card, ["bag=0.5,sneaker=0.5"])


def test_codes_are_set_by_name_in_any_order_and_are_0_otherwise():
    card = card_of("a", "b", codes=("continuous-0", "x=y", "continuous-2"))
    assert codes_of(card, ()) is None
    coded = codes_of(card, ["continuous-2=-1.50", "x=y=2"])
    assert coded.values == (0.0, 2.0, -1.5)
    assert coded.array.tolist() == [0.0, 2.0, -1.5]
    assert coded.text == "x=y=2,continuous-2=-1.5"


def test_codes_are_told_to_the_last_digit():
    card = card_of("a", "b", codes=("tilt",))
    coded = codes_of(card, ["tilt=1.23456789e-3"])
    assert codes_of(card, [coded.text]).values == coded.values == (0.00123456789,)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["continous-0=1"], "did you mean 'continuous-0'"),
        (["tilt=1"], "it has: continuous-0, continuous-1"),
        (["continuous-0"], "NAME=VALUE, such as continuous-0=1.5"),
        (["continuous-0=wide"], "'wide', not a number"),
        (["continuous-0=inf"], "not a number"),
        (["continuous-0=1", "continuous-0=1"], "given twice"),
    ],
)
def test_codes_that_are_not_are_refused(given, says):
    with pytest.raises(RequestError, match=says):
        codes_of(card_of("a", "b", codes=("continuous-0", "continuous-1")), given)


def test_a_generator_without_codes_takes_none():
    with pytest.raises(RequestError, match="made has no codes"):
        codes_of(card_of("a", "b"), ["continuous-0=1"])
