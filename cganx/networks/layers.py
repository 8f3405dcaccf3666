"""The layers and shapes that the networks share, and what a discriminator returns."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import product
from typing import NamedTuple

import torch
from torch import Tensor, nn

__all__ = [
    "ClassConditionalAffine",
    "ClassConditionalBatchNorm2d",
    "Classifier",
    "ImageShape",
    "Judgement",
    "base_size",
    "cut",
    "from_unit",
    "is_reached",
    "nearest_reached",
    "orthogonal_init",
    "to_unit",
    "upsamplings",
]

SMALLEST, LARGEST = 8, 256
WIDEST_BASE = 10.0
LARGEST_STEP = 2 ** math.ceil(math.log2(LARGEST / WIDEST_BASE))  # between sizes that are reached exactly


class Judgement(NamedTuple):
    """What a discriminator says of n pictures.

    ``score`` [n]: how real, as an unbounded logit; [n, 1, rows, columns] where every patch is judged. ``class_logits``
    [n, classes], or None where the method has no class head. ``features`` [n, features]: what the heads read.
    """

    score: Tensor
    class_logits: Tensor | None = None
    features: Tensor | None = None

    def as_exact_as(self, image: Tensor) -> Judgement:
        """The same in the precision of ``image``."""
        return self._replace(**{name: one.to(image.dtype) for name, one in self._asdict().items() if one is not None})


@dataclass(frozen=True)
class ImageShape:
    """The pictures that a network makes or judges: 8 to 256 pixels a side, 1 or 3 channels. ValueError otherwise."""

    channels: int
    height: int
    width: int

    def __post_init__(self) -> None:
        if self.channels not in (1, 3):
            raise ValueError(f"pictures have 1 channel (grey) or 3 (colour), not {self.channels}")
        if min(self.height, self.width) < SMALLEST:
            raise ValueError(
                f"{self.height}x{self.width} pictures are too small: below {SMALLEST} pixels a side nothing is left "
                f"after the discriminator's strides; ask for a larger image size"
            )
        if max(self.height, self.width) > LARGEST:
            raise ValueError(
                f"{self.height}x{self.width} pictures are too large: these networks are made for up to {LARGEST} "
                f"pixels a side; ask for a smaller image size"
            )


def upsamplings(shape: ImageShape) -> int:
    """How many doublings lead from a base of at most 10 pixels (geometric mean of the sides) to ``shape``."""
    return max(0, math.ceil(math.log2(math.sqrt(shape.height * shape.width) / WIDEST_BASE)))


def base_size(shape: ImageShape) -> tuple[int, int]:
    """Height and width from which `upsamplings` doublings reach at least ``shape``."""
    scale = 2 ** upsamplings(shape)
    return math.ceil(shape.height / scale), math.ceil(shape.width / scale)


def is_reached(shape: ImageShape) -> bool:
    """Whether `upsamplings` doublings of `base_size` give this very size, so that nothing is cut."""
    scale = 2 ** upsamplings(shape)
    return (shape.height % scale, shape.width % scale) == (0, 0)


def nearest_reached(shape: ImageShape) -> list[ImageShape]:
    """The two sizes nearest to ``shape`` that are reached exactly, nearest first; of a square, squares."""
    square = shape.height == shape.width
    sizes = product(_around(shape.height), _around(shape.width))
    shapes = [replace(shape, height=height, width=width) for height, width in sizes if height == width or not square]

    def distance(one: ImageShape) -> int:
        return abs(one.height - shape.height) + abs(one.width - shape.width)

    return sorted(filter(is_reached, shapes), key=distance)[:2]


def _around(side: int) -> range:
    return range(max(SMALLEST, side - LARGEST_STEP), min(LARGEST, side + LARGEST_STEP) + 1)


def cut(image: Tensor, shape: ImageShape) -> Tensor:
    """The middle [n, c, height, width] of a picture that is at least that large."""
    top, left = (image.shape[2] - shape.height) // 2, (image.shape[3] - shape.width) // 2
    return image[:, :, top : top + shape.height, left : left + shape.width]


def to_unit(image: Tensor) -> Tensor:
    """-1..1 -> 0..1, for networks whose original takes pictures so."""
    return 0.5 * image + 0.5


def from_unit(image: Tensor) -> Tensor:
    """0..1 -> -1..1, for networks whose original makes pictures so."""
    return 2.0 * image - 1.0


class ClassConditionalAffine(nn.Module):
    """Gain and bias for each channel, both linear in the label's weights.

    Takes features [n, features, h, w] and label weights [n, classes]; a one-hot label picks the gain and bias of its
    class, a blend mixes them. Gains start at 1, biases at 0. With ``several`` labels at once (attributes), or none of them,
    those of the label that are on are added to a gain and a bias of all pictures: these start at 1 and 0, the others at 0.
    """

    def __init__(self, features: int, classes: int, *, several: bool = False) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.full((classes, features), 0.0 if several else 1.0))
        self.bias = nn.Parameter(torch.zeros(classes, features))
        self.shared_gain = nn.Parameter(torch.ones(features)) if several else None
        self.shared_bias = nn.Parameter(torch.zeros(features)) if several else None

    def forward(self, x: Tensor, label: Tensor) -> Tensor:
        """Features of the same shape."""
        gain, bias = label @ self.gain, label @ self.bias
        if self.shared_gain is not None and self.shared_bias is not None:
            gain, bias = gain + self.shared_gain, bias + self.shared_bias
        return torch.addcmul(bias[:, :, None, None], x, gain[:, :, None, None])


class ClassConditionalBatchNorm2d(nn.Module):
    """Batch norm whose gain and bias come from the label (Dumoulin et al. 2017, section 2.2; de Vries et al. 2017).

    The statistics are shared by all classes. ``several`` is that of `ClassConditionalAffine`.
    """

    def __init__(self, features: int, classes: int, *, several: bool = False) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(features, affine=False)
        self.affine = ClassConditionalAffine(features, classes, several=several)

    def forward(self, x: Tensor, label: Tensor) -> Tensor:
        """Features [n, features, h, w] of the same shape, for label weights [n, classes]."""
        out: Tensor = self.affine(self.norm(x), label)
        return out

    @torch.no_grad()
    def folded(self) -> ClassConditionalAffine:
        """Gain and bias that do in one step what normalisation by the running statistics and the label do in two.

        Exact for every label: gain and bias stay linear in its weights.
        """
        affine = self.affine
        classes, features = affine.gain.shape
        out = ClassConditionalAffine(features, classes, several=affine.shared_gain is not None)
        mean, variance = self.norm.running_mean, self.norm.running_var
        assert mean is not None  # BatchNorm2d tracks both unless told otherwise
        assert variance is not None
        scale = torch.rsqrt(variance + self.norm.eps)
        out.gain.copy_(affine.gain * scale)
        out.bias.copy_(affine.bias - affine.gain * scale * mean)
        if affine.shared_gain is not None and affine.shared_bias is not None:
            out.shared_gain = nn.Parameter(affine.shared_gain * scale)
            out.shared_bias = nn.Parameter(affine.shared_bias - affine.shared_gain * scale * mean)
        return out


class Classifier(nn.Module):
    """A discriminator with a class head, asked for the class alone: pictures [n, c, h, w] -> class logits [n, classes]."""

    def __init__(self, discriminator: nn.Module, classes: int) -> None:
        super().__init__()
        self.discriminator, self.classes = discriminator, classes

    def forward(self, image: Tensor) -> Tensor:
        """Class logits of pictures in -1..1. ValueError where the discriminator has no class head."""
        judged: Judgement = self.discriminator(image, image.new_zeros(image.shape[0], self.classes))
        if judged.class_logits is None:
            raise ValueError("this discriminator names no classes")
        return judged.class_logits


def orthogonal_init(module: nn.Module) -> None:
    """Orthogonal weights, zero biases (Brock et al. 2019, section 3)."""
    for layer in module.modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            nn.init.orthogonal_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
