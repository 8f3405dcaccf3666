"""The optimisers of the recipes, by the settings' numbers."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from cganx.training.settings import CommonSettings

__all__ = ["MakeOptimizer", "adam", "rmsprop"]

MakeOptimizer = Callable[[nn.Module, float, CommonSettings], torch.optim.Optimizer]
"""(network, learning rate, settings) -> optimiser."""


def adam(module: nn.Module, rate: float, settings: CommonSettings) -> torch.optim.Optimizer:
    """Adam (Kingma and Ba 2015, algorithm 1)."""
    return torch.optim.Adam(
        module.parameters(), lr=rate, betas=(settings.beta1, settings.beta2), eps=settings.epsilon, fused=True
    )


def rmsprop(module: nn.Module, rate: float, settings: CommonSettings) -> torch.optim.Optimizer:
    """RMSprop without momentum; ``beta2`` is the decay of the mean squared gradient."""
    return torch.optim.RMSprop(module.parameters(), lr=rate, alpha=settings.beta2, eps=settings.epsilon)
