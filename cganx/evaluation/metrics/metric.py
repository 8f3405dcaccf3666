"""What a metric is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from numpy.typing import NDArray

from cganx.evaluation.metrics.sample import Sample

__all__ = ["Metric"]


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One figure of made pictures beside real ones.

    ``compute`` takes both samples, the made one first. With fewer than ``least`` pictures on a side the figure says nothing.
    ``better`` is "neither" where an ideal lies between. ``reference`` are the real pictures to compare with: the test split,
    or that which the generator was trained on, where copies are looked for. ``bounds`` hold every possible figure. ``each``,
    where there is one, gives the made pictures' own figures [n], of which ``compute`` is the mean. ``per_feature``
    says that it divides by the number of features. ``by_class`` says that a made picture is judged by its own class: they
    should be even over the classes, and for all other metrics have the class shares of the real ones. ``source`` is the paper
    and its section.
    """

    name: str
    title: str
    better: Literal["higher", "lower", "neither"]
    least: int
    needs_labels: bool
    compute: Callable[[Sample, Sample], float]
    source: str
    reference: Literal["test", "training"] = "test"
    bounds: tuple[float, float] = (0.0, float("inf"))
    each: Callable[[Sample, Sample], NDArray[Any]] | None = None
    per_feature: bool = False
    by_class: bool = False

    def refusal(self, made: Sample, real: Sample) -> str | None:
        """Why this figure cannot be had of these samples; None where it can."""
        for one, other, what in (
            (made.pixels.shape[1:], real.pixels.shape[1:], "pictures"),
            (made.features.shape[1:], real.features.shape[1:], "features"),
            (made.probabilities.shape[1:], real.probabilities.shape[1:], "probabilities"),
        ):
            if one != other:
                return f"it compares {what} of one size, not {list(one)} and {list(other)}: judge both sides by one network"
        if self.needs_labels and (made.labels is None or real.labels is None):
            return "it needs the classes of both sides, and no class was asked for"
        fewest = min(len(made), len(real))
        if fewest < self.least:
            return f"it needs at least {self.least} pictures on each side, and one has {fewest}"
        return None
