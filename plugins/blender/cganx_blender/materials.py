# SPDX-License-Identifier: GPL-3.0-or-later
"""A picture -> a Principled material: colour from it, and height and roughness from its brightness, by nodes."""

from __future__ import annotations

from dataclasses import dataclass

import bpy

from .pictures import read_stamp, short_name, stamp
from .refusal import Refusal
from .work import Made


@dataclass(frozen=True)
class Look:
    """How the picture lies on the surface: BOX (from three sides, by the object's own measures) or UV, and how rough it is."""

    mapping: str = "BOX"
    scale: float = 1.0
    bump: float = 0.4
    smooth: float = 0.45
    rough: float = 0.9


@dataclass(frozen=True)
class Atlas:
    """Frames that lie one above the other in one image, the first at the top, each shown for one frame of the timeline."""

    frames: int
    start: int


def new_material(name: str, image: bpy.types.Image, look: Look, atlas: Atlas | None = None) -> bpy.types.Material:
    """A material that shows ``image``. Where it is an atlas, its coordinates follow the timeline."""
    material = bpy.data.materials.new(short_name(name))
    if material.node_tree is None:
        material.use_nodes = True
    tree = material.node_tree
    tree.nodes.clear()
    texture = _texture(tree, image, look, atlas)
    shader = _node(tree, "ShaderNodeBsdfPrincipled", 300, 0)
    out = _node(tree, "ShaderNodeOutputMaterial", 600, 0)
    grey = _node(tree, "ShaderNodeRGBToBW", -300, -250)
    roughness = _node(tree, "ShaderNodeMapRange", 0, -150, label="Roughness")
    roughness.inputs["To Min"].default_value = look.rough
    roughness.inputs["To Max"].default_value = look.smooth
    bump = _node(tree, "ShaderNodeBump", 0, -420, label="Normal from height")
    bump.inputs["Strength"].default_value = look.bump
    bump.inputs["Distance"].default_value = 0.05 * look.scale
    for start, end in (
        (texture.outputs["Color"], shader.inputs["Base Color"]),
        (texture.outputs["Color"], grey.inputs["Color"]),
        (grey.outputs["Val"], roughness.inputs["Value"]),
        (grey.outputs["Val"], bump.inputs["Height"]),
        (roughness.outputs["Result"], shader.inputs["Roughness"]),
        (bump.outputs["Normal"], shader.inputs["Normal"]),
        (shader.outputs["BSDF"], out.inputs["Surface"]),
    ):
        tree.links.new(start, end)
    return material


def _texture(tree: bpy.types.NodeTree, image: bpy.types.Image, look: Look, atlas: Atlas | None) -> bpy.types.Node:
    box = look.mapping == "BOX" and atlas is None
    place = _node(tree, "ShaderNodeTexCoord", -1100, 0)
    mapping = _node(tree, "ShaderNodeMapping", -900, 0)
    mapping.inputs["Scale"].default_value = (look.scale,) * 3
    texture = _node(tree, "ShaderNodeTexImage", -600, 0)
    texture.image = image
    texture.projection = "BOX" if box else "FLAT"
    if box:
        texture.projection_blend = 0.15
    tree.links.new(place.outputs["Object" if box else "UV"], mapping.inputs["Vector"])
    coordinates = mapping.outputs["Vector"] if atlas is None else _frame_of(tree, mapping.outputs["Vector"], atlas)
    if atlas is not None:
        texture.interpolation = "Closest"  # else a frame's edge would take from its neighbour
    tree.links.new(coordinates, texture.inputs["Vector"])
    return texture


def _frame_of(tree: bpy.types.NodeTree, vector: bpy.types.NodeSocket, atlas: Atlas) -> bpy.types.NodeSocket:
    """Coordinates of one picture -> those of the frame's strip of the atlas: (x, (y + frames - 1 - frame) / frames)."""
    inside = _node(tree, "ShaderNodeVectorMath", -860, 250)
    inside.operation = "FRACTION"
    strip = _node(tree, "ShaderNodeCombineXYZ", -860, 400, label="Frame")
    moved = _node(tree, "ShaderNodeVectorMath", -700, 250)
    moved.operation = "ADD"
    shrunk = _node(tree, "ShaderNodeVectorMath", -540, 250)
    shrunk.operation = "MULTIPLY"
    shrunk.inputs[1].default_value = (1.0, 1.0 / atlas.frames, 1.0)
    driver = strip.inputs["Y"].driver_add("default_value").driver
    driver.type = "SCRIPTED"  # of an expression that Blender computes by itself, without Python
    driver.expression = f"{atlas.frames - 1} - fmod(max(floor(frame) - {atlas.start}, 0), {atlas.frames})"
    tree.links.new(vector, inside.inputs[0])
    tree.links.new(inside.outputs["Vector"], moved.inputs[0])
    tree.links.new(strip.outputs["Vector"], moved.inputs[1])
    tree.links.new(moved.outputs["Vector"], shrunk.inputs[0])
    return shrunk.outputs["Vector"]


def _node(tree: bpy.types.NodeTree, kind: str, x: float, y: float, label: str = "") -> bpy.types.Node:
    node = tree.nodes.new(kind)
    node.location = (x, y)
    node.label = label
    return node


def check_can_take(target: bpy.types.Object) -> None:
    """Raises Refusal where a material cannot be put on the object."""
    if not target.is_editable:
        raise Refusal(f"{target.name!r} is linked from another file: make it local, or choose another object")
    if target.data is None or not hasattr(target.data, "materials"):
        raise Refusal(f"{target.name!r} takes no material: choose a mesh, a curve or a text")
    if not target.data.is_editable and not target.material_slots:
        raise Refusal(f"The mesh of {target.name!r} is linked from another file and has no place for a material")


def put_on(target: bpy.types.Object, material: bpy.types.Material, *, alone: bool = False) -> None:
    """Make it the object's active material; ``alone``: not that of other objects which share its mesh."""
    check_can_take(target)
    shared = target.data.users - target.data.use_fake_user > 1
    if not target.data.is_editable or (alone and shared and target.material_slots):
        target.material_slots[target.active_material_index].link = "OBJECT"
    target.active_material = material


def generated_image(material: bpy.types.Material | None) -> bpy.types.Image | None:
    """The image of a material that was generated, if it has one."""
    if material is None or material.node_tree is None:
        return None
    images = (node.image for node in material.node_tree.nodes if node.type == "TEX_IMAGE")
    return next((image for image in images if read_stamp(image) is not None), None)


def replace_image(material: bpy.types.Material, old: bpy.types.Image, new: bpy.types.Image, made: Made) -> None:
    """Show ``new`` where the material showed ``old``."""
    for node in material.node_tree.nodes:
        if node.type == "TEX_IMAGE" and node.image == old:
            node.image = new
    stamp(material, made)
    material.name = short_name(made.title)
