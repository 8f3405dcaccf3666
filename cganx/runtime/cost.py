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


Count = Callable[[Node, Facts], int]
PRODUCTS: Mapping[str, Count] = {"Conv": _convolution, "ConvTranspose": _transposed, "Gemm": _product, "MatMul": _product}
_COUNTS: Mapping[str, Count] = {**PRODUCTS, "AveragePool": _pooled, "MaxPool": _pooled, "Einsum": _summed}


def work(graph: Graph, facts: Facts) -> int:
    """Multiply-adds of one run, those of slow kernels and all values that are made in the same coin."""
    return sum(_work(node, facts) for node in graph.nodes)


def _work(node: Node, facts: Facts) -> int:
    made = _VALUE * sum(facts[name].elements for name in node.outputs)
    count = _COUNTS.get(node.operator)
    if count is None:
        return made
    first = facts[node.outputs[0]]
    channels = first.shape[-1 if node.operator in ("Gemm", "MatMul", "Einsum") else 1]
    fast = first.dtype == "<f4" and node.attributes.get("group", 1) == 1 and channels >= _FEW_CHANNELS
    return made + count(node, facts) * (1 if fast else _SLOW)


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
