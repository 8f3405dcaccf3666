"""The material in a picture that Cycles renders."""

import os
from pathlib import Path

import bpy
import numpy as np
import pytest


def render(path):
    """float32 [height, width, 3] of the scene, and a file to look at."""
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.cycles.samples = 16
    scene.cycles.use_denoising = False  # some builds have no denoiser
    scene.render.resolution_x = scene.render.resolution_y = 160
    scene.render.resolution_percentage = 100
    scene.render.filepath = str(path)
    bpy.ops.render.render(write_still=True)
    image = bpy.data.images.load(str(path))
    values = np.empty(160 * 160 * 4, np.float32)
    image.pixels.foreach_get(values)
    return values.reshape(160, 160, 4)[::-1, :, :3]


def detail(values):
    """How much neighbours differ, as a share of the brightness."""
    return (np.abs(np.diff(values, axis=0)).mean() + np.abs(np.diff(values, axis=1)).mean()) / values.mean()


@pytest.mark.parametrize(("label", "mapping"), [("brick", "BOX"), ("grass", "UV")])
def test_the_cube_shows_the_class(label, mapping):
    folder = Path(os.environ["CGANX_PICTURES"])
    plain = render(folder / f"{label}-before.png")
    bpy.ops.cganx.generate_material(label=label, seed=0 if label == "brick" else 5, mapping=mapping)
    made = render(folder / f"{label}.png")
    side = np.s_[70:92, 55:75]  # of the cube, that is turned to the left
    assert detail(made[side]) > 2.5 * detail(plain[side])
    red, green, blue = made[side].reshape(-1, 3).mean(axis=0)
    assert green < 0.9 * red if label == "brick" else blue < 0.6 * green


def test_the_picture_is_the_right_way_up(part):
    """A plane looked at from above without light of its own: the render is the picture."""
    bpy.ops.object.select_all(action="SELECT")
    bpy.ops.object.delete()
    bpy.ops.mesh.primitive_plane_add(size=2)
    bpy.ops.cganx.generate_image(model="letters", label="F", seed=1)
    image = next(one for one in bpy.data.images if "cganx.model" in one)
    material = bpy.data.materials.new("shown")
    if material.node_tree is None:
        material.use_nodes = True
    tree = material.node_tree
    tree.nodes.clear()
    texture, light = tree.nodes.new("ShaderNodeTexImage"), tree.nodes.new("ShaderNodeEmission")
    out = tree.nodes.new("ShaderNodeOutputMaterial")
    texture.image = image
    tree.links.new(texture.outputs["Color"], light.inputs["Color"])
    tree.links.new(light.outputs["Emission"], out.inputs["Surface"])
    bpy.context.active_object.active_material = material
    bpy.ops.object.camera_add(location=(0, 0, 5))
    camera = bpy.context.active_object
    camera.data.type, camera.data.ortho_scale = "ORTHO", 2
    bpy.context.scene.camera = camera
    bpy.context.scene.view_settings.view_transform = "Standard"
    made = render(Path(os.environ["CGANX_PICTURES"]) / "letter.png")
    wanted = part("pictures").read_pixels(image)
    small = made.reshape(32, 5, 32, 5, 3).mean(axis=(1, 3))
    assert np.abs(small * 255 - wanted).mean() < 12
