"""How fast `cganx evaluate` makes the pictures that it judges, beside a bare session fed with ready arrays of as many.

    python tests/benchmarks/judged_pictures.py [--model fashion] [--pictures 10240]

The session is onnxruntime's own with default options, in the same process and in alternation, in batches of the same size.
"""

from __future__ import annotations

import time
from argparse import Namespace

import numpy as np
from report import Figure, Target, main
from side_by_side import Spread

from cganx import runtime
from cganx.evaluation.making import BATCH, JUDGED, make, seeds_of
from cganx.runtime import latents


def measure(arguments: Namespace) -> list[Figure]:
    import onnxruntime

    generator = runtime.load(arguments.model, "cpu", spin=True)  # as the command does
    card, count = generator.card, arguments.pictures
    assert card.latent is not None
    labels, seeds = np.arange(count) % len(card.classes), seeds_of(0, JUDGED, count)
    feed = {"latent": latents.normal(seeds, card.latent.size), "label": np.eye(len(card.classes), dtype=np.float32)[labels]}
    session = onnxruntime.InferenceSession(runtime.find(arguments.model), providers=["CPUExecutionProvider"])

    def bare() -> np.ndarray:  # type: ignore[type-arg]
        parts = [{name: rows[start : start + BATCH] for name, rows in feed.items()} for start in range(0, count, BATCH)]
        return np.concatenate([session.run(["pixels"], part)[0] for part in parts])

    def ours() -> np.ndarray:  # type: ignore[type-arg]
        return make(generator, labels, seeds, "", lambda *_: None)

    if not np.array_equal(bare(), ours()):
        raise SystemExit("they do not make the same pictures")
    taken = [(_seconds(bare), _seconds(ours)) for _ in range(arguments.pairs)]
    spread = Spread.of([one / other for one, other in taken])
    note = f"{arguments.model}, {count:,} pictures, batches of {BATCH}"
    return [
        Figure("pictures/s of evaluate / of a bare session", spread.median, spread=spread, target=Target(">=", 0.9), note=note)
    ]


def _seconds(call) -> float:  # type: ignore[no-untyped-def]
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


if __name__ == "__main__":
    main(
        __doc__ or "",
        measure,
        ("--pairs", 11, "paired turns"),
        ("--pictures", 10_240, "pictures of a turn"),
        ("--model", "fashion", "generator with classes"),
    )
