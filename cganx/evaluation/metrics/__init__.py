"""The metrics, as pure functions of two samples: made pictures beside real ones. See docs/metrics.md.

from cganx.evaluation.metrics import METRICS, Sample, interval

made = Sample(pixels, judge.features(pixels), probabilities, labels)
METRICS["precision"].compute(made, real)
"""

from cganx.evaluation.metrics.metric import Metric
from cganx.evaluation.metrics.sample import Sample
from cganx.evaluation.metrics.table import METRICS, interval

__all__ = ["METRICS", "Metric", "Sample", "interval"]
