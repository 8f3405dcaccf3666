"""Whether threads or processes encode PNGs faster, as the pipeline hands pictures to them and takes bytes back.

Pictures of `fashion` (28 px, grey) and `materials` (64 px, colour) are there already and go to as many workers as this process
may use processors, in the pipeline's pieces: to threads as they are, to processes by pickle, which were started beforehand.
The rate of threads over that of processes says which is the better; threads also share the session's memory.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from argparse import Namespace
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
from report import Figure, main
from side_by_side import Spread
from subjects import ROOT, say

from cganx import runtime
from cganx_cli.pipeline import PIECE
from cganx_cli.png import encode_png
from cganx_cli.provenance import Provenance

MODELS = {"fashion": "fashion", "materials": str(ROOT / "plugins/blender/generators/materials.onnx")}


def encoded(pixels: np.ndarray, provenances: list[Provenance]) -> list[bytes]:
    return list(encode_png(pixels, provenances))


def seconds(pool: Executor, pixels: np.ndarray, provenances: list[Provenance]) -> float:
    pieces = [slice(start, start + PIECE) for start in range(0, len(pixels), PIECE)]
    begun = time.perf_counter()
    waiting = [pool.submit(encoded, pixels[piece], provenances[piece]) for piece in pieces]
    for one in waiting:
        one.result()
    return time.perf_counter() - begun


def measure(arguments: Namespace) -> list[Figure]:
    workers, figures = len(os.sched_getaffinity(0)), []
    spawn = multiprocessing.get_context("spawn")
    with ThreadPoolExecutor(workers) as threads, ProcessPoolExecutor(workers, spawn) as processes:
        for name, model in MODELS.items():
            say(f"{name} ...")
            generator = runtime.load(model, "cpu")
            labels = generator.card.classes
            some = np.concatenate([generator.generate(label, range(64)) for label in labels])
            pixels = np.resize(some, (arguments.pictures, *some.shape[1:]))
            provenances = [Provenance(name, generator.sha256, labels[0], seed) for seed in range(len(pixels))]
            pools = (threads, processes)
            for pool in pools:
                seconds(pool, pixels, provenances)
            rows = []
            for number in range(arguments.rounds):
                order = pools if number % 2 else pools[::-1]
                taken = {pool: seconds(pool, pixels, provenances) for pool in order}
                rows.append((taken[threads], taken[processes]))
            ratio = Spread.of([process / thread for thread, process in rows])
            thread, process = (len(pixels) / sorted(column)[len(rows) // 2] for column in zip(*rows, strict=True))
            side = generator.card.image.width
            note = f"{workers} of each; threads {thread:,.0f} pictures/s, processes {process:,.0f}"
            figures.append(
                Figure(f"PNG of {side} px, {name}: rate of threads / processes", ratio.median, "", ratio, None, note)
            )
    return figures


if __name__ == "__main__":
    main(
        __doc__ or "",
        measure,
        ("--pictures", 4000, "pictures of a turn"),
        ("--rounds", 9, "pairs"),
    )
