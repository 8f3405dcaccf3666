"""pytorch-pretrained-biggan's class-conditional BigGAN: a label of weights, spectral norm, and a truncation."""

from __future__ import annotations

import torch
from stand_ins import stand_in
from torch import Tensor, nn

from cganx.card import GeneratorCard, Image, Latent

stand_in("boto3", "botocore", "requests", "scipy")

from pytorch_pretrained_biggan import BigGAN, BigGANConfig  # noqa: E402
from pytorch_pretrained_biggan.model import BigGANBatchNorm  # noqa: E402

CLASSES = ("tench", "goldfish", "white shark", "tiger shark", "hammerhead")


class Norm(nn.Module):
    """BigGANBatchNorm for a truncation that is a tensor [n, 1]: its statistics between two stored rows as a product."""

    def __init__(self, norm: BigGANBatchNorm) -> None:
        super().__init__()
        self.norm = norm

    def forward(self, x: Tensor, truncation: Tensor, condition: Tensor | None = None) -> Tensor:
        norm = self.norm
        rows = torch.arange(len(norm.running_means))
        share = (1 - (truncation / norm.step_size - rows).abs()).clamp(min=0)  # [n, rows], sums to 1
        mean, variance = (share @ kept for kept in (norm.running_means, norm.running_vars))
        gain, bias = (1 + norm.scale(condition), norm.offset(condition)) if norm.conditional else (norm.weight, norm.bias)
        gain = gain / torch.sqrt(variance + norm.eps)
        return x * gain[..., None, None] + (bias - mean * gain)[..., None, None]


class Truncated(nn.Module):
    """BigGAN called as (latent, label weights, truncation [n, 1])."""

    def __init__(self, biggan: BigGAN) -> None:
        super().__init__()
        self.biggan = biggan
        for part in list(biggan.modules()):
            for name, child in list(part.named_children()):
                if isinstance(child, BigGANBatchNorm):
                    setattr(part, name, Norm(child))

    def forward(self, latent: Tensor, label: Tensor, truncation: Tensor) -> Tensor:
        latent, truncation = truncation * latent, truncation.clamp(0, 1)
        condition = torch.cat([latent, self.biggan.embeddings(label)], 1)
        return self.biggan.generator(condition, truncation)


def original() -> BigGAN:
    """A small BigGAN with weights that make something to see, in eval mode."""
    torch.manual_seed(0)
    layers = [(True, 16, 8), (True, 8, 4), (True, 4, 2), (True, 2, 1)]
    config = BigGANConfig(
        output_dim=64, z_dim=32, class_embed_dim=32, channel_width=16, num_classes=len(CLASSES), layers=layers,
        attention_layer_position=2,
    )  # fmt: skip
    biggan = BigGAN(config)
    for norm in biggan.modules():
        if isinstance(norm, BigGANBatchNorm):
            norm.running_means.normal_(0, 0.1)
            norm.running_vars.uniform_(0.5, 1.5)
            if not norm.conditional:  # they are never set without a checkpoint
                nn.init.ones_(norm.weight)
                nn.init.zeros_(norm.bias)
    with torch.no_grad():
        for _ in range(20):  # spectral norm finds its singular vectors in train mode
            biggan(torch.randn(2, 32), torch.eye(len(CLASSES))[:2], 1.0)
    return biggan.eval()


def largest_difference() -> float:
    """What is exported beside the package's own call, at a truncation whose statistics are stored."""
    latent, label = torch.randn(4, 32), torch.eye(len(CLASSES))[:4]
    with torch.no_grad():
        wanted = original()(0.4 * latent, label, 0.4)
        made = Truncated(original())(latent, label, torch.full((4, 1), 0.4))
    return float((made - wanted).abs().max())


def generator() -> nn.Module:
    """What is exported."""
    return Truncated(original())


def card() -> GeneratorCard:
    """What it is."""
    return GeneratorCard(
        name="biggan",
        classes=CLASSES,
        latent=Latent(size=32),
        truncation={"input": True},
        image=Image(height=64, width=64, channels=3),
        licences={"code": "MIT"},
    )
