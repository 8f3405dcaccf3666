# SPDX-License-Identifier: GPL-3.0-or-later
"""A texture that changes over time: a walk from seed to seed."""

from dataclasses import replace
from pathlib import Path

import bpy
import numpy as np
from bpy.props import EnumProperty, IntProperty, StringProperty

from ..files import write_whole
from ..materials import Atlas, Look, check_can_take, new_material, put_on
from ..pictures import new_image, short_name, show, stamp
from ..png import png_bytes
from ..refusal import Refusal
from ..runs import Plan
from ..session import user_folder
from ..work import make_walk
from .images import seeds_from
from .making import FROM_PANEL, Choosing

MOST_PIXELS = 16384  # of an image's side, which graphics cards take
TARGET_ITEMS = [
    ("TIMELINE", "In the File", "All frames in one packed image, shown one after the other on the timeline", 0),
    ("SEQUENCE", "Image Sequence", "A folder of PNG files, one a frame", 1),
]


class TextureWalk(Choosing, bpy.types.Operator):
    """Make a texture that changes from seed to seed over the timeline, on the active object"""

    bl_idname = "cganx.texture_walk"
    bl_label = "Texture Walk"

    count: IntProperty(name="Seeds", description="Pictures to pass: this seed's and the next ones'", min=2, max=64, default=2)
    frames: IntProperty(name="Frames", description="Frames of the whole walk", min=2, max=2000, default=24)
    target: EnumProperty(name="Kept", items=TARGET_ITEMS)
    folder: StringProperty(
        name="Folder", description="Of the sequence; beside the .blend file when empty", subtype="DIR_PATH", options=FROM_PANEL
    )

    def plan(self, context, now):
        """Frames on the worker; files are written there too, Blender's data here."""
        target = context.active_object
        if target is not None:
            check_can_take(target)
        name = target.name if target is not None else None
        wanted = [self.wanted(seed) for seed in seeds_from(self.seed, self.count)]
        load, frames, start = now.loader(), self.frames, context.scene.frame_start
        card = now.models.get(self.model).card
        if self.target == "TIMELINE" and frames * card.image.height > MOST_PIXELS:
            most = MOST_PIXELS // card.image.height
            raise Refusal(f"{frames} frames are too many for one image: at most {most}, or keep them as an image sequence")
        folder = self._folder(wanted[0]) if self.target == "SEQUENCE" else None
        kept = []

        def make():
            for number, made in enumerate(make_walk(load, wanted, frames)):
                if folder is not None:
                    _write(folder, number, made)
                yield made

        def land(context, made):
            kept.append(made)
            if len(kept) < frames:
                return
            image, atlas = (_atlas(kept, start)) if folder is None else (_sequence(folder, made), None)
            material = new_material(f"{made.title} walk", image, Look(mapping="UV"), atlas)
            stamp(material, made)
            if atlas is None:
                _play(material, frames, start)
            found = bpy.data.objects.get((name, None)) if name else None
            if found is not None:
                put_on(found, material)
            else:
                material.use_fake_user = True
            show(context, image)

        def finish(_context):
            return f"Made a walk of {frames} frames" + (f" in {folder}" if folder else "")

        return Plan(make, frames, land, finish)

    def _folder(self, first):
        """Where the sequence goes. Raises Refusal where nothing can be written there."""
        if self.folder:
            parent = Path(bpy.path.abspath(self.folder))
        elif bpy.data.filepath:
            parent = Path(bpy.path.abspath("//cganx-walks"))
        else:
            parent = user_folder("walks")
        label = "".join(one if one.isalnum() else "-" for one in str(first.label or first.model))[:40]
        folder = parent / f"{first.model}-{label}-{first.seed}-{self.count}x{self.frames}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Refusal(f"Cannot write into {folder}: {error.strerror or error}") from None
        return folder


def _write(folder, number, made):
    write_whole(folder / f"{number + 1:04d}.png", png_bytes(made.pixels))


def _atlas(kept, start):
    """All frames above one another, the first at the top."""
    whole = replace(kept[0], pixels=np.concatenate([one.pixels for one in kept]))
    image = new_image(whole)
    image.name = short_name(f"{kept[0].title} walk")
    return image, Atlas(len(kept), start)


def _sequence(folder, made):
    image = bpy.data.images.load(str(folder / "0001.png"))
    image.source = "SEQUENCE"
    image.name = short_name(f"{made.title} walk")
    stamp(image, made)
    return image


def _play(material, frames, start):
    for node in material.node_tree.nodes:
        if node.type == "TEX_IMAGE":
            node.image_user.frame_duration = frames
            node.image_user.frame_start = start
            node.image_user.use_cyclic = True
            node.image_user.use_auto_refresh = True


CLASSES = (TextureWalk,)
