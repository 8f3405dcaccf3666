"""The learning rates, by step."""

from __future__ import annotations

import torch

from cganx.training.settings import CommonSettings

__all__ = ["rate_factor", "set_rate"]


def rate_factor(step: int, settings: CommonSettings) -> float:
    """What the learning rates are multiplied with: 1 for half the horizon, then linear to the floor, then the floor.

    It knows nothing of where the run ends, so an extended run is the same as a longer one.
    """
    if settings.rate_horizon == 0:
        return 1.0
    progress = min(1.0, max(0.0, 2.0 * step / settings.rate_horizon - 1.0))
    return 1.0 - (1.0 - settings.rate_floor) * progress


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Give every parameter of an optimiser this rate."""
    for group in optimizer.param_groups:
        group["lr"] = rate
