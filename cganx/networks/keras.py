"""Layers as Keras makes them, for networks that come from Keras code: padding, initialisation, batch norm's numbers."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["SameConv2d", "SameConvTranspose2d", "batch_norm1d", "batch_norm2d", "keras_init", "leaky_relu", "same_padding"]

EPSILON = 1e-3
MOMENTUM = 0.8


def same_padding(size: tuple[int, int], *, kernel: int, stride: int) -> tuple[int, int, int, int]:
    """Keras's ``same`` padding as (left, right, top, bottom): the odd pixel goes to the right and the bottom."""
    height, width = (max(0, (math.ceil(side / stride) - 1) * stride + kernel - side) for side in size)
    return width // 2, width - width // 2, height // 2, height - height // 2


class SameConv2d(nn.Conv2d):
    """A convolution with padding ``same``: [n, c, h, w] -> [n, features, ceil(h / stride), ceil(w / stride)]."""

    def __init__(self, channels: int, features: int, kernel: int, stride: int = 1) -> None:
        super().__init__(channels, features, kernel, stride=stride)

    def forward(self, x: Tensor) -> Tensor:
        """Features at every ``stride``-th place."""
        size = (int(x.shape[2]), int(x.shape[3]))
        return super().forward(F.pad(x, same_padding(size, kernel=self.kernel_size[0], stride=self.stride[0])))


class SameConvTranspose2d(nn.ConvTranspose2d):
    """A transposed convolution with padding ``same``: [n, c, h, w] -> [n, features, stride h, stride w].

    Of the odd pixel to be cut off Keras takes the last one, torch's ``output_padding`` the first.
    """

    def __init__(self, channels: int, features: int, kernel: int, stride: int = 1) -> None:
        super().__init__(channels, features, kernel, stride=stride, padding=(kernel - stride) // 2)

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        """Features ``stride`` times as high and wide."""
        assert output_size is None
        height, width = x.shape[2] * self.stride[0], x.shape[3] * self.stride[1]
        return super().forward(x)[:, :, :height, :width]


def batch_norm2d(features: int, momentum: float = MOMENTUM) -> nn.BatchNorm2d:
    """Batch norm of feature maps; ``momentum`` as Keras counts it: what stays of the running statistics."""
    return nn.BatchNorm2d(features, eps=EPSILON, momentum=1 - momentum)


def batch_norm1d(features: int, momentum: float = MOMENTUM) -> nn.BatchNorm1d:
    """Batch norm of vectors; ``momentum`` as Keras counts it."""
    return nn.BatchNorm1d(features, eps=EPSILON, momentum=1 - momentum)


def leaky_relu() -> nn.Module:
    """The slope of all these recipes."""
    return nn.LeakyReLU(0.2)


@torch.no_grad()
def keras_init(module: nn.Module) -> None:
    """Keras's defaults in every layer: Glorot uniform weights (Glorot and Bengio 2010, equation 16), zero biases."""
    for layer in module.modules():
        if isinstance(layer, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.xavier_uniform_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
