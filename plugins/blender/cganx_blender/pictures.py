# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures -> Blender's images, and the properties that say how to make them again.

numpy's row 0 is the top, Blender's the bottom. uint8 0..255 here, float 0..1 there: Blender rounds to the same byte.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, TypeAlias

import bpy
import numpy as np

from .labels import label_from_text
from .models import Models
from .refusal import Refusal
from .translation import Source
from .work import Made, Wanted, check_same_file

Array: TypeAlias = "np.ndarray[Any, Any]"
COLOUR_SPACES = ("gray", "srgb")  # of cards, that hold what is to be seen; any other is data
NOT_BY_SEED = ("cganx.walk", "cganx.source")
ONE_PICTURE = ("FILE", "GENERATED", "VIEWER")
NAME_BYTES = 63  # of Blender's data before 5.0


@dataclass(frozen=True)
class Stamp:
    """What an image's custom properties say of it."""

    model: str
    sha256: str
    label: str
    seed: int
    truncation: float
    size: int

    def wanted(self, models: Models, seed: int | None = None) -> Wanted:
        """The request that makes it again, or with another seed. Raises Refusal where its generator is not there."""
        model = models.get(self.model)
        check_same_file(self.sha256, model.sha256, self.model)
        label = label_from_text(model.card, self.label)
        return Wanted(self.model, label, self.seed if seed is None else seed, self.truncation, self.size)


def new_image(made: Made, *, data: bool = False) -> bpy.types.Image:
    """An image of its own with these pixels, packed into the .blend file. ``data``: not a colour, so it is not converted.

    Packed as the PNG that the worker has made: to have Blender pack 1,024 pixels would hold the interface for half a second.
    """
    image = bpy.data.images.new(short_name(made.title), 1, 1, alpha=False, float_buffer=False)
    image.pack(data=made.png, data_len=len(made.png))
    image.source = "FILE"
    is_colour = made.color_space in COLOUR_SPACES and not data
    image.colorspace_settings.name = "sRGB" if is_colour else "Non-Color"
    stamp(image, made)
    return image


def blender_pixels(pixels: Array) -> Array:
    """uint8 [height, width, 1 or 3] -> float32 [height * width * 4], from the bottom row up."""
    height, width, _ = pixels.shape
    rgba = np.ones((height, width, 4), np.float32)
    rgba[..., :3] = pixels[::-1].astype(np.float32) / np.float32(255)
    return rgba.ravel()


def read_pixels(image: bpy.types.Image) -> Array:
    """uint8 [height, width, 3] of an image, from the top row down."""
    width, height = image.size
    values = np.empty(width * height * 4, np.float32)
    image.pixels.foreach_get(values)
    levels = np.clip(np.rint(values.reshape(height, width, 4)[::-1, :, :3] * 255), 0, 255)
    return np.ascontiguousarray(levels.astype(np.uint8))


def read_source(image: bpy.types.Image) -> Source:
    """What a generator is given of any image. Raises Refusal where it has no pixels, or more than one picture."""
    if image.source not in ONE_PICTURE:
        raise Refusal(f"{image.name!r} is a {image.source.lower()}, and one picture is translated: save one, and open that")
    width, height = image.size
    channels = image.channels
    if not width * height * channels or len(image.pixels) != width * height * channels:
        raise Refusal(f"{image.name!r} has no pixels to read: is its file missing? Save it as a file, or open that anew")
    values = np.empty(width * height * channels, np.float32)
    image.pixels.foreach_get(values)
    return Source(
        image.name,
        values.reshape(height, width, channels),
        linear=image.is_float and not image.colorspace_settings.is_data,
        opaque=image.alpha_mode in ("NONE", "CHANNEL_PACKED"),
    )


def short_name(text: str) -> str:
    """A text that Blender takes as a name, cut where it is too long."""
    return text.encode()[:NAME_BYTES].decode(errors="ignore")


def stamp(block: bpy.types.ID, made: Made) -> None:
    """Write down how it was made, by the keys that picture files have too."""
    block["cganx.model"] = made.model
    block["cganx.sha256"] = made.sha256
    block["cganx.label"] = made.label
    # Blender's integers have 32 bits
    block["cganx.seed"] = made.seed if made.seed < 2**31 else str(made.seed)
    if made.source:
        block["cganx.source"] = made.source
        return
    block["cganx.truncation"] = float(made.truncation)
    block["cganx.size"] = int(max(made.pixels.shape[:2]))


def stamp_walk(block: bpy.types.ID, made: Made, seeds: int, frames: int) -> None:
    """The same for a walk from ``made`` over ``seeds`` seeds, which is no picture that another seed could take the place of."""
    stamp(block, made)
    del block["cganx.size"]
    block["cganx.walk"] = f"{seeds} seeds, {frames} frames"


def read_stamp(block: bpy.types.ID | None) -> Stamp | None:
    """What `stamp` wrote; None where nothing is, where no other seed makes another, or what is there is not readable."""
    if block is None or block.get("cganx.model") is None or any(block.get(key) is not None for key in NOT_BY_SEED):
        return None
    try:
        stamp = Stamp(
            str(block["cganx.model"]),
            str(block["cganx.sha256"]),
            str(block["cganx.label"]),
            int(block["cganx.seed"]),
            float(block.get("cganx.truncation", 0.0)),
            int(block.get("cganx.size", 0)),
        )
    except (KeyError, ValueError, TypeError, OverflowError):
        return None
    possible = 0 <= stamp.seed < 2**64 and 0 <= stamp.truncation < math.inf and 0 <= stamp.size < 2**31
    return stamp if possible else None


def read_origin(image: bpy.types.Image | None) -> str:
    """In a few words, of which image it was made and by what; empty where it was not."""
    if image is None or image.get("cganx.source") is None:
        return ""
    style = f", {image['cganx.label']}" if image.get("cganx.label") else ""
    return f"Of {image['cganx.source']}, by {image.get('cganx.model', '')}{style}"


def show(context: bpy.types.Context, image: bpy.types.Image) -> None:
    """Put the image into the image editor that is asked from, else into one that is open."""
    space = context.space_data
    if space is None or space.type != "IMAGE_EDITOR":
        screen = context.screen
        spaces = [area.spaces.active for area in screen.areas if area.type == "IMAGE_EDITOR"] if screen else []
        space = next((one for one in spaces if not one.use_image_pin), None)
    if space is not None:
        space.image = image


def shown(context: bpy.types.Context) -> bpy.types.Image | None:
    """The image of the image editor that is asked from."""
    space = context.space_data
    return space.image if space is not None and space.type == "IMAGE_EDITOR" else None


def image_named(name: str) -> bpy.types.Image:
    """The image of that name in this file. Raises Refusal where an undo has taken it away."""
    image = bpy.data.images.get((name, None))
    if image is None:
        raise Refusal(f"The image {name!r} is not there any more")
    return image
