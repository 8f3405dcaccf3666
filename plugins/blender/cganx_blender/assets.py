# SPDX-License-Identifier: GPL-3.0-or-later
"""Materials as assets: marked, tagged, with the picture itself as the preview, in this file or in a library's."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import bpy
import numpy as np

from .files import discard
from .models import Model
from .pictures import blender_pixels
from .refusal import Refusal
from .work import Made

PREVIEW = 128  # pixels


def mark(material: bpy.types.Material, made: Made, model: Model) -> None:
    """Make it an asset that the browser shows with its picture and finds by class and generator."""
    material.asset_mark()
    about = material.asset_data
    for tag in dict.fromkeys(one for one in ("cganx", made.model, made.label) if one):
        about.tags.new(tag, skip_if_exists=True)
    about.description = f"{made.label or made.model}, seed {made.seed}, by {made.model}"
    about.author = "cganx"
    licence = model.card.licences.get("data")
    if isinstance(licence, str):
        about.license = licence
    preview = material.preview_ensure()
    pixels = _preview_pixels(made)
    preview.image_size = pixels.shape[1], pixels.shape[0]
    preview.image_pixels_float.foreach_set(blender_pixels(pixels))


def _preview_pixels(made: Made) -> np.ndarray:
    """The picture, repeated or thinned out to about the preview's size."""
    height, width, _ = made.pixels.shape
    rows = np.arange(PREVIEW) * height // PREVIEW
    columns = np.arange(PREVIEW) * width // PREVIEW
    return made.pixels[rows][:, columns]


def write_library(folder: Path, name: str, materials: Sequence[bpy.types.Material]) -> Path:
    """Write a .blend file with these materials into an asset library's folder, whole or not at all. Raises Refusal."""
    path = folder / f"{name}.blend"
    scratch = folder / f".{name}.{os.getpid()}.blend"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # absolute paths, for the file is not this one; fake users, for nothing else holds the materials there
        bpy.data.libraries.write(str(scratch), set(materials), path_remap="ABSOLUTE", fake_user=True)
        scratch.replace(path)
    except (OSError, RuntimeError) as error:
        raise Refusal(f"Cannot write the asset library {path}: is its disk full? ({_cause(error)})") from None
    finally:
        for left in (scratch, scratch.with_name(f"{scratch.name}@")):
            discard(left)
    return path


def _cause(error: Exception) -> str:
    return " ".join(str(error).removeprefix("Error: ").split()) or type(error).__name__
