"""Convolutions on a torus: beyond an edge lies the opposite one, so that pictures repeat without a seam."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["WrappingConv2d", "wrapped"]


def wrapped(x: Tensor, by: int = 1) -> Tensor:
    """[n, c, h, w] -> [n, c, h + 2 by, w + 2 by], going on at each edge with what lies at the opposite one."""
    # Slices and joins, not torch's circular padding: that leaves as scattering writes, which the runtime does not read.
    x = torch.cat([x[:, :, -by:], x, x[:, :, :by]], dim=2)
    return torch.cat([x[..., -by:], x, x[..., :by]], dim=3)


class WrappingConv2d(nn.Conv2d):
    """A 3x3 convolution that keeps the size [n, before, h, w] -> [n, after, h, w] and reads on over the edges."""

    def __init__(self, before: int, after: int, *, bias: bool = True) -> None:
        super().__init__(before, after, 3, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """Features of the same size."""
        return F.conv2d(wrapped(x), self.weight, self.bias)
