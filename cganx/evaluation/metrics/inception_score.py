"""The Inception Score, of the oracle's probabilities: every picture of one class for certain, and all classes alike often.

Salimans et al. 2016, "Improved Techniques for Training GANs", section 4. Over the whole sample and not over splits, as Barratt
and Sharma 2018, "A Note on the Inception Score", advise. It never looks at a real picture, and one picture a class
that the classifier is sure of is all that it asks for.
"""

from __future__ import annotations

import numpy as np

from cganx.evaluation.metrics.entropy import marginal, relative_entropy
from cganx.evaluation.metrics.sample import Sample

__all__ = ["inception_score"]


def inception_score(made: Sample, real: Sample) -> float:  # noqa: ARG001
    """exp(E_x KL(p(y|x) || p(y))), from 1 to the number of classes."""
    conditional = made.probabilities
    return float(np.exp(relative_entropy(conditional, marginal(conditional)).mean()))
