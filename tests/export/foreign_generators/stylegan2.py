"""stylegan2-pytorch's StyleGAN2: weights modulated for every picture, noise in every layer, truncation of the style."""

from __future__ import annotations

import torch
from stand_ins import stand_in, with_cuda_asserted
from torch import Tensor, nn

from cganx.card import GeneratorCard, Image, Latent
from cganx_export import Convention

stand_in("fire", "torchvision", "vector_quantize_pytorch", "aim", "kornia_rs")
with with_cuda_asserted():
    from stylegan2_pytorch.stylegan2_pytorch import Generator, StyleVectorizer

SIZE, LATENT = 32, 64
CONVENTION = Convention(low=0, high=1)  # its pictures are 0..1


class Whole(nn.Module):
    """Mapping and synthesis as the package's trainer calls them: (latent, truncation [n, 1]) -> image."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.mapping = StyleVectorizer(LATENT, 4, lr_mul=0.5)
        self.synthesis = Generator(SIZE, LATENT, network_capacity=4)
        with torch.no_grad():
            self.register_buffer("average", self.mapping(torch.randn(2000, LATENT)).mean(0))

    def forward(self, latent: Tensor, truncation: Tensor) -> Tensor:
        style = self.average + truncation * (self.mapping(latent) - self.average)
        noise = torch.rand(latent.shape[0], SIZE, SIZE, 1)
        return self.synthesis(style[:, None].expand(-1, self.synthesis.num_layers, -1), noise)


def generator() -> nn.Module:
    """What is exported, with colours that lie in 0..1 as those of a trained one do."""
    whole = Whole()
    colours = [block.to_rgb.conv.weight for block in whole.synthesis.blocks]
    with torch.no_grad():
        for weight in colours:
            weight.abs_()
        mean = whole(torch.randn(64, LATENT), torch.ones(64, 1)).mean()
        for weight in colours:  # in which the picture is linear
            weight *= 0.5 / mean
    return whole


def card() -> GeneratorCard:
    """What it is."""
    return GeneratorCard(
        name="stylegan2",
        kind="unconditional",
        latent=Latent(size=LATENT),
        truncation={"input": True},
        image=Image(height=SIZE, width=SIZE, channels=3),
        licences={"code": "MIT"},
    )
