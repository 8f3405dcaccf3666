"""lightweight-gan's generator: a noise layer at every size, skip-layer excitation."""

from __future__ import annotations

import torch
from stand_ins import stand_in, with_cuda_asserted
from torch import nn

from cganx.card import GeneratorCard, Image, Latent
from cganx_export import Convention

stand_in("torchvision", "adabelief_pytorch", "kornia_rs")
with with_cuda_asserted():
    from lightweight_gan.lightweight_gan import Generator, Noise

CONVENTION = Convention(low=0, high=1)


def generator() -> nn.Module:
    """What is exported."""
    torch.manual_seed(0)
    made = Generator(image_size=64, latent_dim=32, fmap_max=32)
    for part in made.modules():
        if isinstance(part, Noise):
            nn.init.constant_(part.weight, 0.3)
    with torch.no_grad():
        for _ in range(20):
            made(torch.randn(16, 32))
    return nn.Sequential(made, nn.Sigmoid())


def card() -> GeneratorCard:
    """What it is."""
    return GeneratorCard(
        name="skip-layers",
        kind="unconditional",
        latent=Latent(size=32),
        image=Image(height=64, width=64, channels=3),
        licences={"code": "MIT"},
    )
