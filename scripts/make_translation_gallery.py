"""Judge the image-to-image generators of the gallery by held-out pictures, and write its pictures and its table.

    python scripts/make_translation_gallery.py --runs RUNS --data DATA [--photographs FOLDER] [--only NAME ...]

RUNS holds the run directories that docs/image-to-image.md's commands make, DATA the sets that `cganx data build` makes. Each
run's best checkpoint is exported to RUNS/NAME.onnx, unless that file is there, and judged as `cganx evaluate` does. Written are
docs/image-to-image/NAME.png (ten held-out pictures at even steps, none chosen), figures.json beside it, and the page's table;
with photographs also photographs.png, the middles of all in FOLDER in the styles of `cartoon`.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from cganx import runtime
from cganx.data import Pairs, Task, TranslationData, Unpaired
from cganx.evaluation.backbones import efflite0, efflite0_stages
from cganx.evaluation.translation.figures import TranslationEvaluation
from cganx.evaluation.translation.suite import evaluate_translation
from cganx.grid import sheet
from cganx.training import open_run
from cganx_export import export_run

PAGE = Path(__file__).resolve().parents[1] / "docs" / "image-to-image.md"
BEGIN, END = "<!-- figures -->", "<!-- end of figures -->"
SHOWN = 10
PHOTOGRAPH = 192  # pixels, the side of what is shown of one
FIGURES = ("psnr", "ssim", "lpips-efflite0", "normal-angle", "kid-efflite0", "content-efflite0", "round-trip-psnr")


@dataclass(frozen=True)
class Exhibit:
    """One run of the gallery: what it shows, and its pictures below the folder of sets."""

    name: str
    shows: str
    data: Callable[[Path], TranslationData]
    cyclic: bool = False


def _pairs(folder: Path, source: str, target: str) -> Pairs:
    return Pairs(folder / source, folder / target)


EXHIBITS = (
    Exhibit(
        "lines", "line drawing to colour", lambda sets: Pairs(sets / "openmoji-lines/lines", sets / "openmoji-lines/colour")
    ),
    Exhibit("normals", "texture to normal map", lambda sets: _pairs(sets / "texture-normals", "albedo", "normals")),
    Exhibit("colour", "grey emoji to colour", lambda sets: Task(sets / "emoji-styles/noto", "colorize")),
    Exhibit("srgan", "textures four times as large", lambda sets: Task(sets / "textures", "superresolve")),
    Exhibit("context", "holes in emoji filled", lambda sets: Task(sets / "emoji-styles/noto", "inpaint")),
    Exhibit(
        "cycle",
        "emoji of one designer to another's, there and back",
        lambda sets: Unpaired(sets / "emoji-styles/noto", sets / "emoji-styles/openmoji"),
        cyclic=True,
    ),
    Exhibit(
        "disco",
        "the same with U-Nets",
        lambda sets: Unpaired(sets / "emoji-styles/noto", sets / "emoji-styles/openmoji"),
        cyclic=True,
    ),
    Exhibit(
        "stone",
        "brick to concrete, grass, rock or wood, by label",
        lambda sets: Unpaired(sets / "brick", sets / "stones"),
    ),
    Exhibit(
        "cartoon",
        "textures drawn in four styles",
        lambda sets: Unpaired(sets / "textures/train", sets / "drawing-styles"),
    ),
)


def main() -> None:
    """Judge, draw, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--photographs", type=Path)
    parser.add_argument("--only", nargs="+", choices=[one.name for one in EXHIBITS])
    arguments = parser.parse_args()
    folder = PAGE.with_suffix("")
    folder.mkdir(exist_ok=True)
    kept = folder / "figures.json"
    figures: dict[str, Any] = json.loads(kept.read_text()) if kept.exists() else {}
    for exhibit in EXHIBITS:
        if (arguments.runs / exhibit.name).is_dir() and exhibit.name in (arguments.only or [exhibit.name]):
            print(f"judging {exhibit.name} ...", flush=True)
            figures[exhibit.name] = judge(exhibit, arguments.runs, arguments.data, folder)
            kept.write_text(json.dumps(figures, indent=1) + "\n")
    if arguments.photographs is not None:
        draw_photographs(arguments.runs / "cartoon.onnx", arguments.photographs, folder / "photographs.png")
    text = PAGE.read_text()
    before, _, rest = text.partition(BEGIN)
    PAGE.write_text(before + BEGIN + "\n\n" + table(figures) + "\n" + END + rest.partition(END)[2])


def judge(exhibit: Exhibit, runs: Path, sets: Path, folder: Path) -> dict[str, Any]:
    """The figures of one exhibit; its picture is drawn."""
    run, file, back = open_run(runs / exhibit.name), runs / f"{exhibit.name}.onnx", runs / f"{exhibit.name}-back.onnx"
    if not file.exists():
        export_run(run.path, file)
    if exhibit.cyclic and not back.exists():
        export_run(run.path, back, back=True)
    config = run.config
    data = exhibit.data(sets).load(image_size=(config.height, config.width), channels=config.channels)
    found = evaluate_translation(
        runtime.load(file, device="cpu"),
        data,
        back=runtime.load(back, device="cpu") if exhibit.cyclic else None,
        stages=efflite0_stages(),
        backbones=[efflite0()],
    )
    draw(found, folder / f"{exhibit.name}.png")
    card = runtime.read(file).card
    about = {"preset": config.preset, "steps": card.training["steps"], "minutes": round(card.training["seconds"] / 60)}
    return about | {"shows": exhibit.shows, "size": [config.height, config.width]} | found.to_dict()


def draw(found: TranslationEvaluation, path: Path) -> None:
    """Ten examples at even steps, a row for what each column of them is."""
    columns: Mapping[str, np.ndarray[Any, Any]] = found.examples.columns
    places = np.linspace(0, found.samples - 1, SHOWN).astype(int)
    rows = [(name, pictures[places]) for name, pictures in columns.items() if len(pictures) >= found.samples]
    sheet(rows).save(path)


def draw_photographs(file: Path, photographs: Path, path: Path) -> None:
    """The middle of each photograph, and that in each style."""
    generator = runtime.load(file, device="cpu")
    found = [one for one in sorted(photographs.iterdir()) if one.suffix in (".png", ".jpg")]
    pictures = np.stack([_middle(one) for one in found])
    styles = generator.card.classes
    sheet([("photograph", pictures), *((style, generator.translate(pictures, label=style)) for style in styles)]).save(path)


def _middle(photograph: Path) -> np.ndarray[Any, Any]:
    with Image.open(photograph) as image:
        return np.asarray(ImageOps.fit(image.convert("RGB"), (PHOTOGRAPH, PHOTOGRAPH)))


def table(figures: Mapping[str, Any]) -> str:
    """A row a figure: the generator's, those of the baselines, and which of them it does not beat."""
    lines = ["| run | preset, size, steps, minutes | figure | made | beside |", "|---|---|---|---|---|"]
    for exhibit in EXHIBITS:
        found = figures.get(exhibit.name)
        if found is None:
            continue
        about = f"`{found['preset']}`, {found['size'][0]} px, {found['steps']:,}, {found['minutes']}"
        head = f"`{exhibit.name}`: {exhibit.shows} ({found['samples']} held out)"
        chosen = [one for one in found["figures"] if one["name"] in FIGURES and one["value"] is not None]
        for one in sorted(chosen, key=lambda one: FIGURES.index(one["name"])):
            beside = ", ".join(
                f"{other['name']} {other['value']:.4g}" + ("" if other["verdict"] == "beaten" else f" ({other['verdict']})")
                for other in one["beside"]
                if other["value"] is not None
            )
            real = "" if one.get("real") is None else f"real {one['real']:.4g}; "
            lines.append(f"| {head} | {about} | `{one['name']}` ({one['better']}) | {one['value']:.4g} | {real}{beside} |")
            head = about = ""
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
