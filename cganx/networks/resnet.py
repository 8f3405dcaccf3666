"""Residual networks for class-conditional pictures: SNGAN with projection, and a small BigGAN.

`ResNet...` after Miyato et al. 2018 (Spectral Normalization for GANs, table 4, the CIFAR-10 column) and Miyato and Koyama
2018 (projection); 4.3 and 1.06 million parameters at 32 x 32 colour pictures. `BigGAN...` after Brock et al. 2019: shared
embedding, skip-z, self-attention, orthogonal initialisation, at widths for two CPU cores.
"""

from __future__ import annotations

from functools import partial
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from cganx.networks.layers import (
    ClassConditionalBatchNorm2d,
    ImageShape,
    Judgement,
    base_size,
    cut,
    orthogonal_init,
    upsamplings,
)
from cganx.networks.resampling import DoublingConv2d, HalvingConv2d, double, half

__all__ = ["BigGANDiscriminator", "BigGANGenerator", "ResNetDiscriminator", "ResNetGenerator"]


class ConditionalBatchNorm2d(nn.Module):
    """Batch norm whose gain and bias are linear in a condition [n, size] (Brock et al. 2019, section 3 and appendix B)."""

    def __init__(self, features: int, size: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(features, affine=False)
        self.gain = nn.Linear(size, features, bias=False)
        self.bias = nn.Linear(size, features, bias=False)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """Features [n, features, h, w] of the same shape."""
        gain, bias = 1 + self.gain(condition), self.bias(condition)
        return torch.addcmul(bias[:, :, None, None], self.norm(x), gain[:, :, None, None])


class UpBlock(nn.Module):
    """A doubling with a residual branch: norm, ReLU, x2, 3x3, norm, ReLU, 3x3; the shortcut is x2 and 1x1."""

    def __init__(self, before: int, after: int, norms: tuple[nn.Module, nn.Module]) -> None:
        super().__init__()
        self.first_norm, self.second_norm = norms
        self.first = DoublingConv2d(before, after)
        self.second = nn.Conv2d(after, after, 3, padding=1)
        self.shortcut = nn.Conv2d(before, after, 1)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """[n, before, h, w] -> [n, after, 2h, 2w]."""
        branch = self.first(F.relu(self.first_norm(x, condition)))
        branch = self.second(F.relu(self.second_norm(branch, condition)))
        made: Tensor = branch + double(self.shortcut(x))  # a 1x1 convolution commutes with the doubling
        return made


class DownBlock(nn.Module):
    """A halving (or not) with a residual branch: ReLU, 3x3, ReLU, 3x3, mean over 2x2; odd sizes are rounded up."""

    def __init__(self, before: int, after: int, *, down: bool, first: bool = False) -> None:
        super().__init__()
        self.down, self.starts = down, first
        self.first = nn.Conv2d(before, after, 3, padding=1)
        self.second = HalvingConv2d(after, after) if down else nn.Conv2d(after, after, 3, padding=1)
        self.shortcut = nn.Conv2d(before, after, 1) if down or before != after else None

    def forward(self, x: Tensor) -> Tensor:
        """[n, before, h, w] -> [n, after, h, w] or half of it."""
        branch = self.second(F.relu(self.first(x if self.starts else F.relu(x))))
        if self.down:
            x = half(x)
        made: Tensor = branch + (x if self.shortcut is None else self.shortcut(x))
        return made


class ResNetGenerator(nn.Module):
    """Latent [n, 128] ~ N(0, 1) and label weights [n, classes] -> picture [n, c, h, w] in -1..1.

    ``several``: the labels are attributes.
    """

    def __init__(self, shape: ImageShape, classes: int, latent: int = 128, width: int = 256, *, several: bool = False) -> None:
        super().__init__()
        self.shape, self.classes, self.latent, self.width = shape, classes, latent, width
        norm = partial(ClassConditionalBatchNorm2d, width, classes, several=several)
        self.base = _small_base(shape)
        self.linear = nn.Linear(latent, width * self.base[0] * self.base[1])
        self.blocks = nn.ModuleList(UpBlock(width, width, (norm(), norm())) for _ in range(_stages(shape)))
        self.norm = nn.BatchNorm2d(width)
        self.to_image = nn.Conv2d(width, shape.channels, 3, padding=1)
        _xavier(self)

    def forward(self, latent: Tensor, label: Tensor) -> Tensor:
        """Pictures for latents [n, 128] and label weights [n, classes]."""
        x = self.linear(latent).view(-1, self.width, *self.base)
        for block in self.blocks:
            x = block(x, label)
        return cut(torch.tanh(self.to_image(F.relu(self.norm(x)))), self.shape)


class ResNetDiscriminator(nn.Module):
    """Picture and label weights -> `Judgement`, a score alone: features summed over places, projected on the label."""

    def __init__(self, shape: ImageShape, classes: int, width: int = 128) -> None:
        super().__init__()
        self.blocks = nn.Sequential(
            DownBlock(shape.channels, width, down=True, first=True),
            *(DownBlock(width, width, down=True) for _ in range(_stages(shape) - 2)),
            DownBlock(width, width, down=False),
            DownBlock(width, width, down=False),
        )
        self.score = nn.Linear(width, 1)
        self.projection = nn.Linear(classes, width, bias=False)
        _xavier(self)
        _normalise(self)

    def forward(self, image: Tensor, label: Tensor) -> Judgement:
        """How real the pictures are as pictures of their label."""
        features = F.relu(self.blocks(image)).sum(dim=(2, 3))
        score = self.score(features).squeeze(1) + (self.projection(label) * features).sum(dim=1)
        return Judgement(score, features=features)


def _stages(shape: ImageShape) -> int:
    """Doublings from a base of about 4 pixels, one more than the other networks' bases of about 8."""
    return upsamplings(shape) + 1


def _small_base(shape: ImageShape) -> tuple[int, int]:
    height, width = base_size(shape)
    return -(-height // 2), -(-width // 2)


def _xavier(module: nn.Module) -> None:
    for layer in module.modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            # Gain sqrt(2) inside residual branches, 1 elsewhere, as the authors' code has it.
            nn.init.xavier_uniform_(layer.weight, gain=2**0.5 if getattr(layer, "kernel_size", None) == (3, 3) else 1.0)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def _normalise(module: nn.Module) -> None:
    for layer in [one for one in module.modules() if isinstance(one, (nn.Conv2d, nn.Linear))]:
        spectral_norm(layer)


# ----------------------------------------------------------------------------------------------------------------------
# BigGAN

BIGGAN_WIDTHS = (32, 64, 96, 128)  # from the finest stage to the coarsest
EMBEDDING = 64
CHUNK = 16  # latent numbers that each stage sees
ATTENTION_SIDE = 20  # self-attention joins the finest stage whose sides are no longer


class SelfAttention(nn.Module):
    """Every place looks at all places of a coarser grid (Zhang et al. 2019, section 3), added with a gain that starts at 0."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.query = nn.Conv2d(features, features // 8, 1, bias=False)
        self.key = nn.Conv2d(features, features // 8, 1, bias=False)
        self.value = nn.Conv2d(features, features // 2, 1, bias=False)
        self.out = nn.Conv2d(features // 2, features, 1, bias=False)
        self.gain = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        """[n, features, h, w] of the same shape."""
        query = self.query(x).flatten(2).transpose(1, 2)
        key, value = half(self.key(x)).flatten(2), half(self.value(x)).flatten(2)
        attention = torch.softmax(query @ key, dim=2)
        mixed = (attention @ value.transpose(1, 2)).transpose(1, 2)
        made: Tensor = x + self.gain * self.out(mixed.reshape(-1, mixed.shape[1], *x.shape[2:]))
        return made


def _biggan_widths(shape: ImageShape) -> list[int]:
    """From the finest to the coarsest, one more than there are doublings."""
    return [BIGGAN_WIDTHS[min(stage, len(BIGGAN_WIDTHS) - 1)] for stage in range(_stages(shape) + 1)]


def _attends(shape: ImageShape, stage: int) -> bool:
    """Whether self-attention follows the features at 1 / 2**stage of the size."""
    longest = max(shape.height, shape.width)
    return longest / 2**stage <= ATTENTION_SIDE and (stage == 0 or longest / 2 ** (stage - 1) > ATTENTION_SIDE)


class BigGANGenerator(nn.Module):
    """Latent ~ N(0, 1), 16 numbers a stage, and label weights [n, classes] -> picture [n, c, h, w] in -1..1.

    The first 16 numbers make the base; each later stage gets its own 16 beside the shared embedding of the label
    (skip-z: Brock et al. 2019, section 3). Truncation belongs to sampling (section 3.1): ``truncation=0.5`` at generation.
    """

    def __init__(self, shape: ImageShape, classes: int) -> None:
        super().__init__()
        stages = _stages(shape)
        self.shape, self.classes, self.latent = shape, classes, CHUNK * (stages + 1)
        widths = _biggan_widths(shape)[::-1]
        self.base, self.width = _small_base(shape), widths[0]
        self.embedding = nn.Linear(classes, EMBEDDING, bias=False)
        self.linear = nn.Linear(CHUNK, widths[0] * self.base[0] * self.base[1])
        size = EMBEDDING + CHUNK
        self.blocks = nn.ModuleList(
            UpBlock(before, after, (ConditionalBatchNorm2d(before, size), ConditionalBatchNorm2d(after, size)))
            for before, after in pairwise(widths)
        )
        self.attentions = nn.ModuleList(
            SelfAttention(after) if _attends(shape, stages - 1 - index) else nn.Identity()
            for index, after in enumerate(widths[1:])
        )
        self.norm = nn.BatchNorm2d(widths[-1])
        self.to_image = nn.Conv2d(widths[-1], shape.channels, 3, padding=1)
        orthogonal_init(self)
        _normalise(self)

    def forward(self, latent: Tensor, label: Tensor) -> Tensor:
        """Pictures for latents [n, latent] and label weights [n, classes]."""
        first, *chunks = torch.split(latent, CHUNK, dim=1)
        embedded = self.embedding(label)
        x = self.linear(first).view(-1, self.width, *self.base)
        for block, attention, chunk in zip(self.blocks, self.attentions, chunks, strict=True):
            x = attention(block(x, torch.cat([embedded, chunk], dim=1)))
        return cut(torch.tanh(self.to_image(F.relu(self.norm(x)))), self.shape)


class BigGANDiscriminator(nn.Module):
    """Picture and label weights -> `Judgement`, a score alone, projected on the label."""

    def __init__(self, shape: ImageShape, classes: int) -> None:
        super().__init__()
        widths = [shape.channels, *_biggan_widths(shape)[1:]]
        blocks: list[nn.Module] = []
        for stage, (before, after) in enumerate(pairwise(widths)):
            blocks.append(DownBlock(before, after, down=True, first=stage == 0))
            if _attends(shape, stage + 1):
                blocks.append(SelfAttention(after))
        self.blocks = nn.Sequential(*blocks, DownBlock(widths[-1], widths[-1], down=False))
        self.score = nn.Linear(widths[-1], 1)
        self.projection = nn.Linear(classes, widths[-1], bias=False)
        orthogonal_init(self)
        _normalise(self)

    def forward(self, image: Tensor, label: Tensor) -> Judgement:
        """How real the pictures are as pictures of their label."""
        features = F.relu(self.blocks(image)).sum(dim=(2, 3))
        score = self.score(features).squeeze(1) + (self.projection(label) * features).sum(dim=1)
        return Judgement(score, features=features)
