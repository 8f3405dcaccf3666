"""Every preset for the same time on the same pictures: how many steps that is, how good its file is, and what it makes.

    python tests/benchmarks/preset_table.py [--seconds 1200] [--one-core] [--data fashion-mnist] [--only NAME ...] [-o FOLDER]

Trains each preset by the command, exports it, and judges the file by the data's oracle: label agreement where the classes are
the data's, the Frechet distance in floors, and the failures that the health monitor named. Writes ``table.md``, ``table.json``
and a grid NAME.png each; rows that are there already stay, so it can be stopped and gone on with. The time is the command's
wall time, one preset after the other; with ``--one-core`` it is processor time, each preset on a core of its own and as many
at once as there are cores, which other work on the machine draws out but hardly changes. The checkups are in it, the metric is
not computed. Pictures of twice the data's size are judged at half of it.
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch
from numpy.typing import NDArray
from report import machine
from subjects import say

from cganx import data, runtime
from cganx.evaluation import Moments, Oracle, frechet, oracle
from cganx.grid import sheet
from cganx.training import LATENT_PRESETS, open_run
from cganx.training.directory import read_stats
from cganx.training.health import FAILURE

SAMPLES, BATCH = 10_000, 250
LOOK_EVERY = 0.5  # seconds between two looks at a process's time
INTERRUPTED = (-signal.SIGINT, 128 + signal.SIGINT)
CGANX = (sys.executable, "-m", "cganx_cli")
Pixels = NDArray[np.uint8]
judging = threading.Lock()  # one file at a time: the oracle takes what cores there are


def trained(preset: str, pictures: str, seconds: float, work: Path, core: int | None) -> tuple[Path, Path]:
    """A run and its file. On a core of its own the seconds are of processor time, else of wall time."""
    run, model = work / preset, work / f"{preset}.onnx"
    command = [*CGANX, "train", "--data", pictures, "--preset", preset, "--set", "metric_every=0", "-o", os.fspath(run)]
    if core is None:
        subprocess.run([*command, "--time-budget", f"{seconds:g}"], check=True)
    else:
        on_a_core(command, seconds, core)
    subprocess.run([*CGANX, "export", run, "-o", model], check=True)
    return run, model


def on_a_core(command: Sequence[str], seconds: float, core: int) -> None:
    """Run a training on one core and interrupt it after so much processor time; it leaves a checkpoint."""
    with subprocess.Popen(command, env=os.environ | {"OMP_NUM_THREADS": "1"}) as process:
        os.sched_setaffinity(process.pid, {core})
        watched = psutil.Process(process.pid)
        while process.poll() is None:
            if sum(watched.cpu_times()[:2]) >= seconds:
                process.send_signal(signal.SIGINT)
                process.wait()
            time.sleep(LOOK_EVERY)
    if process.returncode not in (0, *INTERRUPTED):
        raise subprocess.CalledProcessError(process.returncode, command)


def judged(model: Path, classes: Sequence[str], judge: Oracle, side: int) -> Mapping[str, float | None]:
    """Agreement, where the file's classes are these, and the Frechet distance in floors."""
    generator = runtime.load(model)
    own = generator.card.classes
    labelled = own == tuple(classes)
    moments, right = Moments(), 0
    for start in range(0, SAMPLES, BATCH):
        seeds = range(start, start + BATCH)
        order = np.arange(start, start + BATCH) % max(1, len(own))
        made = np.asarray(generator.generate(list(order) if own else None, seeds))
        features = judge.features(halved(made) if made.shape[1] == 2 * side else made)
        moments.add(features)
        right += int((judge.classify(features) == order).sum())
    distance = frechet(moments.gaussian(), judge.real)
    return {"agreement": right / SAMPLES if labelled else None, "floors": distance / judge.floor}


def halved(made: Pixels) -> Pixels:
    """Pictures [n, 2h, 2w, c] at half their size: means of four pixels."""
    count, height, width, channels = made.shape
    blocks = made.reshape(count, height // 2, 2, width // 2, 2, channels)
    return np.rint(blocks.mean(axis=(2, 4))).astype(np.uint8)


def grid(model: Path, path: Path) -> None:
    """Ten pictures of each class, or a hundred, as the file makes them."""
    generator = runtime.load(model)
    rows = generator.card.classes[:10] or [None] * 10
    made = [
        (row or "", np.asarray(generator.generate(row, range(10) if row else range(10 * index, 10 * index + 10))))
        for index, row in enumerate(rows)
    ]
    sheet(made, scale=1).save(path, optimize=True)


def row(preset: str, arguments: argparse.Namespace, work: Path, core: int | None) -> Mapping[str, Any]:
    """All that the table says of one preset."""
    say(f"{preset} ...")
    run, model = trained(preset, arguments.data, arguments.seconds, work, core)
    lines = read_stats(run)
    steps = open_run(run).step()
    with judging:
        pictures = data.load(arguments.data)
        judge = oracle(pictures)
        grid(model, arguments.out / f"{preset}.png")
        figures = judged(model, pictures.classes, judge, pictures.height)
    return {
        "preset": preset,
        "steps": steps,
        "seconds": arguments.seconds,
        "milliseconds": 1000 * (arguments.seconds if core is not None else lines[-1]["seconds"]) / max(steps, 1),
        **figures,
        "machine": where(),
        "parity": runtime.load(model).card.parity,
        "failures": [f"{line[FAILURE]} at {line['step']:,}" for line in lines if FAILURE in line],
        "alone": core is not None or os.getloadavg()[0] < torch.get_num_threads() + 1,
    }


def where() -> str:
    """What trained: the GPU, where there is one."""
    return torch.cuda.get_device_name() if torch.cuda.is_available() else machine()


def markdown(rows: Sequence[Mapping[str, Any]], arguments: argparse.Namespace) -> str:
    """The page."""
    columns = ("preset", "steps", "ms a step", "label agreement", "Frechet distance, floors", "failures named", "grid")
    clock = "one core" if arguments.one_core else "wall time"
    out = [
        "# Every preset at equal time",
        "",
        f"{arguments.seconds:g} seconds of {clock} each on {arguments.data}, {where()}, torch {torch.__version__}; "
        f"{SAMPLES:,} pictures of each file, judged by the data's oracle.",
        f"`python tests/benchmarks/preset_table.py --seconds {arguments.seconds:g}{' --one-core' * arguments.one_core} "
        f"--data {arguments.data}`",
        "",
        f"| {' | '.join(columns)} |",
        f"|{'---|' * len(columns)}",
    ]
    for one in rows:
        agreement = "" if one["agreement"] is None else f"{one['agreement']:.3f}"
        mark = "" if one["alone"] else " (beside other work)"
        cells = (
            one["preset"],
            f"{one['steps']:,}{mark}",
            f"{one['milliseconds']:.0f}",
            agreement,
            f"{one['floors']:.1f}",
            ", ".join(one["failures"]),
        )
        out.append(f"| {' | '.join(cells)} | ![{one['preset']}]({one['preset']}.png) |")
    return "\n".join(out) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=1200, help="of time a preset (default: %(default)s)")
    parser.add_argument("--one-core", action="store_true", help="processor time, a core each, instead of wall time")
    parser.add_argument("--data", default="fashion-mnist", help="default: %(default)s")
    parser.add_argument("--only", nargs="+", choices=list(LATENT_PRESETS), default=list(LATENT_PRESETS), metavar="NAME")
    parser.add_argument("--work", type=Path, help="keep the runs there; default: a folder that goes afterwards")
    parser.add_argument("-o", "--out", type=Path, default=Path("docs/presets"), help="default: %(default)s")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    kept = arguments.out / "table.json"
    rows = {one["preset"]: one for one in (json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else [])}
    asked = [name for name in arguments.only if name not in rows or rows[name]["seconds"] != arguments.seconds]
    cores: queue.SimpleQueue[int | None] = queue.SimpleQueue()
    for core in sorted(os.sched_getaffinity(0)) if arguments.one_core else [None]:
        cores.put(core)

    def on_the_next(preset: str, work: Path) -> Mapping[str, Any]:
        core = cores.get()
        try:
            return row(preset, arguments, work, core)
        finally:
            cores.put(core)

    with tempfile.TemporaryDirectory() as scratch, ThreadPoolExecutor(cores.qsize()) as pool:
        waiting = [pool.submit(on_the_next, preset, arguments.work or Path(scratch)) for preset in asked]
        failed = 0
        for done in as_completed(waiting):
            if (error := done.exception()) is not None:
                say(f"a preset could not be run, the others go on: {error}")
                failed += 1
                continue
            rows[done.result()["preset"]] = done.result()
            table = [rows[name] for name in LATENT_PRESETS if name in rows]
            kept.write_text(json.dumps(table, indent=2) + "\n", encoding="utf-8")
            (arguments.out / "table.md").write_text(markdown(table, arguments), encoding="utf-8")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
