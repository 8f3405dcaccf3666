"""The oracle classifier and the metrics: how good a generator is, judged on the .onnx file itself.

from cganx import data
from cganx.evaluation import quality

print(quality("fashion", data.load("fashion-mnist")))
"""

from cganx.evaluation.agreement import Agreement, agreement
from cganx.evaluation.frechet import Gaussian, Moments, frechet, gaussian
from cganx.evaluation.judging import Verdict, verdict
from cganx.evaluation.oracle import Oracle, Recipe, oracle
from cganx.evaluation.quality import Quality, quality
from cganx.evaluation.quick import QUICK, quick_oracle

__all__ = [
    "QUICK",
    "Agreement",
    "Gaussian",
    "Moments",
    "Oracle",
    "Quality",
    "Recipe",
    "Verdict",
    "agreement",
    "frechet",
    "gaussian",
    "oracle",
    "quality",
    "quick_oracle",
    "verdict",
]
