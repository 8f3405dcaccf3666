from __future__ import annotations

import copy

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from cganx.networks.resampling import DoublingConv2d, HalvingConv2d, double, half

sides, channels = st.integers(1, 12), st.integers(1, 5)


def results(conv: nn.Module, x: Tensor) -> list[Tensor]:
    """What a layer makes, and the gradients of a picture and of its weights."""
    x = x.clone().requires_grad_()
    made = conv(x)
    (made * torch.arange(made.numel(), dtype=made.dtype).reshape(made.shape).sin()).sum().backward()
    assert x.grad is not None
    return [made, x.grad, *(one.grad for one in conv.parameters() if one.grad is not None)]


class InTwoSteps(nn.Module):
    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        self.weight, self.bias = conv.weight, conv.bias
        self.doubles = isinstance(conv, DoublingConv2d)

    def forward(self, x: Tensor) -> Tensor:
        if self.doubles:
            return F.conv2d(double(x), self.weight, self.bias, padding=1)
        return half(F.conv2d(x, self.weight, self.bias, padding=1))


@settings(max_examples=40, deadline=None)
@given(st.booleans(), channels, channels, sides, sides)
def test_joined_is_the_two_steps_gradients_included(doubling: bool, before: int, after: int, height: int, width: int):
    conv = (DoublingConv2d if doubling else HalvingConv2d)(before, after).double()
    x = torch.randn(3, before, height, width, dtype=torch.float64)
    for joined, apart in zip(results(copy.deepcopy(conv), x), results(InTwoSteps(copy.deepcopy(conv)), x), strict=True):
        torch.testing.assert_close(joined, apart, rtol=1e-10, atol=1e-10)


def test_in_use_a_doubling_stays_a_doubling():
    conv = DoublingConv2d(3, 2).eval()
    x = torch.randn(2, 3, 5, 4)
    assert conv(x).equal(F.conv2d(double(x), conv.weight, conv.bias, padding=1))


def test_a_critic_s_penalty_goes_through_both():
    down, up = HalvingConv2d(2, 3).double(), DoublingConv2d(3, 2).double()
    x = torch.randn(1, 2, 4, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(lambda x: up(down(x)).square(), x)


def test_a_mean_at_an_odd_edge_is_of_what_is_there():
    assert half(torch.tensor([[[[1.0, 2.0, 3.0]]]])).tolist() == [[[[1.5, 3.0]]]]
