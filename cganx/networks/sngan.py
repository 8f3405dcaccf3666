"""A small spectrally normalised GAN with a projection discriminator and a class head.

After Miyato et al. 2018, "Spectral Normalization for GANs" (sections 2 and 3), and Miyato and Koyama 2018, "cGANs with
Projection Discriminator" (section 3); the class head is that of Odena et al. 2017 (AC-GAN, section 3). Widths are
chosen so that two CPU cores train it in minutes.
"""

from __future__ import annotations

from collections.abc import Callable
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
    is_reached,
    orthogonal_init,
    upsamplings,
)
from cganx.networks.resampling import DoublingConv2d
from cganx.networks.wrapping import WrappingConv2d

__all__ = ["SNGANDiscriminator", "SNGANGenerator"]

FINEST, WIDEST = 16, 128
LATENT = 64
FEATURE_SCALE = 0.1


class SNGANGenerator(nn.Module):
    """Latent [n, 64] ~ N(0, 1) and label weights [n, classes] -> picture [n, channels, height, width] in -1..1.

    A linear layer to the base of at most about 10 pixels a side, a 3x3 convolution there, then nearest-neighbour
    doublings with a 3x3 convolution each; class-conditional batch norm and ReLU at every stage. A size that the
    doublings do not reach exactly is cut from the middle of the next larger one. ``several``: the labels are attributes.
    ``tileable``: every convolution reads on at the opposite edge, so that pictures repeat without a seam; ValueError for a
    size that would be cut.
    """

    def __init__(
        self, shape: ImageShape, classes: int, latent: int = LATENT, *, several: bool = False, tileable: bool = False
    ) -> None:
        super().__init__()
        if tileable and not is_reached(shape):
            raise ValueError(f"{shape.height}x{shape.width} pictures are cut from larger ones, so they cannot be tileable")
        self.shape, self.classes, self.latent = shape, classes, latent
        self.base = base_size(shape)
        stages = upsamplings(shape)
        # From the base to the full size: 64, 32, 16 at 28 pixels; wider ones come in front.
        widths = [min(FINEST * 2**stage, WIDEST) for stage in range(stages, -1, -1)]
        self.width = widths[0]
        same_size: Callable[..., nn.Module] = WrappingConv2d if tileable else partial(nn.Conv2d, kernel_size=3, padding=1)
        self.linear = nn.Linear(latent + classes, widths[0] * self.base[0] * self.base[1])
        self.first_norm = ClassConditionalBatchNorm2d(widths[0], classes, several=several)
        self.convs = nn.ModuleList(
            [
                same_size(widths[0], widths[0], bias=False),
                *(DoublingConv2d(before, after, bias=False, wraps=tileable) for before, after in pairwise(widths)),
            ]
        )
        self.norms = nn.ModuleList(ClassConditionalBatchNorm2d(width, classes, several=several) for width in widths)
        self.to_image = same_size(widths[-1], shape.channels)
        orthogonal_init(self)

    def forward(self, latent: Tensor, label: Tensor) -> Tensor:
        """Pictures for latents [n, 64] and label weights [n, classes]."""
        x = self.linear(torch.cat([latent, label], dim=1)).view(-1, self.width, *self.base)
        x = F.relu(self.first_norm(x, label))
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = F.relu(norm(conv(x), label))
        return cut(torch.tanh(self.to_image(x)), self.shape)


class SNGANDiscriminator(nn.Module):
    """Picture [n, channels, height, width] and label weights [n, classes] -> `Judgement` with class logits.

    The features of all places are summed; the score is linear in them plus their inner product with the label's
    embedding (Miyato and Koyama 2018, equation 3), all of it spectrally normalised. The class head reads the same
    features, scaled down so that its cross-entropy does not start saturated. It alone is not normalised: a classifier
    that is held to Lipschitz 1 can hardly tell classes apart, and then it teaches the generator little.
    """

    def __init__(self, shape: ImageShape, classes: int) -> None:
        super().__init__()
        self.shape, self.classes = shape, classes
        widths = [shape.channels, *(min(32 * 2**stage, WIDEST) for stage in range(upsamplings(shape)))]
        self.convs = nn.ModuleList(
            [
                *(nn.Conv2d(before, after, 4, stride=2, padding=1) for before, after in pairwise(widths)),
                nn.Conv2d(widths[-1], WIDEST, 3, padding=1),
                nn.Conv2d(WIDEST, WIDEST, 3, stride=2, padding=1),
            ]
        )
        self.score = nn.Linear(WIDEST, 1)
        self.projection = nn.Linear(classes, WIDEST, bias=False)
        self.class_head = nn.Linear(WIDEST, classes)
        orthogonal_init(self)
        for layer in (*self.convs, self.score, self.projection):
            spectral_norm(layer)

    def forward(self, image: Tensor, label: Tensor) -> Judgement:
        """How real the pictures are as pictures of their label, and which class they look like."""
        x = image
        for conv in self.convs:
            x = F.leaky_relu(conv(x), 0.1)
        features = x.sum(dim=(2, 3))
        score = self.score(features).squeeze(1) + (self.projection(label) * features).sum(dim=1)
        return Judgement(score, self.class_head(FEATURE_SCALE * features), features)
