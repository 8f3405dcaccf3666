"""What the zip brought, and that it is what runs."""

import os
import sys
from pathlib import Path

import bpy
import numpy as np
import pytest

OPERATORS = (
    "generate_image",
    "generate_material",
    "vary_selected",
    "texture_walk",
    "next_seed",
    "previous_seed",
    "batch_to_assets",
    "translate_image",
)
SITE = Path(os.environ["BLENDER_USER_RESOURCES"]).resolve()


def test_onnxruntime_and_cganx_come_from_the_zip(extension):
    bpy.ops.cganx.generate_image()
    for name in ("onnxruntime", "cganx", extension.__name__):
        assert Path(sys.modules[name].__file__).resolve().is_relative_to(SITE), name
    import google.protobuf  # what onnxruntime asks for is there too

    assert Path(google.protobuf.__file__).resolve().is_relative_to(SITE)
    assert not Path(np.__file__).resolve().is_relative_to(SITE)


def test_the_device_that_runs_is_told(part):
    bpy.ops.cganx.generate_image()
    import onnxruntime

    lines = part("preferences").about_runtime()
    assert lines[:2] == [f"onnxruntime {onnxruntime.__version__}", onnxruntime.__file__]
    assert any(line.startswith("Running on cpu") for line in lines)


@pytest.mark.parametrize("name", OPERATORS)
def test_operators_are_undone_and_repeated(name):
    kind = getattr(bpy.types, f"CGANX_OT_{name}")
    assert {"REGISTER", "UNDO"} <= kind.bl_options
    assert getattr(bpy.ops.cganx, name).poll()


def test_the_tab_is_in_three_editors():
    panels = [getattr(bpy.types, name) for name in dir(bpy.types) if name.startswith("CGANX_PT_")]
    assert {panel.bl_space_type for panel in panels} == {"VIEW_3D", "IMAGE_EDITOR", "NODE_EDITOR"}
    assert {panel.bl_category for panel in panels} == {"cganx"}


def test_bundled_generators_are_listed(now):
    assert set(now.models.all()) == {"materials", "normals", "fashion", "letters", "emoji"}
    assert now.models.faults == {}


def test_nothing_but_numpy_and_onnxruntime_is_loaded_of_the_library():
    bpy.ops.cganx.generate_image()
    loaded = {name.split(".")[1] for name in sys.modules if name.startswith("cganx.")}
    assert loaded <= {"card", "errors", "runtime"}
    assert not {"torch", "onnx", "PIL", "click"} & set(sys.modules)
