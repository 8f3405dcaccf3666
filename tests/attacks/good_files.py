"""Good generators, small and of every operator that generators are made of: what mutants are made from."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper
from wire import model

from cganx.card import GeneratorCard, Image, Label, Latent
from cganx.runtime.testing import TINY

SIDE = 8
Node = tuple[str, Sequence[str], Sequence[str], dict[str, Any]]
PIXELS: tuple[Node, ...] = (
    ("Add", ["image", "one"], ["shifted"], {}),
    ("Mul", ["shifted", "half"], ["scaled"], {}),
    ("Round", ["scaled"], ["rounded"], {}),
    ("Clip", ["rounded", "zero", "most"], ["clipped"], {}),
    ("Cast", ["clipped"], ["bytes"], {"to": TensorProto.UINT8}),
    ("Transpose", ["bytes"], ["pixels"], {"perm": [0, 2, 3, 1]}),
)
LEVELS = {"one": np.float32(1), "half": np.float32(127.5), "zero": np.float32(0), "most": np.float32(255)}


def _file(
    card: GeneratorCard, inputs: dict[str, tuple[int, list[Any]]], nodes: Sequence[Node], constants: dict[str, Any]
) -> bytes:
    image = card.image
    shape = [image.channels, image.height, image.width]
    made = helper.make_graph(
        [helper.make_node(operator, takes, makes, **attributes) for operator, takes, makes, attributes in (*nodes, *PIXELS)],
        card.name,
        [helper.make_tensor_value_info(name, kind, ["batch", *sizes]) for name, (kind, sizes) in inputs.items()],
        [
            helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", *shape]),
            helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["batch", *shape[1:], shape[0]]),
        ],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in (constants | LEVELS).items()],
    )
    return model(made.SerializeToString(deterministic=True), card.to_json())


def _random(*shape: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(shape).normal(scale=0.3, size=shape).astype(np.float32)


def _whole(*values: int) -> np.ndarray[Any, Any]:
    return np.array(values, np.int64)


def convolutional() -> bytes:
    """Gemm, doubling, convolutions and normalisations, as most generators are; class weights."""
    card = GeneratorCard(
        name="convolutional",
        classes=("a", "b", "c"),
        latent=Latent(size=4),
        image=Image(height=SIDE, width=SIDE, channels=3),
    )
    nodes: list[Node] = [
        ("Concat", ["latent", "label"], ["both"], {"axis": 1}),
        ("Gemm", ["both", "weight", "bias"], ["flat"], {"transB": 1, "alpha": 0.5}),
        ("Reshape", ["flat", "planes"], ["small"], {}),
        ("BatchNormalization", ["small", "gain", "shift", "shift", "gain"], ["normal"], {"epsilon": 1e-5}),
        ("LeakyRelu", ["normal"], ["active"], {"alpha": 0.2}),
        ("Resize", ["active", "", "double"], ["large"], {"mode": "nearest", "nearest_mode": "floor"}),
        ("Conv", ["large", "kernel", "shift"], ["seen"], {"pads": [1, 1, 1, 1], "kernel_shape": [3, 3], "group": 2}),
        ("InstanceNormalization", ["seen", "gain", "shift"], ["even"], {}),
        ("PRelu", ["even", "slope"], ["soft"], {}),
        ("ConvTranspose", ["soft", "up"], ["logits"], {"strides": [2, 2], "pads": [1, 1, 1, 1]}),
        ("Tanh", ["logits"], ["image"], {}),
    ]
    constants = {
        "weight": _random(16, 7),
        "bias": _random(16),
        "planes": _whole(-1, 4, 2, 2),
        "gain": np.ones(4, np.float32),
        "shift": np.zeros(4, np.float32),
        "double": np.array([1, 1, 2, 2], np.float32),
        "kernel": _random(4, 2, 3, 3),
        "slope": _random(4, 1, 1),
        "up": _random(4, 3, 4, 4),
    }
    inputs = {"latent": (TensorProto.FLOAT, [4]), "label": (TensorProto.FLOAT, [3])}
    return _file(card, inputs, nodes, constants)


def shapely() -> bytes:
    """Shapes that are computed, cut, joined, padded and turned, as exporters of other makers write them; a label by number."""
    card = GeneratorCard(
        name="shapely",
        classes=("a", "b"),
        label=Label(input="index"),
        latent=Latent(size=6, distribution="uniform"),
        image=Image(height=SIDE, width=SIDE, channels=1),
    )
    nodes: list[Node] = [
        ("Gather", ["table", "label"], ["row"], {"axis": 0}),
        ("Split", ["latent"], ["first", "second"], {"axis": 1, "num_outputs": 2}),
        ("Add", ["row", "first"], ["joined"], {}),
        ("Shape", ["joined"], ["joined.shape"], {}),
        ("Gather", ["joined.shape", "nought"], ["batch.size"], {}),
        ("Concat", ["batch.size", "sizes"], ["target"], {"axis": 0}),
        ("Unsqueeze", ["joined", "last.two"], ["column"], {}),
        ("Expand", ["column", "target"], ["wide"], {}),
        ("Slice", ["wide", "nought", "three", "axes", "ones"], ["cut"], {}),
        ("Pad", ["cut", "pads", "", "axes"], ["padded"], {"mode": "reflect"}),
        ("MaxPool", ["padded"], ["pooled"], {"kernel_shape": [2, 2], "strides": [1, 1]}),
        ("Transpose", ["pooled"], ["turned"], {"perm": [0, 1, 3, 2]}),
        ("ReduceMean", ["turned", "axes"], ["mean"], {"keepdims": 1}),
        ("Sub", ["turned", "mean"], ["centred"], {}),
        ("Constant", [], ["gain"], {"value_float": 0.5}),
        ("Mul", ["centred", "gain"], ["gained"], {}),
        ("Softmax", ["gained"], ["shares"], {"axis": -1}),
        ("MatMul", ["shares", "mix"], ["mixed"], {}),
        ("Conv", ["mixed", "spread"], ["packed"], {"dilations": [1, 1]}),
        ("DepthToSpace", ["packed"], ["planes"], {"blocksize": 2, "mode": "CRD"}),
        ("Clip", ["planes", "low", "high"], ["image"], {}),
    ]
    constants = {
        "table": _random(2, 3),
        "nought": _whole(0),
        "three": _whole(4),
        "axes": _whole(3),
        "ones": _whole(1),
        "sizes": _whole(3, 4, 5),
        "last.two": _whole(2, 3),
        "pads": _whole(1, 0),
        "mix": _random(3, 4),
        "spread": _random(4, 3, 1, 1),
        "low": np.float32(-1),
        "high": np.float32(1),
    }
    inputs = {"latent": (TensorProto.FLOAT, [6]), "label": (TensorProto.INT64, [])}
    return _file(card, inputs, nodes, constants)


def noisy() -> bytes:
    """Weights in half precision, noise, codes, truncation and attributes."""
    card = GeneratorCard(
        name="noisy",
        kind="attributes",
        classes=("hat", "smile"),
        latent=Latent(size=4),
        codes=("tilt",),
        truncation={"input": True},
        image=Image(height=SIDE, width=SIDE, channels=1),
    )
    nodes: list[Node] = [
        ("Cast", ["half.weight"], ["weight"], {"to": TensorProto.FLOAT}),
        ("Mul", ["latent", "truncation"], ["short"], {}),
        ("Concat", ["short", "label", "code"], ["all"], {"axis": -1}),
        ("MatMul", ["all", "weight"], ["flat"], {}),
        ("Reshape", ["flat", "planes"], ["small"], {}),
        ("Add", ["small", "noise.0"], ["noised"], {}),
        ("Sigmoid", ["noised"], ["gate"], {}),
        ("Mul", ["noised", "gate"], ["gated"], {}),
        ("AveragePool", ["gated"], ["smooth"], {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}),
        ("Resize", ["smooth", "", "scales"], ["large"], {"mode": "linear"}),
        ("ReduceL2", ["large", "channels"], ["length"], {}),
        ("Div", ["length", "most.length"], ["logits"], {}),
        ("Tanh", ["logits"], ["image"], {}),
    ]
    constants = {
        "half.weight": _random(7, 64).astype(np.float16),
        "planes": _whole(0, 4, 4, 4),
        "scales": np.array([1, 1, 2, 2], np.float32),
        "channels": _whole(1),
        "most.length": np.float32(3),
    }
    inputs = {
        "latent": (TensorProto.FLOAT, [4]),
        "label": (TensorProto.FLOAT, [2]),
        "code": (TensorProto.FLOAT, [1]),
        "truncation": (TensorProto.FLOAT, [1]),
        "noise.0": (TensorProto.FLOAT, [1, 4, 4]),
    }
    return _file(card, inputs, nodes, constants)


def quantized() -> bytes:
    """A convolution between whole numbers, as onnxruntime's quantiser writes it; class weights."""
    card = GeneratorCard(
        name="quantized", classes=("a", "b"), latent=Latent(size=4), image=Image(height=SIDE, width=SIDE, channels=1)
    )
    nodes: list[Node] = [
        ("Concat", ["latent", "label"], ["both"], {"axis": 1}),
        ("MatMul", ["both", "weight"], ["flat"], {}),
        ("Reshape", ["flat", "planes"], ["small"], {}),
        ("QuantizeLinear", ["small", "step", "middle"], ["whole"], {}),
        ("DequantizeLinear", ["whole", "step", "middle"], ["stepped"], {}),
        ("DequantizeLinear", ["kernel", "kernel.steps", "kernel.zeros"], ["kernel.real"], {"axis": 0}),
        ("DequantizeLinear", ["bias", "bias.steps"], ["bias.real"], {"axis": 0}),
        ("Conv", ["stepped", "kernel.real", "bias.real"], ["seen"], {"pads": [1, 1, 1, 1]}),
        ("QuantizeLinear", ["seen", "step", "middle"], ["seen.whole"], {}),
        ("DequantizeLinear", ["seen.whole", "step", "middle"], ["seen.again"], {}),
        ("DepthToSpace", ["seen.again"], ["logits"], {"blocksize": 2}),
        ("Tanh", ["logits"], ["image"], {}),
    ]
    constants = {
        "weight": _random(6, 64),
        "planes": _whole(-1, 4, 4, 4),
        "step": np.float32(0.02),
        "middle": np.uint8(128),
        "kernel": (64 * _random(4, 4, 3, 3)).astype(np.int8),
        "kernel.steps": np.full(4, 0.01, np.float32),
        "kernel.zeros": np.zeros(4, np.int8),
        "bias": np.arange(4, dtype=np.int32),
        "bias.steps": np.full(4, 0.0002, np.float32),
    }
    return _file(card, {"latent": (TensorProto.FLOAT, [4]), "label": (TensorProto.FLOAT, [2])}, nodes, constants)


@cache
def good_files() -> dict[str, bytes]:
    """All of them by name, and the tiny generator that lies in the package."""
    made = {"convolutional": convolutional(), "shapely": shapely(), "noisy": noisy(), "quantized": quantized()}
    return {"tiny": TINY.read_bytes()} | made
