"""How near a made picture is to the one that it should be: in levels, in structure, in a network's features, in angles."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from cganx.errors import RequestError
from cganx.evaluation.backbones import Stages, efflite0_stages

__all__ = ["HIGHEST_PSNR", "feature_distance", "normal_angle", "psnr", "ssim"]

Pictures = NDArray[np.uint8]
Values = NDArray[np.float64]

PEAK = 255.0
HIGHEST_PSNR = float(20 * np.log10(PEAK))
"""48.13 dB, that of an error of one level, which no eye sees: so means are finite, and not made by a few equal pictures."""

WINDOW, SIGMA = 11, 1.5
C1, C2 = (0.01 * PEAK) ** 2, (0.03 * PEAK) ** 2
SMALLEST = 64  # pixels of the shorter side, as the Frechet distance in these features has it
VALUES = 1 << 19
"""Of a batch: 10 pictures of 128 x 128 in colour, whose maps fit a cache."""


def psnr(made: Pictures, target: Pictures, where: NDArray[np.bool_] | None = None) -> NDArray[np.float64]:
    """Peak signal-to-noise ratio 10 log10(255^2 / MSE) of each picture, in dB, with an MSE of at least 1: float64 [n].

    ``made`` and ``target`` are uint8 [n, height, width, channels]. ``where``, bool [n, height, width], bounds what is looked
    at: a hole that was filled. Raises RequestError where shapes differ or nothing of a picture is looked at.
    """
    _require_alike(made, target)
    if where is not None and (where.shape != made.shape[:3] or not where.any(axis=(1, 2)).all()):
        raise RequestError(f"where to look is bool {list(made.shape[:3])} and somewhere true in each picture")
    error = np.empty(len(made))
    for part in _batches(made):
        squares = np.square(made[part].astype(np.float64) - target[part]).mean(axis=3)
        error[part] = np.average(squares, axis=(1, 2), weights=None if where is None else where[part])
    return np.asarray(10 * np.log10(PEAK**2 / np.maximum(error, 1)))


def ssim(made: Pictures, target: Pictures) -> NDArray[np.float64]:
    """Structural similarity of each picture, -1..1, 1 for equal ones: float64 [n].

    Wang et al. 2004, "Image Quality Assessment: From Error Visibility to Structural Similarity", section III: an 11 x 11
    Gaussian window of sigma 1.5 wherever it lies wholly inside, K1 = 0.01, K2 = 0.03, mean over places, and over channels.

    ``made`` and ``target`` are uint8 [n, height, width, channels]. Raises RequestError where their shapes differ, or they are
    smaller than the window.
    """
    _require_alike(made, target)
    if min(made.shape[1:3]) < WINDOW:
        raise RequestError(f"SSIM looks through a window of {WINDOW} x {WINDOW}, and the pictures are {_size(made)}")
    found = np.empty(len(made))
    for part in _batches(made):
        x, y = (np.ascontiguousarray(side[part].transpose(0, 3, 1, 2), np.float64) for side in (made, target))
        mean_x, mean_y = _windowed(x), _windowed(y)
        variances = _windowed(x * x + y * y) - mean_x**2 - mean_y**2
        covariance = _windowed(x * y) - mean_x * mean_y
        luminance = (2 * mean_x * mean_y + C1) / (mean_x**2 + mean_y**2 + C1)
        similarity = luminance * (2 * covariance + C2) / (variances + C2)
        found[part] = similarity.mean(axis=(1, 2, 3))
    return found


@torch.inference_mode()
def feature_distance(made: Pictures, target: Pictures, stages: Stages | None = None) -> NDArray[np.float64]:
    """Perceptual distance of each picture, >= 0, called ``lpips-efflite0``: float64 [n].

    Made like LPIPS (Zhang et al. 2018, "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric", section 3)
    but without its learned weights, and in EfficientNet-Lite0: maps of unit length over channels, squared difference summed
    over channels, mean over places, mean over five stages. It compares with no published LPIPS.

    ``made`` and ``target`` are uint8 [n, height, width, 1 or 3], enlarged where a side has less than 64 pixels. ``stages`` is
    the network, loaded anew by default.

    Raises RequestError where shapes differ, BackendMissing with the pip line where the network is not installed.
    """
    _require_alike(made, target)
    stages = stages or efflite0_stages()
    found = np.empty(len(made))
    for part in _batches(made):
        pairs = zip(stages.maps(_coloured(made[part])), stages.maps(_coloured(target[part])), strict=True)
        distances = [(F.normalize(one) - F.normalize(other)).square().sum(1).mean((1, 2)) for one, other in pairs]
        found[part] = torch.stack(distances).mean(0).numpy()
    return found


def normal_angle(made: Pictures, target: Pictures) -> NDArray[np.float64]:
    """The mean angle between the normals of two normal maps, in degrees 0..180, of each picture: float64 [n].

    A level v of uint8 [n, height, width, 3] stands for v / 127.5 - 1; both sides are brought to unit length. Raises
    RequestError where shapes differ or there are not three channels.
    """
    _require_alike(made, target)
    if made.shape[3] != 3:
        raise RequestError(f"a normal map has three channels, not {made.shape[3]}")
    found = np.empty(len(made))
    for part in _batches(made):
        one, other = _directions(made[part]), _directions(target[part])
        # exact for small angles, where the cosine is not
        angles = 2 * np.arctan2(np.linalg.norm(one - other, axis=3), np.linalg.norm(one + other, axis=3))
        found[part] = np.degrees(angles).mean(axis=(1, 2))
    return found


def _require_alike(made: Pictures, target: Pictures) -> None:
    for one in (made, target):
        if one.ndim != 4 or one.dtype != np.uint8 or not one.size:
            raise RequestError(
                f"pictures are uint8 [n, height, width, channels] and at least one, not {one.dtype} {list(one.shape)}"
            )
    if made.shape != target.shape:
        raise RequestError(f"made pictures {list(made.shape)} and targets {list(target.shape)} are not of one shape")


def _batches(pictures: Pictures) -> Iterator[slice]:
    count = max(VALUES // pictures[0].size, 1)
    return (slice(start, start + count) for start in range(0, len(pictures), count))


def _size(pictures: Pictures) -> str:
    return f"{pictures.shape[2]} x {pictures.shape[1]}"


def _windowed(planes: Values) -> Values:
    """The Gaussian window's mean wherever it lies inside: [..., height - 10, width - 10]."""
    down, across = (_window(side) for side in planes.shape[-2:])
    return np.asarray(down @ planes @ across.T)


def _window(side: int) -> Values:
    """The window at each place of a line, as a matrix [side - 10, side]: a product is faster than a convolution."""
    places = np.arange(side) - WINDOW // 2 - np.arange(side - WINDOW + 1)[:, None]
    weights = np.where(np.abs(places) <= WINDOW // 2, np.exp(-(places**2) / (2 * SIGMA**2)), 0)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def _coloured(pictures: Pictures) -> Tensor:
    """Levels [n, 3, height, width] of at least :data:`SMALLEST` pixels a side."""
    levels = torch.from_numpy(np.ascontiguousarray(pictures)).float().permute(0, 3, 1, 2).expand(-1, 3, -1, -1)
    shorter = min(levels.shape[2:])
    if shorter >= SMALLEST:
        return levels
    size = [round(side * SMALLEST / shorter) for side in levels.shape[2:]]
    return F.interpolate(levels, size, mode="bilinear", align_corners=False)


def _directions(pictures: Pictures) -> NDArray[np.float64]:
    directions = pictures / 127.5 - 1
    length: NDArray[np.float64] = np.maximum(np.linalg.norm(directions, axis=3, keepdims=True), 1e-12)
    return directions / length
