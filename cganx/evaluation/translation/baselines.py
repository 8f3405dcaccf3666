"""What any generator must beat: results that are had from the source alone, without learning a network."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

__all__ = [
    "BASELINES",
    "BICUBIC",
    "BLUR",
    "BORDER_MEAN",
    "FLAT_NORMAL",
    "IDENTITY",
    "MEAN_COLOUR",
    "NAVIER_STOKES",
    "RANDOM_TARGET",
    "TELEA",
    "Baseline",
    "Given",
    "opencv_is_there",
]

Pictures = NDArray[np.uint8]
LUMA = (0.299, 0.587, 0.114)
"""ITU-R 601-2, as Pillow's mode L has it."""

FLAT = (128, 128, 255)
BLURRED_BY = 2.0  # pixels
REACH = 3  # pixels around a hole's pixel that OpenCV looks at
OPENCV = "pip install opencv-python-headless"


@dataclass(frozen=True, eq=False)
class Given:
    """What a baseline may look at: never the targets of its own sources.

    ``source`` is uint8 [n, height, width, channels], ``mask`` bool [n, height, width], true in the hole, None where there is
    none. ``shape`` is (height, width, channels) of what is wanted. ``training`` are the targets that may be learnt from,
    uint8 [m, *shape]. ``seed`` is for what is drawn.
    """

    source: Pictures
    shape: tuple[int, int, int]
    training: Pictures
    mask: NDArray[np.bool_] | None = None
    seed: int = 0


@dataclass(frozen=True)
class Baseline:
    """``make`` gives uint8 [n, *shape]; ``about`` says what it is, for whoever reads the figure."""

    name: str
    about: str
    make: Callable[[Given], Pictures] = field(repr=False)


def _identity(given: Given) -> Pictures:
    rows, columns = (
        np.arange(wanted) * have // wanted for wanted, have in zip(given.shape[:2], given.source.shape[1:3], strict=True)
    )
    return _with_channels(given.source[:, rows][:, :, columns], given.shape[2])


def _bicubic(given: Given) -> Pictures:
    from PIL import Image

    size = (given.shape[1], given.shape[0])
    planes = given.source.transpose(0, 3, 1, 2).reshape(-1, *given.source.shape[1:3])
    made = [np.asarray(Image.fromarray(plane).resize(size, Image.Resampling.BICUBIC)) for plane in planes]
    back = np.stack(made).reshape(len(given.source), given.source.shape[3], *given.shape[:2]).transpose(0, 2, 3, 1)
    return _with_channels(back, given.shape[2])


def _mean_colour(given: Given) -> Pictures:
    mean = given.training.mean(axis=(0, 1, 2), dtype=np.float64)
    return _levels(_with_channels(_identity(given), 1) + (mean - mean @ np.array(LUMA)))


def _blur(given: Given) -> Pictures:
    return np.asarray(ndimage.gaussian_filter(_identity(given), (0, BLURRED_BY, BLURRED_BY, 0), mode="nearest"))


def _border_mean(given: Given) -> Pictures:
    made = given.source.copy()
    for picture, hole in zip(made, _holes(given), strict=True):
        around = ndimage.binary_dilation(hole, np.ones((3, 3), bool)) & ~hole
        picture[hole] = _levels(picture[around if around.any() else ~hole].mean(axis=0))
    return made


def _inpainted(given: Given, method: str) -> Pictures:
    import cv2

    made = [
        cv2.inpaint(np.ascontiguousarray(picture), hole.astype(np.uint8), REACH, getattr(cv2, method))
        for picture, hole in zip(given.source, _holes(given), strict=True)
    ]
    filled: Pictures = np.stack(made).reshape(given.source.shape).astype(np.uint8)
    return filled


def _flat_normal(given: Given) -> Pictures:
    return np.broadcast_to(np.array(FLAT, np.uint8), (len(given.source), *given.shape))


def _random_target(given: Given) -> Pictures:
    places = np.random.default_rng(given.seed).integers(len(given.training), size=len(given.source))
    return given.training[places]


def _holes(given: Given) -> NDArray[np.bool_]:
    assert given.mask is not None
    return given.mask


def _with_channels(pictures: Pictures, channels: int) -> Pictures:
    have = pictures.shape[3]
    if have == channels:
        return pictures
    return np.repeat(pictures, 3, axis=3) if have == 1 else _levels((pictures @ np.array(LUMA))[..., None])


def _levels(values: NDArray[Any]) -> Pictures:
    levels: Pictures = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return levels


IDENTITY = Baseline(
    "identity", "the source as it is, enlarged by repeating pixels and made grey or three-channelled", _identity
)
BICUBIC = Baseline("bicubic", "the source enlarged by Pillow's bicubic filter", _bicubic)
MEAN_COLOUR = Baseline("mean-colour", "the source's luma in the one tint that training targets have on average", _mean_colour)
BLUR = Baseline("blur", f"the source under a Gaussian blur of {BLURRED_BY:g} pixels", _blur)
BORDER_MEAN = Baseline("border-mean", "the hole in the mean colour of the pixels around it", _border_mean)
TELEA = Baseline("telea", "OpenCV's inpainting by Telea 2004", lambda given: _inpainted(given, "INPAINT_TELEA"))
NAVIER_STOKES = Baseline(
    "navier-stokes", "OpenCV's inpainting by Bertalmio et al. 2001", lambda given: _inpainted(given, "INPAINT_NS")
)
FLAT_NORMAL = Baseline("flat-normal", "a normal map of a plane, (128, 128, 255) everywhere", _flat_normal)
RANDOM_TARGET = Baseline("random-target", "a training target drawn at random, which has nothing of the source", _random_target)

BASELINES: Mapping[str, Baseline] = MappingProxyType(
    {
        one.name: one
        for one in (
            IDENTITY,
            BICUBIC,
            MEAN_COLOUR,
            BLUR,
            BORDER_MEAN,
            TELEA,
            NAVIER_STOKES,
            FLAT_NORMAL,
            RANDOM_TARGET,
        )
    }
)


def opencv_is_there() -> bool:
    """Whether its inpainting can be had."""
    return importlib.util.find_spec("cv2") is not None
