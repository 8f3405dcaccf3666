"""An extension that is installed from the zip, once, as a user does it."""

import importlib
import os
import shutil
import sys
from pathlib import Path
from types import ModuleType

import bpy
import pytest

MODULE = "bl_ext.user_default.cganx"
ZIP = Path(os.environ["CGANX_ZIP"])


def install() -> ModuleType:
    """Install and enable; the operator says FINISHED also where nothing came of it, so the module is imported."""
    bpy.ops.extensions.package_install_files(filepath=str(ZIP), repo="user_default", enable_on_install=True)
    return importlib.import_module(MODULE)


@pytest.fixture(scope="session")
def extension() -> ModuleType:
    if MODULE not in bpy.context.preferences.addons:
        install()
    assert MODULE in bpy.context.preferences.addons
    return sys.modules[MODULE]


@pytest.fixture
def part(extension):
    """``part("work")``: a module of the installed extension."""
    return lambda name: importlib.import_module(f"{extension.__name__}.{name}")


@pytest.fixture(autouse=True)
def scene(extension):
    """The scene that Blender starts with, anew, and the extension on."""
    assert extension
    bpy.ops.wm.read_homefile(use_empty=False)
    return bpy.context.scene


@pytest.fixture
def now(part):
    return part("session").session()


TRANSLATORS = Path(os.environ["CGANX_MADE"]) / "translators"


@pytest.fixture
def translators(now):
    """The image-to-image generators made outside, in the user's folder; their names."""
    now.read_preferences()
    now.model_folder.mkdir(parents=True, exist_ok=True)
    for file in TRANSLATORS.iterdir():
        shutil.copy(file, now.model_folder)
    now.models.look()
    yield sorted(file.stem for file in TRANSLATORS.iterdir())
    for file in now.model_folder.iterdir():
        file.unlink()
    now.models.look()


def generated():
    """The images that the extension made."""
    return [image for image in bpy.data.images if "cganx.model" in image]


@pytest.fixture
def tiny():
    """The library's generator for hosts' tests: its classes are disc and cross."""
    from cganx.runtime import testing  # not before the extension has brought it

    return testing.TINY
