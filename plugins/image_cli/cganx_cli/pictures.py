"""A request's pixels as they are written: mirrored, resized, and with their provenance."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cganx import __version__
from cganx.runtime import Generator
from cganx.runtime.latents import philox
from cganx_cli.provenance import Provenance
from cganx_cli.requests import Request
from cganx_cli.settings import Settings

__all__ = ["FILTERS", "Finish", "mirrored"]

FILTERS = ("nearest", "box", "bilinear", "hamming", "bicubic", "lanczos")
AT_ONCE = 2**20  # bytes of pictures that are finished and encoded at once, where they are more than one
MIRROR_STREAM = 2**32 - 1  # of the seed's counter; latents have stream 0, noise those after it
Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Finish:
    """What is done to pixels after the generator: a random mirror, a size (height, width) with its filter, a quality."""

    model: str
    sha256: str
    mirror: bool = False
    size: tuple[int, int] | None = None
    filter: str = "lanczos"
    quality: int | None = None

    @classmethod
    def of(cls, generator: Generator, settings: Settings, quality: int | None = None) -> Finish:
        """The finish of a generator's pictures. Their own size is no resize."""
        size = None if settings.size == generator.picture_shape[:2] else settings.size
        return cls(generator.card.name, generator.sha256, settings.mirror, size, settings.filter, quality)

    def pixels(self, requests: Sequence[Request], pixels: Array) -> Array:
        """uint8 [n, height, width, channels] -> the same, finished."""
        if self.mirror:
            flip = mirrored([one.seed for one in requests])
            pixels = np.where(flip[:, None, None, None], pixels[:, :, ::-1], pixels)
        return pixels if self.size is None else np.stack([self._resized(one) for one in pixels])

    def shape(self, own: tuple[int, int, int]) -> tuple[int, int, int]:
        """(height, width, channels) of a finished picture, by the generator's."""
        return own if self.size is None else (*self.size, own[2])

    def encoded(
        self,
        encode: Callable[[Array, Sequence[Provenance]], Iterator[bytes]],
        requests: Sequence[Request],
        pixels: Array,
        provenances: Sequence[Provenance],
    ) -> Iterator[bytes]:
        """The bytes of each picture's file. Large pictures are finished and encoded one by one."""
        count = max(1, AT_ONCE // math.prod(self.shape(pixels.shape[1:])))
        for start in range(0, len(requests), count):
            part = slice(start, start + count)
            yield from encode(self.pixels(requests[part], pixels[part]), provenances[part])

    def _resized(self, one: Array) -> Array:
        from PIL import Image

        assert self.size is not None
        image = Image.fromarray(one[:, :, 0] if one.shape[2] == 1 else one)
        resized = image.resize(self.size[::-1], Image.Resampling[self.filter.upper()])
        return np.asarray(resized).reshape(*self.size, one.shape[2])

    def provenances(self, requests: Sequence[Request]) -> list[Provenance]:
        """What each picture's file says of it."""
        flips = mirrored([one.seed for one in requests]) if self.mirror else np.zeros(len(requests), bool)
        resize = None if self.size is None else f"{self.size[0]}x{self.size[1]} {self.filter}"
        return [
            Provenance(
                self.model,
                self.sha256,
                None if one.choice.label is None else one.choice.text,
                one.seed,
                one.truncation,
                None if one.codes is None else one.codes.text,
                "horizontal" if flip else None,
                resize,
                self.quality,
                __version__,
            )
            for one, flip in zip(requests, flips, strict=True)
        ]


def mirrored(seeds: Sequence[int]) -> Array:
    """bool [n]: which seeds' pictures ``--mirror random`` mirrors, by a bit of the seed's own counter: about half."""
    even, _ = philox(np.array(seeds, np.uint64), 1, stream=MIRROR_STREAM)
    flips: Array = (even[0] & np.array(1, np.uint64)).astype(bool)
    return flips
