"""Convolutions as transposed ones.

A stride-1 convolution with weight W [out, in, h, w] and padding p is the transposed convolution with the weight
W'[in, out, i, j] = W[out, in, h-1-i, w-1-j] and padding dilation * (kernel - 1) - p (Dumoulin and Visin 2016, section 4).
"""

from __future__ import annotations

from collections.abc import Callable

import onnx

from cganx_export.rewrites.drafting import FEW_CHANNELS, Convolution, Draft

__all__ = ["batch_invariant", "transpose_few_channels"]


def transpose_few_channels(graph: onnx.GraphProto) -> onnx.GraphProto | None:
    """Convolutions to few channels as transposed convolutions."""
    return _transpose_where(graph, lambda convolution: convolution.channels[1] <= FEW_CHANNELS)


def batch_invariant(graph: onnx.GraphProto) -> onnx.GraphProto:
    """Convolutions whose sums onnxruntime's CPU adds in another order at batch 1, as transposed ones, where it does not.

    Without a blocked kernel (channels no multiple of 8, or 16 with AVX-512, and too many for the kernel's first layer)
    a long sum is cut into pieces by a length that depends on how threads share the batch. Sums of up to 128 are not cut.
    """
    return _transpose_where(graph, _sums_depend_on_batch) or graph


def _sums_depend_on_batch(convolution: Convolution) -> bool:
    channels, (height, width) = convolution.channels[0], convolution.kernel
    return channels > 8 and channels % 16 != 0 and channels * height * width > 128


def _transpose_where(graph: onnx.GraphProto, wanted: Callable[[Convolution], bool]) -> onnx.GraphProto | None:
    draft, changed = Draft(graph), 0
    for node in graph.node:
        convolution = Convolution.of(node, draft.stored)
        if convolution is None or convolution.transposed or not convolution.steady or not wanted(convolution):
            draft.keep(node)
            continue
        pads = [reach - pad for reach, pad in zip(convolution.reach * 2, convolution.pads, strict=True)]
        if min(pads) < 0:
            draft.keep(node)
            continue
        weight = draft.store(
            f"{node.input[1]}.transposed_{changed}", convolution.weight.transpose(1, 0, 2, 3)[:, :, ::-1, ::-1]
        )
        changed += 1
        draft.add(
            "ConvTranspose",
            [node.input[0], weight, *node.input[2:]],
            node.output[0],
            has={"dilations": convolution.dilations, "kernel_shape": convolution.kernel, "pads": pads, "strides": (1, 1)},
        )
    return draft.finish() if changed else None
