"""Pictures a second of the cdcgan file as exported, against the plain one (``--no-rewrite``), by batch size."""

from __future__ import annotations

from argparse import Namespace
from statistics import median

from report import Figure, main
from side_by_side import Spread
from subjects import cdcgan_file, say
from two_files import seconds_of

BATCHES = (1, 16, 64, 256)


def measure(arguments: Namespace) -> list[Figure]:
    files = [cdcgan_file(rewrite=rewrite) for rewrite in (False, True)]
    figures = []
    for batch in BATCHES:
        say(f"throughput, batch {batch} ...")
        taken = seconds_of(files, "runtime", batch, arguments)
        ratio = Spread.of([one / other for one, other in taken])
        rates = [batch / median(column) for column in zip(*taken, strict=True)]
        note = f"plain {rates[0]:,.0f}, rewritten {rates[1]:,.0f} pictures/s"
        figures.append(Figure(f"rewritten / plain file, batch {batch}", ratio.median, spread=ratio, note=note))
    return figures


if __name__ == "__main__":
    main(
        __doc__ or "",
        measure,
        ("--pairs", 15, "paired turns"),
        ("--milliseconds", 400, "length of a turn"),
    )
