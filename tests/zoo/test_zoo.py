"""The generators in the repository are what their READMEs and their cards say, and small enough to be carried along."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from cganx import runtime
from cganx.evaluation.cost import operations
from cganx.evaluation.metrics.seam import seam_ratio
from cganx.runtime.reader import follow

MATERIALS = Path(__file__).parents[2] / "plugins" / "blender" / "generators" / "materials.onnx"
FILES = {name: Path(path) for name, path in runtime.bundled().items()} | {"materials": MATERIALS}


@dataclass(frozen=True)
class Limits:
    """Megabytes of the file, classes, and the picture's shape; millions of operations a picture where they are promised."""

    megabytes: float
    classes: int
    shape: tuple[int, int, int]
    millions: float = float("inf")


LIMITS = {
    "fashion": Limits(1, 10, (28, 28, 1), 20),
    "emoji": Limits(4, 6, (48, 48, 3)),
    "letters": Limits(2, 36, (32, 32, 1)),
    "materials": Limits(4, 8, (64, 64, 3)),
}


def test_all_that_is_bundled_is_known_here() -> None:
    assert set(FILES) == set(LIMITS)


@pytest.mark.parametrize("name", LIMITS)
def test_it_is_as_small_as_promised(name: str) -> None:
    path, limits = FILES[name], LIMITS[name]
    assert path.stat().st_size <= limits.megabytes * 1e6
    assert operations(*follow(path, batch=1)) <= limits.millions * 1e6
    generator = runtime.load(FILES[name])
    assert len(generator.card.classes) == limits.classes
    assert generator.picture_shape == limits.shape


@pytest.mark.parametrize("name", [*LIMITS, "normals"])
def test_the_page_of_rewrites_has_the_figures_of_its_card(name: str) -> None:
    method = runtime.read(FILES.get(name, MATERIALS.with_name(f"{name}.onnx"))).card.method
    page = (Path(__file__).parents[2] / "docs" / "rewrites.md").read_text(encoding="utf-8")
    cells = next(line for line in page.splitlines() if line.startswith(f"| `{name}` |")).split(" | ")
    rewrites = method["rewrites"]
    assert cells[1] == (" + ".join(rewrites) or "plain")
    if rewrites:
        said = {batch: float(ratio) for ratio, batch in re.findall(r"([\d.]+) at (\d+)", cells[2])}
        assert said == pytest.approx(method["rewrites_timed"]["time_by_batch"]["+".join(rewrites)], abs=0.0051)


@pytest.mark.parametrize("name", LIMITS)
def test_its_readme_has_the_figures_of_its_card(name: str) -> None:
    """Bytes, label agreement, Frechet distance over that of real pictures, and what a classifier taught by made ones knows."""
    evaluation = runtime.read(FILES[name]).card.metrics["evaluation"]
    figures = evaluation["figures"]
    readme = (FILES[name].parent / "README.md").read_text(encoding="utf-8")
    _, _, size, agreement, distance, taught, *rest = (
        cell.strip() for cell in next(line for line in readme.splitlines() if line.startswith(f"| `{name}")).split("|")[1:-1]
    )
    assert int(size.replace(",", "")) == FILES[name].stat().st_size
    assert agreement == f"{figures['label-agreement']['value']:.3f} ({evaluation['judge']['accuracy']:.3f})"
    frechet = figures.get("frechet-distance", {"value": None})
    assert distance == ("-" if frechet["value"] is None else f"{frechet['value'] / frechet['real']:.1f}")
    assert taught == f"{figures['gan-train']['value']:.3f} ({figures['gan-train']['real']:.3f})"
    assert rest == ([f"{figures['seam-ratio']['value']:.2f}"] if name == "materials" else [])


@pytest.mark.parametrize("name", LIMITS)
def test_its_readme_has_the_command_that_its_card_tells_of(name: str) -> None:
    card = runtime.load(FILES[name]).card
    readme = (FILES[name].parent / "README.md").read_text(encoding="utf-8")
    section = readme.partition(f"\n## {name}\n")[2].partition("\n## ")[0].replace("\\\n", "")
    *before, last = re.findall(r"cganx train .*", section)
    (steps,) = re.findall(r"--steps (\d+)", last)
    assert card.training["steps"] == card.metrics.get("step", int(steps)) <= int(steps)
    assert [card.training["init_from"]] == re.findall(r"-o (\S+)", before[-1]) if before else "init_from" not in card.training
    told = re.findall(r"--set (\w+)=([\w.]+)", last) + re.findall(r"--(batch)-size (\d+)", last)
    for key, value in told:
        assert card.training["settings"]["batch_size" if key == "batch" else key] == json.loads(value)
    assert card.licences["data"]
    assert card.parity["max_difference"] <= 1e-4


@pytest.mark.parametrize("name", LIMITS)
def test_classes_look_like_themselves(name: str) -> None:
    """A picture is nearer to the mean of its class, from other seeds, than to those of most other classes."""
    generator = runtime.load(FILES[name])
    classes = generator.card.classes
    made = np.stack([generator.generate(one, seeds=range(40)) for one in classes])
    assert made[:, :20].std(axis=1).mean() > 5, "seeds make a difference"
    seen = looks(made) if generator.card.image.tileable else made.reshape(len(classes), 40, -1).astype(np.float64)
    means = seen[:, 20:].mean(axis=1)
    distances = ((seen[:, :20, None] - means) ** 2).sum(axis=-1)
    own = np.arange(len(classes))[:, None, None]
    rank = (distances < np.take_along_axis(distances, np.broadcast_to(own, (*distances.shape[:2], 1)), axis=2)).sum(axis=2)
    assert (rank == 0).mean() > 3 / len(classes)
    assert rank.mean() < 0.25 * len(classes)


def looks(made: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Of textures [k, n, h, w, c]: colour, contrast, and how rough they are each way [k, n, c + 3]."""
    pictures = made.astype(np.float64)
    grey = pictures.mean(axis=-1)
    rough = [np.abs(np.diff(grey, axis=axis)).mean(axis=(2, 3)) for axis in (2, 3)]
    found = np.concatenate([pictures.mean(axis=(2, 3)), np.stack([grey.std(axis=(2, 3)), *rough], axis=-1)], axis=-1)
    return found / found.std(axis=(0, 1))


def test_materials_repeat_without_a_seam() -> None:
    generator = runtime.load(MATERIALS)
    assert generator.card.image.tileable
    made = np.concatenate([generator.generate(one, seeds=range(16)) for one in generator.card.classes])
    assert seam_ratio(made).value < 1.1, "crops of real textures have 1.8"
