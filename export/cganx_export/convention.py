"""How a module of another maker is called, and what the values of its image mean."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

from cganx.errors import ExportError

__all__ = ["Convention"]


@dataclass(frozen=True, kw_only=True)
class Convention:
    """What the exported graph converts, so that the file has the contract's tensors.

    ``latent`` is the shape that the module's latent has for one picture, such as (100, 1, 1): the graph reshapes the file's
    [batch, size] to it; () leaves it as it is. ``low`` is the image's value for black and ``high`` that for white; with
    ``channels_last`` the module returns [batch, height, width, channels]. Of an image-to-image generator both speak of the
    source too, and ``mask`` says whether the module takes one; by default its attribute ``takes_mask`` does, and none is taken
    where it has no such.

    Raises ExportError where ``low`` is not below ``high``, or the shape has a size below 1.
    """

    latent: tuple[int, ...] = ()
    low: float = -1.0
    high: float = 1.0
    channels_last: bool = False
    mask: bool | None = None

    def __post_init__(self) -> None:
        if not (isfinite(self.low) and isfinite(self.high) and self.low < self.high):
            raise ExportError(f"an image's values go from black to white, such as -1 to 1, not {self.low:g} to {self.high:g}")
        if any(size < 1 for size in self.latent):
            raise ExportError(f"a latent has no shape {self.latent}: give the sizes of one picture's, such as (100, 1, 1)")
