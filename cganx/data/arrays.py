"""Pictures that come as one array, and the ``.npz`` files that hold such."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray

from cganx.data.dataset import Labels
from cganx.data.picture import SMALLEST, fitted, pillow
from cganx.data.sources import Filled, Form, Part, Progress, Survey, held_out
from cganx.data.workers import in_threads
from cganx.errors import DataError

__all__ = ["ArrayPictures", "split"]

ROWS = 4096


@dataclass(frozen=True, eq=False)
class ArrayPictures:
    """``images`` is uint8 [n, height, width, channels], channels 1 or 3; ``where`` is the file that they are from.

    ``rows`` are the places of those that are meant, None for all: nothing is copied to choose some.
    """

    images: NDArray[np.uint8] = field(repr=False)
    where: str
    rows: NDArray[np.int64] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        _, height, width, _ = self.images.shape
        if min(height, width) < SMALLEST:
            raise DataError(
                f"{self.where}: pictures of {width} x {height} pixels are too small: a side needs at least {SMALLEST}"
            )

    def __len__(self) -> int:
        return len(self.images if self.rows is None else self.rows)

    def survey(self, progress: Progress) -> Survey:  # noqa: ARG002
        """All have one size; grey where the channels are equal everywhere."""
        height, width, channels = self.images.shape[1:]
        blocks = (self._block(np.arange(start, min(start + ROWS, len(self)))) for start in range(0, len(self), ROWS))
        grey = channels == 1 or all(bool((block == block[..., :1]).all()) for block in blocks)
        return Survey(Counter({(height, width): len(self)}), grey)

    def ready(self, form: Form) -> NDArray[np.uint8] | None:
        """The array itself where it has the form."""
        fits = (
            self.rows is None
            and self.images.shape[1:] == (form.height, form.width, form.channels)
            and self.images.flags.c_contiguous
        )
        return self.images if fits else None

    def fill(self, target: NDArray[np.uint8], chosen: NDArray[np.int64], form: Form, progress: Progress) -> Filled:
        """Copy, or resample where the size or the number of channels is another one."""
        height, width, channels = self.images.shape[1:]
        if (height, width) == (form.height, form.width) and channels <= form.channels:
            for start in range(0, len(chosen), ROWS):
                target[start : start + ROWS] = self._block(chosen[start : start + ROWS])
        else:
            with pillow():
                in_threads(partial(self._resample, target, chosen, form), len(chosen), "resizing pictures", progress)
        return Filled(grey=False)  # the survey has seen the pixels: nothing new came out here

    def _block(self, chosen: NDArray[np.int64]) -> NDArray[np.uint8]:
        return self.images[chosen if self.rows is None else self.rows[chosen]]

    def _resample(self, target: NDArray[np.uint8], chosen: NDArray[np.int64], form: Form, start: int, stop: int) -> None:
        from PIL import Image

        for index in range(start, stop):
            pixels = self._block(chosen[index : index + 1])[0]
            image = Image.fromarray(np.ascontiguousarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels))
            target[index] = fitted(image, form)


def split(pictures: ArrayPictures, labels: Labels) -> tuple[Part, Part]:
    """Cut in training and test part by a hash of each picture's place in the array."""
    test = held_out(map(str, range(len(labels))))
    if test.all():
        test[:] = False
    train, rest = np.flatnonzero(~test), np.flatnonzero(test)
    return (
        Part(ArrayPictures(pictures.images, pictures.where, train), labels[train]),
        Part(ArrayPictures(pictures.images, pictures.where, rest), labels[rest]),
    )
