"""Dropout whose mask costs little on the CPU."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["Dropout"]

LEVELS = 2**16


class Dropout(nn.Dropout):
    """`nn.Dropout`, with 16 random bits an element on the CPU; a share is kept to 1 / 65,536, and the scale is of what is kept.

    torch draws an element's fate as a number of its own there, which took a sixth of a whole step of `acgan`; one word of its
    generator serves four elements here.
    """

    def forward(self, x: Tensor) -> Tensor:  # noqa: D102
        dropped = round(self.p * LEVELS)
        if not self.training or not 0 < dropped < LEVELS or x.device.type != "cpu":
            return super().forward(x)
        words = torch.empty(-(-x.numel() // 4), dtype=torch.int64).random_(-(2**63), None)
        bits = words.view(torch.int16)[: x.numel()].as_strided(x.shape, torch.empty_like(x).stride())
        return x * (bits >= dropped - LEVELS // 2).to(x.dtype).mul_(LEVELS / (LEVELS - dropped))
