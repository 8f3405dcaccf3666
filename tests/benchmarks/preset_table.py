"""Every preset for the same time on the same pictures: how many steps that is, how good its file is, and what it makes.

    python tests/benchmarks/preset_table.py [--seconds 1200] [--data fashion-mnist] [--only NAME ...] [-o docs/presets]

Trains each preset by the command, one after the other, exports it, and judges the file by the data's oracle: label agreement
where the classes are the data's, the Frechet distance in floors, and the failures that the health monitor named. Writes
``table.md``, ``table.json`` and a grid NAME.png each; rows that are there already stay, so it can be stopped and gone on with.
The time is the command's wall time; the checkups are in it, the metric is not computed. Pictures of twice the data's size are
judged at half of it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from report import machine
from subjects import say

from cganx import data, runtime
from cganx.evaluation import Moments, Oracle, frechet, oracle
from cganx.grid import sheet
from cganx.training import PRESETS, open_run
from cganx.training.directory import read_stats
from cganx.training.health import FAILURE

SAMPLES, BATCH = 10_000, 250
Pixels = NDArray[np.uint8]


def trained(preset: str, pictures: str, seconds: float, work: Path) -> tuple[Path, Path]:
    """A run and its file."""
    run, model = work / preset, work / f"{preset}.onnx"
    command = [sys.executable, "-m", "cganx_cli"]
    budget = ("--time-budget", f"{seconds:g}", "--set", "metric_every=0")
    subprocess.run([*command, "train", "--data", pictures, "--preset", preset, *budget, "-o", run], check=True)
    subprocess.run([*command, "export", run, "-o", model], check=True)
    return run, model


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


def row(preset: str, arguments: argparse.Namespace, work: Path) -> Mapping[str, Any]:
    """All that the table says of one preset."""
    run, model = trained(preset, arguments.data, arguments.seconds, work)
    pictures = data.load(arguments.data)
    judge = oracle(pictures)
    grid(model, arguments.out / f"{preset}.png")
    lines = read_stats(run)
    steps = open_run(run).step()
    return {
        "preset": preset,
        "steps": steps,
        "seconds": arguments.seconds,
        "milliseconds": 1000 * lines[-1]["seconds"] / lines[-1]["step"] if lines else None,
        **judged(model, pictures.classes, judge, pictures.height),
        "machine": where(),
        "parity": runtime.load(model).card.parity,
        "failures": [f"{line[FAILURE]} at {line['step']:,}" for line in lines if FAILURE in line],
        "alone": os.getloadavg()[0] < torch.get_num_threads() + 1,
    }


def where() -> str:
    """What trained: the GPU, where there is one."""
    return torch.cuda.get_device_name() if torch.cuda.is_available() else machine()


def markdown(rows: Sequence[Mapping[str, Any]], arguments: argparse.Namespace) -> str:
    """The page."""
    columns = ("preset", "steps", "ms a step", "label agreement", "Frechet distance, floors", "failures named", "grid")
    out = [
        "# Every preset at equal time",
        "",
        f"{arguments.seconds:g} seconds of wall time each on {arguments.data}, {where()}, torch {torch.__version__}; "
        f"{SAMPLES:,} pictures of each file, judged by the data's oracle.",
        f"`python tests/benchmarks/preset_table.py --seconds {arguments.seconds:g} --data {arguments.data}`",
        "",
        f"| {' | '.join(columns)} |",
        f"|{'---|' * len(columns)}",
    ]
    for one in rows:
        agreement = "" if one["agreement"] is None else f"{one['agreement']:.3f}"
        step = "" if one["milliseconds"] is None else f"{one['milliseconds']:.0f}"
        mark = "" if one["alone"] else " (beside other work)"
        cells = (one["preset"], f"{one['steps']:,}{mark}", step, agreement, f"{one['floors']:.1f}", ", ".join(one["failures"]))
        out.append(f"| {' | '.join(cells)} | ![{one['preset']}]({one['preset']}.png) |")
    return "\n".join(out) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=1200, help="of wall time a preset (default: %(default)s)")
    parser.add_argument("--data", default="fashion-mnist", help="default: %(default)s")
    parser.add_argument("--only", nargs="+", choices=list(PRESETS), default=list(PRESETS), metavar="NAME")
    parser.add_argument("--work", type=Path, help="keep the runs there; default: a folder that goes afterwards")
    parser.add_argument("-o", "--out", type=Path, default=Path("docs/presets"), help="default: %(default)s")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    kept = arguments.out / "table.json"
    rows = {one["preset"]: one for one in (json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else [])}
    with tempfile.TemporaryDirectory() as scratch:
        for preset in arguments.only:
            if preset in rows and rows[preset]["seconds"] == arguments.seconds:
                continue
            say(f"{preset} ...")
            rows[preset] = row(preset, arguments, arguments.work or Path(scratch))
            table = [rows[name] for name in PRESETS if name in rows]
            kept.write_text(json.dumps(table, indent=2) + "\n", encoding="utf-8")
            (arguments.out / "table.md").write_text(markdown(table, arguments), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
