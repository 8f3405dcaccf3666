"""The oracle classifier and the metrics: how good a generator is, judged on the .onnx file itself.

from cganx import data
from cganx.evaluation import quality

print(quality("fashion", data.load("fashion-mnist")))
"""

from cganx.evaluation.agreement import Agreement, agreement
from cganx.evaluation.frechet import Gaussian, Moments, frechet, gaussian
from cganx.evaluation.oracle import Oracle, Recipe, oracle
from cganx.evaluation.quality import Quality, quality

__all__ = [
    "Agreement",
    "Gaussian",
    "Moments",
    "Oracle",
    "Quality",
    "Recipe",
    "agreement",
    "frechet",
    "gaussian",
    "oracle",
    "quality",
]
