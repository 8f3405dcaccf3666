"""An evaluation as one HTML file that needs nothing else: no network, no script, its pictures inside."""

from cganx.evaluation.report.page import page

__all__ = ["page"]
