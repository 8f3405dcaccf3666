# SPDX-License-Identifier: GPL-3.0-or-later
"""Enabling and disabling. What is registered here is unregistered here, in the opposite order."""

import bpy

OLDEST = (4, 2, 0)
TOO_OLD = "cganx needs Blender 4.2 or later; this is {}"


def register():
    """Add the classes, the scene's choices and the session. In an older Blender, say so and add nothing."""
    if bpy.app.version < OLDEST:
        say_too_old()
        return
    from . import operators, panels, preferences, settings
    from .operators.making import redraw
    from .session import open_session
    from .thumbnails import Thumbnails

    now = open_session()
    for cls in _classes(settings, preferences, operators, panels):
        bpy.utils.register_class(cls)
    bpy.types.Scene.cganx = bpy.props.PointerProperty(type=settings.Settings)
    if not bpy.app.background:
        now.thumbnails = Thumbnails(redraw)


def unregister():
    """Take all of it away again; what is already gone is passed over."""
    if bpy.app.version < OLDEST:
        return
    from . import operators, panels, preferences, settings
    from .session import close_session

    close_session()
    if hasattr(bpy.types.Scene, "cganx"):
        del bpy.types.Scene.cganx
    for cls in reversed(_classes(settings, preferences, operators, panels)):
        if cls.is_registered:
            bpy.utils.unregister_class(cls)


def say_too_old():
    """One sentence on the console and, where there is a window, in a box."""
    text = TOO_OLD.format(bpy.app.version_string)
    print(text)  # noqa: T201 - there is no operator here to report by
    if not bpy.app.background:
        manager = bpy.context.window_manager
        manager.popup_menu(lambda menu, _context: menu.layout.label(text=text), title="cganx", icon="ERROR")


def _classes(settings, preferences, operators, panels):
    return (settings.Settings, *preferences.CLASSES, *operators.CLASSES, *panels.CLASSES)
