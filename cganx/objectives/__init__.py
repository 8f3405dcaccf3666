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
    mode_seeking,
)
from cganx.objectives.feature_maps import FeatureMaps
from cganx.objectives.penalties import gradient_penalty, orthogonal_penalty, squared_gradient
from cganx.objectives.reconstruction import (
    absolute_error,
    content,
    edge_smoothed,
    perceptual_distance,
    squared_error,
    total_variation,
)

__all__ = [
    "HINGE",
    "LEAST_SQUARES",
    "NON_SATURATING",
    "RELATIVISTIC",
    "WASSERSTEIN",
    "AdversarialLoss",
    "ClassLoss",
    "FeatureMaps",
    "RelativisticLoss",
    "absolute_error",
    "attribute_cross_entropy",
    "class_cross_entropy",
    "code_likelihood",
    "content",
    "edge_smoothed",
    "feature_matching",
    "gradient_penalty",
    "mode_seeking",
    "noisy",
    "orthogonal_penalty",
    "perceptual_distance",
    "smoothed",
    "squared_error",
    "squared_gradient",
    "total_variation",
    "watched",
]
