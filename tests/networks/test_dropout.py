"""Dropout against its definition and against torch's."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from cganx.networks.dropout import Dropout


@pytest.mark.parametrize("p", [0.25, 0.3, 0.4, 0.5])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_it_drops_its_share_and_scales_what_it_keeps(p: float, layout: torch.memory_format) -> None:
    torch.manual_seed(0)
    x = torch.full((16, 32, 20, 21), 3.0).to(memory_format=layout)
    y = Dropout(p)(x)
    kept = y != 0
    share = 1 - round(p * 65536) / 65536
    deviation = (share * (1 - share) / y.numel()) ** 0.5
    assert abs(kept.double().mean() - share) < 4 * deviation
    assert y[kept].unique().tolist() == [pytest.approx(3.0 / share)]
    assert abs(y.double().mean() - 3.0) < 4 * 3.0 * deviation / share
    assert y.is_contiguous(memory_format=layout)
    for dim in range(4):  # no stripes: every slice drops about as much
        means = kept.double().movedim(dim, 0).flatten(1).mean(1)
        assert (means - share).abs().max() < 6 * (share * (1 - share) * len(means) / y.numel()) ** 0.5


def test_neighbours_fall_apart_from_each_other() -> None:
    torch.manual_seed(0)
    kept = (Dropout(0.5)(torch.ones(400_000)) != 0).double() - 0.5
    for lag in (1, 2, 3, 4, 8):  # four elements come of one word
        assert abs((kept[lag:] * kept[:-lag]).mean()) < 4 * 0.25 / 400_000**0.5


def test_gradients_go_where_the_values_went() -> None:
    torch.manual_seed(0)
    x = torch.randn(6, 7, requires_grad=True)
    y = Dropout(0.4)(x)
    (gradient,) = torch.autograd.grad((y**2).sum() / 2, x, create_graph=True)
    factor = torch.where(y.detach() != 0, 1 / (1 - round(0.4 * 65536) / 65536), 0.0)
    torch.testing.assert_close(gradient, factor**2 * x)
    (second,) = torch.autograd.grad(gradient.sum(), x)  # gradient penalties differentiate twice
    torch.testing.assert_close(second, factor**2)


def test_equal_seeds_equal_masks() -> None:
    x = torch.ones(3, 5, 2, 2)
    masks = []
    for _ in range(2):
        torch.manual_seed(7)
        masks.append(Dropout(0.5)(x))
    assert torch.equal(*masks)
    assert not torch.equal(masks[0], Dropout(0.5)(x))


@pytest.mark.parametrize("p", [0.0, 1.0])
def test_nothing_and_everything_are_torchs(p: float) -> None:
    x = torch.randn(4, 4)
    assert torch.equal(Dropout(p)(x), nn.Dropout(p)(x))


def test_evaluation_leaves_pictures_as_they_are() -> None:
    x = torch.randn(4, 4)
    assert torch.equal(Dropout(0.5).eval()(x), x)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_it_keeps_the_precision(dtype: torch.dtype) -> None:
    x = torch.ones(100, dtype=dtype)
    assert Dropout(0.5)(x).unique().tolist() == [0.0, 2.0]
    assert Dropout(0.5)(x).dtype == dtype
    assert Dropout(0.5)(torch.ones(0)).numel() == 0
