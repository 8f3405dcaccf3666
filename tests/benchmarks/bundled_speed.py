"""Pictures a second of the bundled ``fashion`` against the tutorial's cDCGAN as a plain file (``--no-rewrite``), by batch."""

from __future__ import annotations

from argparse import Namespace
from statistics import median

from report import Figure, Target, main
from side_by_side import Spread
from subjects import bundled_file, cdcgan_file, say
from two_files import seconds_of

TARGETS = {1: Target(">=", 9), 64: Target(">=", 13)}


def measure(arguments: Namespace) -> list[Figure]:
    bundled = bundled_file()
    if bundled is None:
        raise SystemExit("there is no bundled generator to measure")
    files = [cdcgan_file(rewrite=False), bundled]
    figures = []
    for batch, target in TARGETS.items():
        say(f"fashion against the tutorial's cDCGAN, batch {batch} ...")
        taken = seconds_of(files, "raw-quiet", batch, arguments)
        ratio = Spread.of([one / other for one, other in taken])
        rates = [batch / median(column) for column in zip(*taken, strict=True)]
        note = f"cDCGAN {rates[0]:,.0f}, fashion {rates[1]:,.0f} pictures/s"
        measured = f"fashion / the tutorial's cDCGAN, batch {batch}"
        figures.append(Figure(measured, ratio.median, spread=ratio, target=target, note=note))
    return figures


if __name__ == "__main__":
    main(
        __doc__ or "",
        measure,
        ("--pairs", 15, "paired turns"),
        ("--milliseconds", 400, "length of a turn"),
    )
