"""Blocks of a latent replaced: what its 1st to 10th entries do, and its 11th to 20th.

Each replacement starts from the base latent. (The GAN book's, page 4(II), share one array, so that the ninth picture has nine
blocks replaced, and shows nothing about the ninth.)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cganx.errors import RequestError
from cganx.latent.points import Floats, checked
from cganx.runtime import latents

__all__ = ["FILLS", "Block", "blocks_of", "replace_block"]


@dataclass(frozen=True)
class Block:
    """The entries ``start`` to ``stop - 1`` of a latent."""

    start: int
    stop: int

    def __str__(self) -> str:
        return f"{self.start}-{self.stop - 1}"


def _noise(size: int, seed: int) -> NDArray[np.float32]:
    (values,) = latents.normal(np.array([seed], np.uint64), size, stream=NOISE_STREAM)
    return np.asarray(values)


FILLS: Mapping[str, Callable[[int, int], NDArray[np.floating]]] = MappingProxyType(
    {
        "noise": _noise,
        "hanning": lambda size, _: np.hanning(size),
        "zeros": lambda size, _: np.zeros(size),
        "ones": lambda size, _: np.ones(size),
    }
)
"""What a block may be filled with: (size, seed) -> values [size]."""

NOISE_STREAM = 2**31  # far from the streams of a picture's own latent and noise


def blocks_of(latent_size: int, size: int, step: int | None = None) -> tuple[Block, ...]:
    """The blocks of ``size`` entries that begin every ``step`` (``size`` when not given); the last may be shorter.

    >>> [str(block) for block in blocks_of(25, 10)]
    ['0-9', '10-19', '20-24']
    """
    if size < 1 or (step is not None and step < 1):
        raise RequestError(f"a block has at least one entry and one step, not {size} and {step}")
    found: list[Block] = []
    for start in range(0, latent_size, step or size):
        found.append(Block(start, min(start + size, latent_size)))
        if found[-1].stop == latent_size:
            break
    return tuple(found)


def replace_block(latent: ArrayLike, block: Block, fill: str | ArrayLike, *, seed: int = 0) -> Floats:
    """A new latent [latent] whose entries of ``block`` are ``fill``: one of FILLS, or values [block].

    seed: of the fill ``noise``, normal values that are the same on every machine. Raises RequestError.
    """
    values = checked(latent)
    if values.ndim != 1 or not 0 <= block.start < block.stop <= len(values):
        raise RequestError(f"entries {block} are not within one latent of shape {list(values.shape)}")
    size = block.stop - block.start
    if isinstance(fill, str):
        if fill not in FILLS:
            raise RequestError(f"there is no fill {fill!r}; they are {', '.join(FILLS)}")
        filling = FILLS[fill](size, seed).astype(np.float64)
    else:
        filling = checked(fill)
        if filling.shape != (size,):
            raise RequestError(f"the block {block} takes {size} values, not an array of shape {list(filling.shape)}")
    values[block.start : block.stop] = filling
    return values.astype(np.float32)
