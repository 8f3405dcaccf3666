"""Adversarial losses, penalties and auxiliary terms: pure functions that read like the papers."""

from cganx.objectives.adversarial import (
    HINGE,
    LEAST_SQUARES,
    NON_SATURATING,
    RELATIVISTIC,
    WASSERSTEIN,
    AdversarialLoss,
    RelativisticLoss,
    noisy,
    smoothed,
    watched,
)
from cganx.objectives.auxiliary import (
    ClassLoss,
    attribute_cross_entropy,
    class_cross_entropy,
    code_likelihood,
    feature_matching,
)
from cganx.objectives.penalties import gradient_penalty, orthogonal_penalty, squared_gradient

__all__ = [
    "HINGE",
    "LEAST_SQUARES",
    "NON_SATURATING",
    "RELATIVISTIC",
    "WASSERSTEIN",
    "AdversarialLoss",
    "ClassLoss",
    "RelativisticLoss",
    "attribute_cross_entropy",
    "class_cross_entropy",
    "code_likelihood",
    "feature_matching",
    "gradient_penalty",
    "noisy",
    "orthogonal_penalty",
    "smoothed",
    "squared_gradient",
    "watched",
]
