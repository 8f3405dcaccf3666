"""What one picture costs: operations counted from the graph, and pictures a second as measured here."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from statistics import median

import numpy as np

from cganx.runtime import Generator
from cganx.runtime.cost import PRODUCTS
from cganx.runtime.model import Graph
from cganx.runtime.operators import Fact

__all__ = ["operations", "pictures_a_second"]

Facts = Mapping[str, Fact]
SECONDS = 1.0


def operations(graph: Graph, facts: Facts) -> int:
    """Additions and multiplications of one run: 2 for a multiply-add of Conv, ConvTranspose, Gemm and MatMul.

    ``facts`` hold the shapes at batch 1, from :func:`cganx.runtime.reader.follow`. What rests on constants alone is not
    counted, onnxruntime computes it once; nor are operators that do a few operations a value.
    """
    return sum(
        2 * PRODUCTS[node.operator](node, facts)
        for node in graph.nodes
        if node.operator in PRODUCTS and not all(facts[name].constant for name in node.outputs if name)
    )


def pictures_a_second(generators: Sequence[Generator], batch: int, *, seconds: float = SECONDS) -> list[float]:
    """How many pictures a second the runtime makes in batches of that size: medians of runs, ``seconds`` a generator.

    They run in turn, so that what else the machine does meanwhile falls on all of them.
    """
    seeds = np.arange(batch, dtype=np.uint64)
    labels = [np.arange(batch) % len(one.card.classes) if one.card.classes else None for one in generators]
    times: list[list[float]] = [[] for _ in generators]
    until = None
    while until is None or time.perf_counter() < until:
        for generator, label, taken in zip(generators, labels, times, strict=True):
            if until is None:
                generator.generate(label, seeds, batch_size=batch)  # the first run allocates
            started = time.perf_counter()
            generator.generate(label, seeds, batch_size=batch)
            taken.append(time.perf_counter() - started)
        until = until or time.perf_counter() + seconds * len(generators)
    return [batch / median(taken) for taken in times]
