"""Feature networks of other data, for colour pictures: EfficientNet-Lite0 from a wheel, Inception from the user's file."""

from cganx.evaluation.backbones.backbone import Backbone
from cganx.evaluation.backbones.efflite0 import Stages, efflite0, efflite0_stages
from cganx.evaluation.backbones.inception import inception

__all__ = ["Backbone", "Stages", "efflite0", "efflite0_stages", "inception"]
