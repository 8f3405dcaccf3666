"""How far a figure would move if as many other pictures were made: an interval by resampling the made ones.

The bootstrap (Efron 1979) draws with replacement, and a picture that comes twice is what recall, the two-sample test and the
birthday paradox look for. So halves are drawn instead, without replacement: the delete-half jackknife of Shao and Wu 1989, "A
General Theory for Jackknife Variance Estimation", whose spread over halves is, to first order, that of the whole. Where a
figure is near its ideal the first order is not all: coverage and kernel distance get intervals up to twice too wide.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from cganx.errors import RequestError
from cganx.evaluation.metrics.metric import Metric
from cganx.evaluation.metrics.sample import Sample

__all__ = ["DIMENSIONS", "interval", "interval_of_mean"]

LEVEL = 0.95
DIMENSIONS = 256
"""More features than these cost too much twenty times over: the spread is then that along the main directions of the real."""


def interval(
    metric: Metric, made: Sample, real: Sample, *, resamples: int = 20, seed: int = 0, value: float | None = None
) -> tuple[float, float]:
    """The 95 % interval of ``metric`` around its value: what made pictures of other seeds would move it by.

    It takes the value plus and minus the spread of the figure over random halves of the made pictures (half of each class
    where there are labels), by Student's t. It does not cover the choice of the real pictures or of the classifier, nor the
    error that few pictures make in one direction. Features of more than 256 dimensions are reduced to the 256 directions
    in which the real ones are largest for the spread, not for the value.

    Args:
        metric: one of ``METRICS``.
        made, real: the samples that the figure is of.
        resamples: how many halves, at least two.
        seed: the same halves for the same seed.
        value: the figure, where it is at hand.

    Raises:
        RequestError: fewer than two resamples, or no class with two made pictures; and what the metric raises.
    """
    if resamples < 2:
        raise RequestError(f"a spread needs at least two resamples, not {resamples}")
    centre = metric.compute(made, real) if value is None else value
    figure = _of_halves(metric, made, real)
    reach = _reach(figure, list(_halves(len(made), made.labels, resamples, seed)), len(made))
    least, most = metric.bounds
    return max(centre - reach, least), min(centre + reach, most)


def interval_of_mean(each: NDArray[np.float64], *, resamples: int = 20, seed: int = 0) -> tuple[float, float]:
    """That of the mean of pictures' own figures [n], in the same way. Raises RequestError with fewer than two of them."""
    reach = _reach(lambda half: float(each[half].mean()), list(_halves(len(each), None, resamples, seed)), len(each))
    centre = float(each.mean())
    return centre - reach, centre + reach


def _reach(figure: Callable[[NDArray[np.int64]], float], halves: list[NDArray[np.int64]], count: int) -> float:
    """Half of the interval's width, from the spread of a figure over halves of ``count`` pictures."""
    taken, left = len(halves[0]), count - len(halves[0])
    if not left:
        raise RequestError("halves need a class with at least two made pictures")
    spread = float(np.std([figure(half) for half in halves], ddof=1)) * math.sqrt(taken / left)
    return float(stdtrit(len(halves) - 1, (1 + LEVEL) / 2)) * spread


def _of_halves(metric: Metric, made: Sample, real: Sample) -> Callable[[NDArray[np.int64]], float]:
    """The figure of the made pictures at some places."""
    if metric.each is not None:
        each = metric.each(made, real)
        return lambda half: float(each[half].mean())
    if made.features.shape[1] > DIMENSIONS:
        kept = math.sqrt(DIMENSIONS / made.features.shape[1]) if metric.per_feature else 1.0
        directions = real.once(_directions) * np.float32(kept)
        made, real = (replace(side, features=side.features @ directions) for side in (made, real))
    return lambda half: metric.compute(made.take(half), real)


def _halves(count: int, labels: NDArray[np.int64] | None, resamples: int, seed: int) -> Iterator[NDArray[np.int64]]:
    """Places of half of the pictures, of each class where there are classes, rounded up."""
    random = np.random.default_rng(seed)
    every = np.arange(count)
    groups = [every] if labels is None else [every[labels == label] for label in np.unique(labels)]
    for _ in range(resamples):
        yield np.sort(np.concatenate([random.permutation(group)[: (len(group) + 1) // 2] for group in groups]))


def _directions(real: Sample) -> NDArray[Any]:
    """The directions [d, 256] in which the real features are largest: their mean, and where they vary most."""
    features = real.features.astype(np.float64)
    _, vectors = np.linalg.eigh(features.T @ features)
    return vectors[:, -DIMENSIONS:].astype(real.features.dtype)
