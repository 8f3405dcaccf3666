from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.nn.utils.parametrizations import spectral_norm

from cganx.networks import CDCGANGenerator, ClassConditionalBatchNorm2d, ImageShape, SNGANGenerator, folded


def unsettle(module: nn.Module) -> nn.Module:
    """Weights and statistics as training leaves them, far from their first values."""
    with torch.no_grad():
        for name, one in module.named_parameters():
            if "gain" in name or "bias" in name or one.ndim == 1:
                one.add_(0.5 * torch.randn_like(one))
        for norm in module.modules():
            if isinstance(norm, nn.modules.batchnorm._BatchNorm):
                norm.running_mean.normal_()
                norm.running_var.uniform_(0.2, 4.0)
    return module.eval()


@pytest.mark.parametrize("build", [SNGANGenerator, CDCGANGenerator])
def test_a_folded_generator_computes_the_same(build: type):
    torch.manual_seed(0)
    generator = unsettle(build(ImageShape(3, 30, 21), 4))
    before = copy.deepcopy(generator.state_dict())
    lean = folded(generator)
    latent = torch.randn(8, generator.latent)
    label = torch.cat([torch.eye(4), torch.rand(4, 4).softmax(1)])
    with torch.no_grad():
        assert (lean(latent, label) - generator(latent, label)).abs().max() <= 1e-5
    assert not any(isinstance(one, (nn.BatchNorm2d, ClassConditionalBatchNorm2d)) for one in lean.modules())
    assert all(torch.equal(one, before[name]) for name, one in generator.state_dict().items())


class Foreign(nn.Module):
    """Batch norm after each kind of layer, and spectral norm, as other generators have them."""

    def __init__(self) -> None:
        super().__init__()
        self.dense = nn.Sequential(spectral_norm(nn.Linear(8, 12)), nn.BatchNorm1d(12), nn.ReLU())
        self.image = nn.Sequential(
            nn.ConvTranspose2d(12, 6, 4, 2, 1), nn.BatchNorm2d(6), nn.ReLU(),
            spectral_norm(nn.Conv2d(6, 5, 3, padding=1, bias=False)), nn.BatchNorm2d(5), nn.Tanh(),
        )  # fmt: skip

    def forward(self, latent: Tensor) -> Tensor:
        return self.image(self.dense(latent).view(-1, 12, 1, 1))


def test_spectral_norm_and_batch_norm_fold_into_the_weights():
    torch.manual_seed(0)
    module = unsettle(Foreign())
    lean = folded(module)
    latent = torch.randn(5, 8)
    with torch.no_grad():
        assert (lean(latent) - module(latent)).abs().max() <= 1e-5
    kinds = [type(one).__name__ for one in lean.modules()]
    assert not any(
        "BatchNorm" in kind or parametrize.is_parametrized(one) for kind, one in zip(kinds, lean.modules(), strict=True)
    )
    assert parametrize.is_parametrized(module.dense[0])


def test_batch_norm_that_follows_an_activation_is_left_alone():
    module = unsettle(nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.BatchNorm2d(2)))
    lean = folded(module)
    x = torch.randn(2, 1, 6, 6)
    with torch.no_grad():
        torch.testing.assert_close(lean(x), module(x))
