"""The rate of ``Generator.generate`` against that of a bare ``session.run`` on the same file.

The bare session is onnxruntime's default one with the same number of threads, and is fed ready arrays; what generate
does besides (labels, latents from seeds, checks) is counted against it. Each subject is alone in its process.
"""

from __future__ import annotations

import os
import sys
from argparse import Namespace

from report import Figure, Target, main
from side_by_side import Spread, alternate_workers, workers
from subjects import cdcgan_file, say, script, users_environment

TARGETS = {1: 0.85, 16: 0.95, 64: 0.95}
BASES = {"raw": "default options", "raw-quiet": "the runtime's options"}


def measure(arguments: Namespace) -> list[Figure]:
    path = os.fspath(cdcgan_file())
    figures = []
    for base, note in BASES.items():
        for batch, bound in TARGETS.items():
            say(f"generate against session.run with {note}, batch {batch} ...")
            commands = [[sys.executable, script("generate_subject.py"), how, path, str(batch)] for how in (base, "runtime")]
            with workers(*commands, environment=users_environment()) as (bare, ours):
                taken = alternate_workers(bare, ours, pairs=arguments.pairs, seconds=arguments.milliseconds / 1000)
            spread = Spread.of([raw / made for raw, made in taken])
            target = Target(">=", bound) if base == "raw" else None
            figures.append(
                Figure(f"generate / session.run, batch {batch}", spread.median, spread=spread, target=target, note=note)
            )
    return figures


if __name__ == "__main__":
    main(
        __doc__ or "",
        measure,
        ("--pairs", 30, "paired turns"),
        ("--milliseconds", 300, "length of a turn"),
    )
