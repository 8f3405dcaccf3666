"""The examples that end each command's help. A test parses every one."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["EXAMPLES"]

EXAMPLES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "train": (
            "cganx train --data my-pictures --time-budget 600 -o run",
            "cganx train --data fashion-small --preset cdcgan --steps 2000 -o run",
        ),
        "presets": ("cganx presets", "cganx presets sngan-small"),
        "data": ("cganx data list", "cganx data build letters -o letters"),
        "data list": ("cganx data list --json",),
        "data build": ("cganx data build letters -o letters",),
        "export": ("cganx export run -o mine.onnx", "cganx export run -o small.onnx --weights float16"),
        "generate": (
            "cganx generate fashion --class sneaker --seeds 0-99 -o pictures",
            "cganx generate fashion --class sneaker=0.7,bag=0.3 --seeds 7 -o blends --existing skip",
            "cganx generate fashion --seeds 0-99999 --shards 200 -o /shared/set --engine ray --address 10.0.0.1:6379",
        ),
        "translate": (
            "cganx translate lines.onnx drawings -o coloured",
            "cganx translate ink.onnx 'photos/*.jpg' --style ink=0.7,wash=0.3 -o drawn --existing skip",
            "cganx translate larger.onnx - -o - --tile 256",
        ),
        "grid": ("cganx grid fashion -o grid.png", "cganx grid emoji --class hearts --class faces --seeds 0-4 -o grid.svg"),
        "explore": ("cganx explore fashion -o sheets",),
        "walk": ("cganx walk fashion -o walk.webp", "cganx walk fashion --through classes --seeds 0-3 -o walk.gif"),
        "evaluate": ("cganx evaluate mine.onnx --data my-pictures --report report.html",),
        "compare": ("cganx compare mine.onnx fashion -o sheet.png",),
        "check": ("cganx check mine.onnx", "cganx check fashion --json"),
        "inspect": ("cganx inspect fashion", "cganx inspect mine.onnx --json"),
        "models": ("cganx models", "cganx models add mine.onnx", "cganx generate mine --seeds 0-9 -o pictures"),
        "models list": ("cganx models list --json",),
        "models show": ("cganx models show fashion",),
        "models path": ("cganx models path fashion", "cganx models path"),
        "models verify": ("cganx models verify", "cganx models verify fashion emoji"),
        "models add": (
            "cganx models add mine.onnx",
            "cganx models add https://example.org/shoes.onnx --name shoes",
        ),
        "models remove": ("cganx models remove mine",),
        "again": (
            "cganx again pictures/Sneaker/7.png",
            "cganx again found.jpg --model mine.onnx -o again.png",
            "cganx again coloured/cat.png --source drawings/",
        ),
        "doctor": ("cganx doctor", "cganx doctor --device cuda"),
        "bench": (
            "cganx bench fashion --plot bench.png",
            "cganx bench mine.onnx --batch-sizes 1,64 --threads 1 --against plain.onnx",
        ),
    }
)
