"""Nodes that their neighbours can do as well.

- A crop of what a transposed convolution makes is more of that layer's padding: both leave out the same pixels.
- Two matrix products in a row with nothing between them are one, by (x A) B = x (A B): a label's embedding and the dense layer
  behind it become one map of each class.
- Turning a dense layer's output from channels last to channels first reorders its values, and what happens to each value alone
  in between commutes with that. So the rows of its weight are reordered instead.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from cganx_export.cleaning import attributes, copied, shapes
from cganx_export.rewrites.drafting import ELEMENTWISE, Convolution, Draft

__all__ = ["fold"]

Graph = onnx.GraphProto


def fold(graph: Graph) -> Graph | None:
    """Crops into paddings, products into products, and transpositions into the rows of weights."""
    folded = graph
    for one in (_crops, _products, _transpositions):
        folded = one(folded) or folded
    return None if folded is graph else folded


class _Links:
    """Who makes and who uses each value."""

    def __init__(self, graph: Graph) -> None:
        self.makers = {name: node for node in graph.node for name in node.output}
        self.users: dict[str, list[onnx.NodeProto]] = {one.name: [] for one in graph.output}
        self.ends = {one.name for one in graph.output}
        for node in graph.node:
            for name in node.input:
                self.users.setdefault(name, []).append(node)

    def only_user(self, name: str, operator: str) -> onnx.NodeProto | None:
        """The node of that operator which alone uses ``name``, else None."""
        users = self.users.get(name, [])
        return users[0] if len(users) == 1 and name not in self.ends and users[0].op_type == operator else None


def _crops(graph: Graph) -> Graph | None:
    draft, links, known = Draft(graph), _Links(graph), shapes(graph)
    done: set[str] = set()
    for node in graph.node:
        convolution = Convolution.of(node, draft.stored)
        if node.output[0] in done:
            continue
        made, crops = node.output[0], np.zeros(4, np.int64)
        if convolution is not None and convolution.transposed:
            while (crop := links.only_user(made, "Slice")) is not None:
                cut = _cut(crop, draft.stored, known)
                if cut is None:
                    break
                made, crops = crop.output[0], crops + cut
                done.add(made)
        if made == node.output[0] or convolution is None:
            draft.keep(node)
        else:
            pads = [pad + int(cut) for pad, cut in zip(convolution.pads, crops, strict=True)]
            draft.add(node.op_type, list(node.input), made, has=attributes(node) | {"pads": pads})
    return draft.finish() if done else None


def _cut(crop: onnx.NodeProto, stored: dict[str, NDArray[Any]], known: dict[str, tuple[int | str, ...]]) -> list[int] | None:
    """What a Slice with constant ends takes away above, left, below and right; None where it does something else."""
    if len(crop.input) < 4 or not all(name in stored for name in crop.input[1:]):
        return None
    starts, _, axes, *steps = (stored[name].tolist() for name in crop.input[1:])
    before, after = known.get(crop.input[0], ()), known.get(crop.output[0], ())
    if len(before) != 4 or len(after) != 4 or any(step != [1] * len(axes) for step in steps):
        return None
    cut = [0] * 4
    for start, axis in zip(starts, axes, strict=True):
        large, small = before[axis], after[axis]
        if axis not in (2, 3) or not isinstance(large, int) or not isinstance(small, int):
            return None
        begin = min(max(start + large if start < 0 else start, 0), large)
        cut[axis - 2], cut[axis] = begin, large - small - begin
    return cut


def _products(graph: Graph) -> Graph | None:
    draft, links = Draft(graph), _Links(graph)
    done: set[str] = set()
    for node in graph.node:
        second = links.only_user(node.output[0], "Gemm")
        if node.output[0] in done:
            continue
        if node.op_type != "MatMul" or second is None or not _joins(node, second, draft.stored):
            draft.keep(node)
            continue
        first, turned = draft.stored[node.input[1]].astype(np.float64), draft.stored[second.input[1]].astype(np.float64)
        if not attributes(second).get("transB", 0):
            turned = turned.T
        weight = draft.store(f"{second.input[1]}.folded", (turned @ first.T).astype(np.float32))
        draft.add("Gemm", [node.input[0], weight, *second.input[2:]], second.output[0], has={"transB": 1})
        done.add(second.output[0])
    return draft.finish() if done else None


def _joins(first: onnx.NodeProto, second: onnx.NodeProto, stored: dict[str, NDArray[Any]]) -> bool:
    """Whether both multiply what comes in by stored matrices, and one product is not more work than two."""
    has = attributes(second)
    if second.input[0] != first.output[0] or first.input[1] not in stored or second.input[1] not in stored:
        return False
    if has.get("transA", 0) or has.get("alpha", 1.0) != 1.0 or has.get("beta", 1.0) != 1.0 or stored[first.input[1]].ndim != 2:
        return False
    inner, between = stored[first.input[1]].shape
    outer = stored[second.input[1]].size // between
    return bool(inner * outer <= between * (inner + outer))


def _transpositions(graph: Graph) -> Graph | None:
    """Dense layer, elementwise operators, Reshape to [n, h, w, c], Transpose to [n, c, h, w]: without the last."""
    draft, links = Draft(graph), _Links(graph)
    changed: dict[str, onnx.NodeProto] = {}
    left: set[str] = set()
    for turn in graph.node:
        if turn.op_type != "Transpose" or attributes(turn).get("perm") != [0, 3, 1, 2]:
            continue
        reshape = links.makers.get(turn.input[0])
        if reshape is None or links.only_user(turn.input[0], "Transpose") is None or reshape.op_type != "Reshape":
            continue
        target = draft.stored.get(reshape.input[1])
        if target is None or target.shape != (4,) or target[0] != -1 or target.min() < -1 or 0 in target:
            continue
        height, width, channels = (int(one) for one in target[1:])
        order = np.arange(height * width * channels).reshape(height, width, channels).transpose(2, 0, 1).reshape(-1)
        found = _values_of(reshape, links, draft.stored, len(order))
        if found is None:
            continue
        for node in found:
            moved = copied(node)
            for place, name in enumerate(node.input):
                array = draft.stored.get(name)
                if array is None:
                    continue
                axis = 0 if node.op_type == "Gemm" and place == 1 and attributes(node).get("transB", 0) else -1
                if array.ndim and array.shape[axis] == len(order):
                    moved.input[place] = draft.store(f"{name}.turned", array.take(order, axis))
            changed[node.output[0]] = moved
        moved = copied(reshape)
        moved.input[1] = draft.shape(turn.output[0], -1, channels, height, width)
        moved.output[0] = turn.output[0]
        changed[reshape.output[0]] = moved
        left.add(turn.output[0])
    for node in graph.node:
        if node.output[0] not in left:
            draft.keep(changed.get(node.output[0], node))
    return draft.finish() if changed else None


def _values_of(
    reshape: onnx.NodeProto, links: _Links, stored: dict[str, NDArray[Any]], size: int
) -> list[onnx.NodeProto] | None:
    """The dense layer and the elementwise operators that make what is reshaped, where nothing else sees them."""
    found: dict[str, onnx.NodeProto] = {}
    waiting = [reshape.input[0]]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        node = links.makers.get(name)
        if node is None or not (node.op_type == "Gemm" or node.op_type in ELEMENTWISE):
            return None
        found[name] = node
        if node.op_type == "Gemm":
            if not all(one in stored and stored[one].shape[-1:] != (1,) for one in node.input[1:]):
                return None
            continue
        for one in node.input:
            array = stored.get(one)
            if array is None and one:
                waiting.append(one)
            elif array is not None and array.size != 1 and array.shape[-1] != size:
                return None
    inside = {id(node) for node in found.values()} | {id(reshape)}
    closed = all(name not in links.ends and all(id(user) in inside for user in links.users[name]) for name in found)
    gemms = [node for node in found.values() if node.op_type == "Gemm"]
    return list(found.values()) if closed and len(gemms) == 1 else None
