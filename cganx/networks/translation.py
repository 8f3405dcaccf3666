"""What image-to-image networks share: their shape, norms and paddings, PatchGAN discriminators, and the pairs of a cycle.

A generator is ``forward(source, [mask], [label]) -> image``, all pictures in -1..1, and says what it can take: ``shape``,
``classes`` (the label's width, 0 for none), ``multiple`` (height and width are multiples of it), ``open_size`` (other sizes
than the shape's work), ``takes_mask``, and ``context`` (see :func:`context`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol, TypeAlias

import torch
from torch import Tensor, nn

from cganx.networks.keras import EPSILON, batch_norm2d, keras_init, leaky_relu
from cganx.networks.layers import ClassConditionalAffine, ClassConditionalBatchNorm2d, ImageShape, Judgement
from cganx.networks.resampling import DoublingConv2d

__all__ = [
    "PATCH_70",
    "PATCH_94",
    "PATCH_94_BATCH_NORM",
    "PATCH_94_UNPAIRED",
    "PATCH_190",
    "PATCH_SMALL",
    "PATCH_SMALL_PAIRED",
    "Cycle",
    "CycleDiscriminators",
    "Norm",
    "PatchDiscriminator",
    "PatchPlan",
    "Residual",
    "Steps",
    "TranslationShape",
    "Translator",
    "batch_norm",
    "context",
    "convolution",
    "cycle",
    "cycle_discriminators",
    "doubling",
    "from_source",
    "instance_norm",
    "keras_batch_norm",
    "normal_init",
    "start_at_source",
]

Norm: TypeAlias = Callable[[int, int], nn.Module]
"""Of (features, classes): a norm of feature maps, whose gain and bias come from the label where there are classes."""


@dataclass(frozen=True)
class TranslationShape:
    """Pictures that go in and come out, at the nominal size; ``target`` is ``scale`` times as high and wide as ``source``.

    ValueError otherwise.
    """

    source: ImageShape
    target: ImageShape
    scale: int = 1

    def __post_init__(self) -> None:
        wanted = (self.source.height * self.scale, self.source.width * self.scale)
        if (self.target.height, self.target.width) != wanted:
            raise ValueError(
                f"{self.source.height}x{self.source.width} pictures made {self.scale} times as large are "
                f"{wanted[0]}x{wanted[1]}, not {self.target.height}x{self.target.width}"
            )

    def reversed(self) -> TranslationShape:
        """The way back. ValueError where the sizes differ."""
        return TranslationShape(self.target, self.source)


class Translator(Protocol):
    """What every image-to-image generator says of itself."""

    shape: TranslationShape
    classes: int
    multiple: int
    open_size: bool
    takes_mask: bool
    context: int | None


def instance_norm(features: int, classes: int) -> nn.Module:
    """Instance norm with gain and bias (Ulyanov et al. 2016), with Keras's epsilon; it has no place for a label."""
    assert classes == 0
    return nn.InstanceNorm2d(features, eps=EPSILON, affine=True)


def batch_norm(features: int, classes: int) -> nn.Module:
    """Batch norm; with classes gain and bias come from the label (Dumoulin et al. 2017, section 2.2)."""
    return ClassConditionalBatchNorm2d(features, classes) if classes else nn.BatchNorm2d(features)


def keras_batch_norm(features: int, classes: int) -> nn.Module:
    """Batch norm with Keras's numbers; it has no place for a label."""
    assert classes == 0
    return batch_norm2d(features)


class Steps(nn.Sequential):
    """Layers one after another, of which those that take a label get it."""

    def forward(self, x: Tensor, label: Tensor | None = None) -> Tensor:
        """The last layer's result."""
        for layer in self:
            labelled = isinstance(layer, (Steps, ClassConditionalBatchNorm2d, ClassConditionalAffine))
            x = layer(x, label) if labelled else layer(x)
        return x


class Residual(Steps):
    """x + steps(x) (He et al. 2016, section 3.2)."""

    def forward(self, x: Tensor, label: Tensor | None = None) -> Tensor:
        """Features of the same shape."""
        return x + super().forward(x, label)


def from_source(made: Tensor, source: Tensor) -> Tensor:
    """What is made, as a change of the source: both [n, c, h, w]; the source, and the result, in -1..1.

    It is added before tanh, where a change of any place, black and white ones too, has a gradient. So a translation begins
    near the picture that it shall keep. (An opacity that blends the two closes for good: cycles pay for every change.)
    """
    inside = 0.96 * source
    return torch.tanh(made + 0.5 * torch.log((1 + inside) / (1 - inside)))  # atanh, which not every provider has


def start_at_source(last: nn.Module) -> None:
    """Let the last layer change little at first."""
    assert isinstance(last, (nn.Conv2d, nn.ConvTranspose2d))
    with torch.no_grad():
        last.weight.mul_(0.1)


def convolution(
    before: int, after: int, kernel: int, stride: int = 1, *, bias: bool = True, reflects: bool = False
) -> Iterator[nn.Module]:
    """A convolution with Keras's ``same`` padding, for sides that the stride divides: the odd zero right and at the bottom.

    ``reflects``: the picture's mirror image instead of zeros.
    """
    total = max(0, kernel - stride)
    little, much = total // 2, total - total // 2
    if reflects:
        yield nn.ReflectionPad2d((little, much, little, much))
    elif little != much:
        yield nn.ZeroPad2d((little, much, little, much))
    outside = reflects or little != much
    yield nn.Conv2d(before, after, kernel, stride=stride, padding=0 if outside else little, bias=bias)


class _WithoutLast(nn.Module):
    """[n, c, h, w] -> [n, c, h - 1, w - 1]."""

    def forward(self, x: Tensor) -> Tensor:
        return x[:, :, :-1, :-1]


def doubling(before: int, after: int, kernel: int) -> Iterator[nn.Module]:
    """A transposed convolution of stride 2 with Keras's ``same`` padding: twice as high and wide; ``kernel`` is 3 or 4."""
    yield nn.ConvTranspose2d(before, after, kernel, stride=2, padding=(kernel - 2) // 2)
    if kernel % 2:
        yield _WithoutLast()


@torch.no_grad()
def normal_init(module: nn.Module) -> None:
    """Weights ~ N(0, 0.02), zero biases (Isola et al. 2017, section 6.2)."""
    for layer in module.modules():
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.normal_(layer.weight, std=0.02)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def context(network: nn.Module, scale: int = 1, *, period: int = 64) -> int | None:
    """How many source pixels around a place the place's result depends on at most; None: on the whole picture.

    For networks whose layers are registered in the order in which they run along their longest path (padding, transposed
    and strided ones at most halving to 1 in ``period``); ``scale``: how many times as large the result is.
    """
    layers = list(network.modules())
    if any(isinstance(layer, nn.InstanceNorm2d) for layer in layers):
        return None
    farthest = 0
    for place in range(period * scale):
        low = high = place
        for layer in reversed(layers):
            low, high = _read(layer, low, high)
        farthest = max(farthest, place // scale - low, high - place // scale)
    return farthest


def _read(layer: nn.Module, low: int, high: int) -> tuple[int, int]:
    """What the layer reads for the places low..high of its result."""
    match layer:
        case DoublingConv2d():
            return (low - 1) // 2, (high + 1) // 2
        case nn.ConvTranspose2d(kernel_size=(kernel, _), stride=(stride, _), padding=(padding, _)):
            return -((kernel - 1 - padding - low) // stride), (high + int(padding)) // stride
        case nn.Conv2d(kernel_size=(kernel, _), stride=(stride, _), padding=(padding, _)):
            return low * stride - int(padding), high * stride - int(padding) + kernel - 1
        case nn.ReflectionPad2d(padding=(little, *_)) | nn.ZeroPad2d(padding=(little, *_)):
            return low - little, high - little
        case nn.Upsample(scale_factor=factor):
            return low // int(factor), high // int(factor)  # type: ignore[arg-type]
        case nn.PixelShuffle(upscale_factor=factor):
            return low // factor, high // factor
        case _:
            return low, high


@dataclass(frozen=True, kw_only=True)
class PatchPlan:
    """A discriminator that judges every patch (Isola et al. 2017, section 3.2.2), by its layers' (features, stride).

    ``kernel`` is that of its layers. The first one has no norm; in the others it comes before the activation, or after it
    with ``norm_last``. ``paired``: it sees the source too. ``dense``: the features of a layer that reads every place by
    itself before the score, where there is one.
    """

    layers: tuple[tuple[int, int], ...]
    kernel: int = 4
    norm: Norm = instance_norm
    norm_last: bool = True
    paired: bool = False
    dense: int = 0
    init: Callable[[nn.Module], None] = keras_init


PATCH_94_BATCH_NORM = PatchPlan(
    layers=((64, 2), (64, 2), (128, 2), (256, 2)), norm=keras_batch_norm, paired=True
)  # black and white to colour
PATCH_94 = PatchPlan(layers=((64, 2), (128, 2), (256, 2), (512, 2)), paired=True)  # aerial pictures to maps
PATCH_190 = PatchPlan(layers=((64, 2), (128, 2), (256, 2), (512, 2), (512, 2)))  # apples and oranges
PATCH_70 = PatchPlan(layers=((64, 2), (128, 2), (256, 2), (512, 1)), init=normal_init)  # horses and zebras
PATCH_94_UNPAIRED = replace(PATCH_94, paired=False)  # DiscoGAN and CartoonGAN
PATCH_SMALL = PatchPlan(layers=((32, 2), (64, 2), (128, 1)), norm_last=False, init=normal_init)
PATCH_SMALL_PAIRED = replace(PATCH_SMALL, paired=True)


class PatchDiscriminator(nn.Module):
    """Image [n, c, h, w] in -1..1 -> `Judgement`, whose score [n, 1, rows, columns] are unbounded logits of patches.

    ``paired`` ones take the source beside it; label weights [n, classes], where there are classes, become planes.
    """

    def __init__(self, plan: PatchPlan, shape: TranslationShape, classes: int) -> None:
        super().__init__()
        self.shape, self.classes, self.paired = shape, classes, plan.paired
        before = shape.target.channels + (shape.source.channels if plan.paired else 0) + classes
        layers: list[nn.Module] = []
        for index, (features, stride) in enumerate(plan.layers):
            norms = [plan.norm(features, 0)] if index else []
            activated = [leaky_relu(), *norms] if plan.norm_last else [*norms, leaky_relu()]
            layers += [*convolution(before, features, plan.kernel, stride), *activated]
            before = features
        if plan.dense:
            layers += [nn.Conv2d(before, plan.dense, 1), leaky_relu(), nn.Conv2d(plan.dense, 1, 1)]
        else:
            layers += convolution(before, 1, plan.kernel)
        self.layers = nn.Sequential(*layers)
        plan.init(self)

    def forward(self, image: Tensor, source: Tensor | None = None, label: Tensor | None = None) -> Judgement:
        """How real every patch is."""
        seen = [image]
        if self.paired:
            assert source is not None
            seen.insert(0, source)
        if self.classes:
            assert label is not None
            seen.append(label[:, :, None, None].expand(-1, -1, image.shape[2], image.shape[3]))
        return Judgement(self.layers(torch.cat(seen, dim=1)))


class Cycle(nn.Module):
    """Two generators, there and back again (Zhu et al. 2017, section 3); called, it is the first."""

    def __init__(self, there: nn.Module, back: nn.Module) -> None:
        super().__init__()
        self.there, self.back = there, back
        self.shape, self.classes, self.multiple = there.shape, there.classes, there.multiple
        self.open_size, self.takes_mask, self.context = there.open_size, there.takes_mask, there.context

    def forward(self, source: Tensor, label: Tensor | None = None) -> Tensor:
        """The image that ``there`` makes."""
        made: Tensor = self.there(source) if label is None else self.there(source, label)
        return made


class CycleDiscriminators(nn.Module):
    """The discriminators of the images that ``there`` makes and of those that ``back`` makes; called, it is the first."""

    def __init__(self, there: nn.Module, back: nn.Module) -> None:
        super().__init__()
        self.there, self.back = there, back

    def forward(self, image: Tensor, source: Tensor | None = None, label: Tensor | None = None) -> Judgement:
        """The judgement of ``there``."""
        judged: Judgement = self.there(image, source, label)
        return judged


def cycle(build: Callable[..., nn.Module], shape: TranslationShape, classes: int, *, from_source: bool = False) -> Cycle:
    """A pair of generators. The way back, to the one style of the sources, takes no label."""
    if from_source:
        build = partial(build, from_source=True)
    return Cycle(build(shape, classes), build(shape.reversed(), 0))


def cycle_discriminators(
    build: Callable[[TranslationShape, int], nn.Module], shape: TranslationShape, classes: int
) -> CycleDiscriminators:
    """The pair of discriminators of :func:`cycle`'s generators."""
    return CycleDiscriminators(build(shape, classes), build(shape.reversed(), 0))
