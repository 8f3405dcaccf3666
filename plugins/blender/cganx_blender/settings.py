# SPDX-License-Identifier: GPL-3.0-or-later
"""What the panel shows, kept with the scene: by names, so that a file reopened elsewhere means the same generator and class."""

import bpy
from bpy.props import EnumProperty, FloatProperty, IntProperty, StringProperty

from .labels import NO_BLEND, class_items, label_of, other_items, plainest
from .models import Model
from .refusal import Refusal
from .session import session
from .work import Wanted

MENU = 64  # classes that a plain menu is fit for
MOST_SEED = 2**31 - 1  # Blender's integers have 32 bits
SIZES = ("0", "128", "256", "512", "1024")
SIZE_ITEMS = [("0", "As it is", "The generator's own size", 0)] + [
    (size, f"{size} px", "Sewn from several pictures of the class", place) for place, size in enumerate(SIZES[1:], 1)
]
MAPPING_ITEMS = [
    ("BOX", "Box", "From three sides; needs no UV map", 0),
    ("UV", "UV", "By the object's UV map", 1),
]
DEVICE_ITEMS = [
    ("auto", "Automatic", "CUDA where it runs, else the processor", 0),
    ("cpu", "Processor", "The processor", 1),
    ("cuda", "CUDA", "An NVIDIA GPU, or a sentence that says why not", 2),
]


def model_items(_self, _context):
    """The generators that make pictures from seeds, for an operator's enum."""
    try:
        now = session()
        now.read_preferences()
        models = [model for model in now.models.all().values() if model.from_seeds]
        items = [(model.name, model.name, _about(model), place) for place, model in enumerate(models)]
        return now.keep(("models", *items), lambda: items or [("-", "(none)", "There is no generator", 0)])
    except Refusal:
        return []


def model_of(name):
    """The generator of that name, or None."""
    try:
        session().read_preferences()
        return session().models.all().get(name)
    except Refusal:
        return None


def _about(model: Model) -> str:
    image, count = model.card.image, len(model.card.classes)
    return f"{count} classes, {image.width} x {image.height}"


def _panel_models(self, _context):
    """The same for the panel: with the one that is chosen, where it is not there any more."""
    items = model_items(self, _context)
    if self.model_name and all(self.model_name != item[0] for item in items):
        gone = (self.model_name, f"{self.model_name} (missing)", "Its file is not there", len(items))
        return session().keep(("models", *items, gone), lambda: [*items, gone])
    return items


def default_model(items):
    """The generator that is chosen first: the materials, where they are there."""
    names = [item[0] for item in items]
    return "materials" if "materials" in names else (names[0] if names else "")


def _get_model(self):
    names = [item[0] for item in _panel_models(self, None)]
    name = self.model_name or default_model(model_items(self, None))
    return names.index(name) if name in names else 0


def _set_model(self, place):
    self.model_name = _panel_models(self, None)[place][0]


def classes_of(model):
    """A generator's classes for an enum; one item that says so where there is no generator."""
    return session().keep(("classes", model.sha256), lambda: class_items(model.card)) if model else _NOTHING


def others_of(model):
    """The same with none at their head."""
    return session().keep(("others", model.sha256), lambda: other_items(model.card)) if model else _NOTHING


_NOTHING = [NO_BLEND]


def _get_label(self):
    model = model_of(self.model)
    if model is None:
        return NO_BLEND[3]
    return model.card.classes.index(self.label_name) if self.label_name in model.card.classes else 0


def _set_label(self, place):
    model = model_of(self.model)
    if model is not None and model.card.classes:
        self.label_name = model.card.classes[place]


def _get_other(self):
    model = model_of(self.model)
    known = model is not None and self.other_name in model.card.classes
    return model.card.classes.index(self.other_name) if known else NO_BLEND[3]


def _set_other(self, place):
    model = model_of(self.model)
    self.other_name = model.card.classes[place] if model is not None and place >= 0 and model.card.classes else ""


class Settings(bpy.types.PropertyGroup):
    """The choices of the panel."""

    model_name: StringProperty(name="Generator's name")
    label_name: StringProperty(name="Class's name")
    other_name: StringProperty(name="Other class's name")
    model: EnumProperty(name="Generator", items=_panel_models, get=_get_model, set=_set_model)
    label: EnumProperty(
        name="Class", items=lambda self, _context: classes_of(model_of(self.model)), get=_get_label, set=_set_label
    )
    other: EnumProperty(
        name="Blend with", items=lambda self, _context: others_of(model_of(self.model)), get=_get_other, set=_set_other
    )
    blend: FloatProperty(name="Blend", description="How much of the other class", min=0, max=1, default=0.5, subtype="FACTOR")
    seed: IntProperty(name="Seed", description="The same seed makes the same picture", min=0, max=MOST_SEED)
    count: IntProperty(name="Count", description="Pictures, at one seed each", min=1, soft_max=64, max=1000, default=1)
    truncation: FloatProperty(
        name="Truncation", description="Smaller is more typical and less varied; 0 is off", min=0, max=4, default=0
    )
    size: EnumProperty(name="Size", items=SIZE_ITEMS, default="0")
    mapping: EnumProperty(name="Mapping", items=MAPPING_ITEMS)


def settings(context: bpy.types.Context) -> Settings:
    """The scene's choices."""
    return context.scene.cganx


def chosen_label(context: bpy.types.Context) -> str:
    """The class that is chosen, by name."""
    chosen = settings(context)
    model = model_of(chosen.model)
    if model is None:
        return ""
    return chosen.label_name if chosen.label_name in model.card.classes else plainest(model.card)


def offers_blend(model: Model) -> bool:
    """Whether the panel has a second class to choose."""
    return model.blends and len(model.card.classes) <= MENU


def other_of(chosen: Settings, model: Model) -> str:
    """The second class; none where the panel has no such choice, though one was left from another generator."""
    return chosen.other_name if offers_blend(model) and chosen.other_name in model.card.classes else ""


def truncation_of(chosen: Settings, model: Model) -> float:
    """The truncation; 0 where the panel has no such choice, though one was left from another generator."""
    return round(chosen.truncation, 4) if model.truncates else 0.0


def wanted_now(context: bpy.types.Context, model: Model, seed: int) -> Wanted:
    """The picture that the panel's choices mean at this seed."""
    chosen = settings(context)
    label = label_of(model.card, chosen_label(context), other_of(chosen, model), chosen.blend)
    return Wanted(model.name, label, seed, truncation_of(chosen, model))
