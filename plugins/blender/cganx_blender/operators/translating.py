# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures out of pictures: of an image, or of the one that is a material's base colour."""

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty, StringProperty

from ..labels import NO_BLEND, label_of, plainest
from ..models import Model
from ..pictures import COLOUR_SPACES, new_image, read_source, read_stamp, show
from ..refusal import Refusal
from ..runs import Plan
from ..session import session
from ..settings import MOST_SEED, classes_of, model_of, offers_blend, others_of, settings, translator_items
from ..translation import Translation, check_size, make_translation
from ..wiring import Spot, base_colour, put
from ..worker import Watch
from .making import FROM_PANEL, Making

NORMALS = "normals"  # a card's color_space: a tangent-space normal map, green for what faces up
RESULT_ITEMS = [
    ("AUTO", "As the File Says", "Colour, unless the generator's card says otherwise", 0),
    ("COLOR", "Colour", "To be seen: sRGB", 1),
    ("NORMALS", "Normal Map", "Non-Color, and linked to the material's normals by a Normal Map node", 2),
    ("DATA", "Other Data", "Non-Color: its values are not converted", 3),
]
LINKED_ITEMS = [
    ("KEEP", "Keep", "What is linked stays; the new nodes lie beside it", 0),
    ("REPLACE", "Replace", "The new nodes are linked in its place; its own stay, unlinked", 1),
]


def _translator_now(self):
    name = self.model if self.is_property_set("model") else settings(bpy.context).translator
    return model_of(name)


class TranslateImage(Making, bpy.types.Operator):
    """Make a picture of the shown image, or of the material's base colour: its normal map, its colours, a larger one"""

    bl_idname = "cganx.translate_image"
    bl_label = "Translate Image"

    model: EnumProperty(name="Generator", items=translator_items, options=FROM_PANEL)
    label: EnumProperty(name="Style", items=lambda self, _context: classes_of(_translator_now(self)), options=FROM_PANEL)
    other: EnumProperty(name="Blend with", items=lambda self, _context: others_of(_translator_now(self)), options=FROM_PANEL)
    blend: FloatProperty(
        name="Blend", description="How much of the other style", min=0, max=1, default=0.5, subtype="FACTOR", options=FROM_PANEL
    )
    seed: IntProperty(name="Seed", description="For generators that draw noise", min=0, max=MOST_SEED, options=FROM_PANEL)
    image: StringProperty(name="Image", description="What is translated", options=FROM_PANEL)
    material: StringProperty(name="Material", description="Whose base colour the image is", options=FROM_PANEL)
    result: EnumProperty(name="Result", items=RESULT_ITEMS, options=FROM_PANEL)
    wraps: BoolProperty(
        name="Repeats", description="The image repeats without a seam, and so shall the result", options=FROM_PANEL
    )
    alpha: BoolProperty(
        name="Keep Alpha", description="What is transparent stays so; else the result is opaque, on white", default=True
    )
    linked: EnumProperty(name="If Linked", description="Where the material has such an image already", items=LINKED_ITEMS)
    tile: IntProperty(name="Tile", description="Pixels of a side that are made at once; 0: as many as go", min=0, max=4096)

    def fill(self, context):
        """The generator and style from the panel, the image from the editor or the material; the redo panel names them."""
        chosen, given = settings(context), self.properties.is_property_set
        if not any(item[0] != "-" for item in translator_items(self, context)):
            raise Refusal("No image-to-image generator is loaded: add the .onnx file of one")
        if not given("model"):
            self.model = _named(chosen.translator)
        model = session().models.get(self.model)
        own = self.model == chosen.translator
        if not given("label") or not self.label:
            self.label = style_of(chosen, model) if own else plainest(model.card)
        if not given("other") or not self.other:
            self.other = (other_style_of(chosen, model) if own else "") or NO_BLEND[0]
        if not given("blend"):
            self.blend = chosen.style_blend
        if not given("image"):
            found, image = source_now(context, self.material)
            self.material, self.image = found.material if found is not None else "", image.name
        if not given("wraps"):
            self.wraps = _repeats(bpy.data.images.get(self.image))

    def draw(self, _context):
        """The redo panel: what the generator takes."""
        model = model_of(self.model)
        self.layout.prop(self, "model")
        self.layout.prop_search(self, "image", bpy.data, "images")
        if model is not None:
            for name in (*_style_choices(model), *(("seed",) if model.draws else ())):
                self.layout.prop(self, name)
        for name in ("result", "alpha", "linked", "wraps", "tile"):
            self.layout.prop(self, name)

    def plan(self, _context, now):
        """The image's values are read here, all else is the worker's; the result lands with the material's nodes."""
        model, image = now.models.get(self.model), bpy.data.images.get(self.image)
        if image is None:
            raise Refusal(f"The image {self.image!r} is not there any more: choose another")
        label = label_of(model.card, self.label, self.other, self.blend)
        result = _result(model) if self.result == "AUTO" else self.result
        source = read_source(image)
        wanted = Translation(model, label, self.seed, source, self.wraps, result == "COLOR", self.alpha, self.tile)
        check_size(wanted)
        load, watch, spot = now.loader(), Watch(), _spot(self.material, image)
        replace, said = self.linked == "REPLACE", []

        def land(context, made):
            found = new_image(made)
            found.use_fake_user = True  # else it would be gone when the file is saved and opened again
            show(context, found)
            said.append(f"Made {found.name!r}")
            if spot is not None and result != "DATA":
                said.append(put(spot, found, normals=result == "NORMALS", replace=replace))

        return Plan(lambda: make_translation(load, wanted, watch), 1, land, lambda _context: "; ".join(said), watch)


def _named(name):
    if session().models.get(name).from_seeds:
        raise Refusal(f"The generator {name!r} makes pictures from seeds: choose one that makes them of pictures")
    return name


def source_now(context, material: str = "") -> tuple[Spot | None, bpy.types.Image]:
    """The image that is meant, and where it is a material's base colour if it comes from there. Raises Refusal."""
    space = context.space_data
    if space is not None and space.type == "IMAGE_EDITOR":
        if space.image is None:
            raise Refusal("There is no image to translate: show one in this editor")
        return None, space.image
    found = base_colour(bpy.data.materials.get(material) if material else _material_now(context))
    if found is None:
        raise Refusal(
            "There is no image to translate: show one in an image editor, "
            "or choose an object whose material has one as its Base Color"
        )
    return found


def style_of(chosen, model: Model) -> str:
    """The style that the panel has chosen of this generator."""
    return chosen.style_name if chosen.style_name in model.card.classes else plainest(model.card)


def other_style_of(chosen, model: Model) -> str:
    """The second one; none where the panel has no such choice."""
    return chosen.other_style_name if offers_blend(model) and chosen.other_style_name in model.card.classes else ""


def _style_choices(model):
    if not model.card.classes:
        return ()
    return ("label", "other", "blend") if offers_blend(model) else ("label",)


def _material_now(context):
    space = context.space_data
    if space is not None and space.type == "NODE_EDITOR" and isinstance(space.id, bpy.types.Material):
        return space.id
    target = context.active_object
    return target.active_material if target is not None else None


def _spot(material, image):
    """Where nodes go: into the material by that name, while the image is its base colour and it can be edited."""
    owner = bpy.data.materials.get((material, None)) if material else None
    found = base_colour(owner) if owner is not None and owner.is_editable else None
    return found[0] if found is not None and found[1] == image else None


def _result(model):
    space = model.card.image.color_space
    if space == NORMALS:
        return "NORMALS"
    return "COLOR" if space in COLOUR_SPACES else "DATA"


def _repeats(image):
    """Whether what made the image says that its pictures repeat."""
    stamp = read_stamp(image)
    model = model_of(stamp.model) if stamp is not None else None
    return model is not None and model.card.image.tileable


CLASSES = (TranslateImage,)
