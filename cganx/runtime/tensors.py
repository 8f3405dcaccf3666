"""What a file of another maker calls the contract's tensors, and how its image lies in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np

from cganx.errors import RequestError

__all__ = ["Tensors"]

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, kw_only=True)
class Tensors:
    """The names of a foreign file's tensors, and what the values of its image mean.

    ``latent``, ``label`` and ``image`` are the file's names of them. A latent [batch, size, 1, 1], a label [batch, 1] and
    numbers of type int32 are fed as the file wants them, and its other outputs are left alone. ``low`` is the image's value
    for black and ``high`` that for white; with ``channels_last`` it is [batch, height, width, channels].

    Raises RequestError where the names are not different, or ``low`` is not below ``high``.

    >>> import numpy as np
    >>> from cganx import runtime
    >>> tensors = runtime.Tensors(latent="z", image="out", low=0, high=255, channels_last=True)
    >>> tensors.named("latent")
    'z'
    >>> image = tensors.to_image(np.full((1, 16, 24, 3), 255, np.float32))
    >>> image.shape, float(image.max())
    ((1, 3, 16, 24), 1.0)
    """

    latent: str = "latent"
    label: str = "label"
    image: str = "image"
    low: float = -1.0
    high: float = 1.0
    channels_last: bool = False

    def __post_init__(self) -> None:
        if len({self.latent, self.label, self.image}) < 3:
            raise RequestError("latent, label and image are three tensors: give each the name that it has in the file")
        if not (isfinite(self.low) and isfinite(self.high) and self.low < self.high):
            raise RequestError(f"an image's values go from black to white, such as -1 to 1, not {self.low:g} to {self.high:g}")

    def named(self, name: str) -> str:
        """What the file calls the tensor that the contract calls ``name``."""
        names: Mapping[str, str] = {"latent": self.latent, "label": self.label, "image": self.image}
        return names.get(name, name)

    def shape(self, channels: int, height: int, width: int) -> tuple[int, int, int]:
        """The shape that the file's image has, without the batch."""
        return (height, width, channels) if self.channels_last else (channels, height, width)

    def to_image(self, made: Array) -> Array:
        """What the file made as the contract's image: float32 [n, channels, height, width], -1..1."""
        image = made.transpose(0, 3, 1, 2) if self.channels_last else made
        if (self.low, self.high) == (-1.0, 1.0):
            return image
        scaled: Array = (image - np.float32(self.low)) * np.float32(2 / (self.high - self.low)) - np.float32(1)
        return scaled
