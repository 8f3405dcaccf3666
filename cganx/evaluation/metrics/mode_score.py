"""The Mode Score: the Inception Score, less where the classes come in other shares than among the real pictures.

Che et al. 2017, "Mode Regularized Generative Adversarial Networks", in the form of Xu et al. 2018, "An empirical
study on evaluation metrics of generative adversarial networks", section 2. The form that many surveys print,
exp(E KL(p(y|x) || p*(y)) - KL(p(y) || p*(y))), is the Inception Score itself: p* drops out (Zhou et al. 2018, "Activation
Maximization Generative Adversarial Nets", shows it).
"""

from __future__ import annotations

import numpy as np

from cganx.evaluation.metrics.entropy import marginal, relative_entropy
from cganx.evaluation.metrics.inception_score import inception_score
from cganx.evaluation.metrics.sample import Sample

__all__ = ["mode_score"]


def mode_score(made: Sample, real: Sample) -> float:
    """exp(E_x KL(p(y|x) || p(y)) - KL(p(y) || p*(y))), p* being the real pictures' p(y): above 0, at most the classes."""
    missing = relative_entropy(marginal(made.probabilities), marginal(real.probabilities))
    return inception_score(made, real) * float(np.exp(-missing))
