"""Convolutions with a kernel for every picture, without the batch in their groups.

StyleGAN2 (Karras et al. 2020) modulates the weights by the picture's style, [batch * out, in, h, w], folds the batch into
the channels of one picture [1, batch * in, height, width], and convolves with as many groups as there are pictures. ONNX
wants the number of groups in the file, so there it is a product of matrices for each picture, over unfolded windows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

__all__ = ["UNFOLDED"]


def _pair(value: int | Sequence[int]) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else (value[0], value[-1])


def _convolved(x: Tensor, kernels: Tensor, stride: tuple[int, int], dilation: tuple[int, int], bias: Tensor | None) -> Tensor:
    """[batch, in, h, w] with kernels [batch, out, in, h, w], each picture with its own; the batch goes into the channels."""
    channels, _, *kernel = kernels.shape[1:]
    reach = [step * (size - 1) for step, size in zip(dilation, kernel, strict=True)]
    places = [(size - far - 1) // step + 1 for size, far, step in zip(x.shape[2:], reach, stride, strict=True)]

    def window(row: int, column: int) -> Tensor:
        top, left = row * dilation[0], column * dilation[1]
        bottom, right = top + stride[0] * (places[0] - 1) + 1, left + stride[1] * (places[1] - 1) + 1
        return x[:, :, top : bottom : stride[0], left : right : stride[1]]

    columns = torch.cat([window(row, column) for row in range(kernel[0]) for column in range(kernel[1])], 1).flatten(2)
    made = kernels.permute(0, 1, 3, 4, 2).flatten(2) @ columns
    if bias is not None:
        made = made + bias.reshape(-1, channels, 1)
    return made.reshape(1, -1, *places)


def _conv2d(
    input: Tensor,  # noqa: A002 (torch's own name of it)
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: Any = 1,
) -> Tensor:
    down, right = _pair(padding)
    x = F.pad(input.reshape(-1, weight.shape[1], *input.shape[2:]), (right, right, down, down))
    kernels = weight.reshape(-1, weight.shape[0] // groups, *weight.shape[1:])
    return _convolved(x, kernels, _pair(stride), _pair(dilation), bias)


def _conv_transpose2d(
    input: Tensor,  # noqa: A002
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: Any = 1,
    dilation: Any = 1,
) -> Tensor:
    """The convolution, with the kernels turned round, of what has stride - 1 zeros between its values."""
    inner, steps = weight.shape[0] // groups, _pair(stride)
    height, width = (size * step for size, step in zip(input.shape[2:], steps, strict=True))
    x = input.reshape(-1, inner, input.shape[2], 1, input.shape[3], 1)
    x = F.pad(x, (0, steps[1] - 1, 0, 0, 0, steps[0] - 1)).reshape(-1, inner, height, width)
    reach = [step * (size - 1) for step, size in zip(_pair(dilation), weight.shape[2:], strict=True)]
    before = [far - pad for far, pad in zip(reach, _pair(padding), strict=True)]
    after = [start + extra - (step - 1) for start, extra, step in zip(before, _pair(output_padding), steps, strict=True)]
    x = F.pad(x, (before[1], after[1], before[0], after[0]))
    kernels = weight.reshape(-1, inner, *weight.shape[1:]).transpose(1, 2).flip(3, 4)
    return _convolved(x, kernels, (1, 1), _pair(dilation), bias)


UNFOLDED: Mapping[Any, Callable[..., Tensor]] = {torch.conv2d: _conv2d, torch.conv_transpose2d: _conv_transpose2d}
