"""Distances between many features, a block at a time: what every metric of nearest neighbours stands on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors

from cganx.errors import RequestError
from cganx.evaluation.kernel import blocks
from cganx.evaluation.metrics.sample import Sample

__all__ = ["REACH", "Neighbours", "balls", "nearest", "nearest_others", "reach", "squared_distances"]

REACH = 5
ROUNDING = 1e-6
"""What the last bits of a float32 distance may be wrong by."""


@dataclass(frozen=True, eq=False)
class Neighbours:
    """The nearest of each of n queries, the nearest first: Euclidean ``distances`` float64 [n, k], ``places`` int64 [n, k]."""

    distances: NDArray[np.float64]
    places: NDArray[np.int64]


def nearest(queries: NDArray[Any], references: NDArray[Any], count: int = 1) -> Neighbours:
    """The ``count`` nearest ``references`` [m, d] of each of the ``queries`` [n, d].

    Raises RequestError where there are fewer references than that.
    """
    return _search(references, queries, count)


def nearest_others(features: NDArray[Any], count: int = 1) -> Neighbours:
    """The ``count`` nearest of each feature's others in [n, d]; a feature is not its own neighbour, its double is.

    Raises RequestError where there are no more than ``count`` features.
    """
    return _search(features, None, count)


def reach(sample: Sample) -> NDArray[np.float64]:
    """The distances [n, 5] of each picture's five nearest others, for :meth:`Sample.once`."""
    return nearest_others(sample.features, REACH).distances


def balls(points: NDArray[Any], centres: NDArray[Any], radii: NDArray[np.float64]) -> NDArray[np.int64]:
    """In how many of the balls around ``centres`` [m, d] with ``radii`` [m] each of the ``points`` [n, d] lies: int64 [n].

    What lies on the border, as the neighbour that drew it does, is not inside, whichever way the last bits are rounded.
    """
    one, other = _centred(points, centres)
    inner = np.einsum("md,md->m", other, other) - radii**2 * (1 - ROUNDING)
    outer = np.einsum("nd,nd->n", one, one)
    one *= 2
    counts = np.empty(len(points), np.int64)
    for part in blocks(len(points), len(centres)):  # |x - y|^2 < r^2 where 2 x . y > |x|^2 + |y|^2 - r^2
        counts[part] = np.count_nonzero(one[part] @ other.T - inner > outer[part, None], axis=1)
    return counts


def squared_distances(points: NDArray[Any], others: NDArray[Any]) -> NDArray[np.float64]:
    """The squared Euclidean distances float64 [n, m] of points [n, d] and others [m, d]."""
    one, other = _centred(points, others)
    products: NDArray[np.float64] = one @ other.T
    products *= -2
    products += np.einsum("nd,nd->n", one, one)[:, None]
    products += np.einsum("md,md->m", other, other)
    np.maximum(products, 0, out=products)
    return products


def _centred(points: NDArray[Any], others: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Both with the mean of the others as origin: far from zero the products would cancel."""
    origin = others.mean(axis=0, dtype=np.float64)
    return points - origin, others - origin


def _search(references: NDArray[Any], queries: NDArray[Any] | None, count: int) -> Neighbours:
    available = len(references) - (queries is None)
    if available < count:
        raise RequestError(f"{count} neighbours are looked for among {available}: more pictures are needed")
    search = NearestNeighbors(n_neighbors=count, algorithm="brute").fit(references)
    distances, places = search.kneighbors(queries)
    return Neighbours(distances.astype(np.float64), places.astype(np.int64))
