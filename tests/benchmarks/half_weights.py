"""A file with float16 weights against the one with float32 weights: pictures a second by batch size, and ``runtime.load``.

The files are the bundled generator, whose weights are halves, and the same graph with them stored as float32.
"""

from __future__ import annotations

from argparse import Namespace
from statistics import median

from report import Figure, main
from side_by_side import Spread
from subjects import bundled_file, say, single_file
from two_files import seconds_of

BATCHES = (1, 64)


def measure(arguments: Namespace) -> list[Figure]:
    half = bundled_file()
    if half is None:
        raise SystemExit("there is no bundled generator to measure")
    files = [single_file(half), half]

    def pairs(how: str, batch: int) -> list[tuple[float, float]]:
        say(f"float16 against float32 weights, {how}, batch {batch} ...")
        return seconds_of(files, how, batch, arguments)

    figures = []
    for batch in BATCHES:
        taken = pairs("runtime", batch)
        ratio = Spread.of([one / other for one, other in taken])
        rates = [batch / median(column) for column in zip(*taken, strict=True)]
        note = f"float32 {rates[0]:,.0f}, float16 {rates[1]:,.0f} pictures/s"
        figures.append(Figure(f"pictures/s, float16 / float32 weights, batch {batch}", ratio.median, spread=ratio, note=note))
    taken = pairs("load", 1)
    ratio = Spread.of([other / one for one, other in taken])
    times = [1e3 * median(column) for column in zip(*taken, strict=True)]
    note = f"float32 {times[0]:.1f}, float16 {times[1]:.1f} ms"
    return [*figures, Figure("runtime.load, float16 / float32 weights, time", ratio.median, spread=ratio, note=note)]


if __name__ == "__main__":
    main(
        __doc__ or "",
        measure,
        ("--pairs", 30, "paired turns"),
        ("--milliseconds", 400, "length of a turn"),
    )
