"""An upsampling convolution as one small convolution for each phase of its picture.

What doubles a picture makes pixels (2m, 2n), (2m, 2n+1), (2m+1, 2n) and (2m+1, 2n+1), its phases, and each of them sees only
some taps of the kernel at fixed places of the input: phase r is a stride-1 convolution of the input with those taps (Dumoulin
and Visin 2016, section 5; Shi et al. 2016). Along one axis, with stride s, kernel k and padding p:

- a transposed convolution makes y[sm + r] = sum of w[j] x[i] over si + j = sm + r + p, so j runs over the taps that are
  (r + p) mod s modulo s, and i = m + (r + p - j) / s;
- nearest upsampling before a convolution makes y[sm + r] = sum of w[j] x[m + floor((r + j - p) / s)], so taps that see
  the same pixel add up. Where the floor leaves the input, the upsampled picture ends too, so zeros pad both alike.

Both act on each axis alone, so a phase's kernel is M_h W M_w^T with matrices of zeros and ones. A stride of 1 has one phase:
the transposed convolution as a plain one. Zero channels before the convolution, with any weights, change nothing.

What is the same for all pixels commutes with putting the phases together. So they stay apart through activations, and, where
``packed``, through what else works pixel by pixel into a last stride-1 convolution to few channels: that is, along one axis,
o[t] = sum of v[j] z[t + j - p] with z[sm + r] = x_r[m], thus a transposed convolution of stride s of each x_r with the kernel
v flipped and moved by r. Its products, a 1x1 convolution, add up over the phases before they are put in place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from cganx_export.cleaning import attributes, shapes
from cganx_export.rewrites.drafting import ACTIVATIONS, BLOCK, ELEMENTWISE, FEW_CHANNELS, Convolution, Draft

__all__ = ["pack_phases", "split_phases"]

Sizes = tuple[int, int]


@dataclass(frozen=True)
class Taps:
    """One phase along one axis: ``matrix`` [taps, kernel] picks its taps, ``pads`` go before and behind the input."""

    matrix: NDArray[np.float64]
    pads: tuple[int, int]


def transposed_taps(phase: int, *, kernel: int, stride: int, pad: int, grown: int) -> Taps:
    """Of a transposed convolution that makes ``grown`` more blocks of ``stride`` pixels than it takes pixels."""
    shift, first = divmod(phase + pad, stride)
    taps = range(first, kernel, stride)[::-1]
    matrix = np.zeros((len(taps), kernel))
    matrix[range(len(taps)), taps] = 1
    return Taps(matrix, (len(taps) - 1 - shift, grown + shift))


def upsampled_taps(phase: int, *, kernel: int, stride: int, pad: int, grown: int) -> Taps:
    """Of nearest upsampling by ``stride`` before a convolution, with ``grown`` more blocks of that than pixels taken."""
    places = np.array([(phase + tap - pad) // stride for tap in range(kernel)])
    matrix = (places == np.arange(places[0], places[-1] + 1)[:, None]).astype(np.float64)
    return Taps(matrix, (int(-places[0]), int(grown + places[-1])))


@dataclass(frozen=True)
class _Site:
    """An upsampling convolution: what goes in, its weight [out, in, h, w], bias, output, and the phases' taps by axis.

    ``made`` is the size of the output, None where that is open.
    """

    taken: str
    weight: NDArray[Any]
    bias: list[str]
    made: Sizes | None
    stride: Sizes
    taps: tuple[list[Taps], list[Taps]]

    @classmethod
    def of(cls, rewrite: _Rewrite, node: onnx.NodeProto) -> _Site | None:
        """The node as such a convolution to more than a few channels, None where it is none."""
        convolution = Convolution.of(node, rewrite.draft.stored)
        made, x = rewrite.size(node.output[0]), node.input[0]
        if convolution is None or not convolution.dense or convolution.channels[1] <= FEW_CHANNELS:
            return None
        taps_of: Callable[..., Taps]
        weight = convolution.weight
        if convolution.transposed:
            taps_of, stride, weight = transposed_taps, convolution.strides, weight.transpose(1, 0, 2, 3)
        else:
            resize = rewrite.nearest(x)
            if resize is None or not convolution.steady:
                return None
            taps_of, (x, stride) = upsampled_taps, resize
        beyond = convolution.beyond
        if made is None and any(more % step for more, step in zip(beyond, stride, strict=True)):  # no whole blocks
            return None
        taps = tuple(
            [
                taps_of(
                    phase,
                    kernel=convolution.kernel[axis],
                    stride=stride[axis],
                    pad=convolution.pads[axis],
                    grown=-(-beyond[axis] // stride[axis]),
                )
                for phase in range(stride[axis])
            ]
            for axis in (0, 1)
        )
        if any(min(one.pads) < 0 or not len(one.matrix) for axis in taps for one in axis):
            return None
        return cls(x, weight, list(node.input[2:]), made, (stride[0], stride[1]), (taps[0], taps[1]))

    def phases(self) -> Iterator[tuple[NDArray[np.float32], list[int]]]:
        """Weight and pads of each phase, row by row."""
        for row, column in product(*self.taps):
            weight = np.einsum("oijk,aj,bk->oiab", self.weight.astype(np.float64), row.matrix, column.matrix, optimize=True)
            yield weight.astype(np.float32), [row.pads[0], column.pads[0], row.pads[1], column.pads[1]]


@dataclass(frozen=True)
class _Apart:
    """A value that is there phase by phase, row by row; ``size`` is that of the whole, None where it is open."""

    phases: tuple[str, ...]
    block: Sizes
    channels: int
    size: Sizes | None

    @property
    def even(self) -> bool:
        """Whether the phases hold the whole and nothing more."""
        return self.size is None or not any(side % step for side, step in zip(self.size, self.block, strict=True))


class _Rewrite:
    """One pass over a graph in which some values are held apart; they are put together where something needs it."""

    def __init__(self, graph: onnx.GraphProto, *, packed: bool) -> None:
        self.graph, self.draft, self.packed = graph, Draft(graph), packed
        self._shapes = shapes(graph)
        self._makers = {name: node for node in graph.node for name in node.output}
        self._apart: dict[str, _Apart] = {}
        self._whole: set[str] = set()

    def run(self) -> onnx.GraphProto | None:
        """The graph in its new form, None where nothing changed."""
        changed = False
        for node in self.graph.node:
            site = _Site.of(self, node)
            if site is not None:
                self._split(node, site)
                changed = True
            elif self._works_apart(node):
                self._repeat(node)
            elif not (self.packed and self._fold(node)):
                for name in node.input:
                    self._join(name)
                self.draft.keep(node)
        for value in self.graph.output:
            self._join(value.name)
        return self.draft.finish() if changed else None

    def size(self, name: str) -> Sizes | None:
        """Height and width, where they are known."""
        shape = self._shapes.get(name, ())
        height, width = shape[2:] if len(shape) == 4 else ("", "")
        return (height, width) if isinstance(height, int) and isinstance(width, int) else None

    def nearest(self, name: str) -> tuple[str, Sizes] | None:
        """What ``name`` is upsampled from by repeating pixels, and how often along each axis."""
        node = self._makers.get(name)
        if node is None or node.op_type != "Resize":
            return None
        has, small, large = attributes(node), self.size(node.input[0]), self.size(name)
        wanted = {"mode": b"nearest", "coordinate_transformation_mode": b"asymmetric", "nearest_mode": b"floor"}
        if any(has.get(key) != value for key, value in wanted.items()) or "axes" in has:
            return None
        scales = self.draft.stored.get(node.input[2]) if len(node.input) == 3 else None
        if scales is None and small is not None and large is not None and len(node.input) > 3:
            scales = np.array([1, 1, large[0] / small[0], large[1] / small[1]])
        if scales is None or scales.size != 4:
            return None
        times = int(scales[2]), int(scales[3])
        return (node.input[0], times) if scales.tolist() == [1, 1, *times] else None

    def _split(self, node: onnx.NodeProto, site: _Site) -> None:
        """The convolution as one for each phase."""
        self._join(site.taken)
        made, channels = node.output[0], site.weight.shape[1]
        more = -channels % BLOCK if channels > 8 else 0
        taken = site.taken
        if more:
            pads = self.draft.shape(made, 0, 0, 0, 0, 0, more, 0, 0)
            taken = self.draft.add("Pad", [taken, pads], like=made)
        phases = []
        for number, (weight, pads_here) in enumerate(site.phases()):
            weight = np.pad(weight, ((0, 0), (0, more), (0, 0), (0, 0)))
            stored = self.draft.store(f"{node.input[1]}.phase_{number}", weight)
            whole = made if site.stride == (1, 1) else ""
            name = self.draft.add(
                "Conv",
                [taken, stored, *site.bias],
                whole,
                like=made,
                has={"kernel_shape": weight.shape[2:], "pads": pads_here},
            )
            phases.append(name)
        if site.stride != (1, 1):
            self._apart[made] = _Apart(tuple(phases), site.stride, len(site.weight), site.made)

    def _works_apart(self, node: onnx.NodeProto) -> bool:
        """Whether the node does the same to every pixel of a value that is held apart."""
        apart = [name for name in node.input if name in self._apart]
        if not {*apart} - self._whole or node.op_type not in (ELEMENTWISE if self.packed else ACTIVATIONS):
            return False
        forms = {(self._apart[name].block, self._apart[name].channels, self._apart[name].size) for name in apart}
        rest = [name for name in node.input if name and name not in self._apart]
        return len(forms) == 1 and len(node.output) == 1 and all(self._spread(name) for name in rest)

    def _spread(self, name: str) -> bool:
        """Whether a value is the same for every pixel."""
        shape = self.draft.stored[name].shape if name in self.draft.stored else self._shapes.get(name)
        return shape is not None and all(size == 1 for size in shape[-2:])

    def _repeat(self, node: onnx.NodeProto) -> None:
        """The node for each phase."""
        whole = next(self._apart[name] for name in node.input if name in self._apart)
        phases = tuple(
            self.draft.again(node, [self._apart[name].phases[number] if name in self._apart else name for name in node.input])
            for number in range(len(whole.phases))
        )
        self._apart[node.output[0]] = _Apart(phases, whole.block, whole.channels, whole.size)

    def _join(self, name: str) -> None:
        """Put the phases together: columns beside each other, then rows."""
        apart = self._apart.get(name)
        if apart is None or name in self._whole:
            return
        self._whole.add(name)
        if apart.size is None:
            self._join_open(name, apart)
            return
        draft, (rows, columns), n = self.draft, apart.block, apart.channels
        height, width = -(-apart.size[0] // rows), -(-apart.size[1] // columns)
        single = draft.shape(name, -1, n, height, width, 1)
        wide = draft.shape(name, -1, n, height, 1, width * columns)
        whole = draft.shape(name, -1, n, height * rows, width * columns)
        lines = []
        for row in range(rows):
            parts = [draft.add("Reshape", [one, single], like=name) for one in apart.phases[row * columns :][:columns]]
            lines.append(draft.add("Reshape", [draft.add("Concat", parts, like=name, has={"axis": 4}), wide], like=name))
        stacked = draft.add("Concat", lines, like=name, has={"axis": 3})
        if apart.even:
            draft.add("Reshape", [stacked, whole], name)
            return
        larger = draft.add("Reshape", [stacked, whole], like=name)
        starts, ends, axes = (draft.shape(name, *values) for values in ((0, 0), apart.size, (2, 3)))
        draft.add("Slice", [larger, starts, ends, axes], name)

    def _join_open(self, name: str, apart: _Apart) -> None:
        """The same where height and width are open. A size of 0 is what it was."""
        draft, columns = self.draft, apart.block[1]
        single, wide = draft.shape(name, 0, 0, 0, 0, 1), draft.shape(name, 0, 0, 0, 1, -1)
        lines = []
        for first in range(0, len(apart.phases), columns):
            parts = [draft.add("Reshape", [one, single], like=name) for one in apart.phases[first:][:columns]]
            lines.append(draft.add("Reshape", [draft.add("Concat", parts, like=name, has={"axis": 4}), wide], like=name))
        stacked = draft.add("Concat", lines, like=name, has={"axis": 3})
        width = draft.add("Shape", [stacked], like=name, has={"start": 4, "end": 5})
        whole = draft.add("Concat", [draft.shape(name, 0, 0, -1), width], like=name, has={"axis": 0})
        draft.add("Reshape", [stacked, whole], name)

    def _fold(self, node: onnx.NodeProto) -> bool:
        """A last stride-1 convolution of phases, without putting them together. Returns whether it was one."""
        convolution, apart = Convolution.of(node, self.draft.stored), self._apart.get(node.input[0])
        if convolution is None or apart is None or not apart.even or not convolution.dense or not convolution.steady:
            return False
        if convolution.channels[1] > FEW_CHANNELS or (apart.channels > 8 and apart.channels % BLOCK):
            return False
        flipped, pads = convolution.weight, list(convolution.pads)  # as of a transposed convolution: [in, out, h, w]
        if not convolution.transposed:
            flipped = flipped.transpose(1, 0, 2, 3)[:, :, ::-1, ::-1]
            pads = [reach - pad for reach, pad in zip(convolution.reach * 2, pads, strict=True)]
        if min(pads) < 0:
            return False
        channels, outputs, height, width = flipped.shape
        kernel = (height + apart.block[0] - 1, width + apart.block[1] - 1)
        made, summed = node.output[0], ""
        for number, (row, column) in enumerate(product(*(range(one) for one in apart.block))):
            placed = np.zeros((channels, outputs, *kernel), np.float32)
            placed[:, :, row : row + height, column : column + width] = flipped
            weight = self.draft.store(f"{node.input[1]}.phase_{number}", placed.reshape(channels, -1).T[:, :, None, None])
            products = self.draft.add("Conv", [apart.phases[number], weight], like=made, has={"kernel_shape": (1, 1)})
            summed = self.draft.add("Add", [products, summed], like=made) if summed else products
        taps = outputs * kernel[0] * kernel[1]
        places = self.draft.store(f"{node.input[1]}.places", np.eye(taps, dtype=np.float32).reshape(taps, outputs, *kernel))
        self.draft.add(
            "ConvTranspose",
            [summed, places, *node.input[2:]],
            made,
            has={"kernel_shape": kernel, "pads": pads, "strides": apart.block},
        )
        return True


def split_phases(graph: onnx.GraphProto) -> onnx.GraphProto | None:
    """Upsampling convolutions by phases, which are put together after the activation that follows."""
    return _Rewrite(graph, packed=False).run()


def pack_phases(graph: onnx.GraphProto) -> onnx.GraphProto | None:
    """Upsampling convolutions by phases, which stay apart into the last convolution where nothing else needs the whole."""
    return _Rewrite(graph, packed=True).run()
