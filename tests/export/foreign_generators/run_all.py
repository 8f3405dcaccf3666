"""All of the generators beside this file, each with its package in a folder of its own: installed, exported, checked, shown.

    python tests/export/foreign_generators/run_all.py FOLDER [NAME ...]

Needs the environment of `make test` and PyPI. FOLDER gets the packages, NAME.onnx and NAME.png, and sheet.png with pictures of
all of them, which cganx.runtime makes; docs/foreign-generators.png is that.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from cganx import runtime
from cganx.grid import sheet

HERE = Path(__file__).resolve().parent
# Without their dependencies: torch is there, and of the rest stand_ins.py holds the place.
PACKAGES = {
    "biggan": ("pytorch-pretrained-biggan==0.1.1",),
    "kl_decoder": ("diffusers==0.42.1",),
    "residual": ("monai==1.6.1",),
    "stylegan2": ("stylegan2-pytorch==1.9.0", "kornia==0.9.0", "einops==0.8.2"),
    "projection": ("torch-mimicry==0.1.16",),
    "skip_layers": ("lightweight-gan==1.2.1", "kornia==0.9.0", "einops==0.8.2"),
}


def run(*command: str, packages: Path | None = None) -> str:
    path = os.pathsep.join([*filter(None, [os.environ.get("PYTHONPATH")]), *([] if packages is None else [str(packages)])])
    done = subprocess.run(
        [sys.executable, *command], env={**os.environ, "PYTHONPATH": path}, check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout


def try_one(name: str, folder: Path) -> dict[str, object]:
    packages, file = folder / f"{name}-packages", folder / f"{name}.onnx"
    if not packages.exists():
        pip = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--target", str(packages))
        run(*pip, *PACKAGES[name])
    measured: dict[str, object] = json.loads(
        run(str(HERE / "export_one.py"), name, str(file), packages=packages).splitlines()[-1]
    )
    run("-m", "cganx_cli", "check", str(file))  # exit code 1 where a check fails
    run("-m", "cganx_cli", "grid", str(file), "-o", str(folder / f"{name}.png"))
    return measured


SEEDS, SIDE, MOST_CLASSES = range(8), 64, 2


def rows(file: Path) -> Iterator[tuple[str, np.ndarray]]:
    """A row for a generator without classes, one for each of the first classes of another; each pixel as large as it takes."""
    generator = runtime.load(file, "cpu")
    for label in generator.card.classes[:MOST_CLASSES] or (None,):
        pictures = generator.generate(label, seeds=SEEDS)
        factor = SIDE // generator.card.image.height
        name = generator.card.name if label is None else f"{generator.card.name}: {label}"
        yield name, np.asarray(pictures).repeat(factor, axis=1).repeat(factor, axis=2)


def show(files: Sequence[Path], out: Path) -> None:
    made = sheet([row for file in files for row in rows(file)], scale=1, columns=[str(seed) for seed in SEEDS])
    made.save(out, optimize=True)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[2:] or PACKAGES:
        print(name, *PACKAGES[name], try_one(name, folder), flush=True)
    show([folder / f"{name}.onnx" for name in sys.argv[2:] or PACKAGES], folder / "sheet.png")
