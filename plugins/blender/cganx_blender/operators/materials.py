# SPDX-License-Identifier: GPL-3.0-or-later
"""Seamless materials on objects, and others like them."""

import bpy
from bpy.props import EnumProperty, FloatProperty, IntProperty

from ..materials import Look, check_can_take, generated_image, new_material, put_on, replace_image
from ..pictures import new_image, read_stamp, stamp
from ..refusal import Refusal
from ..runs import Plan
from ..settings import MAPPING_ITEMS, MOST_SEED, SIZE_ITEMS
from ..work import make_textures
from .images import seeds_from
from .making import FROM_PANEL, Choosing, Making


class LooksLike:
    """How a picture becomes a surface: properties of operators that make materials."""

    size: EnumProperty(name="Size", items=SIZE_ITEMS, options=FROM_PANEL)
    mapping: EnumProperty(name="Mapping", items=MAPPING_ITEMS, options=FROM_PANEL)
    scale: FloatProperty(name="Scale", description="Repetitions over one unit", min=0.01, max=100, default=1.0)
    bump: FloatProperty(name="Bump", description="Depth of the dark parts", min=0, max=1, default=0.4, subtype="FACTOR")

    @property
    def look(self) -> Look:
        """Of the properties."""
        return Look(self.mapping, self.scale, self.bump)


class GenerateMaterial(LooksLike, Choosing, bpy.types.Operator):
    """Make a material of a class and put it on the active object"""

    bl_idname = "cganx.generate_material"
    bl_label = "Generate Material"

    count: IntProperty(
        name="Count",
        description="Materials, at one seed each; the object gets the first",
        min=1,
        max=1000,
        default=1,
        options=FROM_PANEL,
    )

    def more_from_panel(self):
        """The panel's size and mapping; a count is asked for here alone."""
        return ("size", "mapping")

    def plan(self, context, now):
        """A material a seed; the first goes on the active object."""
        target = context.active_object
        if target is not None:
            check_can_take(target)
        name = target.name if target is not None else None
        load, look, size = now.loader(), self.look, int(self.size)
        wanted = [self.wanted(seed, size) for seed in seeds_from(self.seed, self.count)]
        made_names = []

        def land(_context, made):
            material = material_of(made, look)
            found = bpy.data.objects.get((name, None)) if name and not made_names else None
            if found is not None:
                put_on(found, material)
            else:
                material.use_fake_user = True  # else it would be gone when the file is saved and opened again
            made_names.append(material.name)

        def finish(_context):
            if name is None:
                return f"Made the material {made_names[0]!r}; no object is active to put it on"
            return f"Made the material {made_names[0]!r} for {name!r}"

        return Plan(lambda: make_textures(load, wanted), len(wanted), land, finish)


def material_of(made, look):
    """A material with an image of its own, both saying what made them."""
    material = new_material(made.title, new_image(made), look)
    stamp(material, made)
    return material


class VarySelected(Making, bpy.types.Operator):
    """Give each selected object a variation of its generated material, at a seed of its own"""

    bl_idname = "cganx.vary_selected"
    bl_label = "Vary Selected"

    seed: IntProperty(
        name="Seed",
        description="The first object's seed; the next ones follow",
        min=0,
        max=MOST_SEED,
        options=FROM_PANEL,
    )

    def plan(self, context, now):
        """Each selected object's material is copied, with another picture of its class."""
        objects = {target.name: read_stamp(generated_image(target.active_material)) for target in context.selected_objects}
        stamps = {name: found for name, found in objects.items() if found is not None}
        if not objects:
            raise Refusal("No object is selected: select some that have generated materials")
        if not stamps:
            raise Refusal("No selected object has a generated material: generate one first")
        for name in stamps:
            check_can_take(bpy.data.objects[name])
        if not self.properties.is_property_set("seed"):
            self.seed = min(max(found.seed for found in stamps.values()) + 1, MOST_SEED)
        load = now.loader()
        names = iter(list(stamps))
        wanted = [
            found.wanted(now.models, seed)
            for found, seed in zip(stamps.values(), seeds_from(self.seed, len(stamps)), strict=True)
        ]

        def land(_context, made):
            target = bpy.data.objects.get((next(names), None))
            old = generated_image(target.active_material) if target is not None else None
            if old is None:
                return
            material = target.active_material.copy()
            replace_image(material, old, new_image(made), made)
            put_on(target, material, alone=True)

        def finish(_context):
            return f"Varied {len(wanted)} objects"

        return Plan(lambda: make_textures(load, wanted), len(wanted), land, finish)


CLASSES = (GenerateMaterial, VarySelected)
