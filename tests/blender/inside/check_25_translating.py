"""Pictures of pictures: every kind of image, colour spaces, alpha, and the material's nodes."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import bpy
import numpy as np
import pytest
from conftest import TRANSLATORS

pytestmark = pytest.mark.usefixtures("translators")


def drawn(height=12, width=20, channels=4, seed=0):
    """float32 [height, width, channels] of whole levels, opaque, from the top row down."""
    levels = np.random.default_rng(seed).integers(0, 256, (height, width, channels)).astype(np.float32) / 255
    if channels == 4:
        levels[..., 3] = 1
    return levels


def image_of(values, name="source", *, float_buffer=False):
    height, width = values.shape[:2]
    image = bpy.data.images.new(name, width, height, alpha=True, float_buffer=float_buffer)
    image.pixels.foreach_set(np.ascontiguousarray(values[::-1], np.float32).ravel())
    image.update()
    return image


def values_of(image):
    """float32 [height, width, 4] from the top row down."""
    width, height = image.size
    values = np.empty(width * height * 4, np.float32)
    image.pixels.foreach_get(values)
    return values.reshape(height, width, 4)[::-1]


def levels_of(image):
    return np.rint(values_of(image) * 255).astype(int)


def made():
    return [image for image in bpy.data.images if "cganx.source" in image]


def translate(image=None, **named):
    """The image that comes of it."""
    before = set(bpy.data.images.keys())
    if image is not None:
        named["image"] = image.name
    assert bpy.ops.cganx.translate_image(**named) == {"FINISHED"}
    (new,) = set(bpy.data.images.keys()) - before
    return bpy.data.images[new]


def directly(name, levels, **named):
    from cganx import runtime

    with runtime.load(TRANSLATORS / f"{name}.onnx", "cpu") as generator:
        return generator.translate(levels[None].astype(np.uint8), **named)[0].astype(int)


def refused(sentence, **named):
    blocks = len(bpy.data.images), len(bpy.data.materials)
    with pytest.raises(RuntimeError, match=sentence) as caught:
        bpy.ops.cganx.translate_image(**named)
    assert "Traceback" not in str(caught.value)
    assert "  " not in str(caught.value).strip()
    assert (len(bpy.data.images), len(bpy.data.materials)) == blocks


def textured(image, *, linked=True, normal=False):
    """The cube's material with the image as its base colour, through a Mapping and a Mix node, of a second UV map."""
    material = bpy.data.materials.new("wall")
    if material.node_tree is None:
        material.use_nodes = True
    tree = material.node_tree
    shader = next(node for node in tree.nodes if node.type == "BSDF_PRINCIPLED")
    uv, mapping, texture, mix = (
        tree.nodes.new(kind)
        for kind in ("ShaderNodeUVMap", "ShaderNodeMapping", "ShaderNodeTexImage", "ShaderNodeHueSaturation")
    )
    uv.uv_map, texture.image, texture.extension = "second", image, "CLIP"
    tree.links.new(uv.outputs["UV"], mapping.inputs["Vector"])
    tree.links.new(mapping.outputs["Vector"], texture.inputs["Vector"])
    factor = tree.nodes.new("ShaderNodeTexImage")  # nearer to the shader, but no colour
    factor.image = image_of(drawn(2, 2), "factor")
    tree.links.new(factor.outputs["Color"], mix.inputs["Fac"] if "Fac" in mix.inputs else mix.inputs["Factor"])
    tree.links.new(texture.outputs["Color"], mix.inputs["Color"])
    if linked:
        tree.links.new(mix.outputs["Color"], shader.inputs["Base Color"])
    if normal:
        bump = tree.nodes.new("ShaderNodeBump")
        tree.links.new(bump.outputs["Normal"], shader.inputs["Normal"])
    bpy.context.active_object.active_material = material
    return material, shader, texture


def links(tree):
    return {(link.from_node.name, link.from_socket.name, link.to_node.name, link.to_socket.name) for link in tree.links}


# ----------------------------------------------------------------------------------------------------------------------
# Images


@pytest.mark.parametrize("size", [(1, 1), (12, 20), (33, 7), (1, 50)])
@pytest.mark.parametrize("name", ["slopes", "enlarged", "noisy", "mean-free"])
def test_the_picture_is_the_runtimes(name, size):
    values = drawn(*size)
    image = translate(image_of(values), model=name, seed=5)
    wanted = directly(name, np.rint(values[..., :3] * 255), seeds=5)
    assert tuple(image.size) == (wanted.shape[1], wanted.shape[0])
    np.testing.assert_array_equal(levels_of(image)[..., :3], wanted)
    assert image.packed_file is not None
    assert {key: image[f"cganx.{key}"] for key in ("model", "label", "seed", "source")} == {
        "model": name,
        "label": "",
        "seed": 5,
        "source": "source",
    }
    assert len(image["cganx.sha256"]) == 64


@pytest.mark.parametrize(
    ("model", "result", "space"),
    [
        ("slopes", "AUTO", "Non-Color"),
        ("enlarged", "AUTO", "sRGB"),
        ("enlarged", "NORMALS", "Non-Color"),
        ("enlarged", "DATA", "Non-Color"),
        ("slopes", "COLOR", "sRGB"),
    ],
)
def test_colour_spaces(model, result, space):
    assert translate(image_of(drawn()), model=model, result=result).colorspace_settings.name == space


@pytest.mark.parametrize("kind", ["generated", "packed", "file", "16 bit"])
def test_where_the_pixels_come_from(tmp_path, kind):
    values = drawn()
    image = image_of(values)
    if kind == "packed":
        image.pack()
    if kind in ("file", "16 bit"):
        scene = bpy.context.scene
        scene.render.image_settings.file_format = "PNG"
        scene.render.image_settings.color_depth = "16" if kind == "16 bit" else "8"
        scene.view_settings.view_transform = "Raw" if "Raw" in _views() else "Standard"
        path = str(tmp_path / "saved.png")
        if kind == "file":
            image.filepath_raw, image.file_format = path, "PNG"
            image.save()
        else:
            _write_16_bit(path, values)
        bpy.data.images.remove(image)
        image = bpy.data.images.load(path)
        assert image.is_float == (kind == "16 bit")
    result = translate(image, model="enlarged")
    wanted = directly("enlarged", np.rint(values[..., :3] * 255))
    assert np.abs(levels_of(result)[..., :3] - wanted).max() <= 1


def _views():
    return bpy.types.ColorManagedViewSettings.bl_rna.properties["view_transform"].enum_items.keys()


def _write_16_bit(path, values):
    import struct
    import zlib

    height, width = values.shape[:2]
    levels = np.rint(values[..., :3] * 65535).astype(">u2").reshape(height, -1)
    rows = b"".join(b"\0" + row.tobytes() for row in levels)

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    Path(path).write_bytes(data)


def test_light_becomes_what_pictures_hold():
    light = drawn(8, 8)
    image = image_of(light, float_buffer=True)
    assert image.is_float
    light[0, 0, :3], light[0, 1, :3] = 7.0, (np.nan, -1, 0)
    image.pixels.foreach_set(np.ascontiguousarray(light[::-1]).ravel())
    shown = np.nan_to_num(light[..., :3]).clip(0, 1)
    shown = np.where(shown <= 0.0031308, 12.92 * shown, 1.055 * shown ** (1 / 2.4) - 0.055)
    result = levels_of(translate(image, model="enlarged"))[..., :3]
    assert np.abs(result - directly("enlarged", np.rint(shown * 255))).max() <= 1
    image.colorspace_settings.name = "Non-Color"  # which throws the pixels away
    image.pixels.foreach_set(np.ascontiguousarray(light[::-1]).ravel())
    raw = levels_of(translate(image, model="enlarged"))[..., :3]
    assert np.abs(raw - directly("enlarged", np.rint(np.nan_to_num(light[..., :3]).clip(0, 1) * 255))).max() <= 1


@pytest.mark.parametrize("float_buffer", [False, True])
def test_alpha_is_kept_and_enlarged(float_buffer):
    values = drawn()
    values[:, :10, 3] = 0
    values[:, 10:12, 3] = 128 / 255
    stored = values.copy()
    if float_buffer:
        stored[..., :3] *= stored[..., 3:]
    image = image_of(stored, float_buffer=float_buffer)
    result = levels_of(translate(image, model="enlarged"))
    assert result.shape == (48, 80, 4)
    assert (result[:, :36, 3] == 0).all()
    assert (result[:, 52:, 3] == 255).all()
    assert set(np.unique(result[:, 36:52, 3])) > {0, 128}
    light = np.where(values <= 0.0031308, 12.92 * values, 1.055 * values ** (1 / 2.4) - 0.055)
    shown = np.rint((light if float_buffer else values)[..., :3] * 255)
    assert np.abs(result[:, 42:46, :3] - shown[:, 10:12].repeat(4, 0).repeat(4, 1)[:, 2:6]).max() <= 3  # no white is left
    assert (levels_of(translate(image, model="enlarged", alpha=False))[:, :40] == 255).all()  # on white
    assert (levels_of(translate(image, model="slopes"))[..., 3] == 255).all()  # a normal map is no cutout
    for mode in ("NONE", "CHANNEL_PACKED"):
        image.alpha_mode = mode
        assert (levels_of(translate(image, model="enlarged"))[..., 3] == 255).all()


def test_what_is_transparent_is_filled():
    values = drawn()
    values[2:6, 3:9, 3] = 0.2
    image = image_of(values)
    result = levels_of(translate(image, model="filler"))
    levels = np.rint((values[..., :3] * values[..., 3:] + 1 - values[..., 3:]) * 255)
    np.testing.assert_array_equal(result[..., :3], directly("filler", levels, mask=(values[..., 3] < 0.5)[None]))
    assert (result[..., 3] == 255).all()
    assert np.abs(result[0, 0, :3] - levels[0, 0]).max() < 60 < np.abs(result[2:6, 3:9, :3] - levels[2:6, 3:9]).max()


def test_nothing_is_transparent():
    image_of(drawn())
    refused("fills what is transparent, and nothing of 'source' is", image="source", model="filler")


@pytest.mark.parametrize("choice", [{"label": "wash"}, {"label": "Ink", "other": "wash", "blend": 0.25}])
def test_styles_are_labels(choice, scene):
    values = drawn()
    image = image_of(values)
    wanted = directly(
        "styled",
        np.rint(values[..., :3] * 255),
        label={"Ink": 0.75, "wash": 0.25} if "other" in choice else choice["label"],
    )
    result = translate(image, model="styled", **choice)
    np.testing.assert_array_equal(levels_of(result)[..., :3], wanted)
    scene.cganx.translator, scene.cganx.style = "styled", choice["label"]
    if "other" in choice:
        scene.cganx.other_style, scene.cganx.style_blend = choice["other"], choice["blend"]
    again = translate(image)
    assert again["cganx.label"] == result["cganx.label"] != ""
    np.testing.assert_array_equal(levels_of(again), levels_of(result))


def test_a_picture_that_repeats_gives_one_that_does():
    values = drawn(24, 24, seed=3)
    twice = image_of(np.tile(values, (2, 2, 1)), "twice")
    image = image_of(values)
    inside = levels_of(translate(twice, model="slopes"))[12:36, 12:36]
    repeating = np.roll(levels_of(translate(image, model="slopes", wraps=True)), (-12, -12), (0, 1))
    np.testing.assert_array_equal(repeating, inside)
    assert not np.array_equal(np.roll(levels_of(translate(image, model="slopes")), (-12, -12), (0, 1)), inside)


def test_what_a_generator_of_repeating_pictures_made_repeats():
    bpy.ops.cganx.generate_material(label="tiles")
    image = translate(model="slopes")
    window = bpy.context.window_manager.operators
    assert not len(window) or window[-1].wraps
    made_of = bpy.data.images["tiles 0"]
    np.testing.assert_array_equal(levels_of(image), levels_of(translate(made_of, model="slopes", wraps=True)))


def test_a_large_picture_is_made_in_tiles():
    values = np.tile(drawn(64, 64), (10, 10, 1))
    image = translate(image_of(values), model="slopes")
    wanted = directly("slopes", np.rint(values[..., :3] * 255))
    np.testing.assert_array_equal(levels_of(image)[..., :3], wanted)
    assert tuple(translate(bpy.data.images["source"], model="mean-free").size) == (640, 640)


def test_it_is_still_there_when_the_file_is_opened_again(tmp_path):
    image = translate(image_of(drawn()), model="slopes")
    name, before = image.name, levels_of(image)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "saved.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "saved.blend"))
    again = bpy.data.images[name]
    np.testing.assert_array_equal(levels_of(again), before)
    assert (again.colorspace_settings.name, again["cganx.model"]) == ("Non-Color", "slopes")


def test_images_that_cannot_be_read(tmp_path):
    missing = image_of(drawn(), "missing")
    missing.filepath_raw, missing.file_format = str(tmp_path / "x.png"), "PNG"
    missing.save()
    bpy.data.images.remove(missing)
    bpy.data.images.load(str(tmp_path / "x.png")).name = "missing"
    (tmp_path / "x.png").unlink()
    bpy.data.images["missing"].reload()
    refused("'missing' has no pixels to read: is its file missing", image="missing", model="slopes")
    bpy.data.images.new("tiled", 8, 8, tiled=True)
    refused("'tiled' is a tiled, and one picture", image="tiled", model="slopes")
    bpy.data.images.new("walk", 8, 8).source = "SEQUENCE"
    refused("'walk' is a sequence, and one picture", image="walk", model="slopes")
    refused("The image 'gone' is not there any more", image="gone", model="slopes")
    bpy.context.scene.render.resolution_percentage = 1
    bpy.context.scene.render.engine = "CYCLES"
    bpy.context.scene.cycles.samples, bpy.context.scene.cycles.use_denoising = 1, False
    bpy.ops.render.render()
    refused("'Render Result' has no pixels to read", image="Render Result", model="slopes")
    image_of(drawn(1, 5000), "long")
    refused("would get 20,000 pixels a side, and 16,384 is the most", image="long", model="enlarged")


# ----------------------------------------------------------------------------------------------------------------------
# Generators


def test_generators_of_one_kind_are_not_offered_to_the_other(part, scene, translators):
    settings = part("settings")
    assert [item[0] for item in settings.translator_items(None, None)] == ["normals", *translators]
    assert not set(translators) & {item[0] for item in settings.model_items(None, None)}
    image_of(drawn())
    with pytest.raises(TypeError, match="not found in"):
        bpy.ops.cganx.translate_image(image="source", model="fashion")
    with pytest.raises(TypeError, match="not found in"):
        bpy.ops.cganx.generate_image(model="slopes")
    scene.cganx.translator_name = "fashion"
    refused("'fashion' makes pictures from seeds: choose one that makes them of pictures", image="source")
    scene.cganx.translator_name = "gone"
    refused("The generator 'gone' is not there", image="source")
    scene.cganx.model_name = "slopes"
    with pytest.raises(RuntimeError, match="'slopes' turns pictures into pictures"):
        bpy.ops.cganx.generate_image()


def test_a_file_is_added_to_its_own_kind(now, scene, tmp_path):
    shutil.copy(TRANSLATORS / "slopes.onnx", tmp_path / "mine.onnx")
    bpy.ops.cganx.add_model(filepath=str(tmp_path / "mine.onnx"))
    assert (scene.cganx.translator, scene.cganx.model) == ("mine", "materials")
    assert translate(image_of(drawn()))["cganx.model"] == "mine"
    (now.model_folder / "mine.onnx").write_bytes(b"damaged")
    now.models.look()
    refused("The generator 'mine' is not there", image="source")


def test_one_beside_the_extensions_own_is_found(part, now):
    own = part("session").OWN_GENERATORS / "bundled.onnx"
    shutil.copy(TRANSLATORS / "slopes.onnx", own)
    try:
        now.models.look()
        assert translate(image_of(drawn()), model="bundled")["cganx.model"] == "bundled"
    finally:
        own.unlink()


def test_no_seed_makes_another_of_it():
    bpy.ops.cganx.generate_material(label="tiles")
    target = bpy.context.active_object.active_material
    image = translate(model="slopes", linked="REPLACE")
    before = levels_of(image)
    bpy.ops.cganx.next_seed()
    assert [node.image.get("cganx.seed") for node in target.node_tree.nodes if node.type == "TEX_IMAGE"] == [1, 0]
    np.testing.assert_array_equal(levels_of(image), before)


# ----------------------------------------------------------------------------------------------------------------------
# Materials


def test_a_normal_map_is_linked_beside_the_colour():
    material, shader, texture = textured(image_of(drawn()))
    before = links(material.node_tree)
    result = translate(model="slopes")
    (end,) = shader.inputs["Normal"].links
    normal_map = end.from_node
    (colour,) = normal_map.inputs["Color"].links
    new = colour.from_node
    assert (normal_map.type, normal_map.space, normal_map.uv_map, new.image) == ("NORMAL_MAP", "TANGENT", "second", result)
    assert result.colorspace_settings.name == "Non-Color"
    assert new.inputs["Vector"].links[0].from_socket == texture.inputs["Vector"].links[0].from_socket
    assert new.extension == texture.extension == "CLIP"
    assert texture.image.name == "source"
    assert before < links(material.node_tree)


@pytest.mark.parametrize("linked", ["KEEP", "REPLACE"])
def test_normals_that_are_there_are_kept_or_replaced_and_never_taken_away(linked):
    material, shader, _ = textured(image_of(drawn()), normal=True)
    nodes, before = set(material.node_tree.nodes.keys()), links(material.node_tree)
    translate(model="slopes", linked=linked)
    assert nodes < set(material.node_tree.nodes.keys())
    after = links(material.node_tree)
    (end,) = shader.inputs["Normal"].links
    if linked == "KEEP":
        assert before < after
        assert end.from_node.type == "BUMP"
    else:
        assert {link[1:] for link in before - after} == {("Normal", shader.name, "Normal")}
        assert end.from_node.type == "NORMAL_MAP"


@pytest.mark.parametrize("linked", ["KEEP", "REPLACE"])
def test_a_larger_colour_lies_beside_the_old_or_takes_its_place(linked):
    material, shader, texture = textured(image_of(drawn()))
    material.node_tree.links.new(texture.outputs["Alpha"], shader.inputs["Alpha"])
    result = translate(model="enlarged", linked=linked)
    (new,) = [node for node in material.node_tree.nodes if node.type == "TEX_IMAGE" and node.image == result]
    ends = [shader.inputs["Alpha"].links[0].from_node]
    ends += [
        link.from_node for node in material.node_tree.nodes if node.type == "HUE_SAT" for link in node.inputs["Color"].links
    ]
    assert ends == [new if linked == "REPLACE" else texture] * 2
    assert texture.name in material.node_tree.nodes


def test_other_data_is_linked_nowhere():
    material, _, _ = textured(image_of(drawn()))
    before = links(material.node_tree)
    assert translate(model="enlarged", result="DATA", linked="REPLACE").colorspace_settings.name == "Non-Color"
    assert links(material.node_tree) == before


def test_an_image_by_name_leaves_the_material_alone():
    material, _, _ = textured(image_of(drawn()))
    before = links(material.node_tree)
    translate(image_of(drawn(), "other"), model="slopes")
    assert links(material.node_tree) == before
    translate(bpy.data.images["source"], model="slopes", material="wall")
    assert links(material.node_tree) > before


def test_the_image_that_is_meant(part):
    source_now = part("operators.translating").source_now
    material, _, texture = textured(image_of(drawn()))
    other = image_of(drawn(), "other")

    def meant(**space):
        return source_now(SimpleNamespace(space_data=SimpleNamespace(**space), active_object=None))

    assert meant(type="IMAGE_EDITOR", image=other) == (None, other)
    spot, image = meant(type="NODE_EDITOR", tree_type="ShaderNodeTree", id=material)
    assert (spot.material, spot.texture, image) == ("wall", texture.name, texture.image)
    spot, image = source_now(bpy.context)
    assert (spot.material, image) == ("wall", texture.image)
    for space in ({"type": "IMAGE_EDITOR", "image": None}, {"type": "VIEW_3D"}, {"type": "NODE_EDITOR", "id": None}):
        with pytest.raises(part("refusal").Refusal, match="There is no image to translate"):
            meant(**space)


def test_a_material_without_an_image():
    refused("There is no image to translate: show one in an image editor, or choose an object", model="slopes")
    textured(image_of(drawn()), linked=False)
    refused("There is no image to translate", model="slopes")
    bpy.context.view_layer.objects.active = None
    refused("There is no image to translate", model="slopes")


def test_a_linked_material_is_read_and_left_alone(tmp_path):
    textured(image_of(drawn()))
    bpy.data.images["source"].pack()
    file = str(tmp_path / "library.blend")
    bpy.ops.wm.save_as_mainfile(filepath=file)
    bpy.ops.wm.read_homefile(use_empty=True)
    with bpy.data.libraries.load(file, link=True) as (_there, here):
        here.materials = ["wall"]
    bpy.ops.mesh.primitive_cube_add()
    material = bpy.context.active_object.active_material = here.materials[0]
    before = links(material.node_tree)
    assert translate(model="slopes").size[:] == (20, 12)
    assert links(material.node_tree) == before


def test_one_step_undoes_it():
    bpy.context.preferences.edit.use_global_undo = True
    material, _, _ = textured(image_of(drawn()))
    bpy.data.images["source"].pack()
    before = links(material.node_tree)
    bpy.ops.ed.undo_push(message="start")
    result = levels_of(translate(model="slopes"))
    bpy.ops.ed.undo_push(message="Translate Image")
    bpy.ops.ed.undo()
    assert not made()
    assert links(bpy.data.materials["wall"].node_tree) == before
    bpy.ops.ed.redo()
    (again,) = made()
    np.testing.assert_array_equal(levels_of(again), result)
    assert len(links(bpy.data.materials["wall"].node_tree)) == len(before) + 3


# ----------------------------------------------------------------------------------------------------------------------
# Runs


def run_of(now, part, image, name, land):
    translation = part("translation")
    load, watch = now.loader(), part("worker").Watch()
    source = part("pictures").read_source(image)
    wanted = translation.Translation(now.models.get(name), None, 0, source, tile=32)
    plan = part("runs").Plan(lambda: translation.make_translation(load, wanted, watch), 1, land, watch=watch)
    now.run = part("runs").Run(plan, now.worker)
    return now.run


def test_one_large_picture_is_stopped_and_tells_how_far_it_is(now, part):
    image = image_of(np.tile(drawn(64, 64), (20, 20, 1)))
    run = run_of(now, part, image, "local", lambda _context, _made: None)
    shares = [run.share]
    while run.share == 0:
        assert not run.tick(bpy.context, wait=0.01)
    shares.append(run.share)
    run.stop()
    while not run.tick(bpy.context, wait=0.05):
        pass
    now.run = None
    assert 0 < shares[1] < 1
    assert (run.landed, run.problem, run.message) == (0, "", "Stopped after 0 of 1")
    assert run.share < 0.9  # it did not go on to its end
    assert not made()
    assert translate(bpy.data.images["source"], model="slopes")


def test_the_material_that_is_gone_when_it_lands(part):
    material, _, _ = textured(image_of(drawn()))
    wiring = part("wiring")
    spot, _ = wiring.base_colour(material)
    bpy.data.materials.remove(material)
    result = translate(bpy.data.images["source"], model="slopes")
    assert wiring.put(spot, result, normals=True, replace=False) == "its material is not there any more"
