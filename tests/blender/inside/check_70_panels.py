"""What the panels draw, on a layout that writes down what it is asked for and knows what there is."""

import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import bpy
import numpy as np
import pytest
from conftest import generated

EDITORS = ("VIEW_3D", "IMAGE_EDITOR", "NODE_EDITOR")


class Layout:
    """Takes what panels ask of a layout, and fails where there is no such property or operator."""

    scale_y = 1.0

    def __init__(self, said=None):
        self.said = [] if said is None else said

    def _inner(self, **_options):
        return Layout(self.said)

    row = column = box = grid_flow = _inner

    def prop(self, block, name, text=None):
        assert name in block.bl_rna.properties, name
        self.said.append(str(getattr(block, name)) if text is None else text)

    def operator(self, name, text="", icon="NONE"):
        family, short = name.split(".")
        kind = getattr(bpy.types, f"{family.upper()}_OT_{short}")
        assert icon in bpy.types.UILayout.bl_rna.functions["label"].parameters["icon"].enum_items
        self.said.append(text or kind.bl_label)
        return SimpleNamespace()

    def label(self, text="", icon="NONE"):
        assert icon in bpy.types.UILayout.bl_rna.functions["label"].parameters["icon"].enum_items
        self.said.append(text)

    def progress(self, factor, text):
        assert 0 <= factor <= 1
        self.said.append(text)

    def template_icon(self, icon_value, scale):
        assert icon_value > 0
        assert scale > 1
        self.said.append("icon")


def drawn(editor, image=None):
    """Every text of the tab in an editor."""
    space = SimpleNamespace(type=editor, image=image, tree_type="ShaderNodeTree")
    target = bpy.context.active_object
    space.id = target.active_material if target is not None else None
    context = SimpleNamespace(
        space_data=space, scene=bpy.context.scene, window_manager=bpy.context.window_manager, active_object=target
    )
    said = []
    panels = [getattr(bpy.types, name) for name in dir(bpy.types) if name.startswith("CGANX_PT_")]
    for panel in panels:
        if panel.bl_space_type == editor:
            assert panel.poll(context)
            panel.draw(SimpleNamespace(layout=Layout(said)), context)
    return said


@pytest.mark.parametrize("editor", EDITORS)
def test_the_tab_offers_everything(editor):
    said = drawn(editor)
    for text in ("Generate Material", "Generate Image", "Vary Selected", "Texture Walk", "Batch to Assets", "Translate Image"):
        assert text in said


def test_the_shown_image_tells_what_it_is():
    bpy.ops.cganx.generate_image(label="wood", seed=4)
    assert "wood, seed 4, by materials" in drawn("IMAGE_EDITOR", generated()[0])


@pytest.mark.usefixtures("translators")
@pytest.mark.parametrize("editor", EDITORS)
def test_what_is_translated_and_in_what_style(scene, editor):
    bpy.ops.cganx.generate_material(label="wood", seed=4)
    (image,) = generated()
    scene.cganx.translator = "styled"
    said = drawn(editor, image)
    assert {"Translate Image", "Of wood 4"} <= set(said)
    assert said.count("Blend") == 2  # of classes and of styles
    bpy.ops.cganx.translate_image(image=image.name, label="wash")
    shown = drawn(editor, bpy.data.images["wood 4 wash"])
    assert ("Of wood 4, by styled, wash" in shown) == (editor == "IMAGE_EDITOR")
    scene.cganx.translator = "slopes"
    assert drawn(editor, image).count("Blend") == 1
    bpy.context.view_layer.objects.active = None
    assert "Of no image" in drawn(editor)


@pytest.mark.usefixtures("translators")
@pytest.mark.parametrize(("model", "more"), [("styled", ["label", "other", "blend"]), ("noisy", ["seed"]), ("slopes", [])])
def test_the_redo_panel_has_what_the_generator_takes(part, model, more):
    said = []
    layout = SimpleNamespace(
        prop=lambda _operator, name: said.append(name), prop_search=lambda _operator, name, _data, _list: said.append(name)
    )
    part("operators.translating").TranslateImage.draw(SimpleNamespace(layout=layout, model=model), bpy.context)
    assert said == ["model", "image", *more, "result", "alpha", "linked", "wraps", "tile"]


def test_a_problem_and_a_run_are_shown(now, part):
    now.problem = "The generator 'x' is not there: add its file, or choose another one that is there"
    run = SimpleNamespace(share=0.25, landed=1, plan=SimpleNamespace(total=4))
    now.run = run
    try:
        said = drawn("VIEW_3D")
    finally:
        now.run, now.problem = None, ""
    assert "1 of 4. Esc: stop" in said
    assert "The generator 'x' is not there: add" in said
    assert max(len(text) for text in said if "not there" in text) <= part("panels").LINE


def test_a_generator_that_is_gone(scene):
    scene.cganx.model_name = "gone"
    assert "The generator 'gone' is not there: add" in drawn("VIEW_3D")


def test_the_preferences(part):
    bpy.ops.cganx.generate_image()
    said = []
    chosen, layout = part("session").preferences(), Layout(said)
    layout.prop = lambda _drawn, name: said.append(str(getattr(chosen, name)))
    part("preferences").Preferences.draw(SimpleNamespace(layout=layout), bpy.context)
    assert "auto" in said
    assert "Try It" in said
    assert any(text.startswith("Running on cpu") for text in said)


@pytest.mark.parametrize("name", ["NextSeed", "PreviousSeed"])
def test_the_redo_panel_of_a_step_has_the_seed_alone(part, name):
    drawn_names = []
    layout = SimpleNamespace(prop=lambda _operator, prop: drawn_names.append(prop))
    getattr(part("operators.seeds"), name).draw(SimpleNamespace(layout=layout), bpy.context)
    assert drawn_names == ["seed"]


def test_many_classes_are_searched_for(now, scene):
    now.read_preferences()
    now.model_folder.mkdir(parents=True, exist_ok=True)
    file = now.model_folder / "many.onnx"
    shutil.copy(Path(os.environ["CGANX_MADE"]) / "10000.onnx", file)
    try:
        now.models.look()
        scene.cganx.model = "many"
        bpy.ops.cganx.choose_class(label="class 7777")
        assert "class 7777" in drawn("VIEW_3D")
        assert "Blend" not in drawn("VIEW_3D")
    finally:
        file.unlink()
        now.models.look()


@pytest.fixture
def thumbnails(now, part):
    """As a window has them; in background there are none."""
    now.thumbnails = part("thumbnails").Thumbnails(lambda _context: None)
    yield now.thumbnails
    timer = now.thumbnails._timer
    now.thumbnails.close()
    now.thumbnails = None
    assert not bpy.app.timers.is_registered(timer)


def made(thumbnails):
    """Wait for what is asked for, as the timer does."""
    while thumbnails._job is not None:
        thumbnails._land()
    bpy.app.timers.unregister(thumbnails._timer)


def values_of(thumbnails, place, side):
    """float32 [side * side * 4] of one that was asked for last; icons have no numbers in background."""
    values = np.empty(side * side * 4, np.float32)
    thumbnails._kept[thumbnails._waiting[place].key].image_pixels_float.foreach_get(values)
    return values


def test_thumbnails_that_fail_are_not_asked_for_again(now, thumbnails, monkeypatch):
    now.models.close()
    monkeypatch.setattr(type(now.models), "load", lambda *_args: 1 / 0)
    drawn("VIEW_3D")
    made(thumbnails)
    drawn("VIEW_3D")
    assert thumbnails._job is None
    monkeypatch.undo()
    thumbnails.try_again()
    drawn("VIEW_3D")
    assert thumbnails._job is not None


def test_thumbnails_that_cannot_be_kept_do_not_end_all_others(thumbnails, scene, monkeypatch):
    def fail(*_arguments):
        raise MemoryError

    monkeypatch.setattr(thumbnails, "_keep", fail)
    drawn("VIEW_3D")
    with pytest.raises(MemoryError):
        made(thumbnails)
    bpy.app.timers.unregister(thumbnails._timer)  # as Blender does with a timer that has failed
    drawn("VIEW_3D")
    assert thumbnails._job is None  # those would fail for ever
    monkeypatch.undo()
    scene.cganx.seed = 100
    drawn("VIEW_3D")
    assert thumbnails._job is not None


def test_thumbnails_go_on_when_a_file_is_opened(thumbnails):
    drawn("VIEW_3D")
    bpy.ops.wm.read_homefile(use_empty=False)
    assert bpy.app.timers.is_registered(thumbnails._timer)


@pytest.mark.parametrize("change", [{"truncation": 0.5}, {"other": "Sneaker", "blend": 0.25}])
def test_thumbnails_are_of_what_a_click_makes(part, thumbnails, scene, change):
    scene.cganx.model, scene.cganx.label = "fashion", "Bag"
    drawn("VIEW_3D")
    made(thumbnails)
    plain = values_of(thumbnails, 1, 28)
    for name, value in change.items():
        setattr(scene.cganx, name, value)
    drawn("VIEW_3D")
    made(thumbnails)
    values = values_of(thumbnails, 1, 28)
    bpy.ops.cganx.choose_seed(seed=1)
    bpy.ops.cganx.generate_image()
    wanted = part("pictures").blender_pixels(part("pictures").read_pixels(generated()[0]))
    assert np.abs(values - wanted).max() < 1 / 255 < np.abs(values - plain).max()


def test_thumbnails_are_made_for_what_is_looked_at(part, thumbnails, scene):
    scene.cganx.label, scene.cganx.seed = "roof", 10
    drawn("VIEW_3D")
    made(thumbnails)
    assert [tuple(one.image_size) for one in thumbnails._kept.values()] == [(64, 64)] * part("panels").GRID
    bpy.ops.cganx.generate_image(label="roof", seed=12)
    wanted = part("pictures").blender_pixels(part("pictures").read_pixels(generated()[0]))
    assert np.abs(values_of(thumbnails, 2, 64) - wanted).max() < 1 / 255
    drawn("VIEW_3D")
    assert thumbnails._job is None  # nothing more is asked for
    bpy.ops.cganx.choose_seed(seed=13)
    drawn("VIEW_3D")
    assert [one.wanted.seed for one in thumbnails._waiting] == [16, 17, 18]
