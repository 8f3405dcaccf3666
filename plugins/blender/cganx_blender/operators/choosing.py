# SPDX-License-Identifier: GPL-3.0-or-later
"""Choosing: a class by search, a seed by its thumbnail, favourites, another generator's file, an onnxruntime to try."""

from pathlib import Path

import bpy
from bpy.props import EnumProperty, IntProperty, StringProperty
from bpy_extras.io_utils import ImportHelper

from cganx.runtime import CganxError

from ..favourites import Favourite
from ..refusal import Refusal
from ..runs import Plan, said
from ..session import child_command, preferences, session
from ..settings import (
    MOST_SEED,
    chosen_label,
    classes_of,
    default_model,
    model_items,
    model_of,
    other_of,
    settings,
    truncation_of,
)
from .making import Making, redraw


class ChooseClass(bpy.types.Operator):
    """Choose a class by typing a part of its name"""

    bl_idname = "cganx.choose_class"
    bl_label = "Choose Class"
    bl_options = {"INTERNAL"}
    bl_property = "label"

    label: EnumProperty(name="Class", items=lambda _self, context: classes_of(model_of(settings(context or bpy.context).model)))

    def execute(self, context):
        """Take it over."""
        settings(context).label_name = self.label
        redraw(context)
        return {"FINISHED"}

    def invoke(self, context, _event):
        """Ask."""
        context.window_manager.invoke_search_popup(self)
        return {"RUNNING_MODAL"}


class ChooseSeed(bpy.types.Operator):
    """Take this picture's seed"""

    bl_idname = "cganx.choose_seed"
    bl_label = "Choose Seed"
    bl_options = {"INTERNAL", "UNDO"}

    seed: IntProperty(min=0, max=MOST_SEED)

    def execute(self, context):
        """Take it over."""
        settings(context).seed = self.seed
        redraw(context)
        return {"FINISHED"}


class ToggleFavourite(bpy.types.Operator):
    """Keep what is chosen among the favourites, or take them out"""

    bl_idname = "cganx.toggle_favourite"
    bl_label = "Favourite"
    bl_options = {"INTERNAL"}

    def execute(self, context):
        """Write the file."""
        try:
            added = session().favourites.toggle(favourite_now(context))
        except Refusal as error:
            session().problem = said(error)
            self.report({"ERROR"}, said(error))
            return {"CANCELLED"}
        self.report({"INFO"}, "Kept as a favourite" if added else "Not a favourite any more")
        redraw(context)
        return {"FINISHED"}


def favourite_now(context):
    """What is chosen, as a favourite."""
    chosen = settings(context)
    name = chosen.model_name or default_model(model_items(None, None))
    model = model_of(name)
    other = other_of(chosen, model) if model is not None else ""
    blend = chosen.blend if other else 0.0
    truncation = truncation_of(chosen, model) if model is not None else 0.0
    return Favourite(name, chosen_label(context), chosen.seed, other, blend, truncation)


class UseFavourite(bpy.types.Operator):
    """Choose what made this favourite"""

    bl_idname = "cganx.use_favourite"
    bl_label = "Use Favourite"
    bl_options = {"INTERNAL", "UNDO"}

    place: IntProperty(min=0)

    def execute(self, context):
        """Take it over."""
        known = session().favourites.all()
        if self.place >= len(known):
            self.report({"ERROR"}, "There is no such favourite any more")
            return {"CANCELLED"}
        one, chosen = known[self.place], settings(context)
        chosen.model_name, chosen.label_name, chosen.seed = one.model, one.label, min(max(one.seed, 0), MOST_SEED)
        chosen.other_name, chosen.truncation = one.other, one.truncation
        if one.other:
            chosen.blend = one.blend
        redraw(context)
        return {"FINISHED"}


class AddModel(bpy.types.Operator, ImportHelper):
    """Add a generator: an .onnx file that cganx exported"""

    bl_idname = "cganx.add_model"
    bl_label = "Add Generator"

    filename_ext = ".onnx"
    filter_glob: StringProperty(default="*.onnx", options={"HIDDEN"})

    def execute(self, context):
        """Check the file, and copy it into the folder."""
        now = session()
        now.problem = ""
        try:
            if not self.filepath:
                raise Refusal("Choose a generator's .onnx file")
            now.read_preferences()
            model = now.models.add(Path(self.filepath), now.model_folder)
        except (Refusal, CganxError, OSError) as error:
            now.problem = said(error)
            self.report({"ERROR"}, now.problem)
            return {"CANCELLED"}
        chosen = settings(context)
        if model.from_seeds:
            chosen.model_name = model.name
            self.report({"INFO"}, f"Added {model.name!r}: {len(model.card.classes)} classes")
        else:
            chosen.translator_name = model.name
            self.report({"INFO"}, f"Added {model.name!r}, which makes pictures of pictures: see Translate")
        redraw(context)
        return {"FINISHED"}


class TryRuntime(Making, bpy.types.Operator):
    """Try the onnxruntime in the preferences' folder in a process of its own, and say what it runs on"""

    bl_idname = "cganx.try_onnxruntime"
    bl_label = "Try It"
    bl_options = {"INTERNAL"}

    def plan(self, _context, now):
        """The child is started on the worker."""
        chosen = preferences().gpu_folder
        if not chosen:
            raise Refusal("Name the folder of an onnxruntime first")
        folder, command = Path(bpy.path.abspath(chosen)), child_command()
        model = next(iter(now.models.all().values())).path
        said_of = []

        def make():
            tried = now.let_in(folder, command, model, again=True)
            if tried.found is None:
                raise Refusal(tried.reason)
            yield tried

        def land(_context, tried):
            said_of.append(f"onnxruntime {tried.found.version} runs on {tried.found.device}")
            if tried.reason:
                said_of.append(f"it is not used: {tried.reason}")

        return Plan(make, 1, land, lambda _context: "; ".join(said_of))


CLASSES = (ChooseClass, ChooseSeed, ToggleFavourite, UseFavourite, AddModel, TryRuntime)
