"""A file and data brought together: that it can translate these sources into such targets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from cganx.card import GeneratorCard, Source
from cganx.data import TranslationSet
from cganx.errors import DataError, ModelError

__all__ = ["FEWEST", "INPAINT", "Translator", "require_back", "require_fit", "source_of"]

INPAINT = "inpaint"
FEWEST = 2
"""Held-out pictures; an interval needs halves of them."""

COLOURS: Mapping[int, str] = {1: "grey", 3: "colour"}


class Translator(Protocol):
    """What is judged: a loaded image-to-image generator."""

    @property
    def card(self) -> GeneratorCard:
        """What it is."""

    @property
    def sha256(self) -> str:
        """Which file it is."""

    @property
    def inputs(self) -> tuple[str, ...]:
        """Its inputs' names."""

    def translate(self, pictures: NDArray[np.uint8], *, label: Any = None, seeds: Any = None, mask: Any = None) -> Any:
        """Pictures uint8 [n, height, width, channels] from such."""


def source_of(card: GeneratorCard) -> Source:
    """What it takes. Raises ModelError where it is no image-to-image generator."""
    if card.source is None:
        raise ModelError(
            f"its kind is {card.kind!r}, and pairs, unpaired pictures and tasks judge image-to-image generators: give pictures "
            "of its classes by --data alone",
            model=card.name,
        )
    return card.source


def require_fit(generator: Translator, data: TranslationSet) -> None:
    """Raises ModelError or DataError where the file cannot translate these sources into such targets; see the messages."""
    card, source = generator.card, source_of(generator.card)
    if source.scale != data.scale:
        raise ModelError(
            f"what it makes is {source.scale} times as large as its source, and in {data.name} {data.scale} times: judge it by "
            "the task that it was trained for",
            model=card.name,
        )
    _require_shape(card.name, "takes", (source.height, source.width, source.channels), data.train.source, data.name)
    sizes = (None, None) if source.height is None else (card.image.height, card.image.width)
    _require_shape(card.name, "makes", (*sizes, card.image.channels), data.train.target, data.name)
    if "mask" in generator.inputs and data.task != INPAINT:
        raise ModelError("it fills holes, so it is judged by --data DATA --task inpaint", model=card.name)
    if "mask" not in generator.inputs and data.task == INPAINT:
        raise ModelError("it takes no mask, so it cannot be judged by the task inpaint", model=card.name)
    _require_styles(card, data)
    fewest = min(len(data.test.source), len(data.test.target))
    if fewest < FEWEST:
        raise DataError(f"{data.name}: {fewest} held-out pictures are too few to judge by, give at least {FEWEST}")


def require_back(card: GeneratorCard, there: GeneratorCard) -> None:
    """Raises ModelError where ``card`` is not of a generator that goes the way back of ``there``."""
    back, source = source_of(card), source_of(there)
    if card.classes:
        raise ModelError("it has styles, and a way back is judged of files without", model=card.name)
    if (back.scale, source.scale) != (1, 1) or (back.channels, card.image.channels) != (there.image.channels, source.channels):
        raise ModelError(f"it does not take what {there.name} makes and give what that takes", model=card.name)


def _require_shape(
    name: str, does: str, shape: tuple[int | None, int | None, int], pictures: NDArray[np.uint8], data: str
) -> None:
    have = pictures.shape[1:]
    if shape[2] != have[2]:
        raise ModelError(
            f"it {does} {COLOURS[shape[2]]} pictures, and those of {data} were loaded in {COLOURS[have[2]]}", model=name
        )
    if any(side not in (None, there) for side, there in zip(shape[:2], have[:2], strict=True)):
        raise ModelError(
            f"it {does} pictures of {shape[1]} x {shape[0]}, and those of {data} were loaded as {have[1]} x {have[0]}",
            model=name,
        )


def _require_styles(card: GeneratorCard, data: TranslationSet) -> None:
    unknown = [name for name in data.classes if name not in card.classes]
    if unknown and not card.classes:
        raise DataError(f"{data.name} has styles such as {unknown[0]!r}, and {card.name} has none: give the pictures of one")
    if unknown:
        raise DataError(
            f"{data.name} has the style {unknown[0]!r}, and {card.name} knows {', '.join(card.classes)}: leave it out"
        )
    if card.classes and not data.classes:
        raise DataError(
            f"{card.name} has the styles {', '.join(card.classes)}, and {data.name} has none: give real pictures of at least "
            "two of them, each style's in a folder of its name"
        )
