"""The decoder of diffusers' AutoencoderKL: a latent of planes, group norm, attention over places."""

from __future__ import annotations

import torch
from stand_ins import stand_in
from torch import Tensor, nn

from cganx.card import GeneratorCard, Image, Latent
from cganx_export import Convention

stand_in("regex", "importlib_metadata")

from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL  # noqa: E402

CONVENTION = Convention(latent=(4, 8, 8))


class Decoder(nn.Module):
    """decode(...) as a module: latent [n, 4, 8, 8] -> image."""

    def __init__(self, autoencoder: AutoencoderKL) -> None:
        super().__init__()
        self.autoencoder = autoencoder

    def forward(self, latent: Tensor) -> Tensor:
        return self.autoencoder.decode(latent, return_dict=False)[0]


def generator() -> nn.Module:
    """What is exported."""
    torch.manual_seed(0)
    return Decoder(
        AutoencoderKL(
            down_block_types=("DownEncoderBlock2D",) * 3,
            up_block_types=("UpDecoderBlock2D",) * 3,
            block_out_channels=(16, 32, 32),
            latent_channels=4,
            norm_num_groups=8,
        )
    )


def card() -> GeneratorCard:
    """What it is."""
    return GeneratorCard(
        name="kl-decoder",
        kind="unconditional",
        latent=Latent(size=4 * 8 * 8),
        image=Image(height=32, width=32, channels=3),
        licences={"code": "Apache-2.0"},
    )
