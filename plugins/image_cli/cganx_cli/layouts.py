"""Folders that others read as a data set: where pictures lie, and the files that say what they show."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import click

from cganx.card import GeneratorCard
from cganx.errors import RequestError
from cganx_cli.choices import Choice
from cganx_cli.requests import Naming, Plan, Request
from cganx_cli.sinks import Sink
from cganx_cli.templates import Template

__all__ = ["FREE", "LAYOUTS", "DataSet", "Layout"]

BLOCK = 2**20
READ = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff")
"""What `cganx train`, torchvision's ImageFolder, loaders of COCO and YOLO trainers all open."""
WHOLE = "0.5 0.5 1 1"  # YOLO's box of a whole picture: middle and size, as shares of it


@dataclass(frozen=True)
class DataSet:
    """What is written: the generator's card, the requests, their names, and (height, width) of the pictures."""

    card: GeneratorCard
    plan: Plan
    naming: Naming
    size: tuple[int, int]

    def shown(self, choice: Choice) -> tuple[int, ...]:
        """The ids of the classes that a picture shows. Raises RequestError for a blend."""
        weights = choice.label if isinstance(choice.label, Mapping) else {choice.label: 1.0}
        if any(weight not in (0, 1) for weight in weights.values()):
            raise RequestError(
                f"{choice.text} is a blend, which this layout has no way to say: leave it out, or take --layout flat"
            )
        return tuple(sorted(self.card.classes.index(str(name)) for name, weight in weights.items() if weight))


@dataclass(frozen=True)
class Layout:
    """``template`` names pictures unless --name does, below ``folder``.

    ``index`` gives the text of the file ``called``, piece by piece, from the requests alone; ``beside`` the name and bytes of a
    file that goes with a picture. ``depth`` is how many folders a name has, ``labelled`` that only labelled pictures fit,
    ``suffixes`` what its readers open, where it has readers.
    """

    template: str
    folder: str = ""
    depth: int | None = None
    called: str | None = None
    index: Callable[[DataSet], Iterator[str]] | None = None
    beside: Callable[[DataSet, Request, str], tuple[str, bytes]] | None = None
    labelled: bool = False
    suffixes: tuple[str, ...] | None = READ

    def template_of(self, name: str | None) -> Template:
        """The template of the whole name. Raises RequestError where ``name`` does not suit the layout."""
        template = Template.parse(self.folder + (self.template if name is None else name))
        if self.depth is not None and name is not None and name.count("/") != self.depth:
            form = "{class}/, then a name" if self.depth else "a name without a folder"
            raise RequestError(f"the name {name!r} does not suit the layout, whose names are {form}: {self.template}")
        if self.depth == 1 and name is not None and not name.startswith("{class}/"):
            raise RequestError(f"the name {name!r} does not suit the layout: its folders are the classes, as {self.template}")
        if self.suffixes is not None and template.suffix.lower() not in self.suffixes:
            raise RequestError(
                f"the name {name!r} does not suit the layout, whose readers open {', '.join(self.suffixes)}; "
                "leave --layout out for other suffixes"
            )
        return template

    def check(self, data: DataSet) -> None:
        """Whether the pictures fit. Raises RequestError."""
        if not self.labelled:
            return
        if not data.card.classes:
            raise RequestError(
                f"{data.card.name} has no classes, and this layout is of labelled ones: take --layout imagefolder"
            )
        seen: set[str] = set()
        for choice in data.plan.labels():
            if choice.folder not in seen:
                seen.add(choice.folder)
                data.shown(choice)

    def blocks(self, data: DataSet) -> Iterator[bytes]:
        """The bytes of the index, a good many at once."""
        assert self.index is not None
        block = bytearray()
        for text in self.index(data):
            block += text.encode("utf-8", "surrogatepass")
            if len(block) >= BLOCK:
                yield bytes(block)
                block.clear()
        yield bytes(block)

    def is_listed(self, sink: Sink, data: DataSet) -> bool:
        """Whether an index of just these pictures is there, False where there is none.

        Raises click.ClickException where one of other pictures is.
        """
        if self.called is None or not sink.exists(self.called):
            return False
        start = 0
        for block in self.blocks(data):
            if sink.read(self.called, start, len(block)) != block:
                break
            start += len(block)
        else:
            if not sink.read(self.called, start, 1):
                return True
        raise click.ClickException(
            f"{sink.place(self.called)} lists other pictures than these and was left as it is: remove it to have them listed "
            "anew, choose another folder, or say --existing overwrite"
        )


def _table(data: DataSet) -> Iterator[str]:
    yield "file,label\n"
    for request in data.plan:
        line = io.StringIO()
        label = "" if request.choice.label is None else request.choice.text
        csv.writer(line, lineterminator="\n").writerow([data.naming.name(request), label])
        yield line.getvalue()


def _coco(data: DataSet) -> Iterator[str]:
    """COCO's file with one object a picture, as large as the picture."""
    height, width = data.size
    start = {
        "info": {"description": f"made by {data.card.name}"},
        "categories": [{"id": number, "name": name} for number, name in enumerate(data.card.classes, 1)],
    }
    yield json.dumps(start, ensure_ascii=False)[:-1]
    yield from _array("images", (_coco_image(data, request, height, width) for request in data.plan))
    yield from _array("annotations", _coco_objects(data, height, width))
    yield "}\n"


def _coco_image(data: DataSet, request: Request, height: int, width: int) -> dict[str, Any]:
    name = data.naming.name(request).removeprefix(LAYOUTS["coco"].folder)
    return {"id": request.index + 1, "file_name": name, "width": width, "height": height, "seed": str(request.seed)}


def _coco_objects(data: DataSet, height: int, width: int) -> Iterator[dict[str, Any]]:
    number = 0
    for request in data.plan:
        for label in data.shown(request.choice):
            number += 1
            box = [0, 0, width, height]
            ids = {"id": number, "image_id": request.index + 1, "category_id": label + 1}
            yield {**ids, "bbox": box, "area": width * height, "iscrowd": 0, "segmentation": []}


def _array(name: str, rows: Iterator[dict[str, Any]]) -> Iterator[str]:
    yield f', "{name}": ['
    for number, row in enumerate(rows):
        yield (",\n" if number else "\n") + json.dumps(row, ensure_ascii=False)
    yield "]"


def _yolo(data: DataSet) -> Iterator[str]:
    """The YAML that YOLO trains by; a JSON text is YAML too."""
    yield "train: images/train\nval: images/train\nnames:\n"
    for number, name in enumerate(data.card.classes):
        yield f"  {number}: {json.dumps(name, ensure_ascii=False)}\n"


def _yolo_label(data: DataSet, request: Request, name: str) -> tuple[str, bytes]:
    stem = name.removeprefix(LAYOUTS["yolo"].folder).rpartition(".")[0]
    lines = "".join(f"{label} {WHOLE}\n" for label in data.shown(request.choice))
    return f"labels/train/{stem}.txt", lines.encode()


LAYOUTS: Mapping[str, Layout] = MappingProxyType(
    {
        "imagefolder": Layout("{class}/{seed}.png", depth=1),
        "flat": Layout("{class}-{seed}.png", depth=0, called="labels.csv", index=_table),
        "coco": Layout("{class}-{seed}.png", "images/", 0, "annotations.json", _coco, labelled=True),
        "yolo": Layout("{class}-{seed}.png", "images/train/", 0, "data.yaml", _yolo, _yolo_label, labelled=True),
    }
)
FREE = Layout("{class}/{seed}.png", suffixes=None)
