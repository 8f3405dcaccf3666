"""What the passes share: convolutions as they read them, and a graph as they write it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper

from cganx_export.cleaning import attributes, constants, copied, dropped_unused, replace_nodes, store

__all__ = ["ACTIVATIONS", "BLOCK", "ELEMENTWISE", "FEW_CHANNELS", "Convolution", "Draft"]

# A blocked CPU kernel computes 8 or 16 output channels at a time, so few of them starve it.
FEW_CHANNELS = 4
# It takes inputs whose channels are a multiple of its block: 8 with AVX2, 16 with AVX-512.
BLOCK = 16
ACTIVATIONS = ("Clip", "HardSigmoid", "LeakyRelu", "Relu", "Sigmoid", "Tanh")  # onnxruntime fuses them into a Conv
ELEMENTWISE = (
    *ACTIVATIONS,
    *("Abs", "Add", "Div", "Elu", "Erf", "Exp", "Gelu", "HardSwish", "Mish", "Mul", "Neg", "PRelu", "Selu", "Softplus"),
    *("Softsign", "Sqrt", "Sub"),
)
NONE: Mapping[str, object] = MappingProxyType({})
Array = NDArray[np.generic]


@dataclass(frozen=True)
class Convolution:
    """A two-dimensional ``Conv`` or ``ConvTranspose`` of one group with a stored weight and written pads.

    ``weight`` is [out, in, h, w], or [in, out, h, w] where it is ``transposed``; ``pads`` are top, left, bottom, right.
    """

    transposed: bool
    weight: Array
    pads: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    output_padding: tuple[int, ...]

    @classmethod
    def of(cls, node: onnx.NodeProto, stored: dict[str, Array]) -> Convolution | None:
        """The node as such a convolution, None where it is none."""
        if node.op_type not in ("Conv", "ConvTranspose") or node.input[1] not in stored:
            return None
        has, weight = attributes(node), stored[node.input[1]]
        plain = has.get("auto_pad", b"NOTSET") == b"NOTSET" and has.get("group", 1) == 1 and "output_shape" not in has
        if weight.ndim != 4 or not plain:
            return None
        return cls(
            transposed=node.op_type == "ConvTranspose",
            weight=weight,
            pads=_integers(has.get("pads"), (0,) * 4),
            strides=_integers(has.get("strides"), (1, 1)),
            dilations=_integers(has.get("dilations"), (1, 1)),
            output_padding=_integers(has.get("output_padding"), (0, 0)),
        )

    @property
    def channels(self) -> tuple[int, int]:
        """In and out."""
        first, second = self.weight.shape[:2]
        return (first, second) if self.transposed else (second, first)

    @property
    def kernel(self) -> tuple[int, int]:
        """Height and width."""
        return self.weight.shape[2], self.weight.shape[3]

    @property
    def reach(self) -> tuple[int, int]:
        """How far the last tap lies from the first one."""
        return (self.kernel[0] - 1) * self.dilations[0], (self.kernel[1] - 1) * self.dilations[1]

    @property
    def beyond(self) -> tuple[int, int]:
        """Rows and columns that are made beyond those taken, of a transposed one beyond its strides times those taken.

        Of a plain one whose stride is 1.
        """
        rows, columns = (reach - self.pads[axis] - self.pads[axis + 2] for axis, reach in enumerate(self.reach))
        if not self.transposed:
            return -rows, -columns
        (down, right), (below, beside) = self.strides, self.output_padding
        return rows + 1 + below - down, columns + 1 + beside - right

    @property
    def dense(self) -> bool:
        """No dilation."""
        return self.dilations == (1, 1)

    @property
    def steady(self) -> bool:
        """No stride, and nothing added to the end of what is made."""
        return self.strides == (1, 1) and self.output_padding == (0, 0)


def _integers(value: object, default: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(int(one) for one in value) if isinstance(value, (list, tuple)) else default


class Draft:
    """A graph in the making, with the ends and the stored tensors of another."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        self._graph = onnx.GraphProto()
        self._graph.CopyFrom(graph)
        self._nodes: list[onnx.NodeProto] = []
        self.stored = constants(graph)
        self._taken = {name for node in graph.node for name in node.output} | {one.name for one in graph.input} | {*self.stored}

    def keep(self, node: onnx.NodeProto) -> None:
        """Take over a node as it is."""
        self._nodes.append(copied(node))

    def again(self, node: onnx.NodeProto, inputs: list[str], made: str = "") -> str:
        """A node like another one, with other inputs; it makes ``made``, or a value of its own. Returns the name."""
        same = copied(node)
        del same.input[:]
        same.input.extend(inputs)
        same.output[0] = made or self._free(f"{node.output[0]}/{node.op_type.lower()}")
        self._nodes.append(same)
        return str(same.output[0])

    def add(self, operator: str, inputs: list[str], made: str = "", *, like: str = "", has: Mapping[str, object] = NONE) -> str:
        """A new node with these attributes. It makes ``made``, or a value of its own that is named after ``like``."""
        name = made or self._free(f"{like}/{operator.lower()}")
        node = helper.make_node(operator, inputs, [name])
        node.attribute.extend(helper.make_attribute(key, has[key]) for key in sorted(has))
        self._nodes.append(node)
        return name

    def store(self, stem: str, array: Array) -> str:
        """Store a tensor under a name of its own, and return that."""
        name = store(self._graph, self._free(stem), array)
        self.stored[name] = array
        return name

    def shape(self, like: str, *sizes: int) -> str:
        """Store a shape."""
        return self.store(f"{like}/shape", np.array(sizes, np.int64))

    def finish(self) -> onnx.GraphProto:
        """The graph, without nodes and tensors that nothing needs."""
        replace_nodes(self._graph, self._nodes)
        return dropped_unused(self._graph)

    def _free(self, stem: str) -> str:
        name, number = stem, 0
        while name in self._taken:
            number += 1
            name = f"{stem}_{number}"
        self._taken.add(name)
        return name
