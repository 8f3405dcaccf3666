"""The operators that a generator may use, and for each the shape of what it makes.

A rule takes a node and the facts of its inputs and returns the facts of its outputs. Sizes that a file computes while it
runs are followed as far as they rest on constants and shapes; where they rest on anything else, the file is refused:
then nobody can bound what it would ask for. Rules follow https://onnx.ai/onnx/operators/.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import ceil, prod
from typing import Any, NamedTuple

import numpy as np

from cganx.errors import UnsafeModel
from cganx.runtime.model import BOOL, DTYPES, FLOAT, INT8, INT32, INT64, MOST_RANK, UINT8, Node, Tensor

__all__ = ["OPERATORS", "Fact", "Rule", "einsum_sizes"]

Shape = tuple[int, ...]
MOST_VALUES = 1024
MOST_SCALES = 1 << 16  # of a quantised tensor, one a channel
MOST_COLUMNS = 1 << 25
FARTHEST = 1 << 20  # kernels, strides, dilations, pads and blocks
_INT64, _FLOAT = DTYPES[INT64], DTYPES[FLOAT]
_BYTES = (DTYPES[UINT8], DTYPES[INT8])
_STEPS = (*_BYTES, DTYPES[INT32])  # a bias is quantised to 32 bits


class Fact(NamedTuple):
    """What is known of a value: type, shape, whether it rests on constants alone, and its numbers where they are few."""

    dtype: np.dtype[Any]
    shape: Shape
    constant: bool = False
    numbers: np.ndarray[Any, Any] | None = None

    @property
    def elements(self) -> int:
        """How many values it holds."""
        return prod(self.shape)


Inputs = Sequence[Fact | None]
Rule = Callable[[Node, Inputs], list[Fact]]


def _refuse(node: Node, why: str) -> UnsafeModel:
    return UnsafeModel(f"operator {node.operator} (node {node.name!r}) {why}")


def _input(node: Node, inputs: Inputs, index: int) -> Fact:
    fact = inputs[index] if index < len(inputs) else None
    if fact is None:
        raise _refuse(node, f"lacks its input {index}")
    return fact


def _optional(inputs: Inputs, index: int) -> Fact | None:
    return inputs[index] if index < len(inputs) else None


def _numbers(node: Node, inputs: Inputs, index: int) -> list[int]:
    fact = _input(node, inputs, index)
    if fact.numbers is None:
        raise _refuse(node, "takes a size that is computed from more than constants and shapes")
    if fact.elements > 2 * MOST_RANK:
        raise _refuse(node, f"takes {fact.elements} numbers where {2 * MOST_RANK} are enough for all axes")
    return [int(number) for number in fact.numbers.reshape(-1).tolist()]


def _integer(node: Node, name: str, default: int) -> int:
    value = node.attributes.get(name, default)
    if not isinstance(value, int):
        raise _refuse(node, f"has an attribute {name} that is not a whole number")
    return value


def _flag(node: Node, name: str, default: bool) -> bool:
    """0 or 1; what onnxruntime makes of another number depends on the operator."""
    value = _integer(node, name, int(default))
    if value not in (0, 1):
        raise _refuse(node, f"has an attribute {name} that is neither 0 nor 1")
    return bool(value)


def _integers(node: Node, name: str, default: Sequence[int]) -> list[int]:
    value = node.attributes.get(name)
    if value is None:
        return list(default)
    if not isinstance(value, tuple) or not all(isinstance(one, int) for one in value) or len(value) != len(default):
        raise _refuse(node, f"has an attribute {name} that is not a list of {len(default)} whole numbers")
    return list(value)


def _axis(node: Node, axis: int, rank: int) -> int:
    if not -rank <= axis < rank:
        raise _refuse(node, f"names axis {axis} of a value with {rank} axes")
    return axis % rank


def _constant(inputs: Inputs) -> bool:
    return all(fact is None or fact.constant for fact in inputs)


def _like(inputs: Inputs, fact: Fact, shape: Shape, dtype: np.dtype[Any] | None = None) -> list[Fact]:
    return [Fact(dtype or fact.dtype, shape, _constant(inputs))]


def _broadcast(node: Node, *shapes: Shape) -> Shape:
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        raise _refuse(node, f"joins shapes that do not fit: {shapes}") from None


def _same(node: Node, inputs: Inputs) -> list[Fact]:
    fact = _input(node, inputs, 0)
    if len(inputs) > (3 if node.operator == "Clip" else 1):
        raise _refuse(node, f"takes {len(inputs)} inputs, which is too many")
    if "axis" in node.attributes:
        _axis(node, _integer(node, "axis", 0), len(fact.shape))
    return [Fact(fact.dtype, fact.shape, _constant(inputs), fact.numbers if node.operator == "Identity" else None)]


def _per_channel(node: Node, inputs: Inputs) -> list[Fact]:
    fact = _input(node, inputs, 0)
    if len(fact.shape) < 2:
        raise _refuse(node, "takes a value without channels")
    for index in range(1, len(inputs)):
        if _input(node, inputs, index).shape != (fact.shape[1],):
            raise _refuse(node, f"takes parameters that do not fit {fact.shape[1]} channels")
    if len(node.outputs) != 1:
        raise _refuse(node, "is in training mode")
    return _like(inputs, fact, fact.shape)


def _layer_normalised(node: Node, inputs: Inputs) -> list[Fact]:
    """onnxruntime ends the process over a bias that is named "" instead of left out."""
    fact = _input(node, inputs, 0)
    axes = fact.shape[_axis(node, _integer(node, "axis", -1), len(fact.shape)) :]
    if not 2 <= len(inputs) <= 3 or None in inputs:
        raise _refuse(node, "takes a value, a scale, and a bias or none; one that is not there must be left out, not empty")
    for index in range(1, len(inputs)):
        shape = _input(node, inputs, index).shape
        if shape != axes:
            raise _refuse(node, f"takes parameters {shape} that do not fit the axes {axes} that it normalises")
    return _like(inputs, fact, fact.shape)


def _grouped(node: Node, inputs: Inputs) -> list[Fact]:
    fact, groups = _input(node, inputs, 0), _integer(node, "num_groups", 0)
    if len(fact.shape) < 2 or groups < 1 or fact.shape[1] % groups:
        raise _refuse(node, f"divides the channels of {fact.shape} into {groups} groups")
    return _like(inputs, fact, fact.shape)


def _cast(node: Node, inputs: Inputs) -> list[Fact]:
    fact = _input(node, inputs, 0)
    dtype = DTYPES.get(_integer(node, "to", FLOAT))
    if dtype is None:
        raise _refuse(node, "casts to an element type that generators do not use")
    with np.errstate(all="ignore"):
        numbers = None if fact.numbers is None or fact.elements > MOST_VALUES else fact.numbers.astype(dtype)
    return [Fact(dtype, fact.shape, fact.constant, numbers)]


_ARITHMETIC: Mapping[str, Callable[[Any, Any], Any]] = {
    "Add": np.add,
    "Sub": np.subtract,
    "Mul": np.multiply,
    "Div": lambda a, b: np.where(a < 0, -(-a // b), a // b),  # towards 0; the divisor is positive
    "Max": np.maximum,
    "Min": np.minimum,
}


def _elementwise(node: Node, inputs: Inputs) -> list[Fact]:
    facts = [_input(node, inputs, index) for index in range(max(len(inputs), 1))]
    if node.operator == "Div" and facts[0].dtype.kind != "f":
        _check_divisor(node, _input(node, inputs, 1))
    shape = _broadcast(node, *(fact.shape for fact in facts))
    arithmetic = _ARITHMETIC.get(node.operator)
    numbers = None
    if arithmetic is not None and len(facts) == 2 and prod(shape) <= MOST_VALUES and _followed(node, facts):
        first, second = facts[0].numbers, facts[1].numbers
        if first is not None and second is not None and first.dtype == second.dtype == _INT64:
            with np.errstate(all="ignore"):  # they wrap round as onnxruntime's do
                numbers = np.asarray(arithmetic(first, second), _INT64)
    return [Fact(facts[0].dtype, shape, _constant(inputs), numbers)]


def _check_divisor(node: Node, divisor: Fact) -> None:
    """Whole numbers are divided by positive constants alone: the smallest one by -1 ends the process."""
    if divisor.numbers is None or not divisor.constant or (divisor.numbers.size and divisor.numbers.min() < 1):
        raise _refuse(node, "divides whole numbers by what is not a constant of at least 1")


def _followed(node: Node, facts: Sequence[Fact]) -> bool:
    """Whether what is computed may be a size. Of what rests on the batch only constant multiples may: they grow with it."""
    constant = [fact.constant for fact in facts]
    return all(constant) or (node.operator == "Mul" and any(constant))


def _compared(node: Node, inputs: Inputs) -> list[Fact]:
    """True or false for each pair of values; no size may rest on it."""
    shapes = [_input(node, inputs, index).shape for index in range(2)]
    return [Fact(DTYPES[BOOL], _broadcast(node, *shapes), _constant(inputs))]


def _where(node: Node, inputs: Inputs) -> list[Fact]:
    facts = [_input(node, inputs, index) for index in range(3)]
    return _like(inputs, facts[1], _broadcast(node, *(fact.shape for fact in facts)))


def _gemm(node: Node, inputs: Inputs) -> list[Fact]:
    a, b = _input(node, inputs, 0), _input(node, inputs, 1)
    if len(a.shape) != 2 or len(b.shape) != 2:
        raise _refuse(node, "takes matrices only")
    rows, inner = a.shape[::-1] if _flag(node, "transA", False) else a.shape
    inner_b, columns = b.shape[::-1] if _flag(node, "transB", False) else b.shape
    if inner != inner_b:
        raise _refuse(node, f"multiplies shapes that do not fit: {a.shape} and {b.shape}")
    c = _optional(inputs, 2)
    if c is not None and _broadcast(node, c.shape, (rows, columns)) != (rows, columns):
        raise _refuse(node, "adds a value that is larger than its product")
    return _like(inputs, a, (rows, columns))


def _matmul(node: Node, inputs: Inputs) -> list[Fact]:
    a, b = _input(node, inputs, 0), _input(node, inputs, 1)
    if len(a.shape) < 2 or len(b.shape) < 2 or a.shape[-1] != b.shape[-2]:
        raise _refuse(node, f"multiplies shapes that do not fit: {a.shape} and {b.shape}")
    return _like(inputs, a, (*_broadcast(node, a.shape[:-2], b.shape[:-2]), a.shape[-2], b.shape[-1]))


def einsum_sizes(node: Node, inputs: Inputs) -> tuple[str, dict[str, int]]:
    """The letters of what an Einsum of two values makes, and how long each letter's axis is."""
    equation = node.attributes.get("equation")
    if not isinstance(equation, bytes) or len(equation) > 4 * MOST_RANK or len(inputs) != 2:
        raise _refuse(node, "does not join two values by an equation")
    taken, arrow, made = equation.decode("latin-1").replace(" ", "").partition("->")
    parts = taken.split(",")
    known = all(letters.isascii() and letters.isalpha() and len(set(letters)) == len(letters) for letters in (*parts, made))
    if not arrow or len(parts) != len(inputs) or not known or not set(made) <= set("".join(parts)):
        raise _refuse(node, "has an equation that is not of the form ab,bc->ac, each letter once in each part")
    sizes: dict[str, int] = {}
    for index, letters in enumerate(parts):
        shape = _input(node, inputs, index).shape
        if len(shape) != len(letters) or any(sizes.setdefault(*pair) != pair[1] for pair in zip(letters, shape, strict=True)):
            raise _refuse(node, f"takes a value {shape} that does not fit its equation")
    return made, sizes


def _einsum(node: Node, inputs: Inputs) -> list[Fact]:
    made, sizes = einsum_sizes(node, inputs)
    return _like(inputs, _input(node, inputs, 0), tuple(sizes[letter] for letter in made))


class _Window(NamedTuple):
    """Kernel, strides, dilations and pads of a convolution or pooling over ``rank`` axes of space."""

    kernel: list[int]
    strides: list[int]
    dilations: list[int]
    pads: list[int]

    @classmethod
    def of(cls, node: Node, kernel: Sequence[int], rank: int) -> _Window:
        if node.attributes.get("auto_pad", b"NOTSET") != b"NOTSET":
            raise _refuse(node, "leaves its padding open (auto_pad); write pads")
        window = cls(
            list(kernel),
            _integers(node, "strides", [1] * rank),
            _integers(node, "dilations", [1] * rank),
            _integers(node, "pads", [0] * (2 * rank)),
        )
        sizes = [*window.kernel, *window.strides, *window.dilations]
        if min(sizes) < 1 or min(window.pads) < 0 or max(*sizes, *window.pads) > FARTHEST:
            raise _refuse(node, "has a kernel, stride, dilation or padding that is out of range")
        return window

    def reach(self, axis: int) -> int:
        return (self.kernel[axis] - 1) * self.dilations[axis] + 1

    def padding(self, axis: int) -> int:
        return self.pads[axis] + self.pads[axis + len(self.kernel)]

    def places(self, shape: Shape) -> list[int]:
        """At how many places along each axis of space the window fits into a value [n, c, ...]."""
        return [(size + self.padding(axis) - self.reach(axis)) // self.strides[axis] + 1 for axis, size in enumerate(shape[2:])]


def _conv(node: Node, inputs: Inputs) -> list[Fact]:
    x, weight = _input(node, inputs, 0), _input(node, inputs, 1)
    group, rank = _integer(node, "group", 1), len(x.shape) - 2
    if rank < 1 or len(weight.shape) != rank + 2 or group < 1 or weight.shape[1] * group != x.shape[1]:
        raise _refuse(node, f"takes a weight {weight.shape} that does not fit {x.shape}")
    _check_kernel_and_bias(node, inputs, weight, weight.shape[0])
    window = _Window.of(node, weight.shape[2:], rank)
    space = window.places(x.shape)
    if rank > 2:  # planes are unfolded piece by piece
        _check_columns(node, prod(weight.shape[1:]) * prod(space))
    return _like(inputs, x, _positive(node, (x.shape[0], weight.shape[0], *space)))


def _conv_transpose(node: Node, inputs: Inputs) -> list[Fact]:
    x, weight = _input(node, inputs, 0), _input(node, inputs, 1)
    group, rank = _integer(node, "group", 1), len(x.shape) - 2
    if rank < 1 or len(weight.shape) != rank + 2 or group < 1 or weight.shape[0] != x.shape[1] or x.shape[1] % group:
        raise _refuse(node, f"takes a weight {weight.shape} that does not fit {x.shape}")
    if "output_shape" in node.attributes:
        raise _refuse(node, "names its output shape; write pads and output_padding")
    _check_kernel_and_bias(node, inputs, weight, weight.shape[1] * group)
    window = _Window.of(node, weight.shape[2:], rank)
    extra = _integers(node, "output_padding", [0] * rank)
    if not 0 <= min(extra) <= max(extra) <= FARTHEST:
        raise _refuse(node, "has an output padding that is out of range")
    space = [
        (x.shape[axis + 2] - 1) * window.strides[axis] + window.reach(axis) - window.padding(axis) + extra[axis]
        for axis in range(rank)
    ]
    # onnxruntime unfolds each picture's products before it adds them up.
    _check_columns(node, prod(weight.shape[1:]) * group * prod(x.shape[2:]))
    return _like(inputs, x, _positive(node, (x.shape[0], weight.shape[1] * group, *space)))


def _check_columns(node: Node, columns: int) -> None:
    if columns > MOST_COLUMNS:
        raise _refuse(node, f"unfolds to {columns:,} values for one picture, more than a generator may")


def _check_kernel_and_bias(node: Node, inputs: Inputs, weight: Fact, channels: int) -> None:
    if "kernel_shape" in node.attributes and node.attributes["kernel_shape"] != weight.shape[2:]:
        raise _refuse(node, "names a kernel that is not its weight's")
    bias = _optional(inputs, 2)
    if bias is not None and bias.shape != (channels,):
        raise _refuse(node, f"takes a bias {bias.shape} that does not fit {channels} channels")


def _positive(node: Node, shape: Shape) -> Shape:
    if min(shape, default=1) < 1:
        raise _refuse(node, f"makes an empty value {shape}")
    return shape


def _reshape(node: Node, inputs: Inputs) -> list[Fact]:
    fact, target = _input(node, inputs, 0), _numbers(node, inputs, 1)
    if not _flag(node, "allowzero", False):
        target = [fact.shape[axis] if size == 0 and axis < len(fact.shape) else size for axis, size in enumerate(target)]
    known = prod(size for size in target if size != -1)
    if target.count(-1) == 1 and known > 0 and fact.elements % known == 0:
        target[target.index(-1)] = fact.elements // known
    if any(size < 0 for size in target) or prod(target) != fact.elements:
        raise _refuse(node, f"turns {fact.shape} into {tuple(target)}, which holds another number of values")
    numbers = None if fact.numbers is None else fact.numbers.reshape(target)
    return [Fact(fact.dtype, tuple(target), fact.constant, numbers)]


def _flatten(node: Node, inputs: Inputs) -> list[Fact]:
    fact = _input(node, inputs, 0)
    axis = _integer(node, "axis", 1)
    if not -len(fact.shape) <= axis <= len(fact.shape):
        raise _refuse(node, f"names axis {axis} of a value with {len(fact.shape)} axes")
    return _like(inputs, fact, (prod(fact.shape[:axis]), prod(fact.shape[axis:])))


def _transpose(node: Node, inputs: Inputs) -> list[Fact]:
    fact = _input(node, inputs, 0)
    order = _integers(node, "perm", range(len(fact.shape))[::-1])
    if sorted(order) != list(range(len(fact.shape))):
        raise _refuse(node, f"has an order of axes that is none: {order}")
    return _like(inputs, fact, tuple(fact.shape[axis] for axis in order))


def _concat(node: Node, inputs: Inputs) -> list[Fact]:
    facts = [_input(node, inputs, index) for index in range(max(len(inputs), 1))]
    rank = len(facts[0].shape)
    axis = _axis(node, _integer(node, "axis", 0), rank)
    rest = {(*fact.shape[:axis], *fact.shape[axis + 1 :]) for fact in facts}
    if len(rest) != 1 or any(len(fact.shape) != rank for fact in facts):
        raise _refuse(node, f"joins shapes that do not fit: {[fact.shape for fact in facts]}")
    size = sum(fact.shape[axis] for fact in facts)
    shape = (*facts[0].shape[:axis], size, *facts[0].shape[axis + 1 :])
    parts = [fact.numbers for fact in facts if fact.numbers is not None]
    numbers = np.concatenate(parts, axis) if len(parts) == len(facts) and prod(shape) <= MOST_VALUES else None
    return [Fact(facts[0].dtype, shape, _constant(inputs), numbers)]


def _slice(node: Node, inputs: Inputs) -> list[Fact]:
    fact, starts, ends = _input(node, inputs, 0), _numbers(node, inputs, 1), _numbers(node, inputs, 2)
    axes = list(range(len(starts))) if _optional(inputs, 3) is None else _numbers(node, inputs, 3)
    steps = [1] * len(starts) if _optional(inputs, 4) is None else _numbers(node, inputs, 4)
    if not len(starts) == len(ends) == len(axes) == len(steps) or 0 in steps:
        raise _refuse(node, "has starts, ends, axes and steps that do not fit")
    slices = [slice(None)] * len(fact.shape)
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        low = None if step < 0 and end < -fact.shape[_axis(node, axis, len(fact.shape))] else end
        slices[_axis(node, axis, len(fact.shape))] = slice(start, low, step)
    shape = tuple(len(range(*part.indices(size))) for part, size in zip(slices, fact.shape, strict=True))
    numbers = fact.numbers[tuple(slices)] if fact.numbers is not None and _constant(inputs[1:]) else None
    return [Fact(fact.dtype, _positive(node, shape), _constant(inputs), numbers)]


def _pad(node: Node, inputs: Inputs) -> list[Fact]:
    fact, pads = _input(node, inputs, 0), _numbers(node, inputs, 1)
    rank = len(fact.shape)
    axes = list(range(rank)) if _optional(inputs, 3) is None else _numbers(node, inputs, 3)
    if len(pads) != 2 * len(axes):
        raise _refuse(node, "has pads that do not fit its axes")
    shape = list(fact.shape)
    mirrors = node.attributes.get("mode", b"constant") == b"reflect"
    followed = [_axis(node, axis, rank) for axis in axes]
    if len(set(followed)) != len(followed):
        raise _refuse(node, "names the same axis twice")
    for place, axis in enumerate(followed):
        size, around = fact.shape[axis], (pads[place], pads[place + len(axes)])
        # What is cut off must be there, and so must what is mirrored.
        if size + sum(min(pad, 0) for pad in around) < 1 or max(around) > (size - 1 if mirrors else FARTHEST):
            raise _refuse(node, f"pads an axis of {size} by {around}")
        shape[axis] += sum(around)
    return _like(inputs, fact, _positive(node, tuple(shape)))


def _depth_to_space(node: Node, inputs: Inputs) -> list[Fact]:
    fact, block = _input(node, inputs, 0), _integer(node, "blocksize", 0)
    if len(fact.shape) != 4 or not 1 <= block <= FARTHEST or fact.shape[1] % (block * block):
        raise _refuse(node, f"cannot spread the channels of {fact.shape} over blocks of {block}")
    n, c, h, w = fact.shape
    return _like(inputs, fact, (n, c // (block * block), h * block, w * block))


def _space_to_depth(node: Node, inputs: Inputs) -> list[Fact]:
    fact, block = _input(node, inputs, 0), _integer(node, "blocksize", 0)
    if len(fact.shape) != 4 or block < 1 or fact.shape[2] % block or fact.shape[3] % block:
        raise _refuse(node, f"cannot gather blocks of {block} from {fact.shape}")
    n, c, h, w = fact.shape
    return _like(inputs, fact, (n, c * block * block, h // block, w // block))


def _resize(node: Node, inputs: Inputs) -> list[Fact]:
    fact = _input(node, inputs, 0)
    if "axes" in node.attributes or node.attributes.get("keep_aspect_ratio_policy", b"stretch") != b"stretch":
        raise _refuse(node, "resizes some axes only; name scales or sizes of all")
    sizes, scales = _optional(inputs, 3), _optional(inputs, 2)
    if sizes is not None and sizes.elements:
        shape = tuple(_numbers(node, inputs, 3))
    elif scales is not None and scales.numbers is not None and scales.elements == len(fact.shape):
        factors = [float(factor) for factor in scales.numbers.reshape(-1)]
        if not all(0 < factor <= 1024 for factor in factors):
            raise _refuse(node, f"has scales out of range: {factors}")
        # In float32, as onnxruntime does.
        shape = tuple(int(np.float32(size) * np.float32(factor)) for size, factor in zip(fact.shape, factors, strict=True))
    else:
        raise _refuse(node, "has neither scales nor sizes that are constants")
    if len(shape) != len(fact.shape):
        raise _refuse(node, "has sizes that do not fit its input")
    return _like(inputs, fact, _positive(node, shape))


def _axes(node: Node, inputs: Inputs, rank: int, default: Sequence[int]) -> list[int]:
    given = _optional(inputs, 1)
    if given is not None:
        axes: Sequence[int] = _numbers(node, inputs, 1)
    else:
        axes = node.attributes.get("axes", tuple(default))
        if not isinstance(axes, tuple) or not all(isinstance(axis, int) for axis in axes):
            raise _refuse(node, "has an attribute axes that is not a list of whole numbers")
    followed = [_axis(node, int(axis), rank) for axis in axes]
    if len(set(followed)) != len(followed):
        raise _refuse(node, "names the same axis twice")
    return followed


def _unsqueeze(node: Node, inputs: Inputs) -> list[Fact]:
    fact = _input(node, inputs, 0)
    if _optional(inputs, 1) is None:
        raise _refuse(node, "does not name its axes")
    axes = set(_axes(node, inputs, len(fact.shape) + _input(node, inputs, 1).elements, ()))
    rest = iter(fact.shape)
    shape = tuple(1 if axis in axes else next(rest) for axis in range(len(fact.shape) + len(axes)))
    return [Fact(fact.dtype, shape, fact.constant, None if fact.numbers is None else fact.numbers.reshape(shape))]


def _squeeze(node: Node, inputs: Inputs) -> list[Fact]:
    fact = _input(node, inputs, 0)
    if _optional(inputs, 1) is None and "axes" not in node.attributes:
        raise _refuse(node, "leaves open which axes it drops; a batch of one would be dropped too. Name them")
    axes = _axes(node, inputs, len(fact.shape), ())
    if any(fact.shape[axis] != 1 for axis in axes):
        raise _refuse(node, f"drops an axis of {fact.shape} that is not of size 1")
    shape = tuple(size for axis, size in enumerate(fact.shape) if axis not in axes)
    return [Fact(fact.dtype, shape, fact.constant, None if fact.numbers is None else fact.numbers.reshape(shape))]


def _gather(node: Node, inputs: Inputs) -> list[Fact]:
    fact, index = _input(node, inputs, 0), _input(node, inputs, 1)
    axis = _axis(node, _integer(node, "axis", 0), len(fact.shape))
    shape = (*fact.shape[:axis], *index.shape, *fact.shape[axis + 1 :])
    numbers = None
    # By a constant alone: a table that is looked up by a size could hold any size for those that nobody has followed.
    if fact.numbers is not None and index.numbers is not None and index.constant and prod(shape) <= MOST_VALUES:
        if index.numbers.size and not -fact.shape[axis] <= index.numbers.min() <= index.numbers.max() < fact.shape[axis]:
            raise _refuse(node, "takes an element that is not there")
        numbers = np.take(fact.numbers, index.numbers.astype(np.int64), axis)
    return [Fact(fact.dtype, shape, _constant(inputs), numbers)]


def _expand(node: Node, inputs: Inputs) -> list[Fact]:
    fact = _input(node, inputs, 0)
    sizes = _numbers(node, inputs, 1)
    if any(size < 1 for size in sizes):
        raise _refuse(node, f"expands to an impossible shape {sizes}")
    return _like(inputs, fact, _broadcast(node, fact.shape, tuple(sizes)))


def _shape(node: Node, inputs: Inputs) -> list[Fact]:
    fact = _input(node, inputs, 0)
    start, end = _integer(node, "start", 0), _integer(node, "end", len(fact.shape))
    numbers = np.array(fact.shape[start:end], _INT64)
    return [Fact(_INT64, numbers.shape, constant=False, numbers=numbers)]


def _constant_node(node: Node, inputs: Inputs) -> list[Fact]:
    del inputs
    if len(node.attributes) != 1:
        raise _refuse(node, "does not hold exactly one value")
    ((name, value),) = node.attributes.items()
    if name == "value" and isinstance(value, Tensor):
        return [stored(value.array)]
    dtypes = {"value_float": _FLOAT, "value_floats": _FLOAT, "value_int": _INT64, "value_ints": _INT64}
    if name not in dtypes:
        raise _refuse(node, "holds a value of a type that generators do not use")
    try:
        return [stored(np.array(value, dtypes[name]))]
    except (ValueError, TypeError, OverflowError):
        raise _refuse(node, f"holds {name} of another type") from None


def _reduce(node: Node, inputs: Inputs) -> list[Fact]:
    fact = _input(node, inputs, 0)
    given = _optional(inputs, 1)
    if _flag(node, "noop_with_empty_axes", False) or (given is not None and given.elements == 0):
        raise _refuse(node, "leaves open which axes it reduces; name them")
    axes = set(_axes(node, inputs, len(fact.shape), range(len(fact.shape))))
    keep = _flag(node, "keepdims", True)
    kept = [1 if axis in axes else size for axis, size in enumerate(fact.shape) if keep or axis not in axes]
    return _like(inputs, fact, tuple(kept))


def _split(node: Node, inputs: Inputs) -> list[Fact]:
    fact = _input(node, inputs, 0)
    axis = _axis(node, _integer(node, "axis", 0), len(fact.shape))
    size, count = fact.shape[axis], len(node.outputs)
    if _integer(node, "num_outputs", count) != count:  # onnxruntime ends the process
        raise _refuse(node, f"says another number of parts than the {count} that it makes")
    part = ceil(size / count)
    sizes = [max(0, min(part, size - part * index)) for index in range(count)]
    if _optional(inputs, 1) is not None:
        sizes = _numbers(node, inputs, 1)
    if len(sizes) != count or sum(sizes) != size or min(sizes) < 1:
        raise _refuse(node, f"splits {size} into {sizes}")
    constant = _constant(inputs)
    return [Fact(fact.dtype, (*fact.shape[:axis], one, *fact.shape[axis + 1 :]), constant) for one in sizes]


def _window_pool(node: Node, inputs: Inputs) -> list[Fact]:
    fact = _input(node, inputs, 0)
    rank = len(fact.shape) - 2
    if rank < 1 or _flag(node, "ceil_mode", False) or len(node.outputs) != 1:
        raise _refuse(node, "pools what has no axes of space, rounds sizes up or gives places")
    window = _Window.of(node, _integers(node, "kernel_shape", [0] * rank), rank)
    return _like(inputs, fact, _positive(node, (*fact.shape[:2], *window.places(fact.shape))))


def _quantize(node: Node, inputs: Inputs) -> list[Fact]:
    fact, scale, zero = _input(node, inputs, 0), _input(node, inputs, 1), _optional(inputs, 2)
    dtype = DTYPES[UINT8] if zero is None else zero.dtype
    if fact.dtype != scale.dtype or dtype not in _BYTES:
        raise _refuse(node, f"turns {fact.dtype} by a scale of {scale.dtype} into {dtype}, and generators use int8 and uint8")
    _check_steps(node, fact, scale, zero)
    return _like(inputs, fact, fact.shape, dtype)


def _dequantize(node: Node, inputs: Inputs) -> list[Fact]:
    fact, scale, zero = _input(node, inputs, 0), _input(node, inputs, 1), _optional(inputs, 2)
    if fact.dtype not in _STEPS or (zero is not None and zero.dtype != fact.dtype):
        raise _refuse(node, f"takes {fact.dtype} with a zero point of {zero.dtype if zero else fact.dtype}")
    if zero is not None and fact.dtype not in _BYTES and (zero.numbers is None or zero.numbers.any()):
        raise _refuse(node, "has a zero point other than 0 for what is not int8 or uint8")
    _check_steps(node, fact, scale, zero)
    return _like(inputs, fact, fact.shape, scale.dtype)


def _check_steps(node: Node, fact: Fact, scale: Fact, zero: Fact | None) -> None:
    """One scale and zero point for all values, or one a channel; constants, for nobody can bound what is computed."""
    if node.attributes.keys() - {"axis", "saturate"}:
        raise _refuse(node, "quantises by blocks or to a type of its own")
    for what, given in (("scale", scale), ("zero point", zero)):
        if given is not None and (not given.constant or given.numbers is None):
            raise _refuse(node, f"has a {what} that is not a constant of at most {MOST_SCALES:,} values")
    assert scale.numbers is not None
    if scale.dtype.kind != "f" or not (np.isfinite(scale.numbers) & (scale.numbers > 0)).all():
        raise _refuse(node, "has a scale that is not a finite number over 0")
    if zero is not None and zero.shape != scale.shape:
        raise _refuse(node, f"has scales {scale.shape} and zero points {zero.shape}")
    axis = _integer(node, "axis", 1)
    if scale.shape not in ((), (1,)) and scale.shape != (fact.shape[_axis(node, axis, len(fact.shape))],):
        raise _refuse(node, f"has scales {scale.shape} that do not fit axis {axis} of {fact.shape}")


def _pool(node: Node, inputs: Inputs) -> list[Fact]:
    fact = _input(node, inputs, 0)
    return _like(inputs, fact, (*fact.shape[:2], *(1 for _ in fact.shape[2:])))


def stored(array: np.ndarray[Any, Any]) -> Fact:
    """The fact of a constant that lies in the file; its numbers are kept where they can be sizes or scales."""
    most = MOST_SCALES if array.ndim == 1 else MOST_VALUES
    return Fact(array.dtype, array.shape, constant=True, numbers=array if array.size <= most else None)


_SAME = (
    "Abs",
    "Ceil",
    "Clip",
    "Elu",
    "Erf",
    "Exp",
    "Floor",
    "Gelu",
    "HardSigmoid",
    "HardSwish",
    "Identity",
    "LeakyRelu",
    "Log",
    "LogSoftmax",
    "Mish",
    "Neg",
    "Reciprocal",
    "Relu",
    "Round",
    "Selu",
    "Sigmoid",
    "Sign",
    "Sin",
    "Cos",
    "Softmax",
    "Softplus",
    "Softsign",
    "Sqrt",
    "Tanh",
    "LpNormalization",
)

OPERATORS: Mapping[str, Rule] = {
    **dict.fromkeys(_SAME, _same),
    **dict.fromkeys(("Add", "Sub", "Mul", "Div", "Pow", "Max", "Min", "PRelu"), _elementwise),
    **dict.fromkeys(("Greater", "GreaterOrEqual", "Less", "LessOrEqual"), _compared),
    **dict.fromkeys(("ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceL2", "ReduceSumSquare"), _reduce),
    **dict.fromkeys(("BatchNormalization", "InstanceNormalization"), _per_channel),
    "AveragePool": _window_pool,
    "Cast": _cast,
    "Concat": _concat,
    "Constant": _constant_node,
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    "DepthToSpace": _depth_to_space,
    "DequantizeLinear": _dequantize,
    "Einsum": _einsum,
    "Expand": _expand,
    "Flatten": _flatten,
    "Gather": _gather,
    "Gemm": _gemm,
    "GroupNormalization": _grouped,
    "GlobalAveragePool": _pool,
    "LayerNormalization": _layer_normalised,
    "MatMul": _matmul,
    "MaxPool": _window_pool,
    "Pad": _pad,
    "QuantizeLinear": _quantize,
    "Reshape": _reshape,
    "Resize": _resize,
    "Shape": _shape,
    "Slice": _slice,
    "SpaceToDepth": _space_to_depth,
    "Split": _split,
    "Squeeze": _squeeze,
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
    "Where": _where,
}
