"""Translators that are functions, and sets of pictures for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, zoom

from cganx.card import GeneratorCard, Image, Source
from cganx.data import TranslationPictures, TranslationSet

Pictures = NDArray[np.uint8]
SIDE = 32


def soft(count: int, channels: int = 3, seed: int = 0, side: int = SIDE) -> Pictures:
    """Soft blobs of colour."""
    noise = np.random.default_rng(seed).normal(size=(count, side, side, channels))
    return np.clip(gaussian_filter(noise, (0, 3, 3, 0)) * 500 + 128, 20, 235).astype(np.uint8)


@dataclass(frozen=True)
class Function:
    """A translator that computes ``of(pictures, label, mask)``."""

    card: GeneratorCard
    of: Callable[[Pictures, Any, Any], Pictures]
    inputs: tuple[str, ...] = ("source",)
    sha256: str = "0" * 64

    def translate(self, pictures: Pictures, *, label: Any = None, seeds: Any = None, mask: Any = None) -> Pictures:
        assert seeds is None
        return self.of(pictures, label, mask)


def card(channels: tuple[int, int] = (3, 3), scale: int = 1, classes: tuple[str, ...] = (), **source: Any) -> GeneratorCard:
    height = SIDE * scale
    return GeneratorCard(
        name="turns",
        kind="image-to-image",
        classes=classes,
        image=Image(height=height, width=height, channels=channels[1]),
        source=Source(channels=channels[0], scale=scale, **source),
    )


def a_set(
    source: Pictures,
    target: Pictures,
    *,
    paired: bool = True,
    task: str | None = None,
    labels: NDArray[np.int64] | None = None,
    classes: tuple[str, ...] = (),
) -> TranslationSet:
    """Every second picture is held out."""

    def part(first: int) -> TranslationPictures:
        return TranslationPictures(source[first::2], target[first::2], None if labels is None else labels[first::2])

    scale = target.shape[1] // source.shape[1]
    return TranslationSet("pictures", part(0), part(1), paired, scale, task, classes, "0" * 64)


def reduced(pictures: Pictures, by: int) -> Pictures:
    return np.clip(zoom(pictures.astype(float), (1, 1 / by, 1 / by, 1), order=1), 0, 255).astype(np.uint8)
