"""What one run of a graph asks of a processor and of memory, from the shapes that are known of its values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from math import prod

from cganx.runtime.model import Graph, Node
from cganx.runtime.operators import Fact, einsum_sizes

__all__ = ["PRODUCTS", "most_alive", "work"]

Facts = Mapping[str, Fact]
# onnxruntime's kernels for float32 and many channels take 0.03 ns a multiply-add and about 1 ns a value; others of
# its kernels take up to 16 times as much (one core of an AMD EPYC with AVX2).
_SLOW = 16
_VALUE = 32
_FEW_CHANNELS = 8
# A value takes 4 to 12 ns where it is added up with others, 10 to 14 where a filter goes over it in one direction after
# another, and 150 to 700 where it is made of 16 others at once. Each row that is normalised takes 20 to 70 besides, and
# each single product of many, as those of groups of channels are, 20 to 240.
_REDUCED = 8 * _VALUE
_FILTERED = 16 * _VALUE
_CUBIC = 256 * _VALUE
_ROW = 64 * _VALUE
_CALL = 256 * _VALUE


def _convolution(node: Node, facts: Facts) -> int:
    """Every value that is made takes one multiply-add for each weight of its channel."""
    return facts[node.outputs[0]].elements * prod(facts[node.inputs[1]].shape[1:])


def _transposed(node: Node, facts: Facts) -> int:
    """Every value that is taken gives one multiply-add for each weight of its channel."""
    return facts[node.inputs[0]].elements * prod(facts[node.inputs[1]].shape[1:])


def _product(node: Node, facts: Facts) -> int:
    inner = facts[node.inputs[0]].shape
    return facts[node.outputs[0]].elements * inner[-2 if node.attributes.get("transA") else -1]


def _pooled(node: Node, facts: Facts) -> int:
    """Every value that is made looks at those of a window, as far as there are any."""
    sizes = zip(node.attributes["kernel_shape"], facts[node.inputs[0]].shape[2:], strict=True)
    return facts[node.outputs[0]].elements * prod(min(kernel, size) for kernel, size in sizes)


def _summed(node: Node, facts: Facts) -> int:
    """One multiply-add for each place of all axes together."""
    return prod(einsum_sizes(node, [facts[name] for name in node.inputs])[1].values())


def _reduced(node: Node, facts: Facts) -> int:
    return _REDUCED * facts[node.inputs[0]].elements


def _resized(node: Node, facts: Facts) -> int:
    """A filter against jagged edges reads all values, however few it makes: first along one axis, then along the next."""
    before, after = facts[node.inputs[0]], facts[node.outputs[0]]
    if node.attributes.get("antialias", 0):
        return _FILTERED * prod(max(sizes) for sizes in zip(before.shape, after.shape, strict=True))
    if node.attributes.get("mode") == b"cubic":
        return _CUBIC * after.elements
    return _values(node, facts)


def _values(node: Node, facts: Facts) -> int:
    """Those that are read or those that are made, whichever are more."""
    made = sum(facts[name].elements for name in node.outputs)
    if node.operator == "Shape":
        return _VALUE * made
    return _VALUE * max(made, sum(facts[name].elements for name in node.inputs if name))


def _normalised(node: Node, facts: Facts) -> int:
    """A row at a time: of the last axis, a channel, or a group of channels. Along other axes it goes value by value."""
    shape = facts[node.outputs[0]].shape
    if node.operator == "GroupNormalization":
        rows = shape[0] * int(node.attributes["num_groups"])
    elif node.operator == "InstanceNormalization":
        rows = shape[0] * shape[1]
    else:
        axis = int(node.attributes.get("axis", -1)) % len(shape)
        rows = prod(shape[:axis] if node.operator == "LayerNormalization" or axis == len(shape) - 1 else shape)
    return _values(node, facts) + _ROW * rows


def _quantised(node: Node, facts: Facts) -> int:
    """Scales of the last axis are applied value by value."""
    shape, scales = facts[node.outputs[0]].shape, facts[node.inputs[1]].elements
    last = scales > 1 and node.attributes.get("axis", 1) % len(shape) == len(shape) - 1
    return _values(node, facts) + (_ROW * prod(shape) if last else 0)


def _calls(node: Node, facts: Facts) -> int:
    """How many products are made one by one: of matrices, or of a picture's groups."""
    shape = facts[node.outputs[0]].shape
    if node.operator in ("Conv", "ConvTranspose"):
        return shape[0] * int(node.attributes.get("group", 1))
    if node.operator == "Einsum":
        made, sizes = einsum_sizes(node, [facts[name] for name in node.inputs])
        both = set.intersection(*(set(part) for part in node.attributes["equation"].decode().split("->")[0].split(",")))
        return prod(sizes[letter] for letter in made if letter in both)
    return prod(shape[:-2])


Count = Callable[[Node, Facts], int]
_TOUCHED: Mapping[str, Count] = {
    **dict.fromkeys(("ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceL2", "ReduceSumSquare"), _reduced),
    **dict.fromkeys(("Softmax", "LogSoftmax", "LayerNormalization"), _normalised),
    **dict.fromkeys(("InstanceNormalization", "GroupNormalization"), _normalised),
    "QuantizeLinear": _quantised,
    "Resize": _resized,
}
PRODUCTS: Mapping[str, Count] = {"Conv": _convolution, "ConvTranspose": _transposed, "Gemm": _product, "MatMul": _product}
_COUNTS: Mapping[str, Count] = {**PRODUCTS, "AveragePool": _pooled, "MaxPool": _pooled, "Einsum": _summed}


def work(graph: Graph, facts: Facts) -> int:
    """Multiply-adds of one run, those of slow kernels and all values that are read or made in the same coin."""
    return sum(_work(node, facts) for node in graph.nodes)


def _work(node: Node, facts: Facts) -> int:
    touched = _TOUCHED.get(node.operator, _values)(node, facts)
    count = _COUNTS.get(node.operator)
    if count is None:
        return touched
    first = facts[node.outputs[0]]
    channels = first.shape[-1 if node.operator in ("Gemm", "MatMul", "Einsum") else 1]
    fast = first.dtype == "<f4" and node.attributes.get("group", 1) == 1 and channels >= _FEW_CHANNELS
    calls = 0 if node.operator in ("AveragePool", "MaxPool") else _CALL * _calls(node, facts)
    return touched + calls + count(node, facts) * (1 if fast else _SLOW)


def most_alive(graph: Graph, facts: Facts, fixed: Set[str]) -> int:
    """The most values that lie in memory at once when the nodes run in file order, without those that are ``fixed``."""
    last = {name: place for place, node in enumerate(graph.nodes) for name in (*node.inputs, *node.outputs)}
    kept = {value.name for value in graph.outputs}
    alive = most = sum(facts[value.name].elements for value in graph.inputs if value.name not in fixed)
    for place, node in enumerate(graph.nodes):
        alive += sum(facts[name].elements for name in node.outputs if name not in fixed)
        most = max(most, alive)
        ended = {name for name in (*node.inputs, *node.outputs) if last[name] == place} - kept - fixed - {""}
        alive -= sum(facts[name].elements for name in ended)
    return most
