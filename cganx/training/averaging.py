"""Averaged networks, and batch-norm statistics that belong to an averaged generator."""

from __future__ import annotations

import copy

import torch
from torch import nn

from cganx.training.sampling import Fakes

__all__ = ["AveragedNetwork", "reestimate"]


class AveragedNetwork:
    """An exponential moving average of a network's weights and buffers (Yazici et al. 2019, section 3).

    The decay ramps up as min(decay, (1 + step) / (10 + step)), so that the first weights are soon forgotten.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.module = copy.deepcopy(network).requires_grad_(False).eval()
        mine, theirs = _all(self.module), _all(network)
        self._mine = [one for one in mine if one.is_floating_point()]
        self._theirs = [one for one in theirs if one.is_floating_point()]
        self._counters = [(one, other) for one, other in zip(mine, theirs, strict=True) if not one.is_floating_point()]

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the network's weights after ``step`` steps."""
        torch._foreach_lerp_(self._mine, self._theirs, 1.0 - min(self.decay, (1 + step) / (10 + step)))
        for mine, theirs in self._counters:
            mine.copy_(theirs)


def _all(module: nn.Module) -> list[torch.Tensor]:
    return [*(one.detach() for one in module.parameters()), *module.buffers()]


@torch.no_grad()
def reestimate(generator: nn.Module, fakes: Fakes, *, batches: int = 100, batch_size: int = 64) -> None:
    """Set batch norm's running statistics to the mean over ``batches`` batches of these very weights, in eval mode after.

    The running statistics of an averaged generator belong to weights that are gone, and those of a generator with dropout
    to activations that dropout has spread. So everything but batch norm is in eval mode here. Without batch norm nothing
    changes.
    """
    norms = [one for one in generator.modules() if isinstance(one, nn.modules.batchnorm._BatchNorm)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # torch's name for the cumulative average
    generator.eval()
    for norm in norms:
        norm.train()
    for _ in range(batches if norms else 0):
        generator(*fakes(batch_size))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    generator.eval()
