# SPDX-License-Identifier: GPL-3.0-or-later
"""The Blender extension: pictures and seamless materials by class, from generators that are one file each.

Blender is imported when the extension is enabled, not when this package is: what needs no Blender (`models`, `labels`,
`work`, `worker`, `walks`, `favourites`, `files`, `onnx_runtimes`, `png`, `textures`) is imported and tested without one.
"""


def register() -> None:
    """Called by Blender when the extension is enabled."""
    from . import registration

    registration.register()


def unregister() -> None:
    """Called by Blender when the extension is disabled; nothing of it is left running."""
    from . import registration

    registration.unregister()
