"""One operator with attributes and sizes by chance: what the reader says of its shape must be what onnxruntime makes.

A shape that the reader gets wrong is a bound that does not hold, and an attribute that onnxruntime does not check may end the
process, and so may an input that is spelled as an empty name. The same graph comes of the same number.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnxruntime
from onnx import TensorProto, ValueInfoProto, helper, numpy_helper

from cganx.errors import ModelError
from cganx.runtime.reader import follow

KINDS = (TensorProto.FLOAT, TensorProto.FLOAT, TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.INT64, TensorProto.INT32)
KINDS += (TensorProto.UINT8, TensorProto.INT8, TensorProto.BOOL, TensorProto.FLOAT16)
EXTREMES = (1 << 20, -(1 << 31), (1 << 63) - 1, -(1 << 63))


@dataclass
class Draft:
    """A node that is being made: the shape it takes, and what it takes besides."""

    chance: random.Random
    shape: list[int]
    inputs: list[str] = field(default_factory=lambda: ["x"])
    outputs: list[str] = field(default_factory=lambda: ["y"])
    attributes: dict[str, Any] = field(default_factory=dict)
    constants: dict[str, Any] = field(default_factory=dict)
    before: list[Any] = field(default_factory=list)

    @property
    def rank(self) -> int:
        return len(self.shape)

    def whole(self, low: int = -3, high: int = 6) -> int:
        """A whole number, now and then one that nobody expects."""
        return self.chance.choice([self.chance.randint(low, high)] * 15 + list(EXTREMES))

    def wholes(self, count: int, low: int = -3, high: int = 6) -> list[int]:
        return [self.whole(low, high) for _ in range(count)]

    def axis(self) -> int:
        return self.chance.randint(-self.rank - (self.chance.random() < 0.1), self.rank - 1)

    def axes(self) -> list[int]:
        return self.chance.sample(range(-self.rank, self.rank), self.chance.randint(1, self.rank))

    def take(self, values: Any, kind: Any = np.int64) -> None:
        """One more input, a constant."""
        self.inputs.append(f"c{len(self.inputs)}")
        self.constants[self.inputs[-1]] = np.asarray(values, kind)

    def random(self, *shape: int) -> None:
        self.take(np.random.default_rng(self.chance.randrange(1 << 32)).normal(size=shape), np.float32)


def _resize(draft: Draft) -> None:
    pick = draft.chance.choice
    modes = ("half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel", "tf_crop_and_resize", "half_pixel_symmetric")
    draft.attributes = {"mode": pick(("nearest", "linear", "cubic")), "coordinate_transformation_mode": pick(modes)}
    draft.attributes |= {"antialias": pick((0, 0, 1)), "exclude_outside": pick((0, 0, 1))}
    draft.inputs += [""]
    if draft.chance.random() < 0.6:
        draft.take([pick((1, 1, 2, 3, 0.5, 0.3, 1.7, 0.01, 100)) for _ in draft.shape], np.float32)
    else:
        draft.inputs += [""]
        draft.take(draft.wholes(draft.rank, 1, 9))


def _pad(draft: Draft) -> None:
    axes = draft.axes() if draft.chance.random() < 0.5 else None
    draft.take(draft.wholes(2 * (draft.rank if axes is None else len(axes)), -3, 5))
    draft.attributes["mode"] = draft.chance.choice(("constant", "edge", "reflect", "wrap"))
    if axes is not None:
        draft.inputs += [""]
        draft.take(axes)


def _slice(draft: Draft) -> None:
    axes = draft.axes()
    for values in (draft.wholes(len(axes)), draft.wholes(len(axes)), axes, draft.wholes(len(axes))):
        draft.take(values)


def _split(draft: Draft) -> None:
    count = draft.chance.randint(1, 4)
    draft.outputs = [f"y{index}" for index in range(count)]
    draft.attributes["axis"] = draft.axis()
    if draft.chance.random() < 0.5:
        draft.attributes["num_outputs"] = draft.chance.choice((count, count, count + 1, draft.whole()))
    else:
        draft.take(draft.wholes(count, 0, 4))


def _windows(draft: Draft, rank: int) -> None:
    for name, low, count in (("strides", 1, rank), ("dilations", 1, rank), ("pads", 0, 2 * rank)):
        if draft.chance.random() < 0.5:
            draft.attributes[name] = draft.wholes(count, low, 3)


def _space(draft: Draft) -> list[int]:
    while draft.rank < 3:
        draft.shape.append(draft.chance.choice((2, 4, 5)))
    return [draft.chance.randint(1, 3) for _ in draft.shape[2:]]


def _conv(draft: Draft) -> None:
    kernel, group = _space(draft), draft.chance.choice((1, 1, draft.shape[1], 2))
    draft.random(draft.chance.choice((1, 2, 4)), max(draft.shape[1] // group, 1), *kernel)
    draft.attributes["group"] = group
    _windows(draft, len(kernel))


def _conv_transpose(draft: Draft) -> None:
    kernel = _space(draft)
    draft.random(draft.shape[1], draft.chance.choice((1, 2, 4)), *kernel)
    draft.attributes["group"] = draft.chance.choice((1, 1, draft.shape[1], 2))
    _windows(draft, len(kernel))
    if draft.chance.random() < 0.3:
        draft.attributes["output_padding"] = draft.wholes(len(kernel), 0, 2)


def _pool(draft: Draft) -> None:
    kernel = _space(draft)
    draft.attributes["kernel_shape"] = [draft.chance.choice((size, size, draft.whole(1, 7))) for size in kernel]
    _windows(draft, len(kernel))


def _reduce(draft: Draft) -> None:
    draft.take(draft.axes())
    draft.attributes["keepdims"] = draft.chance.choice((0, 1, 1, 7))


def _gather(draft: Draft) -> None:
    draft.take(np.reshape(draft.wholes(4, -2, 3), draft.chance.choice(((4,), (2, 2), (1, 4)))))
    draft.attributes["axis"] = draft.axis()


def _gemm(draft: Draft) -> None:
    draft.shape = draft.shape[:2]
    draft.random(*draft.chance.choice(((draft.shape[1], 3), (3, draft.shape[1]))))
    draft.attributes = {"transA": draft.chance.choice((0, 0, 0, 1, 2)), "transB": draft.chance.choice((0, 1, -1))}


def _summed(draft: Draft) -> None:
    letters = "abcde"[: draft.rank]
    sizes = dict(zip(letters, draft.shape, strict=True)) | {"z": 3}
    other = "".join(draft.chance.sample(letters + "z", draft.chance.randint(1, draft.rank)))
    every = sorted(set(letters + other))
    made = "".join(draft.chance.sample(every, draft.chance.randint(1, len(every))))
    draft.random(*(draft.chance.choice((sizes[one], sizes[one], sizes[one], 1)) for one in other))
    draft.attributes["equation"] = draft.chance.choice((f"{letters},{other}->{made}",) * 4 + (f"{letters}, {other} -> {made}",))


def _joined(draft: Draft) -> None:
    draft.random(*(draft.chance.choice((1, size)) for size in draft.chance.choice((draft.shape, draft.shape[1:], []))))


def _turned(draft: Draft) -> None:
    draft.attributes["perm"] = draft.chance.sample(range(draft.rank), draft.rank)


def _blocks(draft: Draft) -> None:
    draft.shape = [2, draft.chance.choice((4, 8)), 4, 4]
    draft.attributes["blocksize"] = draft.chance.choice((1, 2, 2, 4, draft.whole()))


def _along(draft: Draft) -> None:
    draft.attributes["axis"] = draft.axis()


def _normal(draft: Draft) -> None:
    for _ in range(2):
        draft.random(draft.chance.choice((draft.shape[1], draft.shape[1], 1, 7)) if draft.rank > 1 else 1)


def _layer(draft: Draft) -> None:
    axis = draft.axis()
    draft.attributes["axis"] = axis
    for _ in range(draft.chance.choice((1, 1, 2))):
        shape = draft.shape[axis:]
        draft.random(*draft.chance.choice((shape, shape, shape, shape, [1] * len(shape), shape[-1:], [7])))


def _batch(draft: Draft) -> None:
    for _ in range(2):
        _normal(draft)
    draft.constants[draft.inputs[-1]] **= 2


def _clip(draft: Draft) -> None:
    for bound in (-1.0, 1.0):
        draft.take(bound, np.float32)


def _nothing(draft: Draft) -> None:
    """It takes one input and needs no attribute."""


def _chosen(draft: Draft) -> None:
    draft.before = [helper.make_node("Cast", ["x"], ["yes"], to=TensorProto.BOOL)]
    draft.inputs = ["yes", "x", "x"]


def _glued(draft: Draft) -> None:
    _along(draft)
    draft.inputs *= draft.chance.randint(1, 3)


def _emptied(draft: Draft) -> None:
    """An input that is not there, spelled as an empty name: in the place of one, or behind the last."""
    for _ in range(draft.chance.choice((1, 1, 2))):
        if draft.chance.random() < 0.5:
            draft.inputs.append("")
        else:
            draft.inputs[draft.chance.randrange(len(draft.inputs))] = ""


def _grouped(draft: Draft) -> None:
    draft.shape = [2, 4, 3, 3]
    draft.attributes["num_groups"] = draft.chance.choice((1, 2, 4, 3, draft.whole()))
    _normal(draft)


def _steps(draft: Draft, kind: Any) -> None:
    """Scales and zero points: one, one a channel, or a number of them that does not fit."""
    pick = draft.chance.choice
    axis = draft.axis()
    shape = pick(
        ((), (1,), (draft.shape[axis % draft.rank],), (draft.shape[axis % draft.rank],), (draft.chance.randint(1, 7),))
    )
    draft.take(np.full(shape, pick((0.1, 1.0, 1e-30, 1e30))), np.float32)
    if draft.chance.random() < 0.8:
        draft.take(np.full(shape if draft.chance.random() < 0.9 else (), draft.chance.randint(0, 127)), kind)
    if draft.chance.random() < 0.8:
        draft.attributes["axis"] = axis


def _quantize(draft: Draft) -> None:
    _steps(draft, draft.chance.choice((np.uint8, np.int8, np.int8, np.int32)))


def _quantized_conv(draft: Draft) -> None:
    """A convolution by whole numbers, whose scales may be those of another axis, between whole numbers or not."""
    pick, channels, made = draft.chance.choice, draft.chance.choice((1, 3, 8)), draft.chance.choice((1, 3, 8))
    draft.shape = [2, channels, 5, 5]
    axis = pick((0, 0, 0, 1, 2))
    count = (made, channels, 3)[axis]
    for name, value in {
        "w": np.random.default_rng(count).integers(-64, 64, (made, channels, 3, 3)).astype(pick((np.int8, np.int8, np.uint8))),
        "ws": np.full(pick(((), (count,))), 0.01, np.float32),
        "s": np.float32(pick((0.1, 1e-20, 1e20))),
        "z": pick((np.uint8(3), np.uint8(255), np.int8(-3))),
    }.items():
        draft.constants[name] = np.asarray(value)
    nodes = [
        ("QuantizeLinear", ["x", "s", "z"], ["xq"], {}),
        ("DequantizeLinear", ["xq", "s", "z"], ["xd"], {}),
        ("DequantizeLinear", ["w", "ws"], ["wd"], {"axis": axis}),
        ("Conv", ["xd", "wd"], ["c"], {}),
        ("QuantizeLinear", ["c", "s", "z"], ["q"], {}),
    ]
    draft.before = [helper.make_node(operator, takes, makes, **has) for operator, takes, makes, has in nodes]
    draft.inputs = ["q", "s", "z"]


Make = Callable[[Draft], None]
MAKERS: dict[str, Make] = {
    "Resize": _resize,
    "Pad": _pad,
    "Slice": _slice,
    "Split": _split,
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    **dict.fromkeys(("MaxPool", "AveragePool"), _pool),
    **dict.fromkeys(("ReduceMean", "ReduceL2", "ReduceMax"), _reduce),
    "Gather": _gather,
    "Einsum": _summed,
    "Gemm": _gemm,
    "QuantizeLinear": _quantize,
    "DequantizeLinear": _quantized_conv,
    **dict.fromkeys(("Add", "GreaterOrEqual", "Less", "Max", "Mul", "PRelu", "Pow"), _joined),
    "Transpose": _turned,
    **dict.fromkeys(("DepthToSpace", "SpaceToDepth"), _blocks),
    **dict.fromkeys(("Softmax", "LogSoftmax", "LpNormalization", "Flatten"), _along),
    "InstanceNormalization": _normal,
    "GroupNormalization": _grouped,
    "LayerNormalization": _layer,
    "BatchNormalization": _batch,
    "Clip": _clip,
    **dict.fromkeys(("Relu", "Gelu", "Identity", "GlobalAveragePool"), _nothing),
    "Where": _chosen,
    "Concat": _glued,
    "Cast": lambda draft: draft.attributes.update(to=draft.chance.choice(KINDS)),
    "Expand": lambda draft: draft.take([draft.chance.choice((1, 2, 3, draft.whole(1, 5))) for _ in range(4)]),
    "Reshape": lambda draft: draft.take(draft.wholes(draft.chance.randint(1, 4), -1, 6)),
    "Unsqueeze": lambda draft: draft.take(draft.axes()[:2]),
    "Squeeze": lambda draft: draft.take(draft.axes()[:2]),
    "Shape": lambda draft: draft.attributes.update(start=draft.whole(), end=draft.whole()),
}


def single_node(number: int) -> tuple[str, bytes, list[int], list[str]]:
    """Operator, file, shape of ``x``, and outputs."""
    chance = random.Random(number)
    operator = chance.choice(sorted(MAKERS))
    draft = Draft(chance, [2, *(chance.choice((1, 2, 3, 4, 5, 8)) for _ in range(chance.choice((1, 2, 3, 3, 3, 4))))])
    MAKERS[operator](draft)
    if chance.random() < 0.2:
        _emptied(draft)
    kind = chance.choice(KINDS)
    nodes = [
        helper.make_node("Cast", ["number"], ["x"], to=kind),
        *draft.before,
        helper.make_node(operator, draft.inputs, draft.outputs, **draft.attributes),
    ]
    graph = helper.make_graph(
        nodes,
        "one",
        [helper.make_tensor_value_info("number", TensorProto.FLOAT, ["batch", *draft.shape[1:]])],
        [ValueInfoProto(name=name) for name in draft.outputs],
        [numpy_helper.from_array(value, name) for name, value in draft.constants.items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", chance.choice((18, 20, 21, 22)))], ir_version=9)
    return operator, made.SerializeToString(), draft.shape, draft.outputs


def followed(number: int) -> tuple[str, list[str]]:
    """The operator where the reader let it through and it ran, else ''; and what the reader got wrong."""
    operator, data, shape, outputs = single_node(number)
    try:
        facts = follow(data, batch=2)[1]
    except ModelError:
        return "", []
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 4
    numbers = np.random.default_rng(number).normal(scale=3, size=shape).astype(np.float32)
    try:
        session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"], enable_fallback=0)
        made = session.run(outputs, {"number": numbers})
    except Exception:  # what it refuses makes nothing
        return "", []
    wrong = [
        f"{operator}: {value.dtype} {value.shape}, not {facts[name].dtype} {facts[name].shape}"
        for name, value in zip(outputs, made, strict=True)
        if value.shape != facts[name].shape or value.dtype != facts[name].dtype
    ]
    return operator, wrong
