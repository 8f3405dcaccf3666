"""3x3 convolutions joined with the doubling before or the halving after them: four ninths of the multiplications.

Karras et al. 2018, "Progressive Growing of GANs", appendix A, smooth a transposed convolution's kernel so; here the kernel is
the one that makes the result that of the two steps.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cganx.networks.wrapping import wrapped

__all__ = ["DoublingConv2d", "HalvingConv2d", "double", "half"]


def double(x: Tensor) -> Tensor:
    """[n, c, h, w] -> [n, c, 2h, 2w], each value four times."""
    return F.interpolate(x, scale_factor=2.0, mode="nearest")


def half(x: Tensor) -> Tensor:
    """[n, c, h, w] -> [n, c, h / 2, w / 2], means over 2x2, odd sizes rounded up."""
    odd = x.shape[2] % 2 == 1 or x.shape[3] % 2 == 1
    return F.avg_pool2d(x, 2, ceil_mode=odd, count_include_pad=False)


def _over_pairs(kernel: Tensor) -> Tensor:
    """[..., 3, 3] -> [..., 4, 4]: the sums of the kernel over each 2x2, what lies outside of it being zero."""
    rows = F.pad(kernel, (0, 0, 0, 1)) + F.pad(kernel, (0, 0, 1, 0))
    return F.pad(rows, (0, 1)) + F.pad(rows, (1, 0))


class DoublingConv2d(nn.Conv2d):
    """Nearest-neighbour doubling, then a 3x3 convolution: [n, before, h, w] -> [n, after, 2h, 2w].

    In training one transposed 4x4 convolution of stride 2; else the two steps, which is what export writes. ``wraps``: it
    reads on at the opposite edge, where it otherwise reads zeros.
    """

    def __init__(self, before: int, after: int, *, bias: bool = True, wraps: bool = False) -> None:
        super().__init__(before, after, 3, padding=0 if wraps else 1, bias=bias)
        self.wraps = wraps

    def forward(self, x: Tensor) -> Tensor:
        """Features of twice the size."""
        if not self.training:
            return super().forward(wrapped(double(x)) if self.wraps else double(x))
        kernel = _over_pairs(self.weight.flip(2, 3)).transpose(0, 1).contiguous(memory_format=torch.channels_last)
        if self.wraps:  # what the added places make is cut off: two more at each edge
            return F.conv_transpose2d(wrapped(x), kernel, self.bias, stride=2, padding=3)
        return F.conv_transpose2d(x, kernel, self.bias, stride=2, padding=1)


class HalvingConv2d(nn.Conv2d):
    """A 3x3 convolution, then means over 2x2: [n, before, h, w] -> [n, after, h / 2, w / 2], odd sizes rounded up.

    For even sizes one 4x4 convolution of stride 2.
    """

    def __init__(self, before: int, after: int) -> None:
        super().__init__(before, after, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Features of half the size."""
        if x.shape[2] % 2 or x.shape[3] % 2:
            return half(super().forward(x))
        kernel = 0.25 * _over_pairs(self.weight)
        return F.conv2d(x, kernel.contiguous(memory_format=torch.channels_last), self.bias, stride=2, padding=1)
