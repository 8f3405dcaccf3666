"""Adversarial losses and auxiliary terms: pure functions that read like the papers."""

from cganx.objectives.adversarial import HINGE, NON_SATURATING, AdversarialLoss
from cganx.objectives.auxiliary import class_cross_entropy

__all__ = ["HINGE", "NON_SATURATING", "AdversarialLoss", "class_cross_entropy"]
