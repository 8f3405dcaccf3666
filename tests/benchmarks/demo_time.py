"""``make demo`` on a fresh clone of HEAD: its time from nothing, installation included, and how good its generator is.

What is not committed is not in the clone. The packages come from pip's cache where it has them.
"""

from __future__ import annotations

import subprocess
import tempfile
import time
from argparse import Namespace
from pathlib import Path

from judging import judged
from report import Figure, Target, main
from subjects import ROOT, say, users_environment


def measure(arguments: Namespace) -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "cganx"
        subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", ROOT, clone], check=True)
        say("make demo on a fresh clone (some minutes) ...")
        begun = time.perf_counter()
        made = subprocess.run(["make", "demo"], cwd=clone, env=users_environment(), stdout=subprocess.PIPE, text=True)
        minutes = (time.perf_counter() - begun) / 60
        last = made.stdout.strip().rpartition("\n")[2]
        if made.returncode or not Path(last).is_file():
            say(made.stdout)
            raise SystemExit(f"make demo ended with {made.returncode}, and its last line is no picture: {last!r}")
        figures = [Figure("make demo on a fresh clone", minutes, unit="minutes", target=Target("<=", 8))]
        if arguments.quality:
            figures += judged(clone / "demo" / "fashion-demo.onnx", "the demo's generator", targets=False)
    return figures


if __name__ == "__main__":
    main(__doc__ or "", measure, ("--quality", 1, "1 judges the demo's generator, 0 does not"))
