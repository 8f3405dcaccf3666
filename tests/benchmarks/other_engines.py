"""How many values of the bundled files' pictures are another level in another engine than in cganx.runtime.

    python tests/benchmarks/other_engines.py [--pictures N] [--only ENGINE,ENGINE] [--json]

The engines run by the code of docs/embedding.md, letter by letter: onnxruntime-node and onnxruntime-web under Node with the
packages of `make javascript`, OpenVINO, and the reference evaluator of the onnx package, which is slow and makes two pictures
of each file alone. Labels take turns, seeds are 0, 1, 2 ...
"""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from report import Figure, main
from subjects import ROOT, say

from cganx import runtime
from cganx.runtime.latents import normal

CODE = re.compile(r"```\w+\n((?://|#) (?P<name>[\w.]+).*?)```", re.DOTALL)
MODULES = ROOT / ".venv" / "javascript" / "node_modules"
OF_THE_REFERENCE = 2
RUN = """
import { load, picture } from "./picture.mjs";
const generator = await load("model.onnx");
for (const [name, seed] of %s)
  console.log(Buffer.from((await picture(generator, name, seed)).data).toString("hex"));
"""
Array = np.ndarray


def in_javascript(package: str) -> Callable[[Path, list[str]], Array]:
    def made(folder: Path, names: list[str]) -> Array:
        page = (folder / "picture.mjs").read_text("utf-8")
        changed = re.sub('from "onnxruntime-[a-z]+"', f'from "{package}"', page, count=1)
        (folder / "picture.mjs").write_text(changed, "utf-8")
        (folder / "run.mjs").write_text(RUN % json.dumps(list(zip(names, range(len(names)), strict=True))), "utf-8")
        done = subprocess.run(["node", "run.mjs"], cwd=folder, check=True, stdout=subprocess.PIPE, text=True)
        return np.frombuffer(bytes.fromhex(done.stdout.replace("\n", "")), np.uint8)

    return made


def in_python(module: str) -> Callable[[Path, list[str]], Array]:
    def made(folder: Path, names: list[str]) -> Array:
        spec = importlib.util.spec_from_file_location(module, folder / f"{module}.py")
        assert spec is not None
        assert spec.loader is not None
        page = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(page)
        path = folder / "model.onnx"
        latent = runtime.read(path).card.latent
        assert latent is not None
        pixels: Array = page.pictures(str(path), names, normal(np.arange(len(names), dtype=np.uint64), latent.size))
        return pixels

    return made


ENGINES = {
    "onnxruntime-node": in_javascript("onnxruntime-node"),
    "onnxruntime-web": in_javascript("onnxruntime-web"),
    "openvino": in_python("with_openvino"),
    "onnx": in_python("with_reference"),
}


def measure(arguments: Namespace) -> list[Figure]:
    files = {**runtime.bundled(), "materials": ROOT / "plugins" / "blender" / "generators" / "materials.onnx"}
    chosen = [name for name in arguments.only.split(",") if name] or list(ENGINES)
    return [
        beside(engine, name, path, OF_THE_REFERENCE if engine == "onnx" else arguments.pictures)
        for engine in chosen
        for name, path in files.items()
    ]


def beside(engine: str, name: str, path: Path, count: int) -> Figure:
    say(f"{name} in {engine} ...")
    generator = runtime.load(path, "cpu")
    classes = generator.card.classes
    names = [classes[number % len(classes)] for number in range(count)]
    with TemporaryDirectory() as place:
        folder = Path(place)
        for match in CODE.finditer((ROOT / "docs" / "embedding.md").read_text("utf-8")):
            (folder / match["name"]).write_text(match[1], "utf-8")
        (folder / "model.onnx").write_bytes(path.read_bytes())
        (folder / "model.onnx.json").write_text(generator.card.to_json(), "utf-8")
        (folder / "node_modules").symlink_to(MODULES, target_is_directory=True)
        made = ENGINES[engine](folder, names)
    wanted = np.asarray(generator.generate(names, seeds=range(count)))
    apart = np.abs(made.reshape(wanted.shape).astype(int) - wanted)
    note = f"of {apart.size:,}; the largest difference is {apart.max()}"
    return Figure(f"{name}, {engine}, values of another level", float(np.count_nonzero(apart)), note=note)


if __name__ == "__main__":
    main(__doc__ or "", measure, ("--pictures", 240, "of each file"), ("--only", "", "engines, with commas between"))
