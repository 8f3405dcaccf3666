"""torch-mimicry's cGAN-PD of 32 x 32: a class number that goes into the batch norms' nn.Embedding."""

from __future__ import annotations

import torch
from stand_ins import stand_in
from torch import nn

from cganx.card import GeneratorCard, Image, Latent

stand_in("torchvision", "tensorflow", "matplotlib", "skimage", "pandas", "lmdb", "scipy", "six", "future", "torch._six")

from torch_mimicry.nets.cgan_pd.cgan_pd_32 import CGANPDGenerator32  # noqa: E402

CLASSES = ("airplane", "automobile", "bird", "cat")


def generator() -> nn.Module:
    """What is exported."""
    torch.manual_seed(0)
    made = CGANPDGenerator32(num_classes=len(CLASSES), nz=32, ngf=32)
    for part in made.modules():
        if isinstance(part, nn.Embedding):
            nn.init.normal_(part.weight, 1, 0.5)
    with torch.no_grad():  # the statistics of its batch norms
        for _ in range(20):
            made(torch.randn(16, 32), torch.arange(16) % len(CLASSES))
    return made


def card() -> GeneratorCard:
    """What it is."""
    return GeneratorCard(
        name="projection",
        classes=CLASSES,
        latent=Latent(size=32),
        image=Image(height=32, width=32, channels=3),
        licences={"code": "MIT"},
    )
