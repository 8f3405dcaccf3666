# SPDX-License-Identifier: GPL-3.0-or-later
"""The extension's preferences: where generators are kept, and what runs them."""

import bpy
from bpy.props import EnumProperty, IntProperty, StringProperty

from .onnx_runtimes import in_use
from .refusal import Refusal
from .session import PACKAGE, session
from .settings import DEVICE_ITEMS


class Preferences(bpy.types.AddonPreferences):
    """Shown below the extension in Blender's preferences."""

    bl_idname = PACKAGE

    model_folder: StringProperty(
        name="Generators", description="Folder of your own generators; the extension's when empty", subtype="DIR_PATH"
    )
    device: EnumProperty(name="Device", description="What generators are to run on", items=DEVICE_ITEMS)
    threads: IntProperty(
        name="Threads", description="0: one fewer than this machine has, so that the interface keeps one", min=0, max=1024
    )
    gpu_folder: StringProperty(
        name="onnxruntime-gpu",
        description="Folder that pip install --target FOLDER onnxruntime-gpu[cuda,cudnn] filled, for CUDA",
        subtype="DIR_PATH",
    )

    def draw(self, _context):
        """The choices, then what really runs."""
        layout = self.layout
        for name in ("model_folder", "device", "threads", "gpu_folder"):
            layout.prop(self, name)
        layout.operator("cganx.try_onnxruntime")
        box = layout.box()
        for line in about_runtime():
            box.label(text=line)


def about_runtime() -> list[str]:
    """What runs, in lines: the onnxruntime in use, the device of the last generator, and the user's own one."""
    try:
        now = session()
    except Refusal:
        return []
    used, device, own = in_use(), now.models.device, now.users_runtime
    lines = ["onnxruntime: not loaded yet"] if used is None else [f"onnxruntime {used.version}", used.path]
    if device is not None:
        lines.append(f"Running on {device}" + (f": {device.reason}" if device.reason else ""))
    if own.found is not None:
        lines.append(f"Your onnxruntime {own.found.version} runs on {own.found.device}")
    if own.reason:
        lines.append(f"Your onnxruntime is not used: {own.reason}")
    return lines


CLASSES = (Preferences,)
