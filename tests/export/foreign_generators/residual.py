"""monai's Generator: a latent of two axes, transposed convolutions, residual units, instance norm, one PReLU a layer."""

from __future__ import annotations

import torch
from monai.networks.nets import Generator
from torch import nn

from cganx.card import GeneratorCard, Image, Latent
from cganx_export import Convention

CONVENTION = Convention(latent=(8, 4), low=0, high=1)


def generator() -> nn.Module:
    """What is exported: intensities of 0..1, as its users scale theirs."""
    torch.manual_seed(0)
    return nn.Sequential(Generator((8, 4), (16, 4, 4), (16, 8, 1), (2, 2, 2), dropout=0.1), nn.Sigmoid())


def card() -> GeneratorCard:
    """What it is."""
    return GeneratorCard(
        name="residual",
        kind="unconditional",
        latent=Latent(size=32),
        image=Image(height=32, width=32, channels=1),
        licences={"code": "Apache-2.0"},
    )
