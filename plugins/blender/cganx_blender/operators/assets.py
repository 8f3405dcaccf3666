# SPDX-License-Identifier: GPL-3.0-or-later
"""A library of materials: one asset a class and seed."""

from dataclasses import replace
from pathlib import Path

import bpy
from bpy.props import BoolProperty, IntProperty, StringProperty

from ..assets import mark, write_library
from ..files import mark_of
from ..refusal import Refusal
from ..runs import Plan
from ..work import make_textures
from .images import seeds_from
from .making import FROM_PANEL, Choosing
from .materials import LooksLike, material_of

MOST = 1000


class BatchToAssets(LooksLike, Choosing, bpy.types.Operator):
    """Make one material a class and seed, marked as assets, in this file or as a file in a library's folder"""

    bl_idname = "cganx.batch_to_assets"
    bl_label = "Batch to Assets"

    every_class: BoolProperty(name="Every Class", description="All classes, not the chosen one alone", default=True)
    count: IntProperty(name="Count", description="Seeds of each class", min=1, max=MOST, default=1, options=FROM_PANEL)
    folder: StringProperty(
        name="Library", description="An asset library's folder; this file when empty", subtype="DIR_PATH", options=FROM_PANEL
    )

    def more_from_panel(self):
        """The panel's size, mapping and count."""
        return ("size", "mapping", "count")

    def plan(self, _context, now):
        """They land in this file; where a library was named, they leave for it at the end."""
        model = now.models.get(self.model)
        classes = model.card.classes if self.every_class and model.card.classes else (None,)
        seeds = seeds_from(self.seed, self.count)
        if len(classes) * len(seeds) > MOST:
            raise Refusal(f"{len(classes)} classes at {len(seeds)} seeds are more than {MOST} assets: choose fewer")
        load, look, size = now.loader(), self.look, int(self.size)
        first = self.wanted(size=size)
        wanted = [replace(first, label=first.label if name is None else name, seed=seed) for name in classes for seed in seeds]
        folder = Path(bpy.path.abspath(self.folder)) if self.folder else None
        names = []
        file = f"cganx-{model.name}-{self.seed}-{mark_of(model.sha256, wanted, look)}"

        def land(_context, made):
            material = material_of(made, look)
            material.use_fake_user = True
            mark(material, made, model)
            names.append(material.name)

        def finish(_context):
            if folder is None:
                return f"Made {len(names)} assets"
            return _move(folder, file, names)

        return Plan(lambda: make_textures(load, wanted), len(wanted), land, finish)


def _move(folder, name, names):
    """Write the materials into the library, and take them and their images out of this file, also where that fails."""
    found = [material for material in map(bpy.data.materials.get, names) if material is not None]
    images = [node.image for one in found for node in one.node_tree.nodes if node.type == "TEX_IMAGE" and node.image]
    try:
        path = write_library(folder, name, found)
    finally:
        bpy.data.batch_remove([*found, *images])
    return f"Wrote {len(found)} assets into {path}"


CLASSES = (BatchToAssets,)
