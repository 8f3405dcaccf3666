"""How near a generator comes to real pictures that it has not seen: what it cannot make, it has dropped."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cganx.evaluation.classifier import Progress
from cganx.evaluation.figures import Figure
from cganx.evaluation.metrics import Sample
from cganx.latent import reconstruction_error
from cganx.runtime import Generator

__all__ = ["NAME", "PICTURES", "reconstruction"]

NAME = "reconstruction-error"
PICTURES = 100  # of all classes; each is a search of its own


def reconstruction(generator: Generator, real: Sample, asked: NDArray[np.int64] | None, progress: Progress) -> Figure:
    """The mean distance, 0..1, of ``real`` pictures to the nearest that the generator makes of the same class.

    asked: the generator's id of each class of ``real.labels``; None where it takes no classes. The interval is that of the
    mean, by the spread of the pictures.
    """
    labels = None if asked is None or real.labels is None else asked[real.labels]
    errors = reconstruction_error(generator, real.pixels, labels, progress=progress)
    mean, reach = float(errors.mean()), 1.96 * float(errors.std(ddof=1)) / len(errors) ** 0.5
    return Figure(
        name=NAME,
        title="Distance of real pictures to the nearest that can be made",
        better="lower",
        value=mean,
        low=max(mean - reach, 0.0),
        high=mean + reach,
        samples=0,
        reference_samples=len(errors),
        network="pixels, 0 to 1, root mean square",
        note="by latent inversion, in the picture's own class; 0 is a perfect copy, a grey level 0.004",
        source="Metz et al. 2017, section 3.3.3 (inference via optimisation); docs/latent-space.md",
    )
