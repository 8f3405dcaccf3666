# SPDX-License-Identifier: GPL-3.0-or-later
"""What the worker does with pictures: an image's values -> what a generator makes of them. Blender is not touched here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from cganx.runtime import Generator

from .labels import Label
from .models import Model
from .refusal import Refusal
from .work import Load, Made
from .worker import Watch

Array: TypeAlias = "np.ndarray[Any, Any]"
TILE = 512  # pixels of a side, where the file does not ask for less
MOST_TILE = 1536
MARGIN = 64  # pixels that a picture which repeats is continued by
MOST_SIDE = 16384  # of an image, which graphics cards take
HALF = 128  # levels of alpha: what has fewer is to be filled


@dataclass(frozen=True)
class Source:
    """An image's values as Blender holds them: float32 [height, width, 1 to 4 channels], from the bottom row up.

    ``linear``: they are light, multiplied by their alpha, as in images of floats; else what a picture file has. ``opaque``: the
    fourth channel is no transparency.
    """

    name: str
    values: Array = field(repr=False)
    linear: bool = False
    opaque: bool = False

    def picture(self) -> tuple[Array, Array | None]:
        """uint8 [height, width, 1 or 3] from the top row down; its alpha uint8 [height, width], unless all is opaque.

        What is transparent lies on white, as in training.
        """
        values = np.nan_to_num(self.values[::-1], posinf=1.0, neginf=0.0)
        channels = values.shape[2]
        colour, alpha = (values[..., :3], values[..., 3:]) if channels >= 3 else (values[..., :1], values[..., 1:])
        if self.opaque or not alpha.size or alpha.min() > 1 - 0.5 / 255:
            return _levels(_srgb(colour) if self.linear else colour), None
        if self.linear:
            colour = _srgb(np.divide(colour, alpha, out=np.zeros_like(colour), where=alpha > 0))
        alpha = np.clip(alpha, 0, 1)
        return _levels(np.clip(colour, 0, 1) * alpha + 1 - alpha), _levels(alpha)[..., 0]


@dataclass(frozen=True)
class Translation:
    """One picture of a source. ``wraps``: it repeats, and so shall the result. ``colour``: the result is to be seen, and with
    ``alpha`` keeps that of the source. ``tile`` 0: as large as goes.
    """

    model: Model
    label: Label
    seed: int
    source: Source
    wraps: bool = False
    colour: bool = True
    alpha: bool = True
    tile: int = 0


def check_size(wanted: Translation) -> None:
    """Raises Refusal where the result would be larger than Blender can show."""
    scale = wanted.model.scale
    side = scale * max(wanted.source.values.shape[:2])
    if side > MOST_SIDE:
        raise Refusal(f"{wanted.source.name!r} would get {side:,} pixels a side, and {MOST_SIDE:,} is the most: reduce it")


def make_translation(load: Load, wanted: Translation, watch: Watch) -> Iterator[Made]:
    """The picture that the generator makes. Raises Refusal, CganxError."""
    generator = load(wanted.model.name)
    picture, alpha = wanted.source.picture()
    mask = _mask(wanted.source.name, alpha) if wanted.model.fills else None
    margin = MARGIN if wanted.wraps else 0
    (made,) = generator.translate_stream(
        [_wrapped(picture, margin)],
        label=wanted.label,
        seeds=[wanted.seed],
        masks=None if mask is None else [_wrapped(mask, margin)],
        tile=wanted.tile or tile_of(wanted.model),
        watch=watch,
    )
    scale = wanted.model.scale
    height, width = (side * scale for side in picture.shape[:2])
    pixels = np.asarray(made)[margin * scale :, margin * scale :][:height, :width]
    if alpha is not None and mask is None and wanted.colour and wanted.alpha:
        pixels = cut_out(pixels, enlarged(alpha, scale))
    yield _made(generator, wanted, pixels)


def tile_of(model: Model) -> int | None:
    """A side of tiles in which a picture of any size can be made; None where the runtime knows a good one."""
    source = model.card.source
    assert source is not None
    if source.height is not None and source.width is not None:
        return max(source.height, source.width)
    side = model.tile or TILE
    side = max(side - side % source.multiple, source.multiple)
    if source.context is None:
        return side
    margin = -(-source.context // source.multiple) * source.multiple
    return 3 * margin if 2 * margin >= side and 3 * margin <= MOST_TILE else None


def enlarged(plane: Array, scale: int) -> Array:
    """uint8 [height, width] -> uint8 [height * scale, width * scale], linear between the middles of pixels."""
    if scale == 1:
        return plane
    values = plane.astype(np.float32)
    for axis in (0, 1):
        length = values.shape[axis]
        places = np.clip((np.arange(length * scale, dtype=np.float32) + 0.5) / scale - 0.5, 0, length - 1)
        low = places.astype(np.intp)
        share = np.expand_dims(places - low, 1 - axis)
        high = np.minimum(low + 1, length - 1)
        values = np.take(values, low, axis) * (1 - share) + np.take(values, high, axis) * share
    return np.rint(values).astype(np.uint8)


def cut_out(pixels: Array, alpha: Array) -> Array:
    """A picture uint8 [height, width, channels] that lies on white with this alpha -> the same with it, and no white."""
    share = alpha[..., None].astype(np.float32) / 255
    colour = np.divide(pixels - 255 * (1 - share), share, out=np.full(pixels.shape, 255, np.float32), where=share > 0)
    return np.dstack([np.rint(np.clip(colour, 0, 255)).astype(np.uint8), alpha])


def _mask(name: str, alpha: Array | None) -> Array:
    if alpha is None or alpha.min() >= HALF:
        raise Refusal(f"This generator fills what is transparent, and nothing of {name!r} is: erase the alpha of what is to go")
    mask: Array = alpha < HALF
    return mask


def _wrapped(picture: Array, margin: int) -> Array:
    padded: Array = np.pad(picture, [(margin, margin)] * 2 + [(0, 0)] * (picture.ndim - 2), mode="wrap")
    return padded


def _levels(values: Array) -> Array:
    levels: Array = np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)
    return levels


def _srgb(light: Array) -> Array:
    """Light 0..1 as sRGB stores it (IEC 61966-2-1)."""
    light = np.clip(light, 0, 1)
    stored: Array = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return stored


def _made(generator: Generator, wanted: Translation, pixels: Array) -> Made:
    made = Made(
        model=wanted.model.name,
        sha256=generator.sha256,
        label=generator.label_text(wanted.label) or "",
        seed=wanted.seed,
        truncation=0.0,
        color_space="srgb" if wanted.colour else "non-color",
        pixels=pixels,
        source=wanted.source.name,
    )
    _ = made.png  # here, on the worker's thread
    return made
