# SPDX-License-Identifier: GPL-3.0-or-later
"""What the worker thread does: requests -> pictures. numpy and the runtime alone; Blender is not touched here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from typing import Any, TypeAlias

import numpy as np

from cganx.runtime import Generator
from cganx.runtime import latents as draws

from .labels import Label
from .png import png_bytes
from .refusal import Refusal
from .textures import LARGEST, near, seamless_texture
from .walks import walk_points

Array: TypeAlias = "np.ndarray[Any, Any]"
BATCH = 16  # pictures between two looks at whether to stop
PATCHES = 12  # pictures of one class that a larger texture is made of
STREAM = 32  # bits that the seeds of a texture's further pictures lie above its own


@dataclass(frozen=True)
class Made:
    """A picture, uint8 [height, width, channels], and all that it takes to make it again; ``source``: from which image."""

    model: str
    sha256: str
    label: str
    seed: int
    truncation: float
    color_space: str
    pixels: Array = field(repr=False)
    source: str = ""

    @cached_property
    def png(self) -> bytes:
        """The picture as a file, which takes long to make for large ones: the worker does."""
        return png_bytes(self.pixels)

    @property
    def title(self) -> str:
        """A short name: the class and the seed, or the image and what was made of it."""
        if self.source:
            return f"{self.source} {self.label or self.model}"
        return f"{self.label or self.model} {self.seed}"


@dataclass(frozen=True)
class Wanted:
    """One picture: ``size`` 0 is the generator's own; ``truncation`` 0 is none."""

    model: str
    label: Label
    seed: int
    truncation: float = 0.0
    size: int = 0


Load: TypeAlias = Callable[[str], Generator]


def make_pictures(load: Load, wanted: Sequence[Wanted]) -> Iterator[Made]:
    """A picture for each, in order. They are of one generator and one truncation."""
    if not wanted:
        return
    generator = load(wanted[0].model)
    rest = iter(wanted)
    while batch := list(islice(rest, BATCH)):
        labels = [one.label for one in batch]
        pixels = generator.generate(
            labels if generator.card.classes else None,
            [one.seed for one in batch],
            truncation=batch[0].truncation or None,
            batch_size=BATCH,
        )
        for one, picture in zip(batch, pixels, strict=True):
            yield _made(generator, one, np.asarray(picture))


def make_textures(load: Load, wanted: Sequence[Wanted]) -> Iterator[Made]:
    """A texture for each: where its size is over the generator's own, sewn of several pictures of the class."""
    for one in wanted:
        generator = load(one.model)
        height, width, _ = generator.picture_shape
        if one.size <= max(height, width):
            yield from make_pictures(load, [one])
            continue
        if one.size > LARGEST:
            raise Refusal(f"{one.size:,} pixels a side are asked for, and {LARGEST:,} is the most")
        yield _made(generator, one, seamless_texture(_alike(generator, one), one.size, one.seed))


def patch_seeds(seed: int) -> list[int]:
    """The seeds of the pictures that one texture is made of: its own, and such as no other seed's texture has."""
    return [seed, *((((seed + 1) << STREAM) + further) % 2**64 for further in range(1, PATCHES))]


def _alike(generator: Generator, one: Wanted) -> Array:
    """The wanted picture and others that look like it, uint8 [PATCHES, height, width, channels]."""
    card, seeds = generator.card, patch_seeds(one.seed)
    drawn_here = card.latent is not None and card.latent.distribution == "normal" and not card.truncates
    if card.latent is None or not drawn_here or any(name.startswith("noise.") for name in generator.inputs):
        return np.asarray(generator.generate(one.label, seeds, truncation=one.truncation or None))
    bounds = np.full(PATCHES, one.truncation) if one.truncation else None
    latents = draws.normal(np.array(seeds, np.uint64), card.latent.size, truncation=bounds)
    return np.asarray(generator.generate(one.label, latents=near(latents)))


def make_walk(load: Load, wanted: Sequence[Wanted], frames: int) -> Iterator[Made]:
    """``frames`` pictures on the way from the first wanted one to the next, and so on to the last."""
    generator = load(wanted[0].model)
    points, weights = walk_points(generator, wanted, frames)
    for start in range(0, frames, BATCH):
        part = slice(start, start + BATCH)
        pixels = generator.generate(None if weights is None else weights[part], latents=points[part], batch_size=BATCH)
        for picture in pixels:
            yield _made(generator, wanted[0], np.asarray(picture))


def _made(generator: Generator, one: Wanted, pixels: Array) -> Made:
    made = Made(
        model=one.model,
        sha256=generator.sha256,
        label=generator.label_text(one.label) or "",
        seed=one.seed,
        truncation=one.truncation,
        color_space=generator.card.image.color_space,
        pixels=pixels,
    )
    _ = made.png  # here, on the worker's thread
    return made


def check_same_file(made_by: str, generator_sha256: str, model: str) -> None:
    """Raises Refusal where a picture was made by another file of the same name."""
    if made_by != generator_sha256:
        raise Refusal(f"The generator {model!r} is not the file that made this picture: it would not be the same picture")
