"""Generators side by side: the same seeds and classes on one sheet; size, cost, speed and figures in one table."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cganx.errors import RequestError
from cganx.evaluation.cost import operations, pictures_a_second
from cganx.evaluation.figures import Evaluation
from cganx.evaluation.table import aligned, number
from cganx.grid import sheet
from cganx.runtime import Generator
from cganx.runtime.reader import follow

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["Compared", "compared", "comparison_table", "side_by_side"]

BATCHES = (1, 64)
SIDE = 56  # about what small pictures are shown at
TITLE, EDGE = 17, 26  # pixels: the title's letters, and where the pictures of a sheet without names begin


@dataclass(frozen=True, kw_only=True)
class Compared:
    """One file: ``mflop`` are those of a picture (a multiply-add is 2), pictures a second those of ``device``."""

    name: str
    path: str
    sha256: str
    bytes: int
    mflop: float
    device: str
    images_a_second_1: float
    images_a_second_64: float
    evaluation: Evaluation | None = None

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON takes it."""
        return vars(self) | {"evaluation": None if self.evaluation is None else self.evaluation.to_dict()}


def compared(paths: Sequence[str], generators: Sequence[Generator]) -> list[Compared]:
    """Count and time generators, in turn; nothing else should run meanwhile."""
    alone, many = (pictures_a_second(generators, batch) for batch in BATCHES)
    return [
        Compared(
            name=generator.card.name,
            path=path,
            sha256=generator.sha256,
            bytes=Path(path).stat().st_size,
            mflop=operations(*follow(path, batch=1)) / 1e6,
            device=str(generator.device),
            images_a_second_1=slow,
            images_a_second_64=fast,
        )
        for path, generator, slow, fast in zip(paths, generators, alone, many, strict=True)
    ]


def side_by_side(generators: Sequence[Generator], pictures: int) -> Image.Image:
    """A sheet with a row for each class that all have, and for each generator ``pictures`` columns, seeds 0, 1 ...

    Generators without classes show their pictures in every row. All are brought to one size by repeating pixels.
    Raises RequestError where those with classes have none in common.
    """
    from PIL import Image, ImageDraw, ImageFont

    named = [one.card.classes for one in generators if one.card.classes]
    rows: list[str | None] = [None]
    if named:
        rows = [name for name in named[0] if all(name in classes for classes in named)]
        if not rows:
            said = "; ".join(f"{one.card.name}: {', '.join(one.card.classes[:6])}" for one in generators if one.card.classes)
            raise RequestError(f"these generators have no class in common, so nothing can stand side by side: {said}")
    height, width = (max(one.picture_shape[axis] for one in generators) for axis in (0, 1))
    scale = max(1, round(SIDE / (height * width) ** 0.5))
    channels = max(one.picture_shape[2] for one in generators)
    parts = []
    for place, generator in enumerate(generators):
        made = [
            (row or "" if place == 0 else "", _fitted(_made(generator, row, index, pictures), height, width, channels))
            for index, row in enumerate(rows)
        ]
        parts.append(sheet(made, scale=scale, columns=[str(seed) for seed in range(pictures)]))
    bare = sheet([("", made[0][1])], scale=scale, columns=["0"] * pictures).width  # what a sheet without names takes
    edges = [part.width - bare + EDGE for part in parts]
    font = ImageFont.load_default(TITLE)
    titles = [_title(generator, generators) for generator in generators]
    wide = [
        max(part.width, round(edge + font.getlength(title)) + TITLE)
        for part, edge, title in zip(parts, edges, titles, strict=True)
    ]
    canvas = Image.new("RGB", (sum(wide), parts[0].height + 2 * TITLE), "white")
    draw, left = ImageDraw.Draw(canvas), 0
    for part, edge, title, size in zip(parts, edges, titles, wide, strict=True):
        draw.text((left + edge, TITLE * 0.6), title, "#202020", font)
        canvas.paste(part.convert("RGB"), (left, 2 * TITLE))
        left += size
    return canvas


def _made(generator: Generator, row: str | None, index: int, pictures: int) -> NDArray[np.uint8]:
    if generator.card.classes:
        return generator.generate(row, range(pictures))
    return generator.generate(seeds=range(index * pictures, (index + 1) * pictures))


def _fitted(pixels: NDArray[np.uint8], height: int, width: int, channels: int) -> NDArray[np.uint8]:
    """Brought to a size by repeating pixels, and to as many channels."""
    rows, columns = (np.arange(size) * pixels.shape[axis] // size for size, axis in ((height, 1), (width, 2)))
    large = np.asarray(pixels)[:, rows][:, :, columns]
    return large if large.shape[3] == channels else np.repeat(large, channels, axis=3)


def _title(generator: Generator, others: Sequence[Generator]) -> str:
    """Its name, with the start of its hash where another has the same name."""
    name = generator.card.name
    return name if sum(one.card.name == name for one in others) == 1 else f"{name} {generator.sha256[:6]}"


def comparison_table(found: Sequence[Compared]) -> str:
    """One column a file, one row a figure; the figures of real pictures last, where they were judged."""
    head = ("", *(one.name if _alone(one, found) else f"{one.name} {one.sha256[:6]}" for one in found))
    rows: list[tuple[str, ...]] = [
        head,
        ("file", *(os.path.basename(one.path) for one in found)),  # noqa: PTH119
        ("MB", *(f"{one.bytes / 1e6:.2f}" for one in found)),
        ("MFLOP a picture", *(f"{one.mflop:.1f}" for one in found)),
        ("device", *(one.device for one in found)),
        ("pictures/s, batch 1", *(number(one.images_a_second_1) for one in found)),
        ("pictures/s, batch 64", *(number(one.images_a_second_64) for one in found)),
    ]
    judged = [one.evaluation for one in found if one.evaluation is not None]
    if len(judged) == len(found):
        rows[0] = (*head, "real")
        rows[1:] = [(*row, "") for row in rows[1:]]
        for name in dict.fromkeys(figure.name for one in judged for figure in one.figures):
            figures = [next((figure for figure in one.figures if figure.name == name), None) for one in judged]
            real = next(figure.real for figure in figures if figure is not None)
            rows.append((name, *(number(None if one is None else one.value) for one in figures), number(real, "")))
    text = aligned(rows, right=set(range(1, len(rows[0]))))
    said = dict.fromkeys(
        f"{one.data}: {one.samples:,} pictures, seed {one.seed}; judge {one.judge.name}, right on {one.judge.accuracy:.4f} of "
        f"{one.judge.pictures:,} real test pictures"
        for one in judged
    )
    return "\n\n".join([text, *said])


def _alone(one: Compared, others: Sequence[Compared]) -> bool:
    return sum(other.name == one.name for other in others) == 1
