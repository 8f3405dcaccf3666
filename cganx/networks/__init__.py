"""Generators, discriminators, and the layers that take a label. They know no losses, devices or random numbers."""

from cganx.networks.cdcgan import CDCGANDiscriminator, CDCGANGenerator
from cganx.networks.folding import folded
from cganx.networks.layers import ClassConditionalAffine, ClassConditionalBatchNorm2d, Classifier, ImageShape, Judgement
from cganx.networks.sngan import SNGANDiscriminator, SNGANGenerator

__all__ = [
    "CDCGANDiscriminator",
    "CDCGANGenerator",
    "ClassConditionalAffine",
    "ClassConditionalBatchNorm2d",
    "Classifier",
    "ImageShape",
    "Judgement",
    "SNGANDiscriminator",
    "SNGANGenerator",
    "folded",
]
