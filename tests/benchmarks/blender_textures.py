"""The Blender extension's large textures, of every class of its bundled generator: seams, cuts, repetition, time.

Edges: how much the texture's opposite edges differ, over how much neighbours inside do. Cuts: how much neighbours of different
patches differ, over how much those of one do. Repetition: the highest autocorrelation further off than a few pixels; plain
tiling's is 1, and that of a regular roof is high however it is made. Means of both directions, of the seeds and of the sizes.
With ``--out`` each texture is written there, two by two and beside plain tiling, to be looked at.
"""

from __future__ import annotations

import importlib.util
import sys
import time
from argparse import Namespace
from pathlib import Path
from statistics import mean
from types import ModuleType
from typing import Any

import numpy as np
from PIL import Image
from report import Figure, Target, main
from side_by_side import Spread
from subjects import ROOT, say

from cganx import runtime
from cganx.runtime import latents

BLENDER = ROOT / "plugins/blender"
SIZES = (256, 512, 1024)
PICTURES = 16
NEAR = 8  # pixels that the texture's own grain may reach

Array = np.ndarray[Any, Any]


def measure(arguments: Namespace) -> list[Figure]:
    textures = _textures()
    generator = runtime.load(BLENDER / "generators/materials.onnx", device="cpu")
    figures, seconds = [], []
    for name in generator.card.classes:
        say(f"{name} ...")
        edges, cuts, repetitions = [], [], []
        for seed in range(arguments.seeds):
            pictures = _pictures(generator, textures, name, seed)
            for size in SIZES:
                begun = time.process_time()
                quilt = textures.quilt(pictures, size, seed)
                if size == max(SIZES):
                    seconds.append(time.process_time() - begun)
                edges.append(at_the_edges(quilt.texture))
                cuts.append(at_the_cuts(quilt.texture, quilt.patches))
                repetitions.append(repetition(quilt.texture))
                if arguments.out:
                    _write(Path(arguments.out) / f"{name}-{seed}-{size}.png", pictures[0], quilt.texture)
        figures += [
            Figure(f"{name}: edges / inside", mean(edges), spread=Spread.of(edges), target=Target("<=", 1.1)),
            Figure(f"{name}: cuts / inside", mean(cuts), spread=Spread.of(cuts), target=Target("<=", 1.1)),
            Figure(f"{name}: repetition, plain tiling 1", mean(repetitions), spread=Spread.of(repetitions)),
        ]
    taken = Spread.of(seconds)
    return [*figures, Figure("1,024 px in colour, processor time", taken.median, "s", taken, Target("<=", 2.0))]


def at_the_edges(texture: Array) -> float:
    values = texture.astype(float)
    return mean(np.abs(values.take(0, a) - values.take(-1, a)).mean() / np.abs(np.diff(values, axis=a)).mean() for a in (0, 1))


def at_the_cuts(texture: Array, patches: Array) -> float:
    ratios = []
    for axis in (0, 1):
        steps = np.abs(texture.astype(float) - np.roll(texture, -1, axis)).mean(axis=2)
        cut = patches != np.roll(patches, -1, axis)
        ratios.append(steps[cut].mean() / steps[~cut].mean())
    return mean(ratios)


def repetition(texture: Array) -> float:
    values = texture.astype(float).mean(axis=2)
    values -= values.mean()
    correlation = np.fft.irfft2(np.abs(np.fft.rfft2(values)) ** 2, values.shape)
    distance = np.minimum(np.arange(len(values)), len(values) - np.arange(len(values)))
    far = np.maximum(distance[:, None], distance) >= NEAR
    return float(correlation[far].max() / correlation[0, 0])


def _pictures(generator: runtime.Generator, textures: ModuleType, name: str, seed: int) -> Array:
    """As the extension makes them: the seed's own picture, and others near it."""
    seeds = np.array([seed, *range(1_000 * (seed + 1), 1_000 * (seed + 1) + PICTURES - 1)], np.uint64)
    size = generator.card.latent.size if generator.card.latent else 0
    pixels: Array = generator.generate(name, latents=textures.near(latents.normal(seeds, size)))
    return np.asarray(pixels)


def _write(path: Path, picture: Array, texture: Array) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    turns = -(-len(texture) // len(picture))
    plain = np.tile(picture, (turns, turns, 1))[: len(texture), : len(texture)]
    both = [np.tile(part, (2, 2, 1)) for part in (plain, texture)]
    Image.fromarray(np.concatenate(both, axis=1)).save(path)


def _textures() -> ModuleType:
    """The module alone: its package wants Blender."""
    spec = importlib.util.spec_from_file_location("cganx_blender_textures", BLENDER / "cganx_blender/textures.py")
    if spec is None or spec.loader is None:
        raise SystemExit("plugins/blender/cganx_blender/textures.py is missing")
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    main(__doc__ or "", measure, ("--seeds", 3, "textures of each class and size"), ("--out", "", "folder for the textures"))
