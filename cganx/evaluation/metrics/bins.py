"""The number of statistically different bins: parts of the real pictures' space that come too often or too seldom.

Richardson and Weiss 2018, "On GANs and GMMs" (NDB).
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans

from cganx.errors import RequestError
from cganx.evaluation.metrics.neighbours import nearest
from cganx.evaluation.metrics.sample import Sample

__all__ = ["Bins", "bins_of", "different_bins", "different_share"]

MOST, EACH = 100, 20
SIGNIFICANCE = 0.05


@dataclass(frozen=True, eq=False)
class Bins:
    """Where the real pictures lie: ``centres`` [k, d] of k-means and the number of pictures nearest to each, ``counts`` [k]."""

    centres: NDArray[np.floating]
    counts: NDArray[np.int64]


def different_share(made: Sample, real: Sample) -> float:
    """The share of bins, 0..1, that :func:`different_bins` finds; about 0.05 where both sides are alike.

    More pictures see smaller differences: compare figures of one number of pictures only. Raises RequestError with fewer than
    40 real pictures.
    """
    return float(different_bins(made, real).mean())


def different_bins(made: Sample, real: Sample) -> NDArray[np.bool_]:
    """Which bins [k] hold shares of the two sides that differ by a two-proportion z-test at 5 %.

    There are 100 bins, or so many that each holds 20 real pictures on average.
    """
    bins = real.once(bins_of)
    counts = _counts(made, bins.centres)
    share = counts / len(made) - bins.counts / len(real)
    pooled = (counts + bins.counts) / (len(made) + len(real))
    error = np.sqrt(pooled * (1 - pooled) * (1 / len(made) + 1 / len(real)))
    found: NDArray[np.bool_] = np.abs(share) > NormalDist().inv_cdf(1 - SIGNIFICANCE / 2) * error
    return found


def bins_of(real: Sample) -> Bins:
    """The bins of real pictures, for :meth:`Sample.once`."""
    count = min(MOST, len(real) // EACH)
    if count < 2:
        raise RequestError(f"bins need at least {2 * EACH} real pictures, not {len(real)}")
    means = KMeans(count, n_init=1, random_state=0).fit(real.features.astype(np.float64))
    return Bins(means.cluster_centers_, _counts(real, means.cluster_centers_))


def _counts(sample: Sample, centres: NDArray[np.floating]) -> NDArray[np.int64]:
    places = nearest(sample.features.astype(np.float64), centres).places[:, 0]
    return np.bincount(places, minlength=len(centres))
