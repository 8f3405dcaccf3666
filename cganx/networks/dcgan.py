"""The unconditional DCGANs of the GAN book: Fashion-MNIST at 28 pixels, anime faces and faces at 56.

After Chaudhary, The GAN Book (2024), skill 4; the architecture's rules are those of Radford et al. 2016, section 3. Batch
norm comes after the activation, as there.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from cganx.networks.keras import SameConv2d, SameConvTranspose2d, batch_norm1d, batch_norm2d, keras_init, leaky_relu
from cganx.networks.layers import ImageShape, Judgement, from_unit, to_unit

__all__ = [
    "AnimeDiscriminator",
    "AnimeGenerator",
    "DCGANDiscriminator",
    "DCGANGenerator",
    "FaceDiscriminator",
    "FaceGenerator",
]

LATENT = 100


class _Generator(nn.Module):
    """A dense layer to ``width`` maps of ``base`` x ``base``, then ``blocks``; the latent is [n, 100] ~ N(0, 1)."""

    def __init__(
        self, shape: ImageShape, base: int, width: int, activation: type[nn.Module], blocks: Sequence[nn.Module]
    ) -> None:
        super().__init__()
        self.shape, self.classes, self.latent, self.base, self.width = shape, 0, LATENT, base, width
        self.dense = nn.Sequential(nn.Linear(LATENT, width * base * base), activation(), batch_norm1d(width * base * base))
        self.blocks = nn.Sequential(*blocks)
        keras_init(self)

    def features(self, latent: Tensor) -> Tensor:
        x = self.dense(latent).view(-1, self.base, self.base, self.width).permute(0, 3, 1, 2)
        made: Tensor = self.blocks(x)
        return made


class _Discriminator(nn.Module):
    """Strided convolutions without padding to a vector, and a score."""

    def __init__(self, blocks: Sequence[nn.Module], features: int) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*blocks)
        self.score = nn.Linear(features, 1)
        keras_init(self)

    def judge(self, x: Tensor) -> Judgement:
        flat = self.blocks(x).permute(0, 2, 3, 1).flatten(1)
        return Judgement(self.score(flat).squeeze(1), features=flat)


class DCGANGenerator(_Generator):
    """28 x 28 pictures by transposed convolutions without strides, 5 to 9, 15, 21 and 28 pixels; swish. 2,360,833 in grey."""

    def __init__(self, shape: ImageShape, classes: int) -> None:
        assert classes == 0
        blocks = [
            *(nn.ConvTranspose2d(128, 128, 5), nn.SiLU(), batch_norm2d(128)),
            *(nn.ConvTranspose2d(128, 128, 7), nn.SiLU(), batch_norm2d(128)),
            *(nn.ConvTranspose2d(128, 128, 7), nn.SiLU()),
            nn.ConvTranspose2d(128, shape.channels, 8),
        ]
        super().__init__(shape, 5, 128, nn.SiLU, blocks)

    def forward(self, latent: Tensor, label: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """Pictures [n, c, 28, 28] in -1..1."""
        return from_unit(torch.sigmoid(self.features(latent)))


class DCGANDiscriminator(_Discriminator):
    """28 x 28 pictures -> a score; 1,223,553 parameters in grey, batch norm's running statistics counted as Keras does."""

    def __init__(self, shape: ImageShape, classes: int) -> None:
        assert classes == 0
        blocks = [
            *(nn.Conv2d(shape.channels, 128, 3), leaky_relu()),
            *(nn.Conv2d(128, 128, 5, stride=2), leaky_relu(), batch_norm2d(128)),
            *(nn.Conv2d(128, 128, 5), leaky_relu(), batch_norm2d(128)),
            *(nn.Conv2d(128, 64, 7), leaky_relu(), batch_norm2d(64)),
        ]
        super().__init__(blocks, 64)

    def forward(self, image: Tensor, label: Tensor | None = None) -> Judgement:  # noqa: ARG002
        """How real the pictures are."""
        return self.judge(to_unit(image))


class AnimeGenerator(_Generator):
    """56 x 56 pictures: 5 to 11, 23, 47, 50, 54, 58 and back to 56 pixels. 1,866,499 parameters in colour."""

    def __init__(self, shape: ImageShape, classes: int) -> None:
        assert classes == 0
        blocks: list[nn.Module] = []
        for kernel, stride in ((3, 2), (3, 2), (3, 2), (4, 1), (5, 1)):
            blocks += [nn.ConvTranspose2d(128, 128, kernel, stride=stride), nn.ReLU(), batch_norm2d(128)]
        blocks += [nn.ConvTranspose2d(128, 128, 5), nn.ReLU(), nn.Conv2d(128, shape.channels, 3)]
        super().__init__(shape, 5, 128, nn.ReLU, blocks)

    def forward(self, latent: Tensor, label: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """Pictures [n, c, 56, 56] in -1..1."""
        return torch.tanh(self.features(latent))


class AnimeDiscriminator(_Discriminator):
    """56 x 56 pictures -> a score; 517,441 parameters in colour."""

    def __init__(self, shape: ImageShape, classes: int) -> None:
        assert classes == 0
        blocks: list[nn.Module] = [nn.Conv2d(shape.channels, 128, 3), leaky_relu()]
        for before, stride in ((128, 2), (64, 2), (64, 1), (64, 1)):
            blocks += [nn.Conv2d(before, 64, 5, stride=stride), leaky_relu(), batch_norm2d(64)]
        super().__init__(blocks, 3 * 3 * 64)

    def forward(self, image: Tensor, label: Tensor | None = None) -> Judgement:  # noqa: ARG002
        """How real the pictures are."""
        return self.judge(image)


class FaceGenerator(_Generator):
    """56 x 56 pictures by three doublings from 7. 1,768,387 parameters in colour, as the book's printed summary has it."""

    def __init__(self, shape: ImageShape, classes: int) -> None:
        assert classes == 0
        blocks: list[nn.Module] = []
        for before in (64, 128, 128):
            blocks += [SameConvTranspose2d(before, 128, 5, stride=2), nn.ReLU(), batch_norm2d(128)]
        blocks += [SameConvTranspose2d(128, 128, 5), nn.ReLU(), SameConv2d(128, shape.channels, 3)]
        super().__init__(shape, 7, 64, nn.ReLU, blocks)

    def forward(self, latent: Tensor, label: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """Pictures [n, c, 56, 56] in -1..1."""
        return torch.tanh(self.features(latent))


class FaceDiscriminator(_Discriminator):
    """56 x 56 pictures -> a score; 904,961 parameters in colour."""

    def __init__(self, shape: ImageShape, classes: int) -> None:
        assert classes == 0
        blocks = [
            *(SameConv2d(shape.channels, 128, 5, stride=2), leaky_relu()),
            *(SameConv2d(128, 64, 5, stride=2), leaky_relu(), batch_norm2d(64)),
            *(SameConv2d(64, 128, 5, stride=2), leaky_relu(), batch_norm2d(128)),
            *(SameConv2d(128, 64, 5), leaky_relu(), batch_norm2d(64)),
            *(nn.Conv2d(64, 128, 5), leaky_relu(), batch_norm2d(128)),
            *(nn.Conv2d(128, 64, 3), leaky_relu(), batch_norm2d(64)),
        ]
        super().__init__(blocks, 64)

    def forward(self, image: Tensor, label: Tensor | None = None) -> Judgement:  # noqa: ARG002
        """How real the pictures are."""
        return self.judge(image)
