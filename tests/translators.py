"""Image-to-image generators made by hand: ``source`` (and ``mask``, ``label``, ``noise.0``) -> ``image`` and ``pixels``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hand_made import LEVELS, seal

from cganx.card import GeneratorCard, Image, Source

Array = np.ndarray[Any, Any]
LICENCES = {"code": "Apache-2.0"}
STYLES = ("Ink", "wash")


@dataclass
class Net:
    """A graph that grows node by node; each method gives the name of what it made."""

    channels: int = 3
    nodes: list[Any] = field(default_factory=list)
    constants: list[Any] = field(default_factory=list)
    inputs: dict[str, list[Any]] = field(default_factory=dict)
    random: Any = field(default_factory=lambda: np.random.default_rng(5))

    def node(self, operator: str, *inputs: str, **attributes: Any) -> str:
        from onnx import helper

        made = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [made], **attributes))
        return made

    def constant(self, values: Any, dtype: Any = np.float32) -> str:
        from onnx import numpy_helper

        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(values, dtype), name))
        return name

    def take(self, name: str, *sizes: Any) -> str:
        self.inputs[name] = ["batch", *sizes]
        return name

    def conv(self, x: str, taken: int, made: int, kernel: int = 3, stride: int = 1, pad: int | None = None) -> str:
        weight = self.random.normal(size=(made, taken, kernel, kernel)) / np.sqrt(taken * kernel * kernel)
        pads = [kernel // 2 if pad is None else pad] * 4
        return self.node("Conv", x, self.constant(weight), strides=[stride] * 2, pads=pads)

    def up(self, x: str, taken: int, made: int) -> str:
        weight = self.random.normal(size=(taken, made, 4, 4)) / np.sqrt(taken * 4)
        return self.node("ConvTranspose", x, self.constant(weight), strides=[2, 2], pads=[1] * 4)

    def model(self, image: str, sizes: tuple[Any, Any], *, tanh: bool = True) -> Any:
        """The ONNX message, with tanh of that value as the image, or that value, cut off beyond -1 and 1."""
        from onnx import TensorProto, helper, numpy_helper

        node, value = helper.make_node, helper.make_tensor_value_info
        levels = [numpy_helper.from_array(np.array(number, np.float32), name) for name, number in LEVELS.items()]
        nodes = [
            node("Tanh", [image], ["image"]) if tanh else node("Clip", [image, self.constant(-1.0), "one"], ["image"]),
            node("Add", ["image", "one"], ["shifted"]),
            node("Mul", ["shifted", "half"], ["scaled"]),
            node("Round", ["scaled"], ["rounded"]),
            node("Clip", ["rounded", "zero", "most"], ["clipped"]),
            node("Cast", ["clipped"], ["bytes"], to=TensorProto.UINT8),
            node("Transpose", ["bytes"], ["pixels"], perm=[0, 2, 3, 1]),
        ]
        graph = helper.make_graph(
            self.nodes + nodes,
            "translator",
            [value(name, TensorProto.FLOAT, shape) for name, shape in self.inputs.items()],
            [
                value("image", TensorProto.FLOAT, ["batch", self.channels, *sizes]),
                value("pixels", TensorProto.UINT8, ["batch", *sizes, self.channels]),
            ],
            self.constants + levels,
        )
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
        made.ir_version = 9
        return made


Build = Callable[[Net, str], str]


def brighter(net: Net, source: str) -> str:
    return net.node("Mul", source, net.constant(0.5))


def local(net: Net, source: str) -> str:
    """Down by two and up again, so that places have phases: what is further than 9 pixels off does not matter."""
    x = net.node("Relu", net.conv(source, 3, 8))
    x = net.node("Relu", net.conv(x, 8, 8, stride=2))
    x = net.node("Relu", net.up(x, 8, 8))
    return net.conv(x, 8, net.channels)


def reflecting(net: Net, source: str) -> str:
    """Mirrors three pixels at the edges, so that it runs on nothing smaller than four."""
    padded = net.node("Pad", source, net.constant([0, 0, 3, 3, 0, 0, 3, 3], np.int64), mode="reflect")
    return net.conv(padded, 3, net.channels, kernel=7, pad=0)


def four_times(net: Net, source: str) -> str:
    x = net.node("PRelu", net.conv(source, 3, 8), net.constant(np.full((8, 1, 1), 0.2)))
    x = net.node("DepthToSpace", net.conv(x, 8, 32), blocksize=2, mode="CRD")
    x = net.node("Resize", x, "", net.constant([1, 1, 2, 2]), mode="nearest", coordinate_transformation_mode="asymmetric")
    return net.conv(x, 8, net.channels)


def filler(net: Net, source: str) -> str:
    """What is to be filled becomes what lies around it; the rest stays."""
    mask = net.take("mask", 1, *net.inputs[source][2:])
    around = net.conv(net.node("Concat", source, mask, axis=1), 4, 3, kernel=5)
    kept = net.node("Mul", source, net.node("Sub", net.constant(1.0), mask))
    return net.node("Add", kept, net.node("Mul", around, mask))


def styled(net: Net, source: str) -> str:
    label = net.take("label", len(STYLES))
    shifts = net.node("MatMul", label, net.constant([[0.8, 0.0, -0.8], [-0.8, 0.0, 0.8]]))
    return net.node("Add", net.conv(source, 3, 3), net.node("Reshape", shifts, net.constant([0, 3, 1, 1], np.int64)))


def mean_free(net: Net, source: str) -> str:
    """Every place depends on the whole picture."""
    return net.node("Sub", source, net.node("GlobalAveragePool", source))


def normalised(net: Net, source: str) -> str:
    ones, zeros = net.constant(np.ones(3)), net.constant(np.zeros(3))
    return net.node("InstanceNormalization", source, ones, zeros)


def slopes(net: Net, source: str) -> str:
    """The normals of brightness taken as a height, by Sobel: red for what faces right, green for what faces up."""
    across = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], np.float32) / 8
    kernels = np.stack([-across, across.T])[:, None].repeat(3, axis=1)
    edge = net.node("Pad", source, net.constant([0, 0, 1, 1, 0, 0, 1, 1], np.int64), mode="edge")
    tilted = net.node("Conv", edge, net.constant(kernels))
    length = net.node("ReduceL2", tilted, net.constant([1], np.int64), keepdims=1)
    up = net.node("Sub", net.constant(2.0), net.node("Min", length, net.constant(1.0)))
    return net.node("Concat", tilted, up, axis=1)


def enlarged(net: Net, source: str) -> str:
    """Every pixel four by four times, as it is."""
    floor = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    return net.node("Resize", source, "", net.constant([1, 1, 4, 4]), mode="nearest", **floor)


def noisy(net: Net, source: str) -> str:
    """Noise for every pixel, and for every eighth, which grows to eight."""
    sides = net.inputs[source][2:]
    fine = net.take("noise.0", 1, *sides)
    coarse = net.take("noise.1", 1, *(size // 8 if isinstance(size, int) else f"{size}/8" for size in sides))
    floor = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    wide = net.node("Resize", coarse, "", net.constant([1, 1, 8, 8]), mode="nearest", **floor)
    noise = net.node("Mul", net.node("Add", fine, wide), net.constant(0.2))
    return net.node("Add", source, noise)


@dataclass(frozen=True)
class Kind:
    build: Build
    multiple: int = 1
    scale: int = 1
    context: int | None = 0
    classes: tuple[str, ...] = ()
    color_space: str = ""
    tanh: bool = True


KINDS = {
    "brighter": Kind(brighter),
    "local": Kind(local, multiple=2, context=9),
    "reflecting": Kind(reflecting, context=3),
    "four-times": Kind(four_times, scale=4, context=3),
    "filler": Kind(filler, context=2),
    "styled": Kind(styled, context=1, classes=STYLES),
    "mean-free": Kind(mean_free, context=None),
    "normalised": Kind(normalised, context=None),
    "noisy": Kind(noisy, multiple=8),
    "slopes": Kind(slopes, context=1, color_space="normals"),
    "enlarged": Kind(enlarged, scale=4, tanh=False),
}


def card(kind: str, size: tuple[int, int] | None = None, **source: Any) -> GeneratorCard:
    """Of a graph that takes sources of that height and width, or of any."""
    known = KINDS[kind]
    height, width = size or (64, 64)
    about: dict[str, Any] = {"multiple": known.multiple, "scale": known.scale, "context": known.context, "channels": 3}
    if size is not None:
        about |= {"height": height, "width": width}
    scale = known.scale
    return GeneratorCard(
        name=kind,
        kind="image-to-image",
        image=Image(height=height * scale, width=width * scale, channels=3, color_space=known.color_space),
        classes=known.classes,
        source=Source(**(about | source)),
        licences=LICENCES,
    )


def translator(
    kind: str, size: tuple[int, int] | None = None, change: Callable[[Any], None] | None = None, **source: Any
) -> bytes:
    """The file's bytes; with ``size`` height and width are fixed in the graph."""
    known, net = KINDS[kind], Net()
    sides: tuple[Any, Any] = size or ("height", "width")
    image = known.build(net, net.take("source", 3, *sides))
    made = (
        sides if known.scale == 1 else tuple(side * known.scale if isinstance(side, int) else f"{side}.made" for side in sides)
    )
    model = net.model(image, (made[0], made[1]), tanh=known.tanh)
    if change is not None:
        change(model)
    return seal(model, card(kind, size, **source))
