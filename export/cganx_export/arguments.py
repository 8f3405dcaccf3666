"""What a generator is called with, by the names of the file's inputs: the shapes for one picture, and random examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cganx.card import GeneratorCard, Source

__all__ = ["Inputs", "Open", "Size", "Space", "codes", "latents", "nominal", "truncations"]

Floats = NDArray[np.float32]
Space = tuple[int, int]
"""Height and width of a source."""
CELL = 8  # pixels a side of what random pictures and masks are made of


@dataclass(frozen=True)
class Open:
    """A size that goes with the source's height (axis 0) or width (axis 1): ``height``, ``width*4``, ``height/8``."""

    axis: int
    times: Fraction = Fraction(1)

    def at(self, space: Space) -> int:
        """The size where the source has that space."""
        return int(space[self.axis] * self.times)

    def __str__(self) -> str:
        name, part = ("height", "width")[self.axis], self.times
        if part == 1:
            return name
        return f"{name}/{part.denominator}" if part < 1 else f"{name}*{part.numerator}"


Size = int | Open


@dataclass(frozen=True)
class Inputs:
    """All that a generator takes: what its card says, whether that has a mask, and the shapes of its noise for one picture."""

    card: GeneratorCard
    mask: bool = False
    noise: tuple[tuple[Size, ...], ...] = ()

    @property
    def space(self) -> Space | None:
        """The nominal height and width of the source, None where there is none."""
        return None if self.card.source is None else nominal(self.card, self.card.source)

    @property
    def open(self) -> bool:
        """Whether height and width are open."""
        return self.card.source is not None and self.card.source.height is None

    def shapes(self) -> dict[str, tuple[Size, ...]]:
        """The inputs in their order, a label as weights, and what shape they have for one picture."""
        card, shapes = self.card, dict[str, tuple[Size, ...]]()
        if card.source is not None:
            sides: tuple[Size, Size] = (Open(0), Open(1)) if self.open else nominal(card, card.source)
            shapes["source"] = (card.source.channels, *sides)
            if self.mask:
                shapes["mask"] = (1, *sides)
        if card.latent is not None:
            shapes["latent"] = (card.latent.size,)
        if card.classes:
            shapes["label"] = (len(card.classes),)
        if card.codes:
            shapes["code"] = (len(card.codes),)
        if card.truncates:
            shapes["truncation"] = (1,)
        return shapes | {f"noise.{number}": shape for number, shape in enumerate(self.noise)}

    def image(self) -> tuple[Size, Size, Size]:
        """The shape of ``image`` for one picture."""
        card = self.card
        if self.open and card.source is not None:
            return card.image.channels, Open(0, Fraction(card.source.scale)), Open(1, Fraction(card.source.scale))
        return card.image.channels, card.image.height, card.image.width

    def sizes(self, shape: Sequence[Size], space: Space | None = None) -> tuple[int, ...]:
        """The shape in numbers, where the source has that space; the nominal one when not given."""
        space = space or self.space or (0, 0)
        return tuple(size.at(space) if isinstance(size, Open) else size for size in shape)

    def drawn(
        self, random: np.random.Generator, n: int, weights: Floats | None = None, space: Space | None = None
    ) -> dict[str, Floats]:
        """Random arguments of ``n`` pictures; ``weights`` [n, classes] are the label, by default each class in turn."""
        card = self.card
        if weights is None and card.classes:
            weights = np.eye(len(card.classes), dtype=np.float32)[np.arange(n) % len(card.classes)]
        given: dict[str, Floats] = {}
        for name, shape in self.shapes().items():
            sizes = (n, *self.sizes(shape, space))
            if name == "source":
                given[name] = _sources(random, sizes)
            elif name == "mask":
                given[name] = (_patches(random, sizes) > 0).astype(np.float32)
            elif name == "latent":
                given[name] = latents(card, random, n)
            elif name == "label":
                assert weights is not None
                given[name] = weights
            elif name == "code":
                given[name] = codes(card, random, n)
            elif name == "truncation":
                given[name] = truncations(random, n)
            else:
                given[name] = random.standard_normal(sizes, np.float32)
        return given

    def feeds(self, given: Mapping[str, Floats]) -> dict[str, NDArray[Any]]:
        """What the file takes for these arguments: a label as a class number, where the card wants that."""
        label = self.card.label
        if label is None or label.input == "weights":
            return dict(given)
        return {name: values.argmax(1).astype(np.int64) if name == "label" else values for name, values in given.items()}


def nominal(card: GeneratorCard, source: Source) -> Space:
    """Height and width of the source that the card speaks of: its own, or what gives the image's."""
    if source.height is not None and source.width is not None:
        return source.height, source.width
    return card.image.height // source.scale, card.image.width // source.scale


def latents(card: GeneratorCard, random: np.random.Generator, n: int) -> Floats:
    """``n`` random points of the card's distribution, float32 [n, latent]."""
    assert card.latent is not None
    if card.latent.distribution == "uniform":
        return random.uniform(-1, 1, (n, card.latent.size)).astype(np.float32)
    return random.standard_normal((n, card.latent.size), np.float32)


def codes(card: GeneratorCard, random: np.random.Generator, n: int) -> Floats:
    """``n`` random codes as in training and beyond, even over -2..2, float32 [n, codes]."""
    return random.uniform(-2, 2, (n, len(card.codes))).astype(np.float32)


def truncations(random: np.random.Generator, n: int) -> Floats:
    """``n`` random bounds, even over 0.1..1, float32 [n, 1]."""
    return random.uniform(0.1, 1, (n, 1)).astype(np.float32)


def _patches(random: np.random.Generator, sizes: tuple[int, ...]) -> Floats:
    """Even over -1..1, of one value in each cell."""
    n, channels, height, width = sizes
    cells = random.uniform(-1, 1, (n, channels, -(-height // CELL), -(-width // CELL))).astype(np.float32)
    return cells.repeat(CELL, 2).repeat(CELL, 3)[:, :, :height, :width]


def _sources(random: np.random.Generator, sizes: tuple[int, ...]) -> Floats:
    """Flat areas and edges, as pictures have them, and noise."""
    noise = random.standard_normal(sizes, np.float32)
    return np.clip(_patches(random, sizes) + 0.2 * noise, -1, 1).astype(np.float32)
