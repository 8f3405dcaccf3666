"""The same pictures as the library makes outside, on every thread, after saving, opening and making again."""

import json
import os
import threading
from concurrent.futures import ThreadPoolExecutor

import bpy
import numpy as np
from conftest import generated

WANTED = np.load(os.environ["CGANX_WANTED"])
REQUESTS = json.loads(str(WANTED["requests"]))


def test_pictures_are_those_of_the_runtime_outside(part):
    for number, (model, label, seed) in enumerate(REQUESTS):
        bpy.ops.wm.read_homefile(use_empty=True)
        bpy.ops.cganx.generate_image(model=model, label=label, seed=seed)
        (image,) = generated()
        wanted = np.broadcast_to(WANTED[f"pixels{number}"], (*WANTED[f"pixels{number}"].shape[:2], 3))
        np.testing.assert_array_equal(part("pictures").read_pixels(image), wanted, err_msg=f"{model} {label} {seed}")


def test_threads_make_the_same_at_once(now, part):
    load = now.loader()
    wanted = [part("work").Wanted("materials", "wood", seed) for seed in range(24)]

    def make(_number):
        return np.stack([made.pixels for made in part("work").make_pictures(load, wanted)])

    with ThreadPoolExecutor(4) as pool:
        first, *others = pool.map(make, range(4))
    for other in others:
        np.testing.assert_array_equal(first, other)


def test_work_is_done_on_the_worker_and_landed_on_the_main_thread(now, part):
    threads = set()
    plan = part("runs").Plan(
        make=lambda: iter([threading.current_thread().name]),
        total=1,
        land=lambda _context, name: threads.update({name, threading.current_thread().name}),
    )
    run = part("runs").Run(plan, now.worker)
    while not run.tick(bpy.context, wait=0.05):
        pass
    assert threads == {"cganx worker", threading.main_thread().name}
    assert run.problem == ""


def test_saved_opened_and_made_again_they_are_equal(now, part, tmp_path):
    bpy.ops.cganx.generate_material(label="brick", seed=2**31 - 1, truncation=0.7)
    bpy.ops.cganx.generate_image(model="fashion", label="Bag", other="Coat", blend=0.5, seed=4, count=3)
    file = str(tmp_path / "saved.blend")
    for image in generated():
        image.use_fake_user = True
    bpy.ops.wm.save_as_mainfile(filepath=file)
    before = {image.name: part("pictures").read_pixels(image) for image in generated()}
    bpy.ops.wm.read_homefile(use_empty=True)
    bpy.ops.wm.open_mainfile(filepath=file)
    assert {image.name for image in generated()} == set(before)
    assert len(before) == 4
    for image in generated():
        there = part("pictures").read_pixels(image)
        np.testing.assert_array_equal(there, before[image.name])
        stamp = part("pictures").read_stamp(image)
        (again,) = part("work").make_textures(now.loader(), [stamp.wanted(now.models)])
        np.testing.assert_array_equal(np.broadcast_to(again.pixels, there.shape), there)


def test_no_run_is_saved():
    bpy.ops.cganx.generate_image()
    names = {prop.identifier for prop in bpy.context.scene.cganx.bl_rna.properties}
    assert not {"busy", "progress", "job", "run", "problem"} & names
