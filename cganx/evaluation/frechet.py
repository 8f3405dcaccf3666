"""The Frechet distance between sets of features, each taken as one Gaussian.

Heusel et al. 2017, "GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium", section 4; the
closed form is that of Dowson and Landau 1982, "The Frechet distance between multivariate normal distributions".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cganx.errors import RequestError

__all__ = ["Gaussian", "Moments", "frechet", "gaussian"]


@dataclass(frozen=True, eq=False)
class Gaussian:
    """A set of features: ``mean`` float64 [d] and the unbiased ``covariance`` float64 [d, d]."""

    mean: NDArray[np.float64]
    covariance: NDArray[np.float64]


class Moments:
    """Mean and covariance of features that come in batches, in memory that does not grow with their number."""

    def __init__(self) -> None:
        self._origin: NDArray[np.float64] | None = None
        self._sum: Any = 0.0
        self._products: Any = 0.0
        self._weight = 0.0
        self._squared_weight = 0.0

    def add(self, features: NDArray[Any], weights: NDArray[Any] | None = None) -> None:
        """Take in features [n, d], each as often as its weight > 0 in ``weights`` [n] says; 1 where none are given.

        Raises RequestError where the shapes do not fit or a feature is not finite.
        """
        values = np.asarray(features, np.float64)
        if values.ndim != 2 or (self._origin is not None and values.shape[1:] != self._origin.shape):
            raise RequestError(f"features are numbers [n, d], of one d throughout, not an array of shape {values.shape}")
        if not np.isfinite(values).all():
            raise RequestError("the features hold a value that is not finite")
        share = np.ones(len(values)) if weights is None else np.asarray(weights, np.float64)
        if share.shape != values.shape[:1]:
            raise RequestError(f"{len(values)} features need as many weights, not an array of shape {share.shape}")
        if len(values) == 0:
            return
        if self._origin is None:  # near the data, so that the products do not cancel against a mean far from zero
            self._origin = values.mean(axis=0)
        values = values - self._origin
        weighted = values * share[:, None]
        self._sum = self._sum + weighted.sum(axis=0)
        self._products = self._products + weighted.T @ values
        self._weight += float(share.sum())
        self._squared_weight += float(share @ share)

    def gaussian(self) -> Gaussian:
        """The Gaussian of everything so far. Raises RequestError with fewer than two features."""
        if self._origin is None or self._weight**2 <= self._squared_weight * (1 + 1e-12):
            raise RequestError("a covariance needs at least two features")
        mean = self._sum / self._weight
        biased = self._products / self._weight - np.outer(mean, mean)
        covariance = biased / (1 - self._squared_weight / self._weight**2)
        return Gaussian(self._origin + mean, (covariance + covariance.T) / 2)


def gaussian(features: NDArray[Any], weights: NDArray[Any] | None = None) -> Gaussian:
    """The Gaussian of features [n, d], n >= 2. Raises RequestError, as :class:`Moments` does."""
    moments = Moments()
    moments.add(features, weights)
    return moments.gaussian()


def frechet(one: Gaussian, other: Gaussian) -> float:
    """The squared Frechet distance |m1 - m2|^2 + tr(C1) + tr(C2) - 2 tr((C1 C2)^(1/2)), >= 0.

    The trace of the root is the sum of the singular values of C1^(1/2) C2^(1/2). Each root is taken by its symmetric
    eigen-decomposition, which stays exact where a covariance is singular.

    Raises RequestError where the two have features of different length.
    """
    if one.mean.shape != other.mean.shape:
        raise RequestError(f"features of length {len(one.mean)} and {len(other.mean)} cannot be compared")
    difference = one.mean - other.mean
    cross = np.linalg.svd(_root(one.covariance) @ _root(other.covariance), compute_uv=False).sum()
    distance = difference @ difference + np.trace(one.covariance) + np.trace(other.covariance) - 2 * cross
    return max(float(distance), 0.0)


def _root(covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    values, vectors = np.linalg.eigh(covariance)
    root: NDArray[np.float64] = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    return root
