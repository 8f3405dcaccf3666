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
    return _items(from_seeds=True)


def translator_items(_self, _context):
    """Those that make pictures from pictures."""
    return _items(from_seeds=False)


def _items(*, from_seeds):
    try:
        now = session()
        now.read_preferences()
        models = [model for model in now.models.all().values() if model.from_seeds == from_seeds]
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
    image, count, source = model.card.image, len(model.card.classes), model.card.source
    if source is not None:
        of_styles, larger = f", {count} styles" if count else "", f", {source.scale} times as large" if source.scale > 1 else ""
        return f"Pictures of pictures{larger}{of_styles}"
    return f"{count} classes, {image.width} x {image.height}"


def _panel_models(self, _context):
    """The same for the panel: with the one that is chosen, where it is not there any more."""
    return _with_chosen(model_items(self, _context), self.model_name)


def _panel_translators(self, _context):
    return _with_chosen(translator_items(self, _context), self.translator_name)


def _with_chosen(items, name):
    if name and all(name != item[0] for item in items):
        gone = (name, f"{name} (missing)", "Its file is not there", len(items))
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


def _get_translator(self):
    names = [item[0] for item in _panel_translators(self, None)]
    return names.index(self.translator_name) if self.translator_name in names else 0


def _set_translator(self, place):
    self.translator_name = _panel_translators(self, None)[place][0]


def classes_of(model):
    """A generator's classes for an enum; one item that says so where there is no generator."""
    return session().keep(("classes", model.sha256), lambda: class_items(model.card)) if model else _NOTHING


def others_of(model):
    """The same with none at their head."""
    return session().keep(("others", model.sha256), lambda: other_items(model.card)) if model else _NOTHING


_NOTHING = [NO_BLEND]


def _class_choice(name, kept, of, items, otherwise):
    """An enum of the classes of the generator in ``of``, which keeps its choice by name in ``kept``."""

    def get(self):
        model, chosen = model_of(getattr(self, of)), getattr(self, kept)
        if model is None:
            return NO_BLEND[3]
        return model.card.classes.index(chosen) if chosen in model.card.classes else otherwise

    def set_(self, place):
        model = model_of(getattr(self, of))
        if model is not None and model.card.classes:
            setattr(self, kept, model.card.classes[place] if place >= 0 else "")

    return EnumProperty(name=name, items=lambda self, _context: items(model_of(getattr(self, of))), get=get, set=set_)


class Settings(bpy.types.PropertyGroup):
    """The choices of the panel."""

    model_name: StringProperty(name="Generator's name")
    label_name: StringProperty(name="Class's name")
    other_name: StringProperty(name="Other class's name")
    model: EnumProperty(name="Generator", items=_panel_models, get=_get_model, set=_set_model)
    label: _class_choice("Class", "label_name", "model", classes_of, 0)
    other: _class_choice("Blend with", "other_name", "model", others_of, NO_BLEND[3])
    blend: FloatProperty(name="Blend", description="How much of the other class", min=0, max=1, default=0.5, subtype="FACTOR")
    seed: IntProperty(name="Seed", description="The same seed makes the same picture", min=0, max=MOST_SEED)
    count: IntProperty(name="Count", description="Pictures, at one seed each", min=1, soft_max=64, max=1000, default=1)
    truncation: FloatProperty(
        name="Truncation", description="Smaller is more typical and less varied; 0 is off", min=0, max=4, default=0
    )
    size: EnumProperty(name="Size", items=SIZE_ITEMS, default="0")
    mapping: EnumProperty(name="Mapping", items=MAPPING_ITEMS)
    translator_name: StringProperty(name="Translating generator's name")
    style_name: StringProperty(name="Style's name")
    other_style_name: StringProperty(name="Other style's name")
    translator: EnumProperty(
        name="Generator",
        description="What makes pictures of pictures",
        items=_panel_translators,
        get=_get_translator,
        set=_set_translator,
    )
    style: _class_choice("Style", "style_name", "translator", classes_of, 0)
    other_style: _class_choice("Blend with", "other_style_name", "translator", others_of, NO_BLEND[3])
    style_blend: FloatProperty(
        name="Blend", description="How much of the other style", min=0, max=1, default=0.5, subtype="FACTOR"
    )


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
