# SPDX-License-Identifier: GPL-3.0-or-later
"""The operators, by what they make."""

from . import assets, choosing, images, materials, seeds, translating, walk

CLASSES = (
    *images.CLASSES,
    *materials.CLASSES,
    *seeds.CLASSES,
    *walk.CLASSES,
    *assets.CLASSES,
    *translating.CLASSES,
    *choosing.CLASSES,
)
