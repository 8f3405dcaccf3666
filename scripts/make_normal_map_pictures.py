"""Renders a material before and after its normal map: `python make_normal_map_pictures.py ZIP FOLDER ALBEDO...`, where
bpy is installed.

ALBEDO are one or two square pictures that the generator was not trained on, such as those of `albedo/test` of `cganx data build
texture-normals`. BLENDER_USER_RESOURCES must be an empty folder: the extension is installed there from its zip.
"""

from __future__ import annotations

import importlib
import math
import sys
from collections.abc import Sequence
from pathlib import Path

import bpy

WIDTH, HEIGHT, SAMPLES = 480, 320, 48


def main(extension: Path, folder: Path, pictures: Sequence[Path]) -> None:
    """Install it, and render ``normal-map-before.png`` and ``normal-map-after.png`` into ``folder``."""
    bpy.ops.extensions.package_install_files(filepath=str(extension), repo="user_default", enable_on_install=True)
    importlib.import_module("bl_ext.user_default.cganx")
    bpy.ops.wm.read_homefile(use_empty=True)
    planes = [plane(picture, place, len(pictures)) for place, picture in enumerate(pictures)]
    light_from_the_side()
    folder.mkdir(parents=True, exist_ok=True)
    render(folder / "normal-map-before.png")
    for one in planes:
        bpy.context.view_layer.objects.active = one
        bpy.ops.cganx.translate_image(model="normals")
    render(folder / "normal-map-after.png")


def plane(picture: Path, place: int, count: int) -> bpy.types.Object:
    """A plane that shows the picture, by the material that Blender makes when one opens an image as a base colour."""
    bpy.ops.mesh.primitive_plane_add(size=1, location=(place - (count - 1) / 2, 0, 0))
    made = bpy.context.active_object
    material = bpy.data.materials.new(picture.stem)
    if material.node_tree is None:
        material.use_nodes = True
    tree = material.node_tree
    shader = next(node for node in tree.nodes if node.type == "BSDF_PRINCIPLED")
    shader.inputs["Roughness"].default_value = 0.6
    texture = tree.nodes.new("ShaderNodeTexImage")
    texture.image = bpy.data.images.load(str(picture))
    tree.links.new(texture.outputs["Color"], shader.inputs["Base Color"])
    made.active_material = material
    return made


def light_from_the_side() -> None:
    """A sun that grazes the planes from the upper left, a little sky, and a camera above them that tilts a little."""
    scene = bpy.context.scene
    world = scene.world = bpy.data.worlds.new("sky")
    if world.node_tree is None:
        world.use_nodes = True
    world.node_tree.nodes["Background"].inputs["Color"].default_value = (0.75, 0.83, 1, 1)
    world.node_tree.nodes["Background"].inputs["Strength"].default_value = 0.15
    bpy.ops.object.light_add(type="SUN", rotation=(math.radians(-60), math.radians(-50), 0))
    bpy.context.active_object.data.energy = 9
    tilt = math.radians(15)
    bpy.ops.object.camera_add(location=(0, -2.6 * math.sin(tilt), 2.6 * math.cos(tilt)), rotation=(tilt, 0, 0))
    bpy.context.active_object.data.angle = math.radians(30)
    scene.camera = bpy.context.active_object


def render(path: Path) -> None:
    """By Cycles, on the processor."""
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.cycles.samples = SAMPLES
    scene.cycles.use_denoising = False
    scene.render.resolution_x, scene.render.resolution_y = WIDTH, HEIGHT
    scene.render.resolution_percentage = 100
    scene.render.image_settings.file_format = "PNG"
    scene.render.image_settings.color_mode = "RGB"
    scene.view_settings.view_transform = "Standard"
    scene.render.filepath = str(path)
    bpy.ops.render.render(write_still=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), [Path(one) for one in sys.argv[3:]])
