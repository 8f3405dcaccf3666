"""Label agreement on samples, and the table of what was asked for against what is seen.

The GAN-test of Shmelkov et al. 2018, "How good is my GAN?", section 3; :mod:`cganx.evaluation.agreement` has it by class.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cganx.errors import RequestError
from cganx.evaluation.metrics.sample import Sample

__all__ = ["agreeing", "confusion", "label_agreement"]


def label_agreement(made: Sample, real: Sample) -> float:
    """The share of made pictures, 0..1, in which the oracle sees what was asked for. Raises RequestError without labels."""
    return float(agreeing(made, real).mean())


def agreeing(made: Sample, real: Sample) -> NDArray[np.bool_]:  # noqa: ARG001
    """Which made pictures [n] show what was asked for."""
    same: NDArray[np.bool_] = _asked(made) == made.probabilities.argmax(axis=1)
    return same


def confusion(made: Sample) -> NDArray[np.int64]:
    """How often class ``column`` was seen where class ``row`` was asked for: int64 [classes, classes]."""
    classes = made.probabilities.shape[1]
    cells = _asked(made) * classes + made.probabilities.argmax(axis=1)
    return np.bincount(cells, minlength=classes**2).reshape(classes, classes)


def _asked(made: Sample) -> NDArray[np.int64]:
    if made.labels is None:
        raise RequestError("agreement is of the classes that were asked for, and none were: the sample has no labels")
    return made.labels
