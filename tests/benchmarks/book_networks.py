"""The book's image-to-image networks at their own size: trained for a few steps, exported with and without rewrites, used.

Figures are the parity of the file with torch, and the time of the plain file over that of the rewritten one for one picture,
in alternation in one process. What the networks make after a few steps is nothing to look at; what is shown is that
each goes all the way. The figures' notes hold the generator's parameters, and what was rewritten.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from argparse import Namespace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "training"))

import numpy as np
from report import Figure, Target, main
from side_by_side import Spread
from subjects import say

from cganx.training import Run

BOUND = Target("<=", 1e-4)
FORMS = ("plain", "rewritten")


def measure(arguments: Namespace) -> list[Figure]:
    from cganx.training.translation.presets import TRANSLATION_PRESETS

    names = [arguments.preset] if arguments.preset else [name for name in TRANSLATION_PRESETS if not name.endswith("-small")]
    figures = []
    for name in names:
        say(f"{name} ...")
        command = [sys.executable, __file__, "--subject", name, str(arguments.steps), str(arguments.pairs)]
        found = json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)
        about = f"{name}, {found['size']} px"
        figures.append(Figure(f"{about}: file against torch", found["parity"], target=BOUND, note=found["parameters"]))
        spread = Spread.of(found["ratios"])
        speed = f"{about}: plain file's time / the rewritten file's, one picture"
        figures.append(Figure(speed, spread.median, spread=spread, target=Target(">=", 0.97), note=found["note"]))
    return figures


def subject(name: str, steps: int, pairs: int) -> None:
    """One preset's figures, as JSON on stdout: in a process of its own, since the networks are large."""
    from test_translation_presets import pictures_for

    from cganx import runtime
    from cganx.training import PRESETS, train
    from cganx_export import export_run

    preset = PRESETS[name]
    size = preset.size
    pictures = pictures_for(name, ("ink", "chalk") if preset.styles else (), size)
    pretrain = {"pretrain_steps": 1} if preset.settings.pretrain_steps else {}
    quick = {"batch_size": 2, "metric_every": 0, "health_every": 0, **pretrain}
    with tempfile.TemporaryDirectory() as folder:
        run = train(pictures, name, Path(folder, "run"), steps=steps, settings=quick)
        reports = [export_run(run.path, Path(folder, f"{form}.onnx"), rewrite=form == "rewritten") for form in FORMS]
        generators = [runtime.load(report.path, "cpu") for report in reports]
        batch = pictures.test.source[:1]
        given = {"label": "chalk"} if preset.styles else {}
        if preset.tasks == ("inpaint",):
            given["mask"] = np.zeros(batch.shape[:3], np.uint8)
            given["mask"][:, 24:40, 24:40] = 255

        def seconds(generator: runtime.Generator) -> float:
            begun = time.perf_counter()
            made = generator.translate(batch, **given)
            if made.shape[1:] != (size, size, 3):
                raise AssertionError(f"{name} made {made.shape}")
            return time.perf_counter() - begun

        times = [[seconds(generator) for generator in generators] for _ in range(pairs + 2)][2:]
        parameters = counts(run)
    rewritten = (reports[1].card.method or {}).get("rewrites") or ["nothing"]
    note = f"{1e3 * min(one[1] for one in times):.0f} ms; rewritten: {', '.join(rewritten)}"
    found = {
        "size": size,
        "parameters": f"{parameters} parameters after {steps} steps",
        "parity": max(report.parity.max_difference for report in reports),
        "ratios": [plain / rewritten for plain, rewritten in times],
        "note": note,
    }
    json.dump(found, sys.stdout)


def counts(run: Run) -> str:
    """Of what is exported, one way of a cycle."""
    return f"{sum(one.numel() for one in run.generator().parameters()):,}"


if __name__ == "__main__":
    if sys.argv[1:2] == ["--subject"]:
        subject(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
    else:
        main(
            __doc__ or "",
            measure,
            ("--preset", "", "that one alone; all of the book's where it is empty"),
            ("--steps", 2, "training steps"),
            ("--pairs", 9, "paired runs of one picture"),
        )
