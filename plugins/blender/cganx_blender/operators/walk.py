# SPDX-License-Identifier: GPL-3.0-or-later
"""A texture that changes over time: a walk from seed to seed."""

import os
import shutil
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import bpy
import numpy as np
from bpy.props import EnumProperty, IntProperty, StringProperty

from ..files import mark_of, write_whole
from ..materials import Atlas, Look, check_can_take, new_material, put_on
from ..pictures import new_image, short_name, show, stamp_walk
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
        """Frames on the worker; files are written there too, Blender's data here, when all frames are there."""
        target = context.active_object
        if target is not None:
            check_can_take(target)
        name = target.name if target is not None else None
        wanted = [self.wanted(seed) for seed in seeds_from(self.seed, self.count)]
        load, frames, start = now.loader(), self.frames, context.scene.frame_start
        kept = self._kept(wanted, now.models.get(self.model))
        landed = []

        def make():
            with closing(kept):
                for number, made in enumerate(make_walk(load, wanted, frames)):
                    kept.keep(number, made)
                    yield made

        def land(context, made):
            landed.append(made.seed)
            if len(landed) < frames:
                return
            image, atlas = kept.image(made, start)
            material = new_material(f"{made.title} walk", image, Look(mapping="UV"), atlas)
            for block in (image, material):
                stamp_walk(block, made, self.count, frames)
            if atlas is None:
                _play(material, frames, start)
            found = bpy.data.objects.get((name, None)) if name else None
            if found is not None:
                put_on(found, material)
            else:
                material.use_fake_user = True
            show(context, image)

        def finish(_context):
            return f"Made a walk of {frames} frames{kept.where}"

        return Plan(make, frames, land, finish)

    def _kept(self, wanted, model):
        """Where the frames go. Raises Refusal where they cannot."""
        if self.target == "SEQUENCE":
            return _Files(self._folder(wanted, model), self.frames)
        height = model.card.image.height
        if self.frames * height > MOST_PIXELS:
            raise Refusal(
                f"{self.frames} frames are too many for one image: at most {MOST_PIXELS // height}, "
                "or keep them as an image sequence"
            )
        return _InFile()

    def _folder(self, wanted, model):
        if self.folder:
            parent = Path(bpy.path.abspath(self.folder))
        elif bpy.data.filepath:
            parent = Path(bpy.path.abspath("//cganx-walks"))
        else:
            parent = user_folder("walks")
        first = wanted[0]
        label = "".join(one if one.isalnum() else "-" for one in str(first.label or first.model))[:40]
        mark = mark_of(model.sha256, wanted, self.frames)
        return parent / f"{first.model}-{label}-{first.seed}-{self.count}x{self.frames}-{mark}"


class _InFile:
    """Frames above one another in one image, the first at the top."""

    where = ""

    def __init__(self):
        self._frames = []

    def keep(self, _number, made):
        self._frames.append(made.pixels)

    def close(self):
        """Nothing is open."""

    def image(self, made, start):
        image = new_image(replace(made, pixels=np.concatenate(self._frames)))
        image.name = short_name(f"{made.title} walk")
        return image, Atlas(len(self._frames), start)


class _Files:
    """A folder of PNG files, which takes its name when all are written."""

    def __init__(self, folder, frames):
        self.where = f" in {folder}"
        self._folder, self._frames = folder, frames
        self._scratch = folder.with_name(f".{folder.name}.{os.getpid()}.part")
        try:
            self._scratch.mkdir(parents=True)
        except OSError as error:
            raise Refusal(f"Cannot write into {folder.parent}: {error.strerror or error}") from None

    def keep(self, number, made):
        write_whole(self._scratch / f"{number + 1:04d}.png", made.png)
        if number + 1 == self._frames:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._scratch.rename(self._folder)

    def close(self):
        shutil.rmtree(self._scratch, ignore_errors=True)

    def image(self, made, _start):
        image = bpy.data.images.load(str(self._folder / "0001.png"))
        image.source = "SEQUENCE"
        image.name = short_name(f"{made.title} walk")
        return image, None


def _play(material, frames, start):
    for node in material.node_tree.nodes:
        if node.type == "TEX_IMAGE":
            node.image_user.frame_duration = frames
            node.image_user.frame_start = start
            node.image_user.use_cyclic = True
            node.image_user.use_auto_refresh = True


CLASSES = (TextureWalk,)
