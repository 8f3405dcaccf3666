"""GeneratorCard: what a generator is. Written into the file by export, read from it by the runtime.

The card is one JSON object under the metadata key ``cganx.card``. Only the standard library is used here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from math import isfinite
from typing import Any, TypeVar

from cganx.errors import CardMismatch, NewerFormat

__all__ = ["CARD_KEY", "FORMAT", "HASH_KEY", "KINDS", "GeneratorCard", "Image", "Label", "Latent", "Source"]

FORMAT = 1
CARD_KEY = "cganx.card"
HASH_KEY = "cganx.sha256"
KINDS = ("class", "attributes", "unconditional", "image-to-image")
LONGEST_TEXT = 1 << 20  # of a card's JSON, in characters
LONGEST_NAME = 1000
DEEPEST = 64
DISTRIBUTIONS = ("normal", "uniform")
LABEL_INPUTS = ("weights", "index")
CHANNELS = {1: "gray", 3: "srgb"}
LARGEST_SIDE = 1 << 16  # of what an open source becomes; that of all others the graph tells
LARGEST_MULTIPLE = 1 << 16
LARGEST_SCALE = 64
FARTHEST_CONTEXT = 1 << 16


def _refuse_unless(condition: bool, message: str) -> None:
    if not condition:
        raise CardMismatch(f"the card is not valid: {message}")


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


# Control characters, ends of lines, changes of direction, halves of surrogate pairs.
_UNSPEAKABLE = (("\0", "\x1f"), ("\x7f", "\x9f"), ("\u2028", "\u202e"), ("\u2066", "\u2069"), ("\ud800", "\udfff"))


def is_name(text: str) -> bool:
    """Whether it can be a name: written, shown on one line and read as it stands, and not endless."""
    return 0 < len(text) <= LONGEST_NAME and not any(first <= letter <= last for letter in text for first, last in _UNSPEAKABLE)


def _text(value: object) -> bool:
    return isinstance(value, str) and is_name(value)


@dataclass(frozen=True, kw_only=True)
class Latent:
    """The random point: ``size`` float32 values, N(0, 1) for ``normal`` and -1..1 for ``uniform``."""

    size: int
    distribution: str = "normal"

    def __post_init__(self) -> None:
        _refuse_unless(_whole(self.size), f"latent.size is {self.size!r}, not a positive whole number")
        _refuse_unless(
            self.distribution in DISTRIBUTIONS,
            f"latent.distribution is {self.distribution!r}, not one of {DISTRIBUTIONS}",
        )


@dataclass(frozen=True, kw_only=True)
class Label:
    """How the file takes a label: ``weights`` float32 [batch, classes], or ``index`` int64 [batch]."""

    input: str = "weights"

    def __post_init__(self) -> None:
        _refuse_unless(self.input in LABEL_INPUTS, f"label.input is {self.input!r}, not one of {LABEL_INPUTS}")


@dataclass(frozen=True, kw_only=True)
class Image:
    """The picture: pixels, channels (1 or 3), colour space, and whether it repeats seamlessly.

    Colour space: ``gray`` or ``srgb`` for what is to be seen, ``normals`` for a map of normals in tangent space with green for
    what faces up, any other name for other data.
    """

    height: int
    width: int
    channels: int
    color_space: str = ""
    tileable: bool = False

    def __post_init__(self) -> None:
        for name in ("height", "width"):
            _refuse_unless(_whole(getattr(self, name)), f"image.{name} is {getattr(self, name)!r}, not a positive whole number")
        _refuse_unless(_whole(self.channels) and self.channels in CHANNELS, f"image.channels is {self.channels!r}, not 1 or 3")
        _refuse_unless(isinstance(self.tileable, bool), f"image.tileable is {self.tileable!r}, not true or false")
        if self.color_space == "":
            object.__setattr__(self, "color_space", CHANNELS[self.channels])
        _refuse_unless(
            _text(self.color_space), f"image.color_space is no text of 1 to {LONGEST_NAME:,} characters, none for control"
        )
        _refuse_unless(
            self.color_space != "normals" or self.channels == 3, "image.color_space is normals, which take 3 channels"
        )


@dataclass(frozen=True, kw_only=True)
class Source:
    """The picture that an image-to-image generator takes.

    ``height`` and ``width`` are None where the graph leaves them open; they are then multiples of ``multiple``. What it makes
    is ``scale`` times as large. ``context``: how many pixels of the source around a place its result depends on (what lies
    further off moves it by less than half a level); None where that is the whole picture, or unknown.
    """

    channels: int
    height: int | None = None
    width: int | None = None
    multiple: int = 1
    scale: int = 1
    context: int | None = None

    def __post_init__(self) -> None:
        _refuse_unless(_whole(self.channels) and self.channels in CHANNELS, f"source.channels is {self.channels!r}, not 1 or 3")
        for name in ("height", "width"):
            value = getattr(self, name)
            _refuse_unless(value is None or _whole(value), f"source.{name} is {value!r}, not a positive whole number or null")
        _refuse_unless(
            (self.height is None) == (self.width is None), "of source.height and source.width one is open and the other is not"
        )
        for name, most in (("multiple", LARGEST_MULTIPLE), ("scale", LARGEST_SCALE)):
            value = getattr(self, name)
            _refuse_unless(_whole(value) and value <= most, f"source.{name} is {value!r}, not a whole number of 1 to {most:,}")
        for name in ("height", "width"):
            value = getattr(self, name)
            _refuse_unless(
                value is None or value % self.multiple == 0, f"source.{name} {value} is not divisible by {self.multiple}"
            )
        _refuse_unless(
            self.context is None or self.context == 0 or (_whole(self.context) and self.context <= FARTHEST_CONTEXT),
            f"source.context is {self.context!r}, not a whole number of 0 to {FARTHEST_CONTEXT:,} or null",
        )


@dataclass(frozen=True, kw_only=True)
class GeneratorCard:
    """What a generator is: its kind, classes, tensors and where it came from.

    ``classes`` are the ordered names, empty where nothing is chosen by label. ``codes`` names the columns of the
    ``code`` input. ``truncation`` is ``{"input": true}`` where the graph truncates by itself. ``method``, ``training``,
    ``metrics``, ``parity`` and ``licences`` are free JSON objects that people and reports read; the runtime does not.
    Keys that this version does not know are kept in ``extra`` and written back.

    Raises CardMismatch where the parts do not fit together.

    >>> from cganx.card import GeneratorCard, Image, Latent
    >>> card = GeneratorCard(
    ...     name="pets", classes=("cat", "dog"), latent=Latent(size=8), image=Image(height=4, width=6, channels=3)
    ... )
    >>> card.label, card.image.color_space
    (Label(input='weights'), 'srgb')
    >>> GeneratorCard.from_json(card.to_json()) == card
    True
    >>> GeneratorCard(name="pets", classes=("cat", "cat"), latent=card.latent, image=card.image)
    Traceback (most recent call last):
    cganx.errors.CardMismatch: the card is not valid: classes holds the same name twice
    """

    name: str
    image: Image
    kind: str = "class"
    classes: tuple[str, ...] = ()
    label: Label | None = None
    latent: Latent | None = None
    codes: tuple[str, ...] = ()
    truncation: Mapping[str, Any] | None = None
    source: Source | None = None
    method: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    parity: Mapping[str, Any] = field(default_factory=dict)
    licences: Mapping[str, Any] = field(default_factory=dict)
    format: int = FORMAT
    extra: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("classes", "codes"):
            names = getattr(self, name)
            _refuse_unless(
                isinstance(names, (list, tuple)) and all(_text(one) for one in names),
                f"{name} is not a list of names: texts of at most {LONGEST_NAME:,} characters without control characters",
            )
            object.__setattr__(self, name, tuple(names))
            _refuse_unless(len(set(names)) == len(names), f"{name} holds the same name twice")
        _refuse_unless(_text(self.name), f"name is not a text of at most {LONGEST_NAME:,} characters, none for control")
        _refuse_unless(self.kind in KINDS, f"kind is {self.kind!r}, not one of {KINDS}")
        for name in ("method", "training", "metrics", "parity", "licences", "extra"):
            _refuse_unless(isinstance(getattr(self, name), Mapping), f"{name} is not an object")
        _refuse_unless(self.truncation is None or isinstance(self.truncation, Mapping), "truncation is not an object or null")
        if self.kind in ("class", "attributes"):
            _refuse_unless(bool(self.classes), f"kind {self.kind!r} needs classes")
        if self.kind == "unconditional":
            _refuse_unless(not self.classes, "kind 'unconditional' has no classes")
        if self.classes and self.label is None:
            object.__setattr__(self, "label", Label())
        _refuse_unless(self.label is None or bool(self.classes), "label is given, but there are no classes")
        _refuse_unless(
            self.label is None or self.label.input == "weights" or self.kind != "attributes",
            "kind 'attributes' takes label weights, not an index",
        )
        _refuse_unless((self.source is not None) == (self.kind == "image-to-image"), "source belongs to kind 'image-to-image'")
        _refuse_unless(self.latent is not None or self.source is not None, "neither latent nor source is given")
        if self.source is not None:
            self._check_source(self.source)

    def _check_source(self, source: Source) -> None:
        _refuse_unless(
            self.latent is None and not self.codes and not self.truncates,
            "an image-to-image generator takes neither latent nor codes nor truncation",
        )
        for name in ("height", "width"):
            made, taken = getattr(self.image, name), getattr(source, name)
            _refuse_unless(
                taken is None or made == taken * source.scale,
                f"image.{name} is {made}, but source.{name} is {taken} and source.scale {source.scale}",
            )
            _refuse_unless(made <= LARGEST_SIDE, f"image.{name} is {made:,}, over {LARGEST_SIDE:,}")

    @property
    def truncates(self) -> bool:
        """Whether the graph has a ``truncation`` input."""
        return bool(self.truncation and self.truncation.get("input"))

    def to_json(self) -> str:
        """The card as JSON text, the same text each time for the same card."""
        card: dict[str, Any] = {
            "format": self.format,
            "name": self.name,
            "kind": self.kind,
            "classes": list(self.classes),
        }
        card["label"] = None if self.label is None else {"input": self.label.input}
        for name, part in (("latent", self.latent), ("image", self.image), ("source", self.source)):
            card[name] = None if part is None else {one.name: getattr(part, one.name) for one in fields(part)}
        card["codes"] = list(self.codes)
        for name in ("truncation", "method", "training", "metrics", "parity", "licences"):
            card[name] = getattr(self, name)
        unknown = {name: value for name, value in self.extra.items() if name not in card}
        return json.dumps(card | unknown, ensure_ascii=False, allow_nan=False, default=_plain)

    @classmethod
    def from_json(cls, text: str) -> GeneratorCard:
        """The card of a JSON text. Raises CardMismatch where it is not one, NewerFormat where it is a later format."""
        _refuse_unless(len(text) <= LONGEST_TEXT, f"it has more than {LONGEST_TEXT:,} characters; say less in it")
        try:
            card = json.loads(
                text, object_pairs_hook=_object_without_twins, parse_constant=_refuse_constant, parse_float=_finite
            )
        except (ValueError, RecursionError) as error:
            raise CardMismatch(f"the card is not valid JSON: {error}") from None
        _refuse_unless(_depth_is_within(card, DEEPEST), f"it nests more than {DEEPEST} objects and lists")
        _refuse_unless(isinstance(card, dict), "it is not a JSON object")
        _refuse_unless(_writable(card), "it holds half of a surrogate pair, which no text can be written with")
        number = card.get("format")
        _refuse_unless(_whole(number), f"format is {number!r}, not a positive whole number")
        if number > FORMAT:
            raise NewerFormat(
                f"the card has format {number}; this cganx reads up to format {FORMAT}. Update it: pip install -U cganx"
            )
        for name in ("name", "image"):
            _refuse_unless(name in card, f"{name} is missing")
        known = {one.name for one in fields(cls)} - {"extra"}
        values = {name: value for name, value in card.items() if name in known}
        parts = {"label": Label, "latent": Latent, "image": Image, "source": Source}
        values |= {name: _part(part, card.get(name), name) for name, part in parts.items()}
        return cls(**values, extra={name: value for name, value in card.items() if name not in known})


_Part = TypeVar("_Part", Label, Latent, Image, Source)


def _part(cls: type[_Part], value: object, name: str) -> _Part | None:
    if value is None and name != "image":
        return None
    if not isinstance(value, dict):
        raise CardMismatch(f"the card is not valid: {name} is not an object")
    known = {one.name for one in fields(cls)}
    try:
        return cls(**{key: one for key, one in value.items() if key in known})
    except TypeError:
        raise CardMismatch(f"the card is not valid: {name} lacks one of {sorted(known)}") from None


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"a card holds only plain JSON values, not {type(value).__name__}")


def _object_without_twins(pairs: list[tuple[str, object]]) -> dict[str, object]:
    names = dict(pairs)
    if len(names) != len(pairs):
        raise ValueError("an object holds the same key twice")
    return names


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


def _writable(card: Mapping[str, object]) -> bool:
    """Whether all its texts are; an escape in JSON can be half of a pair."""
    try:
        json.dumps(card, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _finite(text: str) -> float:
    number = float(text)
    if not isfinite(number):  # 1e999 would be infinity, which no JSON can be written with
        raise ValueError(f"{text} is out of range")
    return number


def _depth_is_within(value: object, most: int) -> bool:
    if not isinstance(value, (dict, list)):
        return True
    return most > 0 and all(_depth_is_within(one, most - 1) for one in (value.values() if isinstance(value, dict) else value))
