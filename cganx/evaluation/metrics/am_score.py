"""The AM Score: how unsure the classifier is of single pictures, and how far the classes' shares are from the real ones.

Zhou et al. 2018, "Activation Maximization Generative Adversarial Nets".
"""

from __future__ import annotations

from cganx.evaluation.metrics.entropy import entropy, marginal, relative_entropy
from cganx.evaluation.metrics.sample import Sample

__all__ = ["am_score"]


def am_score(made: Sample, real: Sample) -> float:
    """KL(p*(y) || p(y)) + E_x H(p(y|x)) in nats, p* being the real pictures' p(y): >= 0, 0 is best."""
    missing = relative_entropy(marginal(real.probabilities), marginal(made.probabilities))
    return float(missing + entropy(made.probabilities).mean())
