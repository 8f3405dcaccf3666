"""One sentence for each thing that cannot be done, and nothing half done."""

import resource
import shutil
import sys
from pathlib import Path

import bpy
import pytest
from conftest import generated


@pytest.fixture
def folder(now):
    """The user's model folder, emptied again."""
    now.read_preferences()
    now.model_folder.mkdir(parents=True, exist_ok=True)
    yield now.model_folder
    for file in now.model_folder.iterdir():
        file.unlink()
    now.models.look()


def refused(call, sentence):
    blocks = len(bpy.data.images), len(bpy.data.materials)
    with pytest.raises(RuntimeError, match=sentence) as caught:
        call()
    assert "Traceback" not in str(caught.value)
    assert (len(bpy.data.images), len(bpy.data.materials)) == blocks


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x08\x0a" * 1000])
def test_a_file_that_is_no_generator(now, folder, tmp_path, content):
    file = tmp_path / "wrong.onnx"
    file.write_bytes(content)
    refused(lambda: bpy.ops.cganx.add_model(filepath=str(file)), "(ONNX|generator|empty|holds)")
    assert now.problem
    assert list(folder.iterdir()) == []


@pytest.mark.usefixtures("folder")
def test_a_file_that_is_not_there():
    refused(lambda: bpy.ops.cganx.add_model(filepath="/nowhere/x.onnx"), "Cannot read")
    refused(lambda: bpy.ops.cganx.add_model(), "Choose a generator")


def test_a_damaged_file_in_the_folder_is_told_and_the_others_stay(now, folder, tiny):
    data = bytearray(tiny.read_bytes())
    data[len(data) // 2] ^= 255
    (folder / "damaged.onnx").write_bytes(data)
    now.models.look()
    assert list(now.models.faults) == [folder / "damaged.onnx"]
    assert "materials" in now.models.all()


@pytest.mark.usefixtures("folder")
def test_a_name_that_is_taken(tmp_path, tiny):
    shutil.copy(tiny, tmp_path / "fashion.onnx")
    refused(lambda: bpy.ops.cganx.add_model(filepath=str(tmp_path / "fashion.onnx")), "There is a generator 'fashion' already")


def test_a_generator_that_is_gone_after_reopening(now, folder, tmp_path, scene, tiny):
    shutil.copy(tiny, folder / "mine.onnx")
    now.models.look()
    scene.cganx.model = "mine"
    bpy.ops.cganx.generate_material(model="mine", label="cross", seed=1)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "saved.blend"))
    (folder / "mine.onnx").unlink()
    now.models.look()
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "saved.blend"))
    assert bpy.context.scene.cganx.model == "mine"
    for name in ("generate_image", "generate_material", "next_seed", "vary_selected"):
        refused(getattr(bpy.ops.cganx, name), "The generator 'mine' is not there")
    assert bpy.ops.cganx.generate_image(model="fashion") == {"FINISHED"}


def test_another_file_of_the_same_name(now, folder, make_file, tiny):
    shutil.copy(tiny, folder / "mine.onnx")
    now.models.look()
    bpy.ops.cganx.generate_material(model="mine", label="cross", seed=1)
    make_file(folder / "mine.onnx", 2)
    now.models.look()
    refused(bpy.ops.cganx.next_seed, "is not the file that made this picture")


@pytest.fixture
def make_file():
    """Generators that were made outside: with two classes, ten thousand, odd names, and such as take few choices."""
    import os

    made = Path(os.environ["CGANX_MADE"])
    return lambda path, number: shutil.copy(made / f"{number}.onnx", path)


def test_ten_thousand_classes(now, folder, make_file, scene):
    make_file(folder / "many.onnx", 10000)
    now.models.look()
    scene.cganx.model = "many"
    scene.cganx.label = "class 9999"
    bpy.ops.cganx.generate_image()
    assert generated()[0]["cganx.label"] == "class 9999"
    bpy.ops.cganx.generate_image(model="many", label="class 5000")
    refused(lambda: bpy.ops.cganx.batch_to_assets(model="many"), "more than 1000 assets")


@pytest.mark.parametrize("name", ["uniform", "indexed"])
def test_choices_left_from_another_generator(now, folder, make_file, scene, name):
    """The panel has no control for them, so they must not stand in the way."""
    scene.cganx.model, scene.cganx.label = "materials", "brick"
    scene.cganx.other, scene.cganx.truncation = "wood", 0.5
    make_file(folder / f"{name}.onnx", name)
    now.models.look()
    bpy.ops.cganx.generate_image(model=name)
    scene.cganx.model = name
    bpy.ops.cganx.generate_image()
    first, second = generated()
    assert first["cganx.label"] == second["cganx.label"] == now.models.get(name).card.classes[0]
    assert first["cganx.truncation"] == second["cganx.truncation"] == 0
    refused(lambda: bpy.ops.cganx.generate_image(truncation=0.5), "truncation needs a normal latent")  # where it is asked for


@pytest.mark.parametrize("key", ["seed", "size", "truncation"])
def test_a_stamp_that_no_picture_has(part, key):
    bpy.ops.cganx.generate_image()
    (image,) = generated()
    assert part("pictures").read_stamp(image) is not None
    for value in (float("inf"), float("nan"), "x", [1.0, 2.0], -1, str(2**64) if key != "truncation" else "inf"):
        image[f"cganx.{key}"] = value
        assert part("pictures").read_stamp(image) is None


def test_a_stamp_of_a_size_that_is_never_made():
    bpy.ops.cganx.generate_material()
    (image,) = generated()
    image["cganx.size"] = 2**30
    refused(bpy.ops.cganx.next_seed, "1,073,741,824 pixels a side are asked for, and 1,024 is the most")


def test_odd_names(now, folder, make_file, part):
    make_file(folder / "odd.onnx", "odd")
    now.models.look()
    for name in now.models.get("odd").card.classes:
        bpy.ops.cganx.generate_image(model="odd", label=name, seed=1)
        assert {image["cganx.label"] for image in generated()} >= {name}
    for image in generated():
        stamp = part("pictures").read_stamp(image)
        assert stamp.wanted(now.models).label == stamp.label


def test_a_class_that_is_none():
    with pytest.raises(TypeError, match="not found in"):
        bpy.ops.cganx.generate_image(label="no such class")


def test_nothing_is_selected():
    bpy.ops.object.select_all(action="DESELECT")
    refused(bpy.ops.cganx.vary_selected, "No object is selected")


def test_nothing_selected_was_generated():
    bpy.ops.object.select_all(action="SELECT")
    refused(bpy.ops.cganx.vary_selected, "No selected object has a generated material")


def test_an_object_that_takes_no_material():
    light = bpy.data.objects["Light"]
    bpy.context.view_layer.objects.active = light
    refused(bpy.ops.cganx.generate_material, "'Light' takes no material")


def test_a_linked_object(tmp_path):
    file = str(tmp_path / "library.blend")
    bpy.ops.wm.save_as_mainfile(filepath=file)
    bpy.ops.wm.read_homefile(use_empty=True)
    with bpy.data.libraries.load(file, link=True) as (_there, here):
        here.objects = ["Cube"]
    (cube,) = here.objects
    bpy.context.scene.collection.objects.link(cube)
    bpy.context.view_layer.objects.active = cube
    refused(bpy.ops.cganx.generate_material, "'Cube' is linked from another file")
    local = bpy.data.objects.new("Local", cube.data)
    bpy.context.scene.collection.objects.link(local)
    bpy.context.view_layer.objects.active = local
    assert bpy.ops.cganx.generate_material(label="rock") == {"FINISHED"}  # its own slot's link is the object's
    assert local.active_material["cganx.label"] == "rock"


def test_a_linked_image(tmp_path):
    bpy.ops.cganx.generate_material(label="rock")
    file = str(tmp_path / "library.blend")
    bpy.ops.wm.save_as_mainfile(filepath=file)
    bpy.ops.wm.read_homefile(use_empty=True)
    with bpy.data.libraries.load(file, link=True) as (_there, here):
        here.materials = ["rock 0"]
    bpy.ops.mesh.primitive_cube_add()
    bpy.context.active_object.active_material = here.materials[0]
    refused(bpy.ops.cganx.next_seed, "is linked from another file")


def test_a_full_disk(tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        refused(lambda: bpy.ops.cganx.batch_to_assets(folder=str(tmp_path / "full")), "Cannot write the asset library")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list((tmp_path / "full").iterdir()) == []
    assert not generated()


def test_folders_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    inside = str(tmp_path / "file" / "folder")
    refused(lambda: bpy.ops.cganx.batch_to_assets(folder=inside), "Cannot write the asset library")
    refused(lambda: bpy.ops.cganx.texture_walk(target="SEQUENCE", folder=inside), "Cannot write into")


def test_too_many_frames_for_one_image():
    refused(lambda: bpy.ops.cganx.texture_walk(frames=2000), "at most 256")


def test_seeds_end():
    bpy.context.scene.cganx.seed = 2**31 - 1
    refused(lambda: bpy.ops.cganx.generate_image(count=2), "Seeds end at 2147483647")
    bpy.context.view_layer.objects.active = None
    refused(bpy.ops.cganx.next_seed, "there is none beyond")
    bpy.context.scene.cganx.seed = 0
    refused(bpy.ops.cganx.previous_seed, "there is none beyond")


def test_cuda_that_is_not_there(part):
    chosen = part("session").preferences()
    chosen.device = "cuda"
    try:
        refused(bpy.ops.cganx.generate_image, "a build without CUDA: name the folder of an onnxruntime-gpu in the preferences")
    finally:
        chosen.device = "auto"


def test_an_onnxruntime_of_the_user_that_is_none(part, tmp_path):
    chosen = part("session").preferences()
    chosen.gpu_folder = str(tmp_path)
    try:
        refused(bpy.ops.cganx.try_onnxruntime, "There is no onnxruntime in")
        assert bpy.ops.cganx.generate_image() == {"FINISHED"}  # the bundled one goes on
        assert "is not used" in part("preferences").about_runtime()[-1]
    finally:
        chosen.gpu_folder = ""


def test_an_onnxruntime_of_the_user_is_tried_in_a_child(now, part):
    import onnxruntime

    folder = Path(onnxruntime.__file__).parents[1]
    chosen = part("session").preferences()
    chosen.gpu_folder = str(folder)
    try:
        assert bpy.ops.cganx.try_onnxruntime() == {"FINISHED"}
    finally:
        chosen.gpu_folder = ""
    assert now.users_runtime.found.version == onnxruntime.__version__
    assert now.users_runtime.found.device == "cpu"
    assert now.users_runtime.reason.endswith("without CUDA")


@pytest.fixture
def cuda(now, part, monkeypatch, tmp_path):
    """A folder whose onnxruntime runs on CUDA by its trial, named in the preferences; nothing of it stays."""
    found = part("onnx_runtimes").Found("9.9.9", str(tmp_path / "onnxruntime" / "__init__.py"), "cuda:0")
    monkeypatch.setattr(part("session"), "try_folder", lambda *_arguments: found)
    monkeypatch.setattr(now, "users_runtime", part("session").UsersRuntime())
    chosen = part("session").preferences()
    chosen.gpu_folder = str(tmp_path)
    now.models.close()
    yield found
    chosen.gpu_folder = ""
    now._put_first("")
    now.models.close()


def test_an_onnxruntime_that_was_tried_is_then_used(now, part, cuda, monkeypatch, tmp_path):
    monkeypatch.setattr(part("session"), "in_use", lambda: None)
    assert bpy.ops.cganx.try_onnxruntime() == {"FINISHED"}
    assert bpy.ops.cganx.generate_image() == {"FINISHED"}
    assert sys.path[0] == str(tmp_path)
    assert bpy.ops.cganx.try_onnxruntime() == {"FINISHED"}
    assert sys.path.count(str(tmp_path)) == 1
    monkeypatch.setattr(part("session"), "in_use", lambda: cuda)  # as it is once it has been imported from there
    assert bpy.ops.cganx.try_onnxruntime() == {"FINISHED"}
    assert now.users_runtime == part("session").UsersRuntime(str(tmp_path), cuda)


@pytest.mark.usefixtures("cuda")
def test_an_onnxruntime_beside_one_in_use_waits_for_another_start(now, part, tmp_path):
    import onnxruntime

    assert onnxruntime.__version__ != "9.9.9"
    assert bpy.ops.cganx.generate_image() == {"FINISHED"}
    assert bpy.ops.cganx.try_onnxruntime() == {"FINISHED"}
    assert now.users_runtime.reason == "another onnxruntime is in use already: start Blender again"
    assert part("preferences").about_runtime()[-1].endswith("start Blender again")
    assert str(tmp_path) not in sys.path


def test_an_onnxruntime_whose_trial_fails_after_it_was_let_in_is_let_out(now, part, cuda, monkeypatch, tmp_path):
    monkeypatch.setattr(part("session"), "in_use", lambda: None)
    assert bpy.ops.cganx.try_onnxruntime() == {"FINISHED"}
    assert str(tmp_path) in sys.path
    cpu = part("onnx_runtimes").Found("9.9.9", cuda.path, "cpu", "no driver")
    monkeypatch.setattr(part("session"), "try_folder", lambda *_arguments: cpu)
    assert bpy.ops.cganx.try_onnxruntime() == {"FINISHED"}
    assert now.users_runtime.reason == "no driver"
    assert str(tmp_path) not in sys.path


def test_the_extension_is_off(part):
    holder = part("session")._Open
    kept, holder.session = holder.session, None
    try:
        refused(bpy.ops.cganx.generate_image, "The extension is off")
    finally:
        holder.session = kept
    assert "bl_ext.user_default.cganx" in sys.modules
