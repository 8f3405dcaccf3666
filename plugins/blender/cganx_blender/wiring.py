# SPDX-License-Identifier: GPL-3.0-or-later
"""A material's image and its place in the nodes, and another image beside it or in its place. Nothing is taken away."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import bpy

COPIED = ("projection", "projection_blend", "extension", "interpolation")


@dataclass(frozen=True)
class Spot:
    """The nodes where an image becomes a base colour, by names: an undo makes references point at nothing."""

    material: str
    texture: str
    shader: str


def base_colour(material: bpy.types.Material | None) -> tuple[Spot, bpy.types.Image] | None:
    """Where the material's base colour comes from an image, and that image; None where it does not."""
    if material is None or material.node_tree is None:
        return None
    out = material.node_tree.get_output_node("ALL")
    if out is None:
        return None
    for shader in _before(out.inputs["Surface"]):
        if shader.type == "BSDF_PRINCIPLED":
            for node in _before(shader.inputs["Base Color"]):
                if node.type == "TEX_IMAGE" and node.image is not None:
                    return Spot(material.name, node.name, shader.name), node.image
    return None


def put(spot: Spot, image: bpy.types.Image, *, normals: bool, replace: bool) -> str:
    """Add nodes for the image, mapped as the spot's own one is, and say in a few words what came of it.

    A normal map is linked where nothing is yet, all else only to ``replace``; what was linked stays there, unlinked.
    """
    material = bpy.data.materials.get((spot.material, None))
    tree = material.node_tree if material is not None else None
    if tree is None or spot.texture not in tree.nodes or spot.shader not in tree.nodes:
        return "its material is not there any more"
    old, shader = tree.nodes[spot.texture], tree.nodes[spot.shader]
    texture = _beside(tree, old, image)
    if not normals:
        if replace:
            _take_over(tree, old, texture)
            return f"it is in the place of {old.image.name!r}" if old.image is not None else "it is in the image's place"
        return "its node is not linked: choose Replace for the old one's place"
    normal_map = tree.nodes.new("ShaderNodeNormalMap")
    normal_map.location = texture.location[0] + 300, texture.location[1]
    normal_map.uv_map = _uv_map(old)
    tree.links.new(texture.outputs["Color"], normal_map.inputs["Color"])
    end = shader.inputs["Normal"]
    if end.is_linked and not replace:
        return "its nodes are not linked, for the material has normals already: choose Replace for their place"
    tree.links.new(normal_map.outputs["Normal"], end)
    if old.projection != "FLAT":
        return "it is linked, but normals need UV mapping, and this material has none"
    return "the material's normals are linked to it"


def _before(socket: bpy.types.NodeSocket) -> Iterator[bpy.types.Node]:
    """The nodes that lead into it, the nearest first; colours before factors."""
    waiting, seen = [socket], set()
    while waiting:
        for link in waiting.pop(0).links:
            node = link.from_node
            if node.name not in seen:
                seen.add(node.name)
                yield node
                waiting += sorted(node.inputs, key=lambda one: one.type not in ("RGBA", "SHADER"))


def _beside(tree: bpy.types.NodeTree, old: bpy.types.Node, image: bpy.types.Image) -> bpy.types.Node:
    lowest = min(node.location.y for node in tree.nodes)
    node = tree.nodes.new("ShaderNodeTexImage")
    node.image = image
    node.location = old.location.x, lowest - 320
    for name in COPIED:
        setattr(node, name, getattr(old, name))
    for link in old.inputs["Vector"].links:
        tree.links.new(link.from_socket, node.inputs["Vector"])
    for one in tree.nodes:
        one.select = one == node
    return node


def _take_over(tree: bpy.types.NodeTree, old: bpy.types.Node, new: bpy.types.Node) -> None:
    for name in ("Color", "Alpha"):
        for end in [link.to_socket for link in old.outputs[name].links]:
            tree.links.new(new.outputs[name], end)


def _uv_map(texture: bpy.types.Node) -> str:
    return next((node.uv_map for node in _before(texture.inputs["Vector"]) if node.type == "UVMAP"), "")
