"""The process that ``cganx bench`` measures: it loads one file, makes one picture, then as many runs as it is asked for.

A JSON object on stdin says what to load; each line after it is a number of runs, and is answered with the seconds that they
took. All answers are lines of JSON on stdout.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from cganx import runtime
from cganx.errors import CganxError, NotAGenerator

__all__ = ["OPEN_SIDE", "main", "peak_memory"]

OPEN_SIDE = 1024
"""Most pixels, each way, of what is made by a file that takes sources of any size."""


def main() -> None:
    """Serve until stdin ends."""
    # Whatever else prints does so to nowhere that is read.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def say(**what: Any) -> None:
        answers.write(json.dumps(what) + "\n")
        answers.flush()

    asked = json.loads(sys.stdin.readline())
    batch = asked["batch"]
    try:
        generator = _loaded(asked["model"], asked["device"], asked["threads"], asked["classes"])
        _made(generator, 1)
    except CganxError as error:
        say(error=str(error))
        return
    say(device=str(generator.device), name=generator.card.name, sha256=generator.sha256)
    for line in sys.stdin:
        begun = time.perf_counter()
        for _ in range(int(line)):
            _made(generator, batch)
        say(seconds=time.perf_counter() - begun, peak_bytes=peak_memory())


def _made(generator: runtime.Generator, batch: int) -> None:
    """So many pictures; of one that turns pictures into pictures from grey ones of the card's size, up to OPEN_SIDE."""
    card = generator.card
    label = 0 if card.classes else None
    if card.source is None:
        generator.generate(label, range(batch), batch_size=batch)
        return
    height, width = generator.source_size(OPEN_SIDE // card.source.scale)
    sources = np.full((batch, height, width, card.source.channels), 127, np.uint8)
    mask = np.ones(sources.shape[:3], np.uint8) if "mask" in generator.inputs else None
    generator.translate(sources, label=label, seeds=range(batch), mask=mask)


def _loaded(model: str, device: str, threads: int | None, classes: Sequence[str]) -> runtime.Generator:
    """The generator; a file without a card is adopted where its tensors have the contract's names."""
    path = runtime.find(model)
    try:
        runtime.read(path)
    except NotAGenerator as error:
        if "no cganx.card" not in error.message:
            raise
        card = runtime.card_of(path, runtime.Tensors(), name=os.path.basename(path), classes=classes)  # noqa: PTH119
        return runtime.load(path, device, card=card, tensors=runtime.Tensors(), threads=threads)
    return runtime.load(path, device, threads=threads)


def peak_memory() -> int | None:
    """The most memory that this process had at once, in bytes; None where the system does not say."""
    try:
        return _PEAKS.get(sys.platform, _of_getrusage)()
    except (ImportError, OSError, AttributeError, ValueError):
        return None


def _of_proc() -> int:
    # Not getrusage: on Linux a child begins with the peak of the process that started it.
    with open("/proc/self/status", encoding="ascii", errors="replace") as file:  # noqa: PTH123
        (line,) = (line for line in file if line.startswith("VmHWM:"))
    return int(line.split()[1]) << 10


def _of_getrusage() -> int:
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak << 10


def _of_windows() -> int:
    import ctypes

    sizes = [(name, ctypes.c_size_t) for name in "PWabcdefg"]  # PeakWorkingSetSize is the first, then others of its size
    counters = type(
        "Counters", (ctypes.Structure,), {"_fields_": [("cb", ctypes.c_ulong), ("faults", ctypes.c_ulong), *sizes]}
    )()
    kernel = vars(ctypes)["windll"].kernel32
    kernel.GetCurrentProcess.restype = ctypes.c_void_p
    process = ctypes.c_void_p(kernel.GetCurrentProcess())
    if not kernel.K32GetProcessMemoryInfo(process, ctypes.byref(counters), ctypes.sizeof(counters)):
        raise OSError("the system does not say")
    return int(counters.P)


_PEAKS: Mapping[str, Callable[[], int]] = {"linux": _of_proc, "win32": _of_windows}

if __name__ == "__main__":
    with suppress(KeyboardInterrupt):  # the terminal tells both processes, and the other one says so
        main()
