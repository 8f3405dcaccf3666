"""The distance of power spectra: how much fine and coarse structure pictures have, whatever they show.

Durall et al. 2020, "Watch your Up-Convolution: CNN Based Generative Deep Neural Networks are Failing to Reproduce Spectral
Distributions": the azimuthal average of the spectrum. Checkerboards of upsampling and blur both show in it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cganx.errors import RequestError
from cganx.evaluation.metrics.brightness import brightness
from cganx.evaluation.metrics.sample import Sample

__all__ = ["spectrum", "spectrum_distance"]

ROUNDING = 1 / 12
"""The power that rounding to 8 bits adds to each pixel: what lies below it no picture can show."""


def spectrum_distance(made: Sample, real: Sample) -> float:
    """The mean difference of the two spectra over all frequencies, in decibels, >= 0.

    Raises RequestError where the two sides' pictures are not of one size.
    """
    one, other = made.once(spectrum), real.once(spectrum)
    if made.pixels.shape[1:3] != real.pixels.shape[1:3]:
        raise RequestError("spectra are compared of pictures of one size: load both sides at one size")
    return float(np.abs(10 * np.log10(one / other)).mean())


def spectrum(sample: Sample) -> NDArray[np.float64]:
    """The mean power per pixel at spatial frequencies 1, 2, ... to half of the shorter side, along any direction.

    Raises RequestError for pictures of fewer than four pixels a side.
    """
    _, height, width, _ = sample.pixels.shape
    side = min(height, width)
    if side < 4:
        raise RequestError("pictures of fewer than four pixels a side have no spectrum to speak of")
    power = np.zeros((height, width))
    for pictures in brightness(sample):
        power += (np.abs(np.fft.fft2(pictures)) ** 2).sum(axis=0)
    power /= len(sample) * height * width
    radius = np.rint(side * np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width))).astype(np.int64).ravel()
    total, count = np.bincount(radius, power.ravel()), np.bincount(radius)
    frequencies = slice(1, side // 2 + 1)
    mean: NDArray[np.float64] = total[frequencies] / count[frequencies] + ROUNDING
    return mean
