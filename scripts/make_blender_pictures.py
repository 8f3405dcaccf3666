"""Renders the pictures of plugins/blender/README.md: `python make_blender_pictures.py ZIP FOLDER`, where bpy is installed.

BLENDER_USER_RESOURCES must be an empty folder: the extension is installed there from its zip.
"""

from __future__ import annotations

import importlib
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy

CLASSES = ("brick", "concrete", "earth", "grass", "rock", "roof", "tiles", "wood")
WIDTH, HEIGHT, SAMPLES = 800, 320, 24


def main(extension: Path, folder: Path) -> None:
    """Install the extension, and render each scene into ``folder``."""
    bpy.ops.extensions.package_install_files(filepath=str(extension), repo="user_default", enable_on_install=True)
    importlib.import_module("bl_ext.user_default.cganx")
    folder.mkdir(parents=True, exist_ok=True)
    scenes: dict[str, Callable[[], None]] = {"materials": every_class, "varied": varied, "sizes": sizes}
    for name, fill in scenes.items():  # the seeds are chosen by eye
        empty_scene()
        fill()
        render(folder / f"{name}.webp")


def every_class() -> None:
    """A block of each class, in the order of the card."""
    for place, label in enumerate(CLASSES):
        block((place % 4 * 2.6 - 3.9, 1.6 - place // 4 * 2.8, 0.8), turned=0.5)
        bpy.ops.cganx.generate_material(label=label, seed=0, size="256", scale=0.5)
    look_at((0, 0, 0.6), distance=15.5, width=11.5)


def varied() -> None:
    """One material, varied over six walls."""
    for place in range(6):
        block((place * 1.9 - 4.75, 0, 1), turned=0.0, size=(1.8, 0.4, 2))
        bpy.ops.cganx.generate_material(label="roof", seed=11, size="256", scale=0.4)
    bpy.ops.object.select_all(action="SELECT")
    bpy.data.objects["ground"].select_set(False)
    bpy.ops.cganx.vary_selected(seed=40)
    look_at((0, 0, 0.9), distance=15, width=11.9)


def sizes() -> None:
    """The generator's own 64 pixels repeated, and 1,024 pixels sewn of several pictures, on walls of one size."""
    for place, (size, scale) in enumerate((("0", 4.0), ("1024", 0.25))):
        block((place * 4.4 - 2.2, 0, 2), turned=0.0, size=(4.2, 0.4, 4))
        bpy.ops.cganx.generate_material(label="rock", seed=7, size=size, scale=scale, bump=0.2)
    look_at((0, 0, 1.95), distance=15, width=9.6)


def empty_scene() -> None:
    """A ground, a sun, a bright sky."""
    bpy.ops.wm.read_homefile(use_empty=True)
    scene = bpy.context.scene
    world = scene.world = bpy.data.worlds.new("sky")
    if world.node_tree is None:
        world.use_nodes = True
    world.node_tree.nodes["Background"].inputs["Color"].default_value = (0.75, 0.83, 1, 1)
    bpy.ops.object.light_add(type="SUN", rotation=(0.8, 0.25, 0.5))
    bpy.context.active_object.data.energy = 2.0
    bpy.ops.mesh.primitive_plane_add(size=80)
    bpy.context.active_object.name = "ground"
    world.node_tree.nodes["Background"].inputs["Strength"].default_value = 0.5


def block(place: tuple[float, float, float], *, turned: float, size: tuple[float, float, float] = (1.6, 1.6, 1.6)) -> None:
    """A block with round edges; it is the active object then."""
    bpy.ops.mesh.primitive_cube_add(size=1, location=place, rotation=(0, 0, turned))
    made = bpy.context.active_object
    made.dimensions = size
    bpy.ops.object.transform_apply(location=False, rotation=False, scale=True)
    bevel = made.modifiers.new("edges", "BEVEL")
    bevel.width, bevel.segments = 0.05, 3


def look_at(target: tuple[float, float, float], *, distance: float, width: float) -> None:
    """A camera that looks down a little at ``target``, and takes in ``width``."""
    tilt = math.radians(20)
    place = (target[0], target[1] - distance * math.cos(tilt), target[2] + distance * math.sin(tilt))
    bpy.ops.object.camera_add(location=place, rotation=(math.pi / 2 - tilt, 0, 0))
    camera: Any = bpy.context.active_object
    camera.data.angle = 2 * math.atan(width / 2 / distance)
    bpy.context.scene.camera = camera


def render(path: Path) -> None:
    """By Cycles, on the processor."""
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.cycles.samples = SAMPLES
    scene.cycles.use_denoising = False
    scene.render.resolution_x, scene.render.resolution_y = WIDTH, HEIGHT
    scene.render.image_settings.file_format = "WEBP"
    scene.render.image_settings.quality = 85
    scene.view_settings.view_transform = "Standard"
    scene.render.filepath = str(path)
    bpy.ops.render.render(write_still=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
