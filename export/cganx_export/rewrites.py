"""The same function in another form. Each rewrite is exact on paper, and is held to parity with torch afterwards.

A stride-1 convolution with weight W [out, in, h, w] and padding p is the transposed convolution with the weight
W'[in, out, i, j] = W[out, in, h-1-i, w-1-j] and padding dilation * (kernel - 1) - p (Dumoulin and Visin 2016, section 4).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import helper

from cganx_export.cleaning import attributes, constants, copied, replace_nodes, store

__all__ = ["REWRITES", "Rewrite", "batch_invariant"]

# A blocked CPU kernel computes 8 or 16 output channels at a time, so few of them starve it.
FEW_CHANNELS = 4


@dataclass(frozen=True)
class Rewrite:
    """A candidate: its name in the card, and the rewritten graph, or None where there is nothing to rewrite."""

    name: str
    apply: Callable[[onnx.GraphProto], onnx.GraphProto | None]


@dataclass(frozen=True)
class _Convolution:
    weight: np.ndarray
    pads: list[int]
    dilations: list[int]
    group: int

    @classmethod
    def of(cls, node: onnx.NodeProto, stored: dict[str, np.ndarray]) -> _Convolution | None:
        """A two-dimensional stride-1 convolution with a stored weight that fits a transposed one, else None."""
        if node.op_type != "Conv" or node.input[1] not in stored or stored[node.input[1]].ndim != 4:
            return None
        has, weight = attributes(node), stored[node.input[1]]
        pads, dilations, strides = (
            _integers(has.get(name), default)
            for name, default in (("pads", [0] * 4), ("dilations", [1] * 2), ("strides", [1] * 2))
        )
        group = has.get("group", 1)
        if has.get("auto_pad", b"NOTSET") != b"NOTSET" or strides != [1, 1] or group != 1:
            return None
        made = cls(weight, pads, dilations, 1)
        return made if min(made.transposed_pads()) >= 0 else None

    def transposed_pads(self) -> list[int]:
        reach = [dilation * (size - 1) for dilation, size in zip(self.dilations, self.weight.shape[2:], strict=True)]
        return [one - pad for one, pad in zip(reach * 2, self.pads, strict=True)]

    def transposed_weight(self) -> np.ndarray:
        return self.weight.transpose(1, 0, 2, 3)[:, :, ::-1, ::-1]


def _integers(value: object, default: list[int]) -> list[int]:
    return [int(one) for one in value] if isinstance(value, (list, tuple)) else default


def _transpose_where(graph: onnx.GraphProto, wanted: Callable[[_Convolution], bool]) -> onnx.GraphProto | None:
    made = onnx.GraphProto()
    made.CopyFrom(graph)
    stored = constants(made)
    nodes, changed = [], 0
    for node in made.node:
        convolution = _Convolution.of(node, stored)
        if convolution is None or not wanted(convolution):
            nodes.append(copied(node))
            continue
        weight = store(made, f"{node.input[1]}.transposed_{changed}", convolution.transposed_weight())
        changed += 1
        nodes.append(
            helper.make_node(
                "ConvTranspose",
                [node.input[0], weight, *node.input[2:]],
                list(node.output),
                dilations=convolution.dilations,
                kernel_shape=list(convolution.weight.shape[2:]),
                pads=convolution.transposed_pads(),
                strides=[1, 1],
            )
        )
    if not changed:
        return None
    replace_nodes(made, nodes)
    used = {name for node in made.node for name in node.input}
    tensors = [tensor for tensor in made.initializer if tensor.name in used]
    del made.initializer[:]
    made.initializer.extend(tensors)
    return made


def transpose_few_channels(graph: onnx.GraphProto) -> onnx.GraphProto | None:
    """Convolutions to few channels as transposed convolutions."""
    return _transpose_where(graph, lambda convolution: convolution.weight.shape[0] <= FEW_CHANNELS)


def batch_invariant(graph: onnx.GraphProto) -> onnx.GraphProto:
    """Convolutions whose sums onnxruntime's CPU adds in another order at batch 1, as transposed ones, where it does not.

    Without a blocked kernel (channels no multiple of 8, or 16 with AVX-512, and too many for the kernel's first layer)
    a long sum is cut into pieces by a length that depends on how threads share the batch. Sums of up to 128 are not cut.
    """
    return _transpose_where(graph, _sums_depend_on_batch) or graph


def _sums_depend_on_batch(convolution: _Convolution) -> bool:
    channels, height, width = convolution.weight.shape[1:]
    return bool(channels > 8 and channels % 16 != 0 and channels * height * width > 128)


REWRITES = (Rewrite("few-channel-conv-transposed", transpose_few_channels),)
