"""CUDA beside the CPU of the same machine: pictures a second by batch and option, and how far pictures are apart.

    python tests/benchmarks/cuda.py [--model fashion] [--plain FILE] [--half FILE]

Needs an NVIDIA GPU and onnxruntime-gpu. All subjects are in one process, in alternation with the one that they are held
against: a GPU that nothing else uses. ``--plain`` and ``--half`` are the same generator exported with ``--no-rewrite`` and
with ``--precision float16``.
"""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
from report import Figure, main
from side_by_side import Spread, alternate
from subjects import say

from cganx import runtime

BATCHES = (1, 64, 256, 1024)
COMPARED = 2048


def measure(arguments: Namespace) -> list[Figure]:
    model, pairs = arguments.model, arguments.pairs
    figures = [*devices(model, pairs), *options(model, pairs), *one_picture(model, pairs), *streaming(model, pairs)]
    for name, path in (("plain", arguments.plain), ("float16", arguments.half)):
        if path:
            figures += [*files(model, path, name, pairs), *apart(model, path, f"the {name} file")]
    return [*figures, *apart(model, model, "the same file"), loading(model, pairs)]


def devices(model: str, pairs: int) -> Iterator[Figure]:
    for batch in BATCHES:
        with on_cuda(model, batch) as gpu, runtime.load(model, "cpu") as cpu:
            yield ratio(f"CUDA / CPU, batch {batch}", rate(cpu, batch), rate(gpu, batch), pairs, batch)


def options(model: str, pairs: int) -> Iterator[Figure]:
    for batch in BATCHES:
        with (
            on_cuda(model, batch) as plain,
            on_cuda(model, batch, cuda_graphs=True) as graphs,
            on_cuda(model, batch, precise=True) as precise,
        ):
            yield ratio(f"cuda_graphs / without, batch {batch}", rate(plain, batch), rate(graphs, batch), pairs, batch)
            yield ratio(f"precise / with TF32, batch {batch}", rate(plain, batch), rate(precise, batch), pairs, batch)


def one_picture(model: str, pairs: int) -> Iterator[Figure]:
    with on_cuda(model, 64) as full, on_cuda(model, 1) as single, on_cuda(model, 1, cuda_graphs=True) as graphs:
        yield ratio("one picture: cuda_batch=1 / the default", rate(full, 1), rate(single, 1), pairs, 1)
        yield ratio("one picture: cuda_batch=1, cuda_graphs / the default", rate(full, 1), rate(graphs, 1), pairs, 1)


def streaming(model: str, pairs: int) -> Iterator[Figure]:
    with on_cuda(model, 64) as gpu:

        def stream(prefetch: bool) -> Callable[[], object]:
            def once() -> None:
                for picture in gpu.stream([(0, seed) for seed in range(COMPARED)], 64, prefetch=prefetch):
                    picture.pixels.tobytes()

            return once

        yield ratio("stream: prefetch / without", stream(False), stream(True), pairs, COMPARED)


def files(model: str, other: str, name: str, pairs: int) -> Iterator[Figure]:
    for batch in BATCHES:
        with on_cuda(model, batch) as ours, on_cuda(other, batch) as theirs:
            yield ratio(f"the model / the {name} file, batch {batch}", rate(theirs, batch), rate(ours, batch), pairs, batch)


def apart(model: str, other: str, name: str) -> Iterator[Figure]:
    """Shares of the values of ``COMPARED`` pictures that differ between ``model`` on the CPU and ``other`` on CUDA."""
    with runtime.load(model, "cpu") as generator:
        classes = np.arange(COMPARED) % len(generator.card.classes)
        wanted = generator.generate(classes, range(COMPARED)).astype(int)
    for precise in (False, True):
        with on_cuda(other, 64, precise=precise) as gpu:
            levels = np.abs(gpu.generate(classes, range(COMPARED)).astype(int) - wanted)
        note = f"{name}, precise={precise}; most {levels.max()} levels"
        yield Figure("values on CUDA that differ from the CPU's", 100 * float(np.mean(levels > 0)), "%", note=note)
        yield Figure("values that differ by more than one level", 100 * float(np.mean(levels > 1)), "%", note=note)


def loading(model: str, pairs: int) -> Figure:
    def load() -> None:
        on_the_gpu = runtime.load(model, "cuda")
        on_the_gpu.close()

    return ratio("load on the CPU / on CUDA, warm", load, lambda: runtime.load(model, "cpu").close(), pairs, 1)


@contextmanager
def on_cuda(model: str, batch: int, *, cuda_graphs: bool = False, precise: bool = False) -> Iterator[runtime.Generator]:
    with runtime.load(model, "cuda", cuda_batch=batch, cuda_graphs=cuda_graphs, precise=precise) as generator:
        yield generator


def rate(generator: runtime.Generator, batch: int) -> Callable[[], object]:
    seeds = range(batch)
    return lambda: generator.generate(0, seeds, batch_size=batch)


def ratio(measure: str, slow: Callable[[], object], fast: Callable[[], object], pairs: int, pictures: int) -> Figure:
    """How many times as fast ``fast`` is, with the pictures a second of both."""
    say(f"{measure} ...")
    taken = alternate(lambda: seconds(slow), lambda: seconds(fast), pairs + 1)[1:]
    spread = Spread.of([one / other for one, other in taken])
    rates = [pictures / float(np.median(column)) for column in zip(*taken, strict=True)]
    return Figure(measure, spread.median, spread=spread, note=f"{rates[1]:,.0f} against {rates[0]:,.0f} a second")


def seconds(unit: Callable[[], object], least: float = 0.03) -> float:
    """Seconds that a call takes: the mean of as many as fill ``least``."""
    calls, begun = 0, time.perf_counter()
    while (taken := time.perf_counter() - begun) < least:
        unit()
        calls += 1
    return taken / calls


if __name__ == "__main__":
    main(
        __doc__ or "",
        measure,
        ("--model", "fashion", "a file, or a bundled generator's name"),
        ("--plain", "", "the same generator as a plain file"),
        ("--half", "", "the same generator that computes in float16"),
        ("--pairs", 15, "paired turns"),
    )
