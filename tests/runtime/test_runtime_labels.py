from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cganx import runtime
from cganx.card import GeneratorCard, Image, Label, Latent, is_name
from cganx.errors import LabelError
from cganx.runtime import testing
from cganx.runtime.labels import Labels

NAMES = ("T-shirt/top", "Sneaker", "Bag", "a=b,c", "7", "A", "a")


def labels(names: tuple[str, ...] = NAMES, kind: str = "class", form: str = "weights") -> Labels:
    image = Image(height=4, width=4, channels=1)
    label = Label(input=form) if names else None
    return Labels(GeneratorCard(name="x", kind=kind, classes=names, image=image, latent=Latent(size=2), label=label))


@pytest.mark.parametrize(
    ("label", "index"),
    [
        ("Sneaker", 1),
        ("sneaker", 1),
        ("SNEAKER", 1),
        ("t-SHIRT/Top", 0),
        ("A", 5),
        ("a", 6),
        ("7", 4),  # an exact name comes before an id
        ("2", 2),
        (2, 2),
        (np.int64(6), 6),
        (np.uint8(0), 0),
        ("a=b,c", 3),
    ],
)
def test_one_label_by_name_or_id(label: Any, index: int) -> None:
    row = labels().many(label)
    assert row is not None
    assert row.dtype == np.float32
    assert row.shape == (1, len(NAMES))
    assert row[0].argmax() == index
    assert row.sum() == 1.0
    assert labels().text(row[0]) == NAMES[index]


@pytest.mark.parametrize(
    "label", ["shoe", "9", "", "-1", "1.0", "99999999999999999999999999", -1, 7, 2**70, True, 1.0, None, b"Bag", object()]
)
def test_what_is_no_label_is_refused(label: Any) -> None:
    with pytest.raises(LabelError):
        labels().many([label] if label is None else label)
    with pytest.raises(LabelError):
        labels().many([label])


def test_near_names_are_offered() -> None:
    with pytest.raises(LabelError, match="Did you mean 'Sneaker'"):
        labels().many("sneeker")
    with pytest.raises(LabelError, match="could be 'STRASSE' or 'straße'"):
        labels(("STRASSE", "straße")).many("Strasse")


def test_blends() -> None:
    one = labels()
    for blend in ({"sneaker": 0.7, "bag": 0.3}, {1: 0.7, 2: 0.3}, {"1": 0.7, "Bag": np.float32(0.3)}):
        row = one.many(blend)
        assert row is not None
        np.testing.assert_allclose(row[0, [1, 2]], [0.7, 0.3], rtol=1e-6)
        assert one.text(row[0]) == "Bag=0.3,Sneaker=0.7"
    array = np.array([0, 0.5, 0.5, 0, 0, 0, 0])
    np.testing.assert_array_equal(one.many(array), array[None].astype(np.float32))
    np.testing.assert_array_equal(one.many(np.stack([array, array])), np.stack([array, array]).astype(np.float32))
    assert one.text(one.many({"bag": 1.0})[0]) == "Bag"  # type: ignore[index]


@pytest.mark.parametrize(
    "blend",
    [
        {"sneaker": 0.7, "bag": 0.2},
        {"sneaker": 1.2, "bag": -0.2},
        {"sneaker": float("nan")},
        {"sneaker": float("inf")},
        {"sneaker": "1"},
        {"sneaker": 0.5, "Sneaker": 0.5},
        {},
        {"shoe": 1.0},
        np.zeros(7),
        np.ones(3) / 3,
        np.ones((2, 2, 7)) / 7,
        np.array([1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 2e-4]),
        np.array([1 + 0j]),
    ],
)
def test_blends_that_are_none(blend: Any) -> None:
    with pytest.raises(LabelError):
        labels().many(blend)


def test_sums_within_the_tolerance_pass() -> None:
    assert labels().many(np.array([1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 9e-5])) is not None


def test_lists_and_arrays_of_labels() -> None:
    one = labels()
    assert one.many(["bag", 1, {"a": 1.0}]).argmax(1).tolist() == [2, 1, 6]  # type: ignore[union-attr]
    assert one.many(np.array([0, 6])).argmax(1).tolist() == [0, 6]  # type: ignore[union-attr]
    assert one.many(np.array(["bag", "7"])).argmax(1).tolist() == [2, 4]  # type: ignore[union-attr]
    assert one.many(np.array("bag")).argmax(1).tolist() == [2]  # type: ignore[union-attr]
    assert one.many(()).shape == (0, 7)  # type: ignore[union-attr]
    assert one.many(name for name in ("bag", "a")).shape == (2, 7)  # type: ignore[union-attr]
    for wrong in (np.array([7]), np.array([-1]), np.array([[0]]), [0.7, 0.3], [["bag"]]):
        with pytest.raises(LabelError):
            one.many(wrong)


@pytest.mark.parametrize(
    ("label", "text"),
    [({}, "none"), ({"hat": 0}, "none"), ({"hat": 1, "beard": 1}, "beard=1,hat=1"), ({"hat": 0.5}, "hat=0.5"), ("hat", "hat")],
)
def test_the_text_of_attributes(label: Any, text: str) -> None:
    hat = labels(("hat", "beard", "glasses"), "attributes")
    rows = hat.many(label)
    assert rows is not None
    assert hat.text(rows[0]) == text


def test_attributes_are_switched_one_by_one() -> None:
    hat = labels(("hat", "beard", "glasses"), "attributes")
    np.testing.assert_array_equal(hat.many({"hat": 1, "beard": True}), [[1, 1, 0]])
    np.testing.assert_array_equal(hat.many("glasses"), [[0, 0, 1]])
    np.testing.assert_array_equal(hat.many({}), [[0, 0, 0]])
    assert hat.text(hat.many({"hat": 1, "beard": 0.5})[0]) == "beard=0.5,hat=1"  # type: ignore[index]
    with pytest.raises(LabelError):
        hat.many({"hat": 1.5})


def test_a_file_with_an_index_takes_one_class() -> None:
    one = labels(form="index")
    ids = one.many(["bag", "A"])
    assert ids is not None
    assert ids.dtype == np.int64
    assert ids.tolist() == [2, 5]
    assert one.text(ids[1]) == "A"
    assert one.many({"bag": 1.0}).tolist() == [2]  # type: ignore[union-attr]
    with pytest.raises(LabelError, match="label weights"):
        one.many({"bag": 0.5, "A": 0.5})


def test_without_classes_there_is_no_label() -> None:
    none = labels((), "unconditional")
    assert none.many(None) is None
    assert none.text(None) is None
    with pytest.raises(LabelError):
        none.many("bag")


@given(st.lists(st.text(min_size=1).filter(is_name), min_size=1, max_size=8, unique=True))
def test_every_exact_name_is_found(names: list[str]) -> None:
    one = labels(tuple(names))
    for index, name in enumerate(names):
        assert one.index(name) == index
        assert one.index(index) == index


@given(st.lists(st.floats(0.01, 1.0), min_size=2, max_size=7))
def test_the_text_of_a_blend_reads_back_as_the_blend(weights: list[float]) -> None:
    one = labels(("ant", "bee", "cat", "dog", "elk", "fox", "gnu"))
    row = np.zeros(7)
    row[: len(weights)] = np.array(weights) / sum(weights)
    made = one.many(row)
    assert made is not None
    text = one.text(made[0])
    assert text is not None
    again = {name: float(weight) for name, _, weight in (part.partition("=") for part in text.split(","))}
    np.testing.assert_array_equal(one.many(again), made)


def test_numbers_that_no_float_holds_are_label_errors() -> None:
    generator = runtime.load(testing.TINY, device="cpu")
    first, second = generator.card.classes
    for label in ({first: 10**400}, {first: 1e308, second: 1e308}, b"\x01", bytearray(b"\x01")):
        with pytest.raises(runtime.LabelError):
            generator.generate(label, seeds=0)  # type: ignore[arg-type]
    for label in ([], [first, second]):
        with pytest.raises(runtime.LabelError, match="not one label"):
            generator.label_text(label)  # type: ignore[arg-type]
