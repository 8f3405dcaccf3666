"""A network that was trained on other pictures: its features, and its own classes where it has a head."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cganx.evaluation.classifier import Progress

__all__ = ["Backbone"]

BATCH = 64


@dataclass(frozen=True, eq=False)
class Backbone:
    """``name`` is short and ends the figures' names, ``digest`` the start of the sha256 of its weights.

    ``size`` is the number of features, ``side`` what pictures of a given (height, width) are resized to.
    """

    name: str
    digest: str
    size: int
    side: Callable[[int, int], int]
    _features: Callable[[Tensor], Tensor] = field(repr=False)
    _logits: Callable[[Tensor], Tensor] | None = field(default=None, repr=False)

    @property
    def classifies(self) -> bool:
        """Whether it has classes, those that it was trained for."""
        return self._logits is not None

    @torch.inference_mode()
    def probabilities(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Float32 [n, its classes], each row with sum 1, of features [n, size]. Only where it `classifies`."""
        assert self._logits is not None
        logits = [self._logits(torch.from_numpy(features[start : start + BATCH])) for start in range(0, len(features), BATCH)]
        found: NDArray[np.float32] = torch.cat(logits).softmax(dim=1).numpy()
        return found

    def describe(self, height: int, width: int) -> str:
        """What stands beside a figure: name, weights, and the size that pictures are judged at."""
        side = self.side(height, width)
        return f"{self.name} {self.digest} at {side} x {side}"

    @torch.inference_mode()
    def features(self, pixels: NDArray[np.uint8], stage: str, progress: Progress) -> NDArray[np.float32]:
        """Float32 [n, size] of pictures uint8 [n, height, width, channels]; grey ones are repeated over three channels."""
        found = np.empty((len(pixels), self.size), np.float32)
        side = self.side(*pixels.shape[1:3])
        for start in range(0, len(pixels), BATCH):
            batch = torch.from_numpy(np.ascontiguousarray(pixels[start : start + BATCH]))
            pictures = batch.float().permute(0, 3, 1, 2).expand(-1, 3, -1, -1)
            if pictures.shape[2:] != (side, side):
                pictures = torch.nn.functional.interpolate(pictures, (side, side), mode="bilinear", align_corners=False)
            found[start : start + BATCH] = self._features(pictures).numpy()
            progress(stage, min(start + BATCH, len(pixels)), len(pixels))
        return found
