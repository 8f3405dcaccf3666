"""The same function with fewer operations: what export writes."""

from __future__ import annotations

import copy
from typing import TypeVar

import torch
from torch import nn
from torch.nn.utils import parametrize
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

from cganx.networks.layers import ClassConditionalBatchNorm2d

__all__ = ["folded", "settle"]

_Generator = TypeVar("_Generator", bound=nn.Module)


@torch.no_grad()
def folded(generator: _Generator) -> _Generator:
    """A copy in eval mode that computes the same, with spectral norm and batch norm folded into the weights.

    Class-conditional batch norm becomes gain and bias linear in the label; batch norm right after a linear layer or a
    (transposed) convolution of one `torch.nn.Sequential` goes into that layer. The module given is not changed.
    """
    module = copy.deepcopy(generator).eval().requires_grad_(False)
    _fold(module)
    return module


def _fold(module: nn.Module) -> None:
    settle(module)
    for name, child in list(module.named_children()):
        if isinstance(child, ClassConditionalBatchNorm2d):
            setattr(module, name, child.folded().to(child.affine.gain.device).eval().requires_grad_(False))
        else:
            _fold(child)
    if isinstance(module, nn.Sequential):
        _fuse(module)


def settle(module: nn.Module) -> None:
    """Make the values of parametrised weights (spectral norm, weight norm) plain parameters, its children's not.

    A copy shares its class with the original, and torch's own removal takes the parametrised names off that class.
    """
    if not parametrize.is_parametrized(module):
        return
    assert isinstance(module.parametrizations, nn.ModuleDict)
    values = {name: getattr(module, name).clone() for name in module.parametrizations}
    kind = parametrize.type_before_parametrizations(module)
    del module.parametrizations
    module.__class__ = kind
    for name, value in values.items():
        module.register_parameter(name, nn.Parameter(value, requires_grad=False))


def _fuse(layers: nn.Sequential) -> None:
    for index in range(len(layers) - 1, 0, -1):
        before, norm = layers[index - 1], layers[index]
        if isinstance(norm, nn.BatchNorm2d) and isinstance(before, (nn.Conv2d, nn.ConvTranspose2d)):
            layers[index - 1] = fuse_conv_bn_eval(before, norm, transpose=isinstance(before, nn.ConvTranspose2d))
        elif isinstance(norm, nn.BatchNorm1d) and isinstance(before, nn.Linear):
            layers[index - 1] = fuse_linear_bn_eval(before, norm)
        else:
            continue
        del layers[index]
