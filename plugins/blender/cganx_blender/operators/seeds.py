# SPDX-License-Identifier: GPL-3.0-or-later
"""The same at the next seed, or the one before."""

import bpy

from ..materials import generated_image
from ..pictures import image_named, new_image, read_stamp, short_name, show, shown, stamp
from ..refusal import Refusal
from ..runs import Plan
from ..settings import MOST_SEED, settings
from ..work import make_pictures, make_textures
from .making import Choosing


class Stepping(Choosing):
    """Makes the shown image, or the picture of the active object's material, at another seed; else a new image."""

    step = 1

    def fill(self, context):
        """From the seed of the picture that is there, else the panel's; what the redo panel says stands."""
        if not self.properties.is_property_set("seed"):
            found = read_stamp(_picture(context))
            base = found.seed if found is not None else settings(context).seed
            if not 0 <= base + self.step <= MOST_SEED:
                raise Refusal(f"Seeds go from 0 to {MOST_SEED}: there is none beyond {base}")
            self.seed = base + self.step
        if read_stamp(_picture(context)) is None:  # else its generator and class are the picture's own
            super().fill(context)

    def draw(self, _context):
        """The redo panel: the rest is the picture's own."""
        self.layout.prop(self, "seed")

    def plan(self, context, now):
        """The old image makes way for the new one wherever it is used."""
        load, old, seed = now.loader(), _picture(context), self.seed
        found = read_stamp(old)
        if old is not None and not old.is_editable:
            raise Refusal(f"The image {old.name!r} is linked from another file: make it local first")
        wanted = self.wanted(seed) if found is None else found.wanted(now.models, seed)
        name = None if found is None else old.name

        def land(context, made):
            image = new_image(made)
            if name is None:
                show(context, image)
            else:
                _take_the_place_of(image_named(name), image, made)
            settings(context).seed = seed

        def finish(_context):
            return f"Seed {seed}"

        return Plan(lambda: make_textures(load, [wanted]) if found else make_pictures(load, [wanted]), 1, land, finish)


def _picture(context):
    """The generated image that is meant: the shown one, else that of the active object's material."""
    image = shown(context)
    if read_stamp(image) is not None:
        return image
    target = context.active_object
    return generated_image(target.active_material) if target is not None else None


def _take_the_place_of(old, image, made):
    image.colorspace_settings.name = old.colorspace_settings.name
    for material in bpy.data.materials:
        if material.is_editable and generated_image(material) == old and read_stamp(material) is not None:
            stamp(material, made)
            material.name = short_name(made.title)
    old.user_remap(image)
    bpy.data.images.remove(old)
    image.name = short_name(made.title)


class NextSeed(Stepping, bpy.types.Operator):
    """The shown or active picture at the next seed"""

    bl_idname = "cganx.next_seed"
    bl_label = "Next Seed"
    step = 1


class PreviousSeed(Stepping, bpy.types.Operator):
    """The shown or active picture at the seed before"""

    bl_idname = "cganx.previous_seed"
    bl_label = "Previous Seed"
    step = -1


CLASSES = (NextSeed, PreviousSeed)
