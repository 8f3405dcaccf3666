"""The birthday paradox: how many different pictures a generator has, from how often two of a batch are the same.

Arora, Risteski and Zhang 2018, "Do GANs learn the distribution? Some Theory and Empirics": two of about s pictures are the
same with even chance where there are s^2 of them. There a person says which pairs are the same; here two pictures are, where
they are nearer than all but one in 10,000 pairs of real ones. So real pictures count as 10,000 different ones, and all pairs
of the batch are counted, not only whether there is one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cganx.errors import RequestError
from cganx.evaluation.metrics.neighbours import nearest_others, squared_distances
from cganx.evaluation.metrics.sample import Sample

__all__ = ["ClosestPairs", "batch_with_duplicates", "birthday", "closest_pairs"]

SHARE = 1e-4
BATCH = 2000


@dataclass(frozen=True, eq=False)
class ClosestPairs:
    """The pairs of a batch that look most alike, for a person to judge: ``places`` int64 [k, 2], ``distances`` [k]."""

    places: NDArray[np.int64]
    distances: NDArray[np.float64]


def birthday(made: Sample, real: Sample) -> float:
    """About how many different pictures there are, >= 1, where the real ones count as 10,000.

    Looks at 2,000 of each side, so that the most it can say is their 2 million pairs. Raises RequestError with fewer than
    two pictures on a side.
    """
    distances = made.once(_distances)
    same = int((distances < real.once(_threshold)).sum())
    return len(distances) / max(same, 1)


def batch_with_duplicates(support: float) -> float:
    """How many pictures must be drawn until two of them are the same with even chance, of ``support`` >= 1 different ones."""
    return math.sqrt(2 * math.log(2) * support)


def closest_pairs(made: Sample, count: int) -> ClosestPairs:
    """At most ``count`` pairs of different places whose features are nearest, the nearest first."""
    found = nearest_others(made.features)
    pairs = np.column_stack([np.arange(len(made)), found.places[:, 0]])
    pairs.sort(axis=1)
    pairs, first = np.unique(pairs, axis=0, return_index=True)
    distances = found.distances[first, 0]
    order = np.argsort(distances, kind="stable")[:count]
    return ClosestPairs(pairs[order], distances[order])


def _threshold(sample: Sample) -> float:
    """The squared distance that a share of 1e-4 of a sample's pairs is below."""
    distances = sample.once(_distances)
    place = int(SHARE * len(distances))
    return float(np.partition(distances, place)[place])


def _distances(sample: Sample) -> NDArray[np.float64]:
    """The squared distances of all pairs of a batch [b (b - 1) / 2]."""
    if len(sample) < 2:
        raise RequestError("duplicates are looked for among at least two pictures on each side")
    batch = np.random.default_rng(0).permutation(len(sample))[:BATCH]
    features = sample.features[batch]
    return squared_distances(features, features)[np.triu_indices(len(batch), 1)]
