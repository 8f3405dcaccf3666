"""How far a picture depends on its source: the receptive field, walked through the graph.

Along an axis, what stands at place p of a value depends on the source's places step * p + low to step * p + high. Every
operator moves these three numbers, and the widest way counts; a reach that was measured by changing a pixel may miss one that
other weights or pictures show. Dumoulin and Visin 2016 have the arithmetic of convolutions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import floor
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from cganx.card import Source
from cganx_export.cleaning import attributes, constants, shapes
from cganx_export.rewrites.drafting import ELEMENTWISE

__all__ = ["context_of", "with_context"]

_EACH_ALONE = frozenset(
    {
        *ELEMENTWISE,
        *("BatchNormalization", "Cast", "Ceil", "Cos", "Floor", "Greater", "GreaterOrEqual", "Identity", "Less", "LessOrEqual"),
        *("Log", "Max", "Min", "Not", "And", "Or", "Equal", "Pow", "Reciprocal", "Round", "Sign", "Sin", "Where"),
    }
)
_ALONG_CHANNELS = frozenset(
    {"Concat", "Softmax", "LogSoftmax", "ReduceMean", "ReduceSum", "ReduceMax", "Split", "LpNormalization"}
)


class _Everywhere(Exception):
    """A value depends on the whole source."""


@dataclass(frozen=True)
class _Reach:
    """Of one axis: place p depends on the source's places ``step * p + low`` to ``step * p + high``."""

    step: Fraction = Fraction(1)
    low: Fraction = Fraction(0)
    high: Fraction = Fraction(0)

    def window(self, first: Fraction | int, last: Fraction | int, stride: Fraction | int = 1) -> _Reach:
        """Of what takes the places ``stride * p + first`` to ``stride * p + last`` of this value."""
        return _Reach(self.step * stride, self.low + self.step * first, self.high + self.step * last)

    def __or__(self, other: _Reach) -> _Reach:
        if self.step != other.step:
            raise _Everywhere
        return _Reach(self.step, min(self.low, other.low), max(self.high, other.high))


_Reaches = tuple[_Reach, _Reach]


@dataclass(frozen=True)
class _At:
    """A node, what is stored, and the shapes that are known."""

    node: onnx.NodeProto
    has: Mapping[str, Any]
    stored: Mapping[str, NDArray[Any]]
    shapes: Mapping[str, tuple[int | str, ...]]

    def pair(self, name: str, default: int) -> tuple[int, int]:
        first, second = self.has.get(name, (default, default))
        return int(first), int(second)

    def pads(self) -> tuple[int, int]:
        """Before the first row and the first column."""
        if self.has.get("auto_pad", b"NOTSET") != b"NOTSET":
            raise _Everywhere
        top, left, *_ = self.has.get("pads", (0, 0, 0, 0))
        return int(top), int(left)

    def kernel(self) -> tuple[int, int]:
        weight = self.stored.get(self.node.input[1]) if len(self.node.input) > 1 else None
        if weight is not None and weight.ndim == 4:
            return int(weight.shape[2]), int(weight.shape[3])
        if "kernel_shape" not in self.has:
            raise _Everywhere
        return self.pair("kernel_shape", 1)


def context_of(graph: onnx.GraphProto, scale: int) -> int | None:
    """How many of the source's pixels around a place ``image`` depends on there; None where that is all of them."""
    stored, known = constants(graph), shapes(graph)
    found: dict[str, _Reaches] = {name: (_Reach(), _Reach()) for name in ("source", "mask")}
    try:
        for node in graph.node:
            taken = [found[name] for name in node.input if name in found]
            if not taken or node.op_type == "Shape":
                continue
            reaches = _after(_At(node, attributes(node), stored, known), taken, found)
            found.update(dict.fromkeys(node.output, reaches))
            if "image" in node.output:
                return _farthest(reaches, scale)
    except _Everywhere:
        pass
    return None


def with_context(source: Source, graph: onnx.GraphProto) -> Source:
    """The source with its context in whole multiples, where sizes are open and nobody has said it."""
    if source.height is not None or source.context is not None:
        return source
    context = context_of(graph, source.scale)
    return source if context is None else replace(source, context=-(-context // source.multiple) * source.multiple)


def _farthest(reaches: _Reaches, scale: int) -> int:
    """From the source's pixel that a pixel of the image lies in; between whole places, so what is left of a pixel is none."""
    if any(one.step != Fraction(1, scale) for one in reaches):
        raise _Everywhere
    return max(0, *(floor(max(-one.low, one.high + 1 - one.step)) for one in reaches))


def _after(at: _At, taken: Sequence[_Reaches], found: Mapping[str, _Reaches]) -> _Reaches:
    """What a node makes of values that depend on the source."""
    operator = at.node.op_type
    if operator in _EACH_ALONE or (operator in _ALONG_CHANNELS and _channels_alone(at)):
        rows, columns = taken[0]
        for other in taken[1:]:
            rows, columns = rows | other[0], columns | other[1]
        return rows, columns
    if operator not in _WINDOWS or at.node.input[0] not in found or len(taken) > 1:
        raise _Everywhere
    windows = _WINDOWS[operator](at)
    rows, columns = (one.window(*window) for one, window in zip(taken[0], windows, strict=True))
    return rows, columns


def _channels_alone(at: _At) -> bool:
    """Whether the axes that the node works along leave out height and width."""
    rank = len(at.shapes.get(at.node.input[0], ()))
    axes = at.has.get("axes", at.has.get("axis"))
    if axes is None and len(at.node.input) > 1 and at.node.op_type.startswith("Reduce"):
        axes = at.stored.get(at.node.input[1])
    if rank != 4 or axes is None:
        return False
    kept = not at.node.op_type.startswith("Reduce") or bool(at.has.get("keepdims", 1))
    return kept and all(int(axis) % rank == 1 for axis in np.atleast_1d(np.asarray(axes)))


_Window = tuple[Fraction | int, Fraction | int, Fraction | int]
"""First, last and stride, as `_Reach.window` takes them."""


def _convolution(at: _At) -> list[_Window]:
    sides = zip(at.kernel(), at.pair("strides", 1), at.pair("dilations", 1), at.pads(), strict=True)
    return [(-pad, dilation * (kernel - 1) - pad, stride) for kernel, stride, dilation, pad in sides]


def _transposed(at: _At) -> list[_Window]:
    """Place q takes the places i with stride * i + dilation * tap = q + pad."""
    if "output_shape" in at.has:
        raise _Everywhere
    sides = zip(at.kernel(), at.pair("strides", 1), at.pair("dilations", 1), at.pads(), strict=True)
    return [
        (Fraction(pad - dilation * (kernel - 1), stride), Fraction(pad, stride), Fraction(1, stride))
        for kernel, stride, dilation, pad in sides
    ]


def _repeated(times: Sequence[int]) -> list[_Window]:
    """Place q takes the place q // times."""
    return [(Fraction(1 - one, one), 0, Fraction(1, one)) for one in times]


def _shuffled(at: _At) -> list[_Window]:
    return _repeated([int(at.has["blocksize"])] * 2)


def _unshuffled(at: _At) -> list[_Window]:
    block = int(at.has["blocksize"])
    return [(0, block - 1, block)] * 2


def _padded(at: _At) -> list[_Window]:
    """Mirrored and repeated edges lie nearer to a place than what they stand for would."""
    pads = at.stored.get(at.node.input[1])
    if pads is None or len(at.node.input) > 3 or pads.size != 8 or at.has.get("mode", b"constant") == b"wrap":
        raise _Everywhere
    return [(-int(pads[axis]), -int(pads[axis]), 1) for axis in (2, 3)]


def _resized(at: _At) -> list[_Window]:
    """Nearest by floor, or linear between two neighbours, by whole times."""
    scales = at.stored.get(at.node.input[2]) if len(at.node.input) > 2 else None
    if scales is None or scales.size != 4 or "axes" in at.has:
        raise _Everywhere
    times = [int(one) for one in scales[2:]]
    if scales.tolist() != [1, 1, *times]:
        raise _Everywhere
    how = at.has.get("mode", b"nearest"), at.has.get("coordinate_transformation_mode", b"half_pixel")
    if how == (b"nearest", b"asymmetric") and at.has.get("nearest_mode") == b"floor":
        return _repeated(times)
    if how in ((b"linear", b"half_pixel"), (b"linear", b"pytorch_half_pixel")):
        return [(Fraction(1 - one, 2 * one) - 1, Fraction(1 - one, 2 * one) + 1, Fraction(1, one)) for one in times]
    raise _Everywhere


def _cut(at: _At) -> list[_Window]:
    """Rows and columns from a place on; of channels any."""
    if len(at.node.input) < 4 or not all(name in at.stored for name in at.node.input[1:]):
        raise _Everywhere
    starts, _, axes, *steps = (at.stored[name].tolist() for name in at.node.input[1:])
    windows: list[_Window] = [(0, 0, 1), (0, 0, 1)]
    for place, (start, axis) in enumerate(zip(starts, axes, strict=True)):
        step = steps[0][place] if steps else 1
        if axis % 4 == 0 or (axis % 4 > 1 and (start < 0 or step < 1)):
            raise _Everywhere
        if axis % 4 > 1:
            windows[axis % 4 - 2] = (start, start, step)
    return windows


_WINDOWS: Mapping[str, Callable[[_At], list[_Window]]] = {
    "Conv": _convolution,
    "ConvTranspose": _transposed,
    "MaxPool": _convolution,
    "AveragePool": _convolution,
    "DepthToSpace": _shuffled,
    "SpaceToDepth": _unshuffled,
    "Pad": _padded,
    "Resize": _resized,
    "Slice": _cut,
}
