import json
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cganx import errors, runtime
from cganx.card import FORMAT, GeneratorCard, Image, Label, Latent, Source, is_name
from cganx.errors import CardMismatch, CganxError, NewerFormat

TEXT = st.text(min_size=1, max_size=20).filter(is_name)
IMAGES = st.builds(Image, height=st.integers(1, 4096), width=st.integers(1, 4096), channels=st.sampled_from([1, 3]))
LATENTS = st.builds(Latent, size=st.integers(1, 4096), distribution=st.sampled_from(["normal", "uniform"]))
PLAIN = st.dictionaries(TEXT, st.one_of(TEXT, st.integers(), st.floats(allow_nan=False, allow_infinity=False)), max_size=3)


@given(TEXT, st.lists(TEXT, min_size=1, max_size=5, unique=True), IMAGES, LATENTS, PLAIN)
def test_a_card_survives_json(name: str, classes: list[str], image: Image, latent: Latent, facts: dict[str, object]) -> None:
    card = GeneratorCard(name=name, classes=tuple(classes), image=image, latent=latent, method=facts, licences=facts)
    assert GeneratorCard.from_json(card.to_json()) == card
    assert card.to_json() == GeneratorCard.from_json(card.to_json()).to_json()


def plain() -> dict[str, object]:
    card = GeneratorCard(name="x", classes=("a", "b"), image=Image(height=4, width=5, channels=3), latent=Latent(size=2))
    return dict(json.loads(card.to_json()))


def test_the_json_has_the_keys_of_the_contract() -> None:
    card = plain()
    assert list(card)[:4] == ["format", "name", "kind", "classes"]
    assert card["classes"] == ["a", "b"]
    assert card["label"] == {"input": "weights"}
    assert card["latent"] == {"size": 2, "distribution": "normal"}
    assert card["image"] == {"height": 4, "width": 5, "channels": 3, "color_space": "srgb", "tileable": False}
    for key in ("codes", "truncation", "method", "training", "metrics", "parity", "licences"):
        assert key in card


def test_unknown_keys_are_kept_and_newer_formats_refused_by_number() -> None:
    card = GeneratorCard.from_json(json.dumps(plain() | {"smell": ["rose"]}))
    assert card.extra == {"smell": ["rose"]}
    assert json.loads(card.to_json())["smell"] == ["rose"]
    with pytest.raises(NewerFormat, match=str(FORMAT + 1)):
        GeneratorCard.from_json(json.dumps(plain() | {"format": FORMAT + 1}))


@pytest.mark.parametrize(
    "change",
    [
        {"format": "1"},
        {"format": 0},
        {"name": ""},
        {"kind": "text"},
        {"classes": "ab"},
        {"classes": ["a", "a"]},
        {"classes": ["a", 3]},
        {"classes": []},
        {"kind": "unconditional"},
        {"label": {"input": "name"}},
        {"label": 3},
        {"latent": {"size": 0}},
        {"latent": {}},
        {"latent": {"size": 2, "distribution": "cauchy"}},
        {"latent": None},
        {"image": None},
        {"image": {"height": 4, "width": 4, "channels": 2}},
        {"image": {"height": 4.5, "width": 4, "channels": 1}},
        {"image": {"height": 4, "width": 4, "channels": 1, "color_space": "normals"}},
        {"image": {"height": True, "width": 4, "channels": 1}},
        {"source": {"channels": 3}},
        {"method": []},
        {"truncation": 1},
        {"codes": [1]},
    ],
)
def test_a_card_that_does_not_fit_together_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(CardMismatch):
        GeneratorCard.from_json(json.dumps(plain() | change))


@pytest.mark.parametrize("text", ["", "[]", "{", '{"name": 1, "name": 2}', "NaN", '{"format": 1}', "[" * 100_000])
def test_what_is_not_a_card_is_refused(text: str) -> None:
    with pytest.raises(CardMismatch):
        GeneratorCard.from_json(text)


def test_kinds_of_cards() -> None:
    image, latent = Image(height=4, width=4, channels=1), Latent(size=2)
    assert GeneratorCard(name="x", kind="unconditional", image=image, latent=latent).label is None
    assert GeneratorCard(name="x", kind="attributes", classes=("hat",), image=image, latent=latent).label == Label()
    styled = GeneratorCard(name="x", kind="image-to-image", classes=("ink",), image=image, source=Source(channels=1))
    assert styled.label == Label()
    assert styled.latent is None
    assert styled.source is not None
    assert styled.source.context is None
    assert GeneratorCard.from_json(styled.to_json()) == styled
    with pytest.raises(CardMismatch):
        GeneratorCard(name="x", kind="attributes", classes=("hat",), image=image, latent=latent, label=Label(input="index"))


def test_an_image_to_image_card() -> None:
    image = Image(height=16, width=8, channels=3)
    source = Source(channels=3, height=8, width=4, multiple=4, scale=2, context=0)
    card = GeneratorCard(name="x", kind="image-to-image", image=image, source=source)
    assert GeneratorCard.from_json(card.to_json()) == card


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"context": -1}, "source.context"),
        ({"context": True}, "source.context"),
        ({"context": 1 << 40}, "source.context"),
        ({"context": 2.5}, "source.context"),
        ({"scale": 0}, "source.scale"),
        ({"scale": 1 << 40}, "source.scale"),
        ({"multiple": 0}, "source.multiple"),
        ({"multiple": 1 << 40}, "source.multiple"),
        ({"multiple": 3}, "not divisible by 3"),
        ({"height": None}, "one is open and the other is not"),
        ({"channels": 2}, "source.channels"),
        ({"scale": 3}, "image.height is 16, but source.height is 8 and source.scale 3"),
    ],
)
def test_a_source_that_does_not_fit_is_refused(change: dict[str, object], said: str) -> None:
    source = {"channels": 3, "height": 8, "width": 4, "multiple": 4, "scale": 2, "context": 5}
    image = {"height": 16, "width": 8, "channels": 3}
    known = {"format": 1, "name": "x", "kind": "image-to-image", "image": image}
    with pytest.raises(CardMismatch, match=said):
        GeneratorCard.from_json(json.dumps(known | {"source": source | change}))


@pytest.mark.parametrize("more", [{"latent": {"size": 2}}, {"codes": ["tilt"]}, {"truncation": {"input": True}}])
def test_nothing_is_drawn_beside_a_source(more: dict[str, object]) -> None:
    image = {"height": 16, "width": 8, "channels": 3}
    known = {"format": 1, "name": "x", "kind": "image-to-image", "image": image, "source": {"channels": 3}}
    with pytest.raises(CardMismatch, match="neither latent nor codes nor truncation"):
        GeneratorCard.from_json(json.dumps(known | more))


def test_every_error_is_public_in_the_runtime_and_of_one_tree() -> None:
    for name in errors.__all__:
        error = getattr(errors, name)
        assert getattr(runtime, name) is error
        assert name in runtime.__all__
        assert issubclass(error, CganxError)
        assert error.__name__ in (errors.__doc__ or "")
    assert issubclass(errors.ModelNotFound, FileNotFoundError)
    assert issubclass(errors.LabelError, ValueError)
    assert issubclass(errors.SeedError, ValueError)


def test_the_runtime_s_public_names_are_there_once() -> None:
    assert len(set(runtime.__all__)) == len(runtime.__all__)
    assert all(hasattr(runtime, name) for name in runtime.__all__)


@pytest.mark.parametrize(
    "error",
    [
        errors.ModelNotFound("gone", model="a.onnx"),
        errors.DeviceUnavailable(requested="cuda", active="cpu", missing="libcuda", fix="pip install it"),
        errors.LabelError("no"),
    ],
)
def test_errors_survive_pickling(error: CganxError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert vars(again) == vars(error)


def test_names_that_are_not_there_are_said_so() -> None:
    with pytest.raises(AttributeError, match="no attribute 'lode'"):
        runtime.lode  # noqa: B018
    assert set(runtime.__all__) <= set(dir(runtime))


@pytest.mark.parametrize("name", ["\ud800", "a\nb", "\x1b[2J", "\x7f", "\u2029", "\u202egnp.exe", "x" * 1001, ""])
def test_what_cannot_be_shown_on_one_line_is_no_name(name: str) -> None:
    assert not is_name(name)


@pytest.mark.parametrize("name", ["T-shirt/top", "\U0001f469\u200d\U0001f680", "e\u0301", " ", "x" * 1000, "\u05d0\u200f"])
def test_other_texts_are_names(name: str) -> None:
    assert is_name(name)


@pytest.mark.parametrize("changes", [{"classes": ("\ud800", "b")}, {"name": "\udfff"}])
def test_half_of_a_surrogate_pair_is_no_text(changes: dict[str, Any]) -> None:
    given: dict[str, Any] = {"name": "x", "classes": ("a", "b"), "latent": Latent(size=1)} | changes
    with pytest.raises(CardMismatch):
        GeneratorCard(image=Image(height=8, width=8, channels=1), **given)


@pytest.mark.parametrize("place", ["method", "licences", "a later key"])
def test_half_of_a_surrogate_pair_is_refused_anywhere_in_the_text(place: str) -> None:
    """JSON may escape it, and then neither a sidecar nor a hash can be written."""
    card = GeneratorCard(name="x", kind="unconditional", latent=Latent(size=1), image=Image(height=8, width=8, channels=1))
    text = json.dumps(json.loads(card.to_json()) | {place: {"by": "\U0001f469"}})
    assert GeneratorCard.from_json(text).to_json().encode()
    with pytest.raises(CardMismatch, match="half of a surrogate pair"):
        GeneratorCard.from_json(text.replace("\\ud83d", ""))


def test_a_colour_space_is_a_name() -> None:
    with pytest.raises(CardMismatch, match="color_space"):
        Image(height=8, width=8, channels=1, color_space="\x1b[2J")


def test_what_an_open_source_becomes_has_an_end() -> None:
    with pytest.raises(CardMismatch, match=r"image.width is 131,072, over 65,536"):
        GeneratorCard(
            name="x",
            kind="image-to-image",
            image=Image(height=1 << 16, width=1 << 17, channels=1),
            source=Source(channels=1),
        )
