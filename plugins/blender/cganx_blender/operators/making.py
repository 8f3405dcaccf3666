# SPDX-License-Identifier: GPL-3.0-or-later
"""What all operators that make pictures share: their choices, and their run beside the interface or, in background, at once."""

from contextlib import suppress

import bpy
from bpy.props import EnumProperty, FloatProperty, IntProperty

from ..labels import NO_BLEND, label_of, plainest
from ..refusal import Refusal
from ..runs import Plan, Run, said
from ..session import Session, session
from ..settings import (
    MOST_SEED,
    chosen_label,
    classes_of,
    default_model,
    model_items,
    model_of,
    other_of,
    others_of,
    settings,
    truncation_of,
)
from ..work import Wanted

STEP = 0.03  # seconds between two looks at the worker
# Not kept from call to call: what is not given comes from the panel.
FROM_PANEL = {"SKIP_SAVE"}
EDITORS = ("VIEW_3D", "IMAGE_EDITOR", "NODE_EDITOR")


def _model_now(self):
    if self.is_property_set("model"):
        return model_of(self.model)
    chosen = settings(bpy.context)
    return model_of(chosen.model_name or default_model(model_items(None, None)))


class Making:
    """An operator's run. Its `plan` says what the worker makes and how that lands.

    Called from the interface it returns at once and lands things a moment at a time, until they are all there or Esc is
    pressed. Called from a script, in background or by the redo panel, it returns when all is done.
    """

    bl_options = {"REGISTER", "UNDO"}

    def plan(self, context: bpy.types.Context, now: Session) -> Plan:
        """Look whether it can be done, and say how. Raises Refusal, CganxError."""
        raise NotImplementedError

    def execute(self, context):
        """Make everything, and wait for it."""
        run = self._begin(context)
        if run is None:
            return {"CANCELLED"}
        try:
            while not run.tick(context, wait=STEP):
                pass
        except BaseException:
            run.stop()
            session().run = None
            raise
        return self._end(context, run)

    def invoke(self, context, _event):
        """Begin, and go on beside the interface. The button is not greyed meanwhile: see `_begin`."""
        run = self._begin(context)
        if run is None:
            return {"CANCELLED"}
        self._run = run
        manager = context.window_manager
        run.leave = _leaver(manager.event_timer_add(STEP, window=context.window), context.workspace)
        manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context, event):
        """Land what is made; stop on Esc; leave all else to the interface."""
        if event.type == "ESC" and event.value == "PRESS":
            self._run.stop()
            return {"RUNNING_MODAL"}
        if event.type != "TIMER":
            return {"PASS_THROUGH"}
        over = self._run.tick(context)
        redraw(context)
        if not over:
            return {"PASS_THROUGH"}
        return self._end(context, self._run)

    def cancel(self, _context):
        """Called by Blender when a file is opened, or it ends."""
        self._run.stop()
        self._run.leave()
        with suppress(Refusal):  # where the extension was turned off meanwhile
            session().run = None

    def _begin(self, context):
        """The run, or None where it was refused. A greyed button would stay dead until the mouse leaves it, so here."""
        try:
            now = session()
        except Refusal as error:
            self.report({"ERROR"}, said(error))
            return None
        if now.run is not None:
            self.report({"WARNING"}, "cganx is making pictures still: wait, or press Esc to stop it")
            return None
        now.problem = ""
        try:
            self.fill(context)
            plan = self.plan(context, now)
        except Exception as error:  # whatever it is, it is said
            now.problem = said(error)
            self.report({"ERROR"}, now.problem)
            return None
        now.run = Run(plan, now.worker)
        return now.run

    def _end(self, context, run):
        run.leave()
        with suppress(Refusal):  # where the extension was turned off meanwhile
            session().run = None
            session().problem = run.problem
            if session().thumbnails is not None and not run.problem:
                session().thumbnails.try_again()
        redraw(context)
        if run.problem:
            self.report({"ERROR"}, run.problem)
        elif run.message:
            self.report({"INFO"}, run.message)
        return {"FINISHED"} if run.landed else {"CANCELLED"}

    def fill(self, context):
        """Take what was not given from the panel, so that the redo panel shows all of it. Raises Refusal."""


class Choosing(Making):
    """With a generator, a class, a blend, a seed and a truncation to choose."""

    model: EnumProperty(name="Generator", items=model_items, options=FROM_PANEL)
    label: EnumProperty(name="Class", items=lambda self, _context: classes_of(_model_now(self)), options=FROM_PANEL)
    other: EnumProperty(name="Blend with", items=lambda self, _context: others_of(_model_now(self)), options=FROM_PANEL)
    blend: FloatProperty(
        name="Blend", description="How much of the other class", min=0, max=1, default=0.5, subtype="FACTOR", options=FROM_PANEL
    )
    seed: IntProperty(name="Seed", description="The same seed makes the same picture", min=0, max=MOST_SEED, options=FROM_PANEL)
    truncation: FloatProperty(
        name="Truncation",
        description="Smaller is more typical and less varied; 0 is off",
        min=0,
        max=4,
        default=0,
        options=FROM_PANEL,
    )

    def fill(self, context):
        """The generator first, for the classes are its own."""
        chosen = settings(context)
        if not self.given("model"):
            self.model = self._named(chosen.model_name or default_model(model_items(self, context)))
            if not self.given("label") and chosen_label(context):
                self.label = chosen_label(context)
            if not self.given("other"):
                self.other = other_of(chosen, session().models.get(self.model)) or NO_BLEND[0]
        for name in ("label", "other", "blend", "seed", "truncation", *self.more_from_panel()):
            if not self.given(name):
                setattr(self, name, self._default(chosen, name))

    def given(self, name: str) -> bool:
        """Whether it was; an enum whose place the redo panel's other generator does not have is empty."""
        return self.properties.is_property_set(name) and getattr(self, name) != ""

    def more_from_panel(self):
        """Names of the operator's own choices that the panel has too."""
        return ()

    def wanted(self, seed: int | None = None, size: int = 0) -> Wanted:
        """The request that the choices mean. Raises Refusal."""
        model = session().models.get(self.model)
        label = label_of(model.card, self.label, self.other, self.blend)
        return Wanted(self.model, label, self.seed if seed is None else seed, round(self.truncation, 4), size)

    def _default(self, chosen, name):
        """Of a generator that was named, the panel's class may not be one: its first is, then."""
        model = session().models.get(self.model)
        if name == "label":
            return plainest(model.card)
        if name == "other":
            return NO_BLEND[0]
        if name == "truncation":
            return truncation_of(chosen, model)
        return getattr(chosen, name)

    @staticmethod
    def _named(name):
        session().models.get(name)
        if all(name != item[0] for item in model_items(None, None)):
            raise Refusal(f"The generator {name!r} turns pictures into pictures: choose one that makes them from seeds")
        return name


def _leaver(timer, workspace):
    """Shows that something is made, and gives what ends that: it can be called twice, and when the operator is gone."""
    if workspace is not None:
        workspace.status_text_set("cganx is making pictures. Esc: stop")
    name = workspace.name if workspace is not None else ""
    timers = [timer]

    def leave():
        while timers:
            bpy.context.window_manager.event_timer_remove(timers.pop())
        there = bpy.data.workspaces.get(name)
        if there is not None:
            there.status_text_set(None)

    return leave


def redraw(context):
    """Have the sidebars drawn again: a timer alone does not."""
    manager = context.window_manager
    for window in manager.windows if manager is not None else ():
        for area in window.screen.areas:
            if area.type in EDITORS:
                for region in area.regions:
                    if region.type in ("UI", "HUD"):
                        region.tag_redraw()
