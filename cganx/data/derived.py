"""Sources that are made from their targets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cganx.data.picture import pillow
from cganx.data.sources import Filled, Form, Progress, Survey
from cganx.data.workers import in_threads

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["Derivation", "DerivedPictures", "as_grey", "reduced"]

Derivation: TypeAlias = "Callable[[Image, Form], Image]"


def as_grey(target: Image, form: Form) -> Image:  # noqa: ARG001
    """Luma by ITU-R 601-2, as Pillow's mode L."""
    return target.convert("L")


def reduced(target: Image, form: Form) -> Image:
    """By Pillow's bicubic filter, which widens with the reduction, so nothing finer than a pixel aliases."""
    from PIL.Image import Resampling

    return target.resize((form.width, form.height), Resampling.BICUBIC)


@dataclass(frozen=True, eq=False)
class DerivedPictures:
    """The sources of ``targets``, uint8 [n, height, width, channels], made by a derivation."""

    targets: NDArray[np.uint8] = field(repr=False)
    derivation: Derivation

    def __len__(self) -> int:
        return len(self.targets)

    def survey(self, progress: Progress) -> Survey:  # noqa: ARG002
        """Nothing that is not known already: the form is given."""
        return Survey(Counter(), grey=False)

    def ready(self, form: Form) -> NDArray[np.uint8] | None:  # noqa: ARG002
        """None: all have to be made."""
        return None

    def fill(self, target: NDArray[np.uint8], chosen: NDArray[np.int64], form: Form, progress: Progress) -> Filled:
        """Make them."""
        from PIL import Image

        def write(start: int, stop: int) -> None:
            for index in range(start, stop):
                pixels = np.ascontiguousarray(self.targets[chosen[index]])
                image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
                target[index] = np.asarray(self.derivation(image, form)).reshape(form.height, form.width, form.channels)

        with pillow():
            in_threads(write, len(chosen), "making sources", progress)
        return Filled(grey=False)
