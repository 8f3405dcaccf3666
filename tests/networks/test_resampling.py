from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from cganx.networks.resampling import DoublingConv2d, HalvingConv2d, double, half
from cganx.networks.wrapping import WrappingConv2d

sides, channels = st.integers(1, 12), st.integers(1, 5)
WRAPPING = partial(DoublingConv2d, wraps=True)


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
        self.wraps = isinstance(conv, DoublingConv2d) and conv.wraps

    def forward(self, x: Tensor) -> Tensor:
        if self.wraps:
            return F.conv2d(F.pad(double(x), (1, 1, 1, 1), mode="circular"), self.weight, self.bias)
        if self.doubles:
            return F.conv2d(double(x), self.weight, self.bias, padding=1)
        return half(F.conv2d(x, self.weight, self.bias, padding=1))


@settings(max_examples=40, deadline=None)
@given(st.sampled_from([DoublingConv2d, HalvingConv2d, WRAPPING]), channels, channels, sides, sides)
def test_joined_is_the_two_steps_gradients_included(
    layer: Callable[[int, int], nn.Conv2d], before: int, after: int, height: int, width: int
):
    conv = layer(before, after).double()
    x = torch.randn(3, before, height, width, dtype=torch.float64)
    for joined, apart in zip(results(copy.deepcopy(conv), x), results(InTwoSteps(copy.deepcopy(conv)), x), strict=True):
        torch.testing.assert_close(joined, apart, rtol=1e-10, atol=1e-10)


def test_in_use_a_doubling_stays_a_doubling():
    conv = DoublingConv2d(3, 2).eval()
    x = torch.randn(2, 3, 5, 4)
    assert conv(x).equal(F.conv2d(double(x), conv.weight, conv.bias, padding=1))


@settings(max_examples=20, deadline=None)
@given(st.booleans(), channels, channels, sides, sides, st.integers(-9, 9), st.integers(-9, 9))
def test_what_wraps_moves_with_its_input(
    training: bool, before: int, after: int, height: int, width: int, down: int, right: int
):
    x = torch.randn(2, before, height, width, dtype=torch.float64)
    moved = x.roll((down, right), (2, 3))
    for conv, factor in ((WRAPPING(before, after), 2), (WrappingConv2d(before, after), 1)):
        conv.double().train(training)
        torch.testing.assert_close(conv(moved), conv(x).roll((factor * down, factor * right), (2, 3)), rtol=1e-10, atol=1e-10)


def test_in_use_a_wrapping_doubling_stays_a_doubling():
    conv = WRAPPING(3, 2).eval()
    x = torch.randn(2, 3, 5, 4)
    assert conv(x).equal(F.conv2d(F.pad(double(x), (1, 1, 1, 1), mode="circular"), conv.weight, conv.bias))


def test_a_critic_s_penalty_goes_through_both():
    down, up = HalvingConv2d(2, 3).double(), DoublingConv2d(3, 2).double()
    x = torch.randn(1, 2, 4, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(lambda x: up(down(x)).square(), x)


def test_a_mean_at_an_odd_edge_is_of_what_is_there():
    assert half(torch.tensor([[[[1.0, 2.0, 3.0]]]])).tolist() == [[[[1.5, 3.0]]]]
