"""Stopping, undoing, and refusing while busy."""

import bpy
import numpy as np
import pytest
from conftest import generated


def begin(now, part, count):
    """A run as the interface begins one, without its timer."""
    load = now.loader()
    wanted = [part("work").Wanted("materials", "wood", seed) for seed in range(count)]
    plan = part("runs").Plan(
        make=lambda: part("work").make_pictures(load, wanted),
        total=count,
        land=lambda _context, made: part("pictures").new_image(made),
    )
    now.run = part("runs").Run(plan, now.worker)
    return now.run


def finish(now, run):
    while not run.tick(bpy.context, wait=0.05):
        pass
    now.run = None


def test_a_run_is_stopped_between_batches(now, part):
    run = begin(now, part, 1000)
    while run.landed < 5:
        assert not run.tick(bpy.context, wait=0.05)
    run.stop()
    finish(now, run)
    assert 5 <= run.landed < 1000
    assert run.message == f"Stopped after {run.landed} of 1000"
    assert len(generated()) == run.landed
    again = begin(now, part, 3)
    finish(now, again)
    assert (again.landed, again.problem) == (3, "")


def test_the_next_is_refused_while_one_runs(now, part):
    run = begin(now, part, 1000)
    try:
        assert bpy.ops.cganx.generate_image() == {"CANCELLED"}
    finally:
        run.stop()
        finish(now, run)
    assert bpy.ops.cganx.generate_image() == {"FINISHED"}


def test_an_error_on_the_worker_is_said_and_the_next_run_goes(now, part):
    def make():
        yield 1
        raise MemoryError("no memory for it")

    run = part("runs").Run(part("runs").Plan(make, 2, lambda _context, _one: None), now.worker)
    finish(now, run)
    assert run.problem == "MemoryError: no memory for it"
    assert bpy.ops.cganx.generate_image() == {"FINISHED"}


def test_undo_takes_it_back_and_redo_brings_it_again(part):
    bpy.context.preferences.edit.use_global_undo = True
    bpy.ops.ed.undo_push(message="start")
    cube = bpy.context.active_object.name
    before = bpy.data.objects[cube].active_material.name
    bpy.ops.cganx.generate_material(label="tiles", seed=3)
    bpy.ops.ed.undo_push(message="Generate Material")
    made = part("pictures").read_pixels(part("materials").generated_image(bpy.data.objects[cube].active_material))
    bpy.ops.ed.undo()
    assert bpy.data.objects[cube].active_material.name == before
    assert not generated()
    bpy.ops.ed.redo()
    image = part("materials").generated_image(bpy.data.objects[cube].active_material)
    np.testing.assert_array_equal(part("pictures").read_pixels(image), made)


def test_a_seed_further_is_undone(part):
    bpy.context.preferences.edit.use_global_undo = True
    cube = bpy.context.active_object.name
    bpy.ops.cganx.generate_material(label="tiles", seed=3)
    made = part("pictures").read_pixels(generated()[0])
    bpy.ops.ed.undo_push(message="Generate Material")
    bpy.ops.cganx.next_seed()
    bpy.ops.ed.undo_push(message="Next Seed")
    bpy.ops.ed.undo()
    image = part("materials").generated_image(bpy.data.objects[cube].active_material)
    assert image["cganx.seed"] == 3
    np.testing.assert_array_equal(part("pictures").read_pixels(image), made)


def test_an_undo_while_it_runs_does_no_harm(now, part):
    bpy.context.preferences.edit.use_global_undo = True
    bpy.ops.ed.undo_push(message="start")
    run = begin(now, part, 40)
    while run.landed < 5:
        run.tick(bpy.context, wait=0.05)
    bpy.ops.ed.undo_push(message="something")
    bpy.ops.ed.undo()
    finish(now, run)
    assert (run.landed, run.problem) == (40, "")


def test_a_stopped_walk_leaves_no_files(now, part, tmp_path):
    kept = part("operators.walk")._Files(tmp_path / "walk", 100)
    load = now.loader()
    stops = [part("work").Wanted("materials", "wood", seed) for seed in (1, 2)]

    def make():
        try:
            for number, made in enumerate(part("work").make_walk(load, stops, 100)):
                kept.keep(number, made)
                yield made
        finally:
            kept.close()

    run = part("runs").Run(part("runs").Plan(make, 100, lambda _context, _made: None), now.worker)
    while run.landed < 3:
        run.tick(bpy.context, wait=0.05)
    assert list(tmp_path.iterdir())
    run.stop()
    finish(now, run)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("seconds", [2.0])
def test_the_first_picture_comes_soon(now, seconds):
    import time

    now.models.close()
    started = time.perf_counter()
    bpy.ops.cganx.generate_material(label="wood")
    assert time.perf_counter() - started < seconds
