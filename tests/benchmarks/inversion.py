"""Latent inversion: how many of a generator's own pictures come back as their class, and how near.

python tests/benchmarks/inversion.py [MODEL] [--pictures 100] [--seed 1000] [--data fashion-mnist]

Picture i is of class i modulo the number of classes and seed --seed + i; the search is told nothing of either. With --data
also real test pictures, which the generator can only come near to.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cganx import data, latent, runtime

SHARES = (0.5, 0.8, 0.9)


def figures(generator: runtime.Generator, pictures: NDArray[np.uint8], texts: Sequence[str]) -> dict[str, Any]:
    """The share that came back as their class, quantiles of the distance, seconds a picture."""
    started = time.perf_counter()
    found = latent.invert(generator, pictures, progress=say)
    taken = time.perf_counter() - started
    distances = [one.distance for one in found]
    return {
        "pictures": len(pictures),
        "own_class": float(np.mean([one.text == text for one, text in zip(found, texts, strict=True)])),
        "distance": {f"{share:.0%} under": round(float(np.quantile(distances, share)), 4) for share in SHARES},
        "seconds_a_picture": round(taken / len(pictures), 3),
    }


def say(stage: str, done: int, total: int) -> None:
    if done % 10 == 0:
        print(f"{stage} {done}/{total}", file=sys.stderr, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("model", nargs="?", default="fashion")
    parser.add_argument("--pictures", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1000)
    parser.add_argument("--data", help="real test pictures of this set too")
    arguments = parser.parse_args()
    generator = runtime.load(arguments.model, "cpu")
    classes, count = generator.card.classes, arguments.pictures
    order = np.arange(count) % len(classes)
    made = np.asarray(generator.generate(order, range(arguments.seed, arguments.seed + count)))
    out = {"own": figures(generator, made, [classes[label] for label in order])}
    if arguments.data:
        test = data.load(arguments.data).test
        names = data.load(arguments.data).classes
        out["real"] = figures(generator, test.images[:count], [names[label] for label in test.labels[:count]])
    print(json.dumps(out, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
