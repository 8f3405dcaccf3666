"""Turned off, on again, loaded anew and removed: nothing stays. The last of the checks."""

import hashlib
import importlib
import os
import sys
import threading
from pathlib import Path

import bpy
from conftest import MODULE, install

HANDLERS = [name for name in dir(bpy.app.handlers) if isinstance(getattr(bpy.app.handlers, name), list)]


def own():
    """What the extension put into Blender."""
    kinds = [name for name in dir(bpy.types) if name.startswith("CGANX_")]
    handlers = [one for name in HANDLERS for one in getattr(bpy.app.handlers, name) if "cganx" in (one.__module__ or "")]
    threads = [one.name for one in threading.enumerate() if "cganx" in one.name]
    operators = dir(bpy.ops.cganx)
    return kinds, handlers, threads, operators, hasattr(bpy.types.Scene, "cganx")


def folder_hashes():
    folder = Path(sys.modules[MODULE].__file__).parent
    files = [path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_it_writes_nothing_into_its_own_folder():
    before = folder_hashes()
    bpy.ops.cganx.generate_material()
    bpy.ops.cganx.texture_walk(frames=3, target="SEQUENCE")
    bpy.ops.cganx.toggle_favourite()
    bpy.ops.cganx.toggle_favourite()
    assert folder_hashes() == before
    assert len(before) > 20


def test_turned_off_nothing_stays_and_turned_on_it_works():
    bpy.ops.cganx.generate_image()
    assert "cganx worker" in own()[2]
    for _ in range(2):
        bpy.ops.preferences.addon_disable(module=MODULE)
        assert own() == ([], [], [], [], False)
        bpy.ops.preferences.addon_enable(module=MODULE)
        assert bpy.ops.cganx.generate_image() == {"FINISHED"}


def test_turned_off_in_the_middle_of_a_run(now, part):
    load = now.loader()
    wanted = [part("work").Wanted("materials", "wood", seed) for seed in range(10_000)]
    plan = part("runs").Plan(lambda: part("work").make_pictures(load, wanted), 10_000, lambda _context, _made: None)
    now.run = part("runs").Run(plan, now.worker)
    now.run.tick(bpy.context, wait=0.2)
    bpy.ops.preferences.addon_disable(module=MODULE)
    assert own() == ([], [], [], [], False)
    bpy.ops.preferences.addon_enable(module=MODULE)
    assert bpy.ops.cganx.generate_image() == {"FINISHED"}


def test_scripts_are_loaded_anew():
    bpy.ops.script.reload()
    assert bpy.ops.cganx.generate_image() == {"FINISHED"}


def test_removed_and_installed_again():
    folder = Path(sys.modules[MODULE].__file__).parent
    places = [repo.module for repo in bpy.context.preferences.extensions.repos]
    bpy.ops.extensions.package_uninstall(repo_index=places.index("user_default"), pkg_id="cganx")
    assert own() == ([], [], [], [], False)
    assert not folder.exists()
    assert MODULE not in bpy.context.preferences.addons
    site = Path(os.environ["BLENDER_USER_RESOURCES"]) / "extensions" / ".local"
    assert not list(site.rglob("onnxruntime/__init__.py"))
    for name in [name for name in sys.modules if name.startswith(MODULE)]:
        del sys.modules[name]
    install()
    assert importlib.import_module(MODULE)
    assert bpy.ops.cganx.generate_material(label="wood") == {"FINISHED"}
