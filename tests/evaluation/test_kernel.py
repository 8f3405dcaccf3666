"""The kernel distance that training judges by is that of the metrics."""

from __future__ import annotations

import numpy as np
import pytest

from cganx.evaluation.kernel import kernel_distance


def test_it_is_the_metrics_own(part) -> None:
    part("sklearn")
    from cganx.evaluation.metrics.kernel_distance import kernel_distance as of_samples
    from cganx.evaluation.metrics.sample import Sample

    random = np.random.default_rng(0)
    made, real = random.normal(size=(40, 12)).astype(np.float32), random.normal(1, 2, (30, 12)).astype(np.float32)
    samples = [Sample(np.zeros((len(one), 8, 8, 1), np.uint8), one, np.ones((len(one), 1))) for one in (made, real)]
    assert kernel_distance(made, real) == pytest.approx(of_samples(*samples), rel=1e-9)


def test_it_is_near_nothing_for_one_distribution_and_grows_with_the_distance() -> None:
    random = np.random.default_rng(1)
    one, same = random.normal(size=(2, 400, 8)).astype(np.float32)
    near, far = (kernel_distance(one, same + shift) for shift in (0.5, 2.0))
    assert abs(kernel_distance(one, same)) < 0.02 < near < far
