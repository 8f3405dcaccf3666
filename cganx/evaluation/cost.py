"""What one picture costs: operations counted from the graph, and pictures a second as measured here."""

from __future__ import annotations

import time
from collections.abc import Mapping
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


def pictures_a_second(generator: Generator, batch: int, *, seconds: float = SECONDS) -> float:
    """How many pictures a second the runtime makes in batches of that size: the median over about ``seconds`` of runs."""
    count = len(generator.card.classes)
    labels = np.arange(batch) % count if count else None
    seeds = np.arange(batch, dtype=np.uint64)
    times: list[float] = []
    generator.generate(labels, seeds, batch_size=batch)  # the first run allocates
    until = time.perf_counter() + seconds
    while not times or time.perf_counter() < until:
        started = time.perf_counter()
        generator.generate(labels, seeds, batch_size=batch)
        times.append(time.perf_counter() - started)
    return batch / median(times)
