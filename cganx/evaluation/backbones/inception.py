"""Inception v3 as FID means it, with weights from the user's file: Szegedy et al. 2016, "Rethinking the Inception
Architecture for Computer Vision", in the form of Heusel et al. 2017.

It differs from the paper's in the pooling branches: averages leave out the padding, and the last block takes maxima. The file
is the one that pytorch-fid's readme names (``pt_inception-2015-12-05-6726825d.pth``): a state dict with torchvision's names.
Pictures are resized as there, so figures are those of pytorch-fid, and only near those of the TensorFlow original.
"""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cganx.errors import DataError
from cganx.evaluation.backbones.backbone import Backbone

__all__ = ["inception"]

SIDE = 299
Kernel = int | tuple[int, int]
Layer = tuple[str, int, Kernel, int]
"""Name, channels out, kernel, stride. A kernel's padding is "same" at stride 1, none at stride 2."""

Branch = list[list[Layer]]
"""Steps, one after the other; the layers of one step lie side by side."""


class _Convolution(nn.Module):
    def __init__(self, before: int, after: int, kernel: Kernel, stride: int = 1, *, padded: bool = True) -> None:
        super().__init__()
        size = (kernel, kernel) if isinstance(kernel, int) else kernel
        padding = (size[0] // 2, size[1] // 2) if padded and stride == 1 else (0, 0)
        self.conv = nn.Conv2d(before, after, size, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(after, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.bn(self.conv(x))
        return F.relu(made, inplace=True)


class _Block(nn.Module):
    """Branches side by side; that which pools comes last, through a convolution of ``pooled`` channels where there are any."""

    def __init__(self, before: int, branches: Sequence[Branch], pool: str, pooled: int = 0) -> None:
        super().__init__()
        self.branches = [[[layer[0] for layer in step] for step in branch] for branch in branches]
        self.pool, self.pooled = pool, pooled
        for branch in branches:
            width = before
            for step in branch:
                for name, after, kernel, stride in step:
                    self.add_module(name, _Convolution(width, after, kernel, stride))
                width = sum(layer[1] for layer in step)
        if pooled:
            self.branch_pool = _Convolution(before, pooled, 1)

    def forward(self, x: Tensor) -> Tensor:
        made = []
        for branch in self.branches:
            value = x
            for names in branch:
                value = torch.cat([self.get_submodule(name)(value) for name in names], 1)
            made.append(value)
        pooled = _POOLS[self.pool](x)
        return torch.cat([*made, self.branch_pool(pooled) if self.pooled else pooled], 1)


def _average(x: Tensor) -> Tensor:
    return F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)


def _maximum(x: Tensor) -> Tensor:
    return F.max_pool2d(x, 3, 1, 1)


def _halved(x: Tensor) -> Tensor:
    return F.max_pool2d(x, 3, 2)


_POOLS = {"average": _average, "maximum": _maximum, "halved": _halved}


def _chain(*layers: Layer) -> Branch:
    return [[layer] for layer in layers]


def _a(before: int, pooled: int) -> _Block:
    one = _chain(("branch1x1", 64, 1, 1))
    five = _chain(("branch5x5_1", 48, 1, 1), ("branch5x5_2", 64, 5, 1))
    three = _chain(("branch3x3dbl_1", 64, 1, 1), ("branch3x3dbl_2", 96, 3, 1), ("branch3x3dbl_3", 96, 3, 1))
    return _Block(before, [one, five, three], "average", pooled)


def _b(before: int) -> _Block:
    single = _chain(("branch3x3", 384, 3, 2))
    double = _chain(("branch3x3dbl_1", 64, 1, 1), ("branch3x3dbl_2", 96, 3, 1), ("branch3x3dbl_3", 96, 3, 2))
    return _Block(before, [single, double], "halved")


def _c(middle: int) -> _Block:
    across, down = (1, 7), (7, 1)
    one = _chain(("branch1x1", 192, 1, 1))
    single = _chain(("branch7x7_1", middle, 1, 1), ("branch7x7_2", middle, across, 1), ("branch7x7_3", 192, down, 1))
    double = _chain(
        ("branch7x7dbl_1", middle, 1, 1),
        ("branch7x7dbl_2", middle, down, 1),
        ("branch7x7dbl_3", middle, across, 1),
        ("branch7x7dbl_4", middle, down, 1),
        ("branch7x7dbl_5", 192, across, 1),
    )
    return _Block(768, [one, single, double], "average", 192)


def _d() -> _Block:
    three = _chain(("branch3x3_1", 192, 1, 1), ("branch3x3_2", 320, 3, 2))
    seven = _chain(
        ("branch7x7x3_1", 192, 1, 1),
        ("branch7x7x3_2", 192, (1, 7), 1),
        ("branch7x7x3_3", 192, (7, 1), 1),
        ("branch7x7x3_4", 192, 3, 2),
    )
    return _Block(768, [three, seven], "halved")


def _e(before: int, pool: str) -> _Block:
    def both(name: str) -> list[Layer]:
        return [(f"{name}a", 384, (1, 3), 1), (f"{name}b", 384, (3, 1), 1)]

    one = _chain(("branch1x1", 320, 1, 1))
    single = [*_chain(("branch3x3_1", 384, 1, 1)), both("branch3x3_2")]
    double = [*_chain(("branch3x3dbl_1", 448, 1, 1), ("branch3x3dbl_2", 384, 3, 1)), both("branch3x3dbl_3")]
    return _Block(before, [one, single, double], pool, 192)


def _network() -> nn.Sequential:
    parts: Mapping[str, nn.Module] = {
        "Conv2d_1a_3x3": _Convolution(3, 32, 3, 2),
        "Conv2d_2a_3x3": _Convolution(32, 32, 3, padded=False),
        "Conv2d_2b_3x3": _Convolution(32, 64, 3),
        "maxpool1": nn.MaxPool2d(3, 2),
        "Conv2d_3b_1x1": _Convolution(64, 80, 1),
        "Conv2d_4a_3x3": _Convolution(80, 192, 3, padded=False),
        "maxpool2": nn.MaxPool2d(3, 2),
        "Mixed_5b": _a(192, 32),
        "Mixed_5c": _a(256, 64),
        "Mixed_5d": _a(288, 64),
        "Mixed_6a": _b(288),
        "Mixed_6b": _c(128),
        "Mixed_6c": _c(160),
        "Mixed_6d": _c(160),
        "Mixed_6e": _c(192),
        "Mixed_7a": _d(),
        "Mixed_7b": _e(1280, "average"),
        "Mixed_7c": _e(2048, "maximum"),
        "avgpool": nn.AdaptiveAvgPool2d(1),
        "flatten": nn.Flatten(),
    }
    network = nn.Sequential()
    for name, part in parts.items():
        network.add_module(name, part)
    return network


def inception(path: Path) -> Backbone:
    """The network with the weights of a file, 2048 features. Raises DataError where these are not its weights."""
    try:
        data = path.read_bytes()
        weights = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise DataError(f"{path}: the Inception weights cannot be read: {error.strerror or error}") from None
    except (RuntimeError, ValueError, EOFError, pickle.UnpicklingError):
        raise DataError(f"{path}: no file of torch weights; {_WANTED}") from None
    with torch.device("meta"):
        network = _network()
    try:
        kept = {name: value for name, value in weights.items() if not name.startswith(("fc.", "AuxLogits."))}
        network.load_state_dict(kept, assign=True)
    except (AttributeError, TypeError, RuntimeError):
        raise DataError(f"{path}: these are not the weights of FID's Inception v3; {_WANTED}") from None
    network.to(memory_format=torch.channels_last).eval().requires_grad_(False)  # type: ignore[call-overload]

    def features(pictures: Tensor) -> Tensor:
        """Levels 0..255 [n, 3, 299, 299] -> [n, 2048]."""
        found: Tensor = network(pictures / 127.5 - 1)
        return found

    return Backbone("inception", hashlib.sha256(data).hexdigest()[:8], 2048, lambda _height, _width: SIDE, features)


_WANTED = "give the state dict that pytorch-fid uses, pt_inception-2015-12-05-6726825d.pth"
