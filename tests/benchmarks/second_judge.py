"""A second opinion on generators: label agreement and Frechet distance by a classifier of another architecture than the oracle.

python tests/benchmarks/second_judge.py MODEL.onnx [MODEL ...] [--data fashion-mnist] [--samples 10000] [--seed 0] [--json]

A generator whose checkpoint was chosen by plain classifiers of the oracle's kind may please those more than it should. This
one is residual, has learnt with other variations and another seed, and chooses no checkpoint. The pictures are those of
quality.py. The first call on a data set trains it (8 minutes of one core for Fashion-MNIST) and keeps it beside the oracles.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from quality import Progress, weakest
from residual import RECIPE, RESIDUAL

from cganx import data, runtime
from cganx.data import DataSet
from cganx.errors import CganxError
from cganx.evaluation import Oracle, Quality, oracle, quality
from cganx.evaluation.table import aligned

HEADER = ("model", "label agreement", "minus accuracy", "weakest class", "Frechet distance", "floor", "ratio")


@dataclass(frozen=True)
class Opinion:
    """The second judge's figures of one file; ``judged`` has its accuracy and floor too."""

    judged: Quality

    @property
    def margin(self) -> float:
        """The agreement less the judge's accuracy on real test pictures: above 0, made pictures are plainer to it."""
        return self.judged.agreement - self.judged.oracle_accuracy

    def to_dict(self) -> Mapping[str, Any]:
        return self.judged.to_dict() | {"margin": self.margin}

    def row(self) -> tuple[str, ...]:
        one = self.judged
        name, least = weakest(one)
        return (
            f"{one.model} ({one.sha256[:8]})",
            f"{one.agreement:.4f}",
            f"{self.margin:+.4f}",
            f"{name} {least:.4f}",
            f"{one.frechet:.4f}",
            f"{one.floor:.4f}",
            f"{one.ratio:.1f}",
        )


def opinions(models: Sequence[str], name: str, *, samples: int, seed: int) -> list[Opinion]:
    """Each file's figures, in order. Raises CganxError as :func:`cganx.evaluation.quality` does."""
    progress = Progress()

    @cache
    def judge(height: int, width: int, channels: int) -> tuple[DataSet, Oracle]:
        pictures = data.load(name, image_size=(height, width), channels=channels)
        return pictures, oracle(pictures, recipe=RECIPE, architecture=RESIDUAL, progress=progress)

    found = []
    for generator in [runtime.load(model) for model in models]:  # a file that cannot be read is said before minutes of training
        pictures, second = judge(*generator.picture_shape)
        found.append(Opinion(quality(generator, pictures, samples=samples, seed=seed, judge=second, progress=progress)))
    return found


def text(found: Sequence[Opinion]) -> str:
    lines = [
        f"{one.data}: {one.oracle}, right on {one.oracle_accuracy:.4f} of {one.reference_samples:,} real test pictures; "
        f"{one.samples:,} pictures a model, seed {one.seed}"
        for one in (opinion.judged for opinion in found)
    ]
    table = aligned([HEADER, *(opinion.row() for opinion in found)], right={1, 2, 4, 5, 6})
    return "\n".join([*dict.fromkeys(lines), "", table])


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("models", nargs="+", metavar="MODEL", help="an .onnx file or the name of a bundled generator")
    parser.add_argument("--data", default="fashion-mnist", help="what the generators were trained on (default: %(default)s)")
    parser.add_argument("--samples", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="all figures as a JSON list, one object a model")
    chosen = parser.parse_args(arguments)
    try:
        found = opinions(chosen.models, chosen.data, samples=chosen.samples, seed=chosen.seed)
    except CganxError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    print(json.dumps([one.to_dict() for one in found], indent=2) if chosen.json else text(found))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
