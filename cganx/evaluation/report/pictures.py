"""The report's pictures, as ``<img>`` elements that hold their own data."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cganx.evaluation.figures import Evidence
from cganx.evaluation.metrics import Sample
from cganx.evaluation.metrics.birthday import closest_pairs
from cganx.evaluation.metrics.nearest_pictures import NearestPictures, nearest_in_features, nearest_in_pixels
from cganx.grid import sheet

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["alike_pairs", "by_class", "embedded", "nearest_pairs", "shares_seen"]

COLUMNS = 10
MOST_ROWS = 40
ROWS_WITHOUT_CLASSES = 8
PAIRS, MOST_PAIRS = 12, 16
SEARCHED = 5000
"""Made pictures for which the nearest training picture, or the nearest other one, is looked for."""


def by_class(sample: Sample, classes: Sequence[str], caption: str) -> str:
    """A sheet of some pictures of each class, or of all where no class was asked for, at even steps.

    Neighbours in a data set are often alike, such as crops of one texture.
    """
    if sample.labels is None:
        places = _evenly(np.arange(len(sample)), COLUMNS * ROWS_WITHOUT_CLASSES)
        rows = [("", sample.pixels[places[start : start + COLUMNS]]) for start in range(0, len(places), COLUMNS)]
    else:
        members = [np.flatnonzero(sample.labels == label) for label in range(min(len(classes), MOST_ROWS))]
        rows = [(name, sample.pixels[_evenly(places, COLUMNS)]) for name, places in zip(classes, members, strict=False)]
    return embedded(sheet(rows), caption)


def _evenly(places: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """At most so many of the places, at even steps."""
    count = min(most, len(places))
    return places[np.arange(count) * len(places) // max(count, 1)]


def nearest_pairs(evidence: Evidence) -> list[str]:
    """The made picture of each class that is nearest to a training picture, above that one: by features, and by pixels."""
    made = evidence.made.take(np.arange(min(SEARCHED, len(evidence.made))))
    found: list[tuple[str, NearestPictures]] = [
        ("by the judge's features", nearest_in_features(made, evidence.training)),
        ("by pixels", nearest_in_pixels(made, evidence.training)),
    ]
    of = "ones" if made.labels is None else "of each class"
    out = []
    for how, nearest in found:
        closest = _first_of_each(nearest.closest(len(nearest.places)), made.labels)
        twins = evidence.training.pixels[nearest.places[closest]]
        distances = nearest.distances[closest]
        picture = sheet([("made", made.pixels[closest]), ("training", twins)], columns=[f"{one:.3g}" for one in distances])
        out.append(embedded(picture, f"The nearest {of} {how}, with the distance; the nearest of all first."))
    return out


def alike_pairs(made: Sample) -> str:
    """The two made pictures of each class that are most alike by their features, one above the other."""
    some = made.take(_evenly(np.arange(len(made)), SEARCHED))
    found = closest_pairs(some, len(some))
    first = found.places[:, 0]
    chosen = _first_of_each(np.arange(len(first)), None if some.labels is None else some.labels[first])
    one, other = (some.pixels[found.places[chosen, side]] for side in (0, 1))
    picture = sheet([("one", one), ("other", other)], columns=[f"{distance:.3g}" for distance in found.distances[chosen]])
    of = "Those" if some.labels is None else "Those of each class"
    return embedded(picture, f"{of} that are most alike by the judge's features, with the distance; the nearest of all first.")


def _first_of_each(order: NDArray[np.int64], labels: NDArray[np.int64] | None) -> NDArray[np.int64]:
    """The first places of an order, at most one of each class where there are classes."""
    if labels is None:
        return order[:PAIRS]
    _, firsts = np.unique(labels[order], return_index=True)
    chosen: NDArray[np.int64] = order[np.sort(firsts)[:MOST_PAIRS]]
    return chosen


def embedded(image: Image.Image, caption: str) -> str:
    """A picture with its caption, its data inside."""
    file = io.BytesIO()
    image.save(file, format="PNG", optimize=True)
    data = base64.b64encode(file.getvalue()).decode()
    size = f'width="{image.width}" height="{image.height}"'
    return (
        f'<figure><img src="data:image/png;base64,{data}" {size} alt="{escape(caption)}">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def shares_seen(sample: Sample, classes: int) -> NDArray[np.float64]:
    """The share of each class's pictures [classes] in which the judge sees it; NaN where there is none."""
    assert sample.labels is not None
    right = sample.probabilities.argmax(axis=1) == sample.labels
    counts = np.bincount(sample.labels, minlength=classes)
    hits = np.bincount(sample.labels[right], minlength=classes)
    shares: NDArray[np.float64] = np.divide(hits, counts, out=np.full(classes, np.nan), where=counts > 0)
    return shares
