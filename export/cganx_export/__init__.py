"""Torch generators -> verified, self-describing .onnx files.

from cganx_export import export

report = export(module, card, "model.onnx")
"""

from cganx_export.api import export, export_run
from cganx_export.convention import Convention
from cganx_export.report import ClassifierReport, ExportReport, Parity, PrecisionLoss, RewriteTrial, Rounding, SpeedTrial
from cganx_export.triton import write_triton

__all__ = [
    "ClassifierReport",
    "Convention",
    "ExportReport",
    "Parity",
    "PrecisionLoss",
    "RewriteTrial",
    "Rounding",
    "SpeedTrial",
    "export",
    "export_run",
    "write_triton",
]
