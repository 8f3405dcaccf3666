# SPDX-License-Identifier: GPL-3.0-or-later
"""Images by class and seed."""

import bpy
from bpy.props import BoolProperty, IntProperty

from ..pictures import image_named, new_image, show
from ..refusal import Refusal
from ..runs import Plan
from ..settings import MOST_SEED
from ..work import make_pictures
from .making import FROM_PANEL, Choosing


class GenerateImage(Choosing, bpy.types.Operator):
    """Make images of a class, at one seed each"""

    bl_idname = "cganx.generate_image"
    bl_label = "Generate Image"

    count: IntProperty(
        name="Count", description="Images, at one seed each", min=1, soft_max=64, max=1000, default=1, options=FROM_PANEL
    )
    data: BoolProperty(
        name="Non-Color", description="The image is data, such as a height: its values are not converted", options=FROM_PANEL
    )

    def more_from_panel(self):
        """The panel's count."""
        return ("count",)

    def plan(self, context, now):
        """One image a seed; the last is shown, and in the shader editor gets a node."""
        load, data = now.loader(), self.data
        wanted = [self.wanted(seed) for seed in seeds_from(self.seed, self.count)]
        names = []
        material = _edited_material(context)

        def land(context, made):
            image = new_image(made, data=data)
            names.append(image.name)
            show(context, image)
            _add_node(material, image)

        def finish(_context):
            return f"Made {names[0]!r}" if len(names) == 1 else f"Made {len(names)} images"

        return Plan(lambda: make_pictures(load, wanted), len(wanted), land, finish)


def seeds_from(seed, count):
    """``count`` seeds. Raises Refusal where Blender's integers end before."""
    if seed + count - 1 > MOST_SEED:
        raise Refusal(f"Seeds end at {MOST_SEED}: choose a smaller one")
    return range(seed, seed + count)


def _edited_material(context):
    """The name of the material that the shader editor shows, where it was asked from one."""
    space = context.space_data
    if space is None or space.type != "NODE_EDITOR" or space.tree_type != "ShaderNodeTree":
        return None
    material = space.id if isinstance(space.id, bpy.types.Material) else None
    return material.name if material is not None and material.is_editable and material.node_tree is not None else None


def _add_node(material, image):
    found = bpy.data.materials.get((material, None)) if material else None
    if found is None:
        return
    nodes = found.node_tree.nodes
    lowest = min((node.location.y for node in nodes), default=0.0)
    for node in nodes:
        node.select = False
    node = nodes.new("ShaderNodeTexImage")
    node.image = image_named(image.name)
    node.location = (-600, lowest - 320)
    nodes.active = node


CLASSES = (GenerateImage,)
