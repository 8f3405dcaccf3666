"""Beside others: a second and a third Blender with the same user's folder, and another add-on's onnxruntime."""

import subprocess
import sys
from types import ModuleType

import bpy
import pytest
from conftest import MODULE

SECOND = f"""
import bpy, hashlib, importlib, os
bpy.ops.preferences.addon_enable(module="{MODULE}")
for seed in range(5):
    bpy.ops.cganx.generate_image(label="wood", seed=seed)
    bpy.context.scene.cganx.seed = seed
    bpy.ops.cganx.toggle_favourite()
    bpy.ops.cganx.toggle_favourite()
read = importlib.import_module("{MODULE}.pictures").read_pixels
images = sorted((image.name, read(image).tobytes()) for image in bpy.data.images if "cganx.model" in image)
print("made:", len(images), hashlib.sha256(repr(images).encode()).hexdigest(), flush=True)
os._exit(0)
"""


def test_two_more_blenders_at_once(extension, now):
    assert extension
    others = [subprocess.Popen([sys.executable, "-c", SECOND], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [other.communicate(timeout=120)[0] for other in others]
    lines = [[line for line in text.splitlines() if line.startswith("made:")] for text in said]
    assert lines[0] == lines[1]
    assert lines[0][0].startswith("made: 5 ")
    assert isinstance(now.favourites.all(), list)
    assert bpy.ops.cganx.generate_image() == {"FINISHED"}


@pytest.fixture
def another(now, monkeypatch):
    """An onnxruntime that some other add-on has imported first, of a version."""

    def put(version):
        module = ModuleType("onnxruntime")
        module.__version__, module.__file__ = version, "/other/addon/onnxruntime/__init__.py"
        module.InferenceSession = object
        now.models.close()
        monkeypatch.setitem(sys.modules, "onnxruntime", module)

    yield put
    now.models.close()


def test_an_older_onnxruntime_of_another_addon(another, part):
    another("1.15.1")
    with pytest.raises(
        RuntimeError, match=r"onnxruntime 1\.15\.1 is too old .*: it is the one in /other/addon/.*turn that off"
    ):
        bpy.ops.cganx.generate_image()
    assert part("preferences").about_runtime()[:2] == ["onnxruntime 1.15.1", "/other/addon/onnxruntime/__init__.py"]


def test_an_onnxruntime_of_another_addon_that_does_not_work(another, now):
    another("1.31.0")
    with pytest.raises(RuntimeError) as caught:
        bpy.ops.cganx.generate_image()
    assert "Traceback" not in str(caught.value)
    assert now.problem


def test_no_onnxruntime_at_all(now, monkeypatch):
    now.models.close()
    monkeypatch.setitem(sys.modules, "onnxruntime", None)  # as if there were none: importing it fails
    with pytest.raises(RuntimeError, match=r"onnxruntime .*: turn the extension off and on in the preferences"):
        bpy.ops.cganx.generate_image()


def test_a_python_that_the_zip_has_no_onnxruntime_for(now, part, monkeypatch, tmp_path):
    now.models.close()
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    monkeypatch.setattr(part("onnx_runtimes"), "WHEELS", tmp_path)
    with pytest.raises(RuntimeError, match=r"brings none for Blender's Python; build one with build\.py --python cp3\d+"):
        bpy.ops.cganx.generate_image()


def test_it_works_again(part):
    assert bpy.ops.cganx.generate_image() == {"FINISHED"}
    assert not [line for line in part("preferences").about_runtime() if "/other/" in line]
