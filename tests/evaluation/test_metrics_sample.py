from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from metric_samples import of_features

from cganx.errors import RequestError
from cganx.evaluation.metrics import Sample


def whole() -> Sample:
    pixels = np.arange(5 * 4).reshape(5, 2, 2, 1).astype(np.uint8)
    return Sample(pixels, np.arange(10.0).reshape(5, 2), np.eye(5), np.arange(5))


def test_taking_keeps_what_belongs_together() -> None:
    taken = whole().take(np.array([4, 0, 0]))
    assert len(taken) == 3
    assert taken.pixels[:, 0, 0, 0].tolist() == [16, 0, 0]
    assert taken.features[:, 0].tolist() == [8, 0, 0]
    assert taken.probabilities.argmax(axis=1).tolist() == [4, 0, 0]
    assert taken.labels is not None
    assert taken.labels.tolist() == [4, 0, 0]
    assert replace(whole(), labels=None).take(np.array([1])).labels is None


def test_what_is_known_of_a_sample_is_computed_once_and_not_handed_on() -> None:
    asked: list[int] = []

    def measure(sample: Sample) -> int:
        asked.append(len(sample))
        return len(sample)

    sample = whole()
    assert [sample.once(measure), sample.once(measure), sample.take(np.arange(2)).once(measure)] == [5, 5, 2]
    assert asked == [5, 2]


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"pixels": np.zeros((5, 2, 2, 1))}, "uint8"),
        ({"pixels": np.zeros((5, 2, 2), np.uint8)}, "n, height, width, channels"),
        ({"pixels": np.zeros((0, 2, 2, 1), np.uint8)}, "at least one"),
        ({"features": np.zeros((4, 2))}, "need features"),
        ({"features": np.zeros((5, 2), np.int64)}, "features must be floating point"),
        ({"features": np.full((5, 2), np.nan)}, "features must be floating point and finite"),
        ({"probabilities": np.zeros((5, 0))}, "need probabilities"),
        ({"probabilities": np.eye(5) * 2}, "softmax"),
        ({"probabilities": np.eye(5) * 3 - 0.4}, "softmax"),
        ({"labels": np.arange(4)}, "as many labels"),
        ({"labels": np.zeros(5)}, "whole numbers"),
        ({"labels": np.arange(5) - 1}, "from 0 to 4"),
        ({"labels": np.arange(5) + 1}, "from 0 to 4"),
    ],
)
def test_what_does_not_fit_together_is_refused(changes: dict[str, np.ndarray], cause: str) -> None:
    with pytest.raises(RequestError, match=cause):
        replace(whole(), **changes)


def test_no_labels_are_fine() -> None:
    assert of_features(np.zeros((3, 2))).labels is None
