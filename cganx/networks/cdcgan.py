"""The conditional DCGAN of Brownlee's Keras tutorial "How to Develop a Conditional GAN (cGAN) From Scratch".

Layer for layer, with Keras's ``same`` padding and initialisation: 1,169,336 and 196,773 parameters at 28x28 grey
pictures of 10 classes. Planes are ordered as Keras orders them (height, width, channels), so a Keras weight file maps
one to one, kernels transposed. The conditional GAN itself: Mirza and Osindero 2014, section 3.2.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cganx.networks.dropout import Dropout
from cganx.networks.keras import SameConv2d, keras_init
from cganx.networks.layers import ImageShape, Judgement, base_size, cut, upsamplings

__all__ = ["CDCGANDiscriminator", "CDCGANGenerator"]

WIDTH = 128
EMBEDDING = 50
LATENT = 100


class LabelPlane(nn.Module):
    """Label weights [n, classes] -> one linear plane [n, 1, height, width] through an embedding of 50 values.

    Initialised by itself: Keras's embeddings start evenly in -0.05..0.05.
    """

    def __init__(self, classes: int, height: int, width: int) -> None:
        super().__init__()
        self.size = (height, width)
        self.embedding = nn.Parameter(torch.empty(classes, EMBEDDING))
        self.dense = nn.Linear(EMBEDDING, height * width)
        nn.init.uniform_(self.embedding, -0.05, 0.05)
        keras_init(self.dense)

    def forward(self, label: Tensor) -> Tensor:
        """The plane that is concatenated to the picture or to the first features."""
        plane: Tensor = self.dense(label @ self.embedding)
        return plane.view(-1, 1, *self.size)


class FewChannelConv2d(nn.Conv2d):
    """A convolution to few channels, stride 1, that trains in half the time on a CPU; in eval mode it is a plain one.

    The CPU's convolution kernels work on blocks of output channels and starve on one or three. In training mode every
    pixel is multiplied with all weights at once, and the products are added up where they belong: the same function.
    """

    def __init__(self, features: int, channels: int, kernel: int) -> None:
        super().__init__(features, channels, kernel, padding=kernel // 2)

    def forward(self, x: Tensor) -> Tensor:
        """Features [n, features, h, w] -> [n, channels, h, w]."""
        if not self.training or self.bias is None:
            return super().forward(x)
        height, width = x.shape[2:]
        weight = self.weight.flip(2, 3).permute(1, 0, 2, 3).flatten(1)
        products = (x.permute(0, 2, 3, 1).flatten(1, 2) @ weight).transpose(1, 2)
        kernel = self.weight.shape[2:]
        out = F.fold(products, (height, width), kernel, padding=kernel[0] // 2)
        return out + self.bias[:, None, None]


class CDCGANGenerator(nn.Module):
    """Latent [n, 100] ~ N(0, 1) and label weights [n, classes] -> picture [n, channels, height, width] in -1..1.

    Without classes it is the tutorial's unconditional GAN. Two doublings by 4x4 transposed convolutions at 28 pixels; other
    sizes take as many as they need, and are cut from the middle of the next larger size where the doublings do not reach
    them exactly.
    """

    def __init__(self, shape: ImageShape, classes: int, latent: int = LATENT) -> None:
        super().__init__()
        self.shape, self.classes, self.latent = shape, classes, latent
        self.base = base_size(shape)
        stages = upsamplings(shape)
        self.label = LabelPlane(classes, *self.base) if classes else None
        labels = int(classes > 0)
        self.dense = nn.Linear(latent, WIDTH * self.base[0] * self.base[1])
        self.deconvs = nn.ModuleList(
            nn.ConvTranspose2d(WIDTH + labels * (stage == 0), WIDTH, 4, stride=2, padding=1) for stage in range(stages)
        )
        self.to_image = FewChannelConv2d(WIDTH + labels * (stages == 0), shape.channels, 7)
        keras_init(self)

    def forward(self, latent: Tensor, label: Tensor | None = None) -> Tensor:
        """Pictures for latents [n, 100] and label weights [n, classes]."""
        x = F.leaky_relu(self.dense(latent), 0.2).view(-1, *self.base, WIDTH).permute(0, 3, 1, 2)
        if self.label is not None:
            x = torch.cat([x, self.label(label)], dim=1)
        for deconv in self.deconvs:
            x = F.leaky_relu(deconv(x), 0.2, inplace=True)
        return cut(torch.tanh(self.to_image(x)), self.shape)


class CDCGANDiscriminator(nn.Module):
    """Picture [n, channels, height, width] and label weights [n, classes] -> `Judgement`, a score alone.

    The label enters as one more plane of the picture; without classes there is none. Dropout is active in training mode.
    """

    def __init__(self, shape: ImageShape, classes: int) -> None:
        super().__init__()
        self.shape, self.classes = shape, classes
        self.label = LabelPlane(classes, shape.height, shape.width) if classes else None
        sizes = [(math.ceil(shape.height / 2**stage), math.ceil(shape.width / 2**stage)) for stage in range(strides(shape) + 1)]
        first = shape.channels + int(classes > 0)
        self.convs = nn.ModuleList(SameConv2d(WIDTH if stage else first, WIDTH, 3, stride=2) for stage in range(strides(shape)))
        self.dropout = Dropout(0.4)
        self.score = nn.Linear(WIDTH * sizes[-1][0] * sizes[-1][1], 1)
        keras_init(self)

    def forward(self, image: Tensor, label: Tensor | None = None) -> Judgement:
        """How real the pictures are as pictures of their label."""
        x = image if self.label is None else torch.cat([image, self.label(label)], dim=1)
        for conv in self.convs:
            x = F.leaky_relu(conv(x), 0.2, inplace=True)
        flat = self.dropout(x.permute(0, 2, 3, 1).flatten(1))
        return Judgement(self.score(flat).squeeze(1), features=flat)


def strides(shape: ImageShape) -> int:
    """Strided convolutions of the discriminator: as many as the generator has doublings, one at least."""
    return max(1, upsamplings(shape))
