"""Torch generators -> verified, self-describing .onnx files.

from cganx_export import export

report = export(module, card, "model.onnx")
"""

from cganx_export.api import export, export_run
from cganx_export.report import ClassifierReport, ExportReport, Parity, RewriteTrial, Rounding

__all__ = ["ClassifierReport", "ExportReport", "Parity", "RewriteTrial", "Rounding", "export", "export_run"]
