"""Every operator, as a script in background runs it."""

import shutil
from types import SimpleNamespace

import bpy
import numpy as np
import pytest
from conftest import generated


def pixels(part, image):
    return part("pictures").read_pixels(image)


def test_an_image_without_arguments(part):
    assert bpy.ops.cganx.generate_image() == {"FINISHED"}
    (image,) = generated()
    assert (image["cganx.model"], image["cganx.label"], image["cganx.seed"]) == ("materials", "brick", 0)
    assert image.packed_file is not None
    assert image.colorspace_settings.name == "sRGB"
    assert pixels(part, image).std() > 3


def test_a_call_as_from_the_interface_is_at_once_in_background():
    assert bpy.ops.cganx.generate_image("INVOKE_DEFAULT") == {"FINISHED"}
    assert len(generated()) == 1


def test_images_of_a_class_at_seeds_that_follow():
    bpy.ops.cganx.generate_image(model="fashion", label="Ankle boot", seed=7, count=20)
    found = {image["cganx.seed"]: image["cganx.label"] for image in generated()}
    assert found == dict.fromkeys(range(7, 27), "Ankle boot")


def test_a_blend_and_a_truncation_are_written_down():
    bpy.ops.cganx.generate_image(model="fashion", label="Bag", other="Sneaker", blend=0.25, truncation=0.5)
    (image,) = generated()
    assert image["cganx.label"] == "Bag=0.75,Sneaker=0.25"
    assert image["cganx.truncation"] == 0.5


def test_data_is_not_converted():
    bpy.ops.cganx.generate_image(data=True)
    assert generated()[0].colorspace_settings.name == "Non-Color"


def test_choices_of_the_panel_are_taken(scene):
    scene.cganx.model = "emoji"
    scene.cganx.label = "hearts"
    scene.cganx.seed = 3
    scene.cganx.count = 2
    bpy.ops.cganx.generate_image()
    assert {(image["cganx.model"], image["cganx.label"], image["cganx.seed"]) for image in generated()} == {
        ("emoji", "hearts", 3),
        ("emoji", "hearts", 4),
    }


def test_in_the_shader_editor_the_image_gets_a_node(part):
    bpy.ops.cganx.generate_material(label="tiles")
    bpy.ops.cganx.generate_image(label="roof")
    material, image = bpy.context.active_object.active_material, bpy.data.images["roof 0"]
    images = part("operators.images")
    space = SimpleNamespace(type="NODE_EDITOR", tree_type="ShaderNodeTree", id=material)
    before = len(material.node_tree.nodes)
    images._add_node(images._edited_material(SimpleNamespace(space_data=space)), image)
    assert len(material.node_tree.nodes) == before + 1
    assert material.node_tree.nodes.active.image == image
    assert images._edited_material(bpy.context) is None


def test_a_material_on_the_active_object():
    cube = bpy.context.active_object
    bpy.ops.cganx.generate_material(label="wood", seed=5)
    material = cube.active_material
    assert (material["cganx.label"], material["cganx.seed"]) == ("wood", 5)
    kinds = {node.type for node in material.node_tree.nodes}
    assert {"BSDF_PRINCIPLED", "TEX_IMAGE", "BUMP", "MAP_RANGE"} <= kinds
    shader = next(node for node in material.node_tree.nodes if node.type == "BSDF_PRINCIPLED")
    assert all(shader.inputs[name].is_linked for name in ("Base Color", "Roughness", "Normal"))


@pytest.mark.parametrize(("mapping", "projection"), [("BOX", "BOX"), ("UV", "FLAT")])
def test_mappings(mapping, projection):
    bpy.ops.cganx.generate_material(mapping=mapping)
    nodes = bpy.context.active_object.active_material.node_tree.nodes
    assert next(node for node in nodes if node.type == "TEX_IMAGE").projection == projection


def test_a_material_without_an_object_is_kept():
    bpy.ops.object.select_all(action="DESELECT")
    bpy.context.view_layer.objects.active = None
    assert bpy.ops.cganx.generate_material(label="rock") == {"FINISHED"}
    material = bpy.data.materials["rock 0"]
    assert material.use_fake_user


def test_selected_objects_vary():
    first = bpy.context.active_object
    bpy.ops.cganx.generate_material(label="tiles", seed=1)
    bpy.ops.object.duplicate()
    second = bpy.context.active_object
    first.select_set(True)
    bpy.ops.cganx.vary_selected()
    made = {one.name: one.active_material for one in (first, second)}
    assert {material["cganx.seed"] for material in made.values()} == {2, 3}
    assert {material["cganx.label"] for material in made.values()} == {"tiles"}
    images = {node.image for material in made.values() for node in material.node_tree.nodes if node.type == "TEX_IMAGE"}
    assert len(images) == 2


def test_selected_objects_of_one_mesh_vary(part):
    bpy.ops.cganx.generate_material(label="tiles", seed=1)
    bpy.ops.object.duplicate(linked=True)
    bpy.ops.object.duplicate(linked=True)
    bpy.ops.object.select_all(action="SELECT")
    made = [one for one in bpy.context.selected_objects if one.type == "MESH"]
    assert len({one.data for one in made}) == 1
    bpy.ops.cganx.vary_selected()
    assert {one.active_material["cganx.seed"] for one in made} == {2, 3, 4}
    images = [part("materials").generated_image(one.active_material) for one in made]
    assert len(set(images)) == len(made) == 3


def test_an_object_with_a_mesh_of_its_own_keeps_its_material_there():
    cube = bpy.context.active_object
    cube.data.use_fake_user = True
    bpy.ops.cganx.generate_material(label="tiles", seed=1)
    bpy.ops.cganx.vary_selected()
    assert (cube.material_slots[0].link, cube.data.materials[0]["cganx.seed"]) == ("DATA", 2)


def test_seeds_go_on_and_back(part):
    bpy.ops.cganx.generate_material(label="grass", seed=8)
    material = bpy.context.active_object.active_material
    before = pixels(part, part("materials").generated_image(material))
    bpy.ops.cganx.next_seed()
    there = part("materials").generated_image(material)
    assert (there["cganx.seed"], material["cganx.seed"], material.name) == (9, 9, "grass 9")
    assert not np.array_equal(before, pixels(part, there))
    bpy.ops.cganx.previous_seed()
    assert np.array_equal(before, pixels(part, part("materials").generated_image(material)))
    assert len(generated()) == 1


def test_a_seed_further_without_a_picture_makes_one(scene):
    bpy.context.view_layer.objects.active = None
    bpy.ops.cganx.next_seed()
    assert [image["cganx.seed"] for image in generated()] == [1]
    assert scene.cganx.seed == 1


def test_a_walk_in_the_file(part):
    bpy.ops.cganx.texture_walk(label="earth", seed=2, frames=24)
    material = bpy.context.active_object.active_material
    (image,) = generated()
    assert tuple(image.size) == (64, 64 * 24)
    frames = pixels(part, image).reshape(24, 64, 64, 3).astype(int)
    steps = [np.abs(one - other).mean() for one, other in zip(frames[1:], frames[:-1], strict=True)]
    assert 0 < max(steps) < 40
    (driver,) = material.node_tree.animation_data.drivers
    assert driver.driver.is_valid
    strip = next(node for node in material.node_tree.nodes if node.label == "Frame").inputs["Y"]
    shown = []
    for frame in (1, 2, 24, 25):
        bpy.context.scene.frame_set(frame)
        shown.append(strip.default_value)
    assert shown == [23, 22, 0, 23]  # strips from below: the first frame is the top one, and after the last it is again


def test_a_walk_as_files(tmp_path):
    bpy.ops.cganx.texture_walk(frames=5, target="SEQUENCE", folder=str(tmp_path))
    files = sorted(tmp_path.rglob("*.png"))
    assert [file.name for file in files] == [f"{number:04d}.png" for number in range(1, 6)]
    image = bpy.data.images.load(str(files[2]))
    assert tuple(image.size) == (64, 64)
    assert any(one.source == "SEQUENCE" for one in bpy.data.images)
    assert [path.name for path in tmp_path.iterdir()] == [files[0].parent.name]
    bpy.ops.cganx.texture_walk(frames=5, target="SEQUENCE", folder=str(tmp_path))  # again, in the place of the first
    assert sorted(tmp_path.rglob("*.png")) == files


@pytest.mark.parametrize("change", [{"label": "roof"}, {"truncation": 0.5}, {"other": "wood"}, {"blend": 0.3, "other": "wood"}])
def test_another_walk_leaves_the_first_ones_files(tmp_path, change):
    for more in ({}, change):
        bpy.ops.cganx.texture_walk(**({"label": "tiles"} | more), frames=3, target="SEQUENCE", folder=str(tmp_path))
    assert len(list(tmp_path.iterdir())) == 2
    assert len(list(tmp_path.rglob("*.png"))) == 6


def test_a_walk_is_no_picture_to_step():
    bpy.ops.cganx.texture_walk(frames=5)
    material = bpy.context.active_object.active_material
    bpy.ops.cganx.next_seed()
    assert bpy.context.active_object.active_material == material
    assert {image.get("cganx.walk") for image in generated()} == {"2 seeds, 5 frames", None}


def test_assets_in_this_file():
    bpy.ops.cganx.batch_to_assets(count=2)
    marked = [material for material in bpy.data.materials if material.asset_data is not None]
    assert len(marked) == 16
    wood = bpy.data.materials["wood 1"]
    assert {tag.name for tag in wood.asset_data.tags} == {"cganx", "materials", "wood"}
    assert tuple(wood.preview.image_size) == (128, 128)
    values = np.empty(128 * 128 * 4, np.float32)
    wood.preview.image_pixels_float.foreach_get(values)
    assert values.std() > 0.02


def test_assets_in_a_library(tmp_path):
    bpy.ops.cganx.batch_to_assets(every_class=False, label="roof", count=3, folder=str(tmp_path))
    (file,) = tmp_path.glob("*.blend")
    assert not generated()
    with bpy.data.libraries.load(str(file), assets_only=True) as (there, here):
        here.materials = list(there.materials)
    assert sorted(material.name for material in here.materials) == ["roof 0", "roof 1", "roof 2"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [file.name]


@pytest.mark.parametrize(
    "change", [{"label": "wood"}, {"count": 2}, {"size": "128"}, {"mapping": "UV"}, {"bump": 0.1}, {"truncation": 0.5}]
)
def test_another_batch_leaves_the_first_ones_library(tmp_path, change):
    same = {"every_class": False, "label": "roof", "count": 1, "size": "0", "mapping": "BOX", "folder": str(tmp_path)}
    for more in ({}, {}, change):  # the same again takes the first one's place
        bpy.ops.cganx.batch_to_assets(**same | more)
    assert len(list(tmp_path.iterdir())) == 2


def test_translating_says_that_no_such_generator_is_loaded(part, now):
    own = part("session").OWN_GENERATORS / "normals.onnx"
    away = own.rename(own.with_suffix(".away"))
    try:
        now.models.look()
        with pytest.raises(RuntimeError, match="No image-to-image generator is loaded"):
            bpy.ops.cganx.translate_image()
    finally:
        away.rename(own)
        now.models.look()


def test_the_bundled_generator_gives_a_material_its_normals():
    bpy.ops.cganx.generate_material(label="rock", seed=7, mapping="UV")
    bpy.ops.cganx.translate_image(linked="REPLACE")
    image = next(one for one in bpy.data.images if one.get("cganx.model") == "normals")
    assert image.colorspace_settings.name == "Non-Color"
    levels = np.empty(4 * image.size[0] * image.size[1], np.float32)
    image.pixels.foreach_get(levels)
    vectors = 2 * levels.reshape(-1, 4)[:, :3] - 1
    assert np.abs(np.linalg.norm(vectors, axis=1) - 1).mean() < 0.1
    assert vectors[:, :2].std() > 0.05
    tree = bpy.context.active_object.active_material.node_tree
    assert any(node.type == "NORMAL_MAP" and node.outputs[0].is_linked for node in tree.nodes)


def test_a_larger_texture(part):
    bpy.ops.cganx.generate_material(label="rock", size="256")
    (image,) = generated()
    assert tuple(image.size) == (256, 256)
    made = pixels(part, image).astype(int)
    edge = np.abs(made[0] - made[-1]).mean() + np.abs(made[:, 0] - made[:, -1]).mean()
    inside = np.abs(np.diff(made, axis=0)).mean() + np.abs(np.diff(made, axis=1)).mean()
    assert edge < 1.1 * inside


def test_a_generator_is_added(now, tiny):
    bpy.ops.cganx.add_model(filepath=str(tiny))
    assert "tiny" in now.models.all()
    bpy.ops.cganx.generate_image(model="tiny", label="cross")
    (image,) = generated()
    assert tuple(image.size) == (16, 16)
    (now.model_folder / "tiny.onnx").unlink()
    now.models.look()


def test_the_preferences_folder_is_looked_into(now, part, scene, tiny, tmp_path):
    shutil.copy(tiny, tmp_path / "small.onnx")
    chosen = part("session").preferences()
    chosen.model_folder = str(tmp_path)
    try:
        scene.cganx.model = "small"
        bpy.ops.cganx.generate_image()
        assert generated()[0]["cganx.label"] == "disc"
    finally:
        chosen.model_folder = ""
    scene.cganx.model_name = ""
    assert scene.cganx.model == "materials"
    assert "small" not in now.models.all()


def test_favourites_are_kept_and_used(now, scene):
    scene.cganx.model, scene.cganx.label, scene.cganx.seed = "letters", "Q", 11
    bpy.ops.cganx.toggle_favourite()
    scene.cganx.model, scene.cganx.seed = "fashion", 0
    bpy.ops.cganx.use_favourite(place=0)
    assert (scene.cganx.model, scene.cganx.label, scene.cganx.seed) == ("letters", "Q", 11)
    bpy.ops.cganx.toggle_favourite()
    assert now.favourites.all() == []


def test_a_favourite_makes_its_picture_again(now, part, scene):
    chosen = scene.cganx
    chosen.model, chosen.label, chosen.other, chosen.blend, chosen.truncation = "fashion", "Bag", "Sneaker", 1 / 3, 0.7
    bpy.ops.cganx.generate_image()
    bpy.ops.cganx.toggle_favourite()
    assert [one.title for one in now.favourites.all()] == ["Bag + Sneaker 0"]
    chosen.label, chosen.other_name, chosen.blend, chosen.truncation = "Coat", "", 0.9, 0
    bpy.ops.cganx.use_favourite(place=0)
    bpy.ops.cganx.generate_image()
    first, second = generated()
    assert first["cganx.label"] == second["cganx.label"]
    assert np.array_equal(pixels(part, first), pixels(part, second))
    bpy.ops.cganx.toggle_favourite()
    assert now.favourites.all() == []
