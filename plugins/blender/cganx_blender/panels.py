# SPDX-License-Identifier: GPL-3.0-or-later
"""The sidebar's tab, the same in the 3D view, the image editor and the shader editor."""

import textwrap

import bpy

from .models import Model
from .operators.choosing import favourite_now
from .operators.translating import other_style_of, source_now
from .pictures import read_origin, read_stamp, shown
from .refusal import Refusal
from .session import Session, session
from .settings import MENU, MOST_SEED, Settings, chosen_label, model_of, offers_blend, other_of, settings, wanted_now
from .thumbnails import Thumbnail

TAB = "cganx"
GRID = 6  # thumbnails
LINE = 38  # characters of a sentence in a sidebar
EDITORS = {"VIEW_3D": "view", "IMAGE_EDITOR": "image", "NODE_EDITOR": "node"}


class _Section:
    """A panel of the tab."""

    bl_region_type = "UI"
    bl_category = TAB

    @classmethod
    def poll(cls, context):
        """In the node editor, for shaders alone."""
        space = context.space_data
        return space.type != "NODE_EDITOR" or space.tree_type == "ShaderNodeTree"


class _Generate(_Section):
    bl_label = "Generate"

    def draw(self, context):
        """What is chosen, the buttons, and how it goes."""
        layout, now, chosen = self.layout, session(), settings(context)
        row = layout.row(align=True)
        row.prop(chosen, "model", text="")
        row.operator("cganx.add_model", text="", icon="FILE_FOLDER")
        model = model_of(chosen.model)
        if model is None:
            _sentence(layout, f"The generator {chosen.model!r} is not there: add its file, or choose another", "ERROR")
        else:
            _choices(layout, context, chosen, model)
        _buttons(layout, context)
        _state(layout, now)


class _Seeds(_Section):
    bl_label = "Next Seeds"

    def draw(self, context):
        """A picture a seed; a click takes it."""
        now, chosen = session(), settings(context)
        model = model_of(chosen.model)
        if model is None or now.thumbnails is None:
            return
        seeds = range(chosen.seed, min(chosen.seed + GRID, MOST_SEED + 1))
        wanted = [Thumbnail(model.sha256, wanted_now(context, model, seed)) for seed in seeds]
        now.thumbnails.ask(wanted)
        grid = self.layout.grid_flow(row_major=True, columns=3, even_columns=True, align=True)
        for one in wanted:
            cell = grid.column(align=True)
            icon = now.thumbnails.icon(one)
            if icon:
                cell.template_icon(icon_value=icon, scale=4.0)
            else:
                cell.label(text="...")
            cell.operator("cganx.choose_seed", text=str(one.wanted.seed)).seed = one.wanted.seed


class _Translate(_Section):
    bl_label = "Translate"

    def draw(self, context):
        """What makes a picture of which picture, and in what style."""
        layout, chosen = self.layout, settings(context)
        row = layout.row(align=True)
        row.prop(chosen, "translator", text="")
        row.operator("cganx.add_model", text="", icon="FILE_FOLDER")
        model = model_of(chosen.translator)
        if model is not None and model.card.classes:
            _styles(layout, chosen, model)
        try:
            of = source_now(context)[1].name
        except Refusal:
            of = "no image"
        layout.label(text=f"Of {of}", icon="IMAGE_DATA")
        column = layout.column()
        column.scale_y = 1.4
        column.operator("cganx.translate_image", icon="IMAGE_REFERENCE")


class _Favourites(_Section):
    bl_label = "Favourites"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context):
        """The kept ones; the star keeps what is chosen now."""
        now, layout = session(), self.layout
        known = now.favourites.all()
        kept = favourite_now(context) in known
        text = "Forget this one" if kept else "Keep this one"
        layout.operator("cganx.toggle_favourite", text=text, icon="SOLO_ON" if kept else "SOLO_OFF")
        for place, one in enumerate(known):
            layout.operator("cganx.use_favourite", text=one.title).place = place


class _More(_Section):
    bl_label = "More"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, _context):
        """The rarer operators."""
        column = self.layout.column()
        column.operator("cganx.vary_selected", icon="RNDCURVE")
        column.operator("cganx.texture_walk", icon="RENDER_ANIMATION")
        column.operator("cganx.batch_to_assets", icon="ASSET_MANAGER")


def _styles(layout: bpy.types.UILayout, chosen: Settings, model: Model) -> None:
    layout.prop(chosen, "style", text="")
    if offers_blend(model):
        row = layout.row(align=True)
        row.prop(chosen, "other_style", text="Blend")
        if other_style_of(chosen, model):
            row.prop(chosen, "style_blend", text="")


def _choices(layout: bpy.types.UILayout, context: bpy.types.Context, chosen: Settings, model: Model) -> None:
    card = model.card
    if card.classes:
        row = layout.row(align=True)
        if len(card.classes) <= MENU:
            row.prop(chosen, "label", text="")
            row.operator("cganx.choose_class", text="", icon="VIEWZOOM")
        else:
            row.operator("cganx.choose_class", text=chosen_label(context), icon="VIEWZOOM")
        if offers_blend(model):
            row = layout.row(align=True)
            row.prop(chosen, "other", text="Blend")
            if other_of(chosen, model):
                row.prop(chosen, "blend", text="")
    row = layout.row(align=True)
    row.operator("cganx.previous_seed", text="", icon="TRIA_LEFT")
    row.prop(chosen, "seed")
    row.operator("cganx.next_seed", text="", icon="TRIA_RIGHT")
    column = layout.column(align=True)
    column.prop(chosen, "count")
    if model.truncates:
        column.prop(chosen, "truncation")
    row = layout.row(align=True)
    row.prop(chosen, "size", text="")
    row.prop(chosen, "mapping", text="")


def _buttons(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    column = layout.column(align=True)
    column.scale_y = 1.4
    names = ["cganx.generate_material", "cganx.generate_image"]
    if context.space_data.type == "IMAGE_EDITOR":
        names.reverse()
    for name in names:
        column.operator(name, icon="MATERIAL" if name.endswith("material") else "IMAGE_DATA")
    found = read_stamp(shown(context))
    of = read_origin(shown(context))
    if found is not None:
        layout.label(text=f"{found.label or found.model}, seed {found.seed}, by {found.model}", icon="INFO")
    elif of:
        layout.label(text=of, icon="INFO")


def _state(layout: bpy.types.UILayout, now: Session) -> None:
    run = now.run
    if run is not None:
        layout.progress(factor=run.share, text=f"{run.landed} of {run.plan.total}. Esc: stop")
    if now.problem:
        _sentence(layout, now.problem, "ERROR")
    for path, fault in now.models.faults.items():
        _sentence(layout, f"{path.name}: {fault}", "INFO")


def _sentence(layout: bpy.types.UILayout, text: str, icon: str) -> None:
    column = layout.column(align=True)
    for number, line in enumerate(textwrap.wrap(text, LINE)):
        column.label(text=line, icon=icon if number == 0 else "BLANK1")


def _panel(section: type, editor: str) -> type:
    """A panel class of one section in one editor."""
    name = f"CGANX_PT_{EDITORS[editor]}{section.__name__.lower()}"
    return type(name, (section, bpy.types.Panel), {"bl_idname": name, "bl_space_type": editor, "__doc__": section.__doc__})


SECTIONS = _Generate, _Seeds, _Translate, _Favourites, _More
CLASSES = tuple(_panel(section, editor) for editor in EDITORS for section in SECTIONS)
