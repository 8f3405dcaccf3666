"""``translate`` against the raw session at 256 x 256, in alternation; and its memory for a picture of 8,000 x 6,000.

The generator is made by hand: convolutions of 16 channels at full size and of 32 at half, random weights, context 20.
"""

from __future__ import annotations

import subprocess
import sys
import time
from argparse import Namespace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import onnxruntime
from report import Figure, Target, main
from side_by_side import Spread
from translators import Net, seal

from cganx import runtime
from cganx.card import GeneratorCard, Image, Source

SIDE, LARGE = 256, (6000, 8000)


def file() -> bytes:
    net = Net()
    x = net.node("Relu", net.conv(net.take("source", 3, "height", "width"), 3, 16))
    x = net.node("Relu", net.conv(x, 16, 32, stride=2))
    for _ in range(6):
        x = net.node("Relu", net.conv(x, 32, 32))
    x = net.node("Relu", net.up(x, 32, 16))
    card = GeneratorCard(
        name="convolutions",
        kind="image-to-image",
        image=Image(height=SIDE, width=SIDE, channels=3),
        source=Source(channels=3, multiple=2, context=20),
    )
    return seal(net.model(net.conv(x, 16, 3), ("height", "width")), card)


def measure(arguments: Namespace) -> list[Figure]:
    data, threads = file(), arguments.threads
    generator = runtime.load(data, "cpu", threads=threads)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    figures = []
    for batch in (1, 4):
        pictures = np.random.default_rng(0).integers(0, 256, (batch, SIDE, SIDE, 3), np.uint8)
        source = np.ascontiguousarray(pictures.transpose(0, 3, 1, 2) / np.float32(127.5) - np.float32(1), np.float32)
        ratios = [
            _seconds(lambda: session.run(["pixels"], {"source": source}))  # noqa: B023
            / _seconds(lambda: generator.translate(pictures))  # noqa: B023
            for _ in range(arguments.pairs + 2)
        ][2:]
        spread = Spread.of(ratios)
        what = f"translate against the raw session, {SIDE} x {SIDE}, batch {batch}, {threads} threads"
        figures.append(Figure(what, spread.median, spread=spread, target=Target(">=", 0.9)))
    height, width = LARGE
    own = subprocess.run([sys.executable, __file__, "--peak"], capture_output=True, text=True, check=True).stdout.split()
    peak, seconds = int(own[0]) / 2**20, float(own[1])
    note = f"source and result are {2 * height * width * 3 / 2**20:,.0f} MiB of it; {seconds:.0f} s"
    figures.append(Figure(f"growth of a process that turns {width:,} x {height:,} pixels", peak, "MiB", note=note))
    return figures


def _seconds(call: Any) -> float:
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


def peak() -> None:
    """What the process grows by at most, in bytes, and how long it takes: for a process of its own (Linux)."""
    generator = runtime.load(file(), "cpu")
    Path("/proc/self/clear_refs").write_text("5")  # else the most is that of whoever started it
    before = _status("VmRSS")
    picture = np.random.default_rng(0).integers(0, 256, (1, *LARGE, 3), np.uint8)
    begun = time.perf_counter()
    generator.translate(picture)
    print(_status("VmHWM") - before, time.perf_counter() - begun)


def _status(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


if __name__ == "__main__":
    if sys.argv[1:] == ["--peak"]:
        peak()
    else:
        main(__doc__ or "", measure, ("--pairs", 30, "pairs of runs"), ("--threads", 1, "of both"))
