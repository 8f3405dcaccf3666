"""What the exact rewrites bring on the tutorial's cDCGAN: the file as exported beside what else could run it, by batch.

    python tests/benchmarks/rewrites.py [--one-core 1] [--json]

The rewritten file's time against that of the plain file (``--no-rewrite``) in onnxruntime, of the plain file in OpenVINO
(float32, an environment of its own), of the module in torch, and of the matrix products alone that the plain network asks for:
float32 MatMuls of its layers' shapes in onnxruntime, four pictures a run, that is the limit. Then what ``Generator.generate``
costs over the bare run. Each subject is alone in its process. With ``--one-core 1`` all of them have one core, and processor
time is what counts.
"""

from __future__ import annotations

import contextlib
import os
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import geometric_mean

from report import Figure, Target, main
from side_by_side import Cost, Spread, alternate_workers, one_core, workers
from subjects import cdcgan_file, openvino, say, script, users_environment

BATCHES = (1, 16, 64, 256)
OVERHEAD = {1: Target("<=", 1.12), 64: Target("<=", 1.03)}


def measure(arguments: Namespace) -> list[Figure]:
    with one_core() if arguments.one_core else contextlib.nullcontext():
        return list(_measure(arguments))


def _measure(arguments: Namespace) -> Sequence[Figure]:
    plain, rewritten = (cdcgan_file(rewrite=rewrite) for rewrite in (False, True))
    ours = _subject(sys.executable, "raw-quiet", rewritten)
    others = {
        "onnxruntime, plain file": (_subject(sys.executable, "raw-quiet", plain), Target(">=", 1.8)),
        "OpenVINO, plain file": (_subject(os.fspath(openvino()), "openvino", plain), Target(">=", 0.97)),
        "torch, eager": (_subject(sys.executable, "torch", plain), Target(">=", 2.2)),
    }
    figures = []
    for name, (other, target) in others.items():
        medians = []
        for batch in BATCHES:
            say(f"{name}, batch {batch} ...")
            figures.append(_ratio(f"rewritten / {name}, pictures/s, batch {batch}", other, ours, batch, target, arguments))
            medians.append(figures[-1].value)
        goal = Target(">=", 1.05) if "OpenVINO" in name else None
        figures.append(Figure(f"rewritten / {name}, geometric mean", geometric_mean(medians), target=goal))
    limit = _subject(sys.executable, "products", plain)
    bound = Target(">=", 0.45 if _has_avx512() else 0.55)
    kind = "AVX-512" if _has_avx512() else "no AVX-512"
    say("the limit by matrix products, batch 64 ...")
    figures.append(_ratio(f"rewritten / limit by matrix products, batch 64, {kind}", limit, ours, 64, bound, arguments))
    generate = _subject(sys.executable, "runtime", rewritten)
    for batch, most in OVERHEAD.items():
        say(f"generate over the bare run, batch {batch} ...")
        figures.append(_ratio(f"time of generate / bare run, batch {batch}", generate, ours, batch, most, arguments))
    return figures


def _subject(python: str, how: str, path: Path) -> Callable[[int], list[str]]:
    return lambda batch: [python, script("generate_subject.py"), how, os.fspath(path), str(batch)]


def _ratio(
    measured: str,
    other: Callable[[int], list[str]],
    ours: Callable[[int], list[str]],
    batch: int,
    target: Target | None,
    arguments: Namespace,
) -> Figure:
    """The other's time by ours."""
    counted: Callable[[Cost], float] = (lambda cost: cost.cpu) if arguments.one_core else (lambda cost: cost.wall)
    with workers(other(batch), ours(batch), environment=users_environment()) as (first, second):
        taken = alternate_workers(first, second, pairs=arguments.pairs, seconds=arguments.milliseconds / 1000, counted=counted)
    spread = Spread.of([one / our for one, our in taken])
    rates = [batch / Spread.of(column).median for column in zip(*taken, strict=True)]
    note = f"{rates[0]:,.0f} and {rates[1]:,.0f} pictures/s"
    return Figure(measured, spread.median, spread=spread, target=target, note=note)


def _has_avx512() -> bool:
    info = Path("/proc/cpuinfo")
    return info.exists() and "avx512f" in info.read_text()


if __name__ == "__main__":
    main(
        __doc__ or "",
        measure,
        ("--pairs", 21, "paired turns"),
        ("--milliseconds", 300, "length of a turn"),
        ("--one-core", 0, "1: one core, processor time"),
    )
