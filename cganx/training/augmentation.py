"""Augmentation of what the discriminator sees, reals and fakes alike, in its own turn and in the generator's.

Zhao et al. 2020, "Differentiable Augmentation for Data-Efficient GAN Training" (DiffAugment: every operation on every
picture), and Karras et al. 2020, "Training Generative Adversarial Networks with Limited Data" (ADA: every operation with a
probability that follows the discriminator). All operations are linear in the pictures or can be differentiated twice, so
gradients reach the generator, and gradient penalties go through them: those are taken with respect to the pictures before
augmentation, as in the code of Karras et al.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from cganx.training.sampling import ALL, Chances, Share

__all__ = ["NUMBERS", "STANDARD", "AdaptiveProbability", "Augmenter", "Roller", "Strengths", "augment", "rolled"]


@dataclass(frozen=True, kw_only=True)
class Strengths:
    """How strong each operation is; 0 leaves it out.

    ``translation``: up to this share of the sides, by whole pixels. ``scaling``: by 2^-scaling to 2^scaling. ``rotation``:
    up to so many degrees. ``mirror``: half of the pictures. ``colour``: at 1 brightness moves by up to 0.5 (of -1..1),
    saturation changes by a factor 0 to 2 and contrast by 0.5 to 1.5. ``cutout``: a square, of this share of the sides,
    becomes grey. Outside of a picture lies its mirror image, as in the code of Karras et al.: the grey margin of Zhao et al.
    teaches the generator to smear a flat ground.
    """

    translation: float = 0.0
    scaling: float = 0.0
    rotation: float = 0.0
    mirror: bool = False
    colour: float = 0.0
    cutout: float = 0.0


STANDARD = Strengths(translation=0.125, scaling=0.25, rotation=15.0, colour=1.0)
"""What adaptive augmentation does where no operation is named: never mirror, for letters have two sides."""

# Which numbers belong to which operation: the first says whether it acts on the picture, the others how.
_TRANSLATION, _SCALING, _ROTATION, _MIRROR = slice(0, 3), slice(3, 5), slice(5, 7), slice(7, 9)
_BRIGHTNESS, _SATURATION, _CONTRAST, _CUTOUT = slice(9, 11), slice(11, 13), slice(13, 15), slice(15, 18)
NUMBERS = 18
"""How many random numbers a picture takes."""


def augment(image: Tensor, numbers: Tensor, strengths: Strengths, probability: Tensor | float = 1.0) -> Tensor:
    """Pictures [n, c, h, w] of the same shape; values may leave -1..1.

    ``numbers`` [n, NUMBERS] are even over 0..1. Each operation acts on a picture with ``probability``, apart from the others.
    """

    def drawn(columns: slice) -> tuple[Tensor, ...]:
        """Whether the operation acts, as 0 or 1 [n], and its numbers [n] from -1 to 1."""
        chance, *rest = numbers[:, columns].unbind(dim=1)
        return ((chance < probability).to(image), *(2 * one.to(image) - 1 for one in rest))

    height, width = image.shape[2:]
    if strengths.mirror:
        acts, side = drawn(_MIRROR)
        image = torch.where((acts * side > 0)[:, None, None, None], image.flip(3), image)
    if strengths.translation > 0:
        acts, down, right = drawn(_TRANSLATION)
        image = translated(
            image,
            (acts * _whole(down, int(height * strengths.translation + 0.5))).long(),
            (acts * _whole(right, int(width * strengths.translation + 0.5))).long(),
        )
    if strengths.scaling > 0 or strengths.rotation > 0:
        scales, exponent = drawn(_SCALING)
        turns, angle = drawn(_ROTATION)
        image = resampled(
            image,
            torch.exp2(scales * exponent * strengths.scaling),
            turns * angle * math.radians(strengths.rotation),
        )
    if strengths.colour > 0:
        acts, shift = drawn(_BRIGHTNESS)
        image = image + _per_picture(acts * shift * 0.5 * strengths.colour)
        if image.shape[1] > 1:
            acts, factor = drawn(_SATURATION)
            image = spread(image, image.mean(dim=1, keepdim=True), 1 + acts * factor * strengths.colour)
        acts, factor = drawn(_CONTRAST)
        image = spread(image, image.mean(dim=(1, 2, 3), keepdim=True), 1 + acts * factor * 0.5 * strengths.colour)
    if strengths.cutout > 0:
        acts, down, right = drawn(_CUTOUT)
        image = cut_out(image, strengths.cutout, acts, down, right)
    return image


def translated(image: Tensor, down: Tensor, right: Tensor) -> Tensor:
    """Each picture moved by so many whole pixels, int64 [n]; what comes in is its mirror image."""
    height, width = image.shape[2:]
    rows = torch.arange(height, device=image.device)[None, :, None] - down[:, None, None]
    columns = torch.arange(width, device=image.device)[None, None, :] - right[:, None, None]
    return _picked(image, rows, columns)


def resampled(image: Tensor, scale: Tensor, angle: Tensor) -> Tensor:
    """Each picture enlarged by ``scale`` and turned by ``angle`` (radians, [n]) about its middle, bilinearly.

    Outside is its mirror image.
    """
    height, width = image.shape[2:]
    middle = ((height - 1) / 2, (width - 1) / 2)
    y = torch.arange(height, device=image.device, dtype=image.dtype)[None, :, None] - middle[0]
    x = torch.arange(width, device=image.device, dtype=image.dtype)[None, None, :] - middle[1]
    cos, sin = (angle.cos() / scale)[:, None, None], (angle.sin() / scale)[:, None, None]
    source_y, source_x = cos * y - sin * x + middle[0], sin * y + cos * x + middle[1]
    top, left = source_y.floor(), source_x.floor()
    out = torch.zeros_like(image)
    for row, column in ((top, left), (top, left + 1), (top + 1, left), (top + 1, left + 1)):
        weight = (1 - (source_y - row).abs()) * (1 - (source_x - column).abs())
        out = out + _picked(image, row.long(), column.long()) * weight[:, None]
    return out


def spread(image: Tensor, centre: Tensor, factor: Tensor) -> Tensor:
    """Values [n, c, h, w] brought nearer to the centre or farther from it by ``factor`` [n]."""
    return image + (image - centre) * _per_picture(factor - 1)  # exact where the factor is 1


def cut_out(image: Tensor, share: float, acts: Tensor, down: Tensor, right: Tensor) -> Tensor:
    """A square of this share of the sides made 0 where ``acts`` [n] is 1; its middle, -1..1 [n], is anywhere in the picture."""
    inside = _per_picture(acts)
    for dim, place in ((2, down), (3, right)):
        side = image.shape[dim]
        pixels = torch.arange(side, device=image.device, dtype=image.dtype) + 0.5
        off = (pixels[None, :] - 0.5 * side * (1 + place[:, None])).abs() <= 0.5 * share * side
        inside = inside * (off[:, None, :, None] if dim == 2 else off[:, None, None, :])
    return image * (1 - inside)


def _picked(image: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """The pixels [n, c, h, w] at these places (int64, broadcast to [n, h, w]); beyond an edge the picture is mirrored."""
    channels, height, width = image.shape[1:]
    place = _mirrored(rows, height) * width + _mirrored(columns, width)
    flat = image.permute(0, 2, 3, 1).flatten(1, 2)
    picked = flat.gather(1, place.flatten(1)[:, :, None].expand(-1, -1, channels))
    return picked.view(-1, height, width, channels).permute(0, 3, 1, 2)


def _mirrored(place: Tensor, side: int) -> Tensor:
    """Any int64 place -> 0 .. side - 1, as if mirrors stood at both edges."""
    place = place % (2 * side)
    return torch.where(place < side, place, 2 * side - 1 - place)


def _whole(number: Tensor, most: int) -> Tensor:
    """-1..1 -> a whole number from -most to most, each as likely as the others."""
    return (0.5 * (number + 1) * (2 * most + 1)).floor().clamp(max=2 * most) - most


def _per_picture(value: Tensor) -> Tensor:
    return value[:, None, None, None]


def rolled(image: Tensor, down: Tensor, right: Tensor) -> Tensor:
    """Each picture moved by so many whole pixels, int64 [n]; what leaves at an edge comes in at the opposite one."""
    height, width = image.shape[2:]
    rows = (torch.arange(height, device=image.device)[None, :] - down[:, None]) % height
    columns = (torch.arange(width, device=image.device)[None, :] - right[:, None]) % width
    return _picked(image, rows[:, :, None], columns[:, None, :])


class Roller:
    """`rolled` by any number of pixels, each as likely as the others, with numbers from a stream of its own."""

    def __init__(self, chances: Chances) -> None:
        self._chances = chances

    def __call__(self, image: Tensor) -> Tensor:
        """Pictures [n, c, h, w] of the same shape."""
        height, width = image.shape[2:]
        down, right = self._chances.draw(len(image), 2).unbind(dim=1)
        return rolled(image, (down * height).long(), (right * width).long())

    def state(self) -> dict[str, Tensor]:
        """All that it needs to go on from here."""
        return self._chances.state()

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a state."""
        self._chances.restore(state)


class AdaptiveProbability:
    """A probability that rises while the discriminator overfits (Karras et al. 2020, section 3).

    The heuristic is r_t = E[sign(D(x))] over the reals of four batches. Above the ``target`` the probability rises by a fixed
    amount for each picture seen, below it falls by as much; ``pictures`` would take it from 0 to 1. It ends at ``MOST``: beyond
    that the generator begins to make augmented pictures (section 2.2 of the paper). It stays a tensor on the device.
    ``average`` puts means over the processes into tensors.
    """

    EVERY = 4  # batches
    MOST = 0.8

    def __init__(
        self,
        target: float,
        pictures: int,
        device: torch.device,
        share: Share = ALL,
        average: Callable[[list[Tensor]], None] = lambda _: None,
    ) -> None:
        self._target, self._pictures, self._share, self._average = target, pictures, share, average
        self.value = torch.zeros((), device=device)
        self._signs = torch.zeros((), device=device)
        self._seen = self._batches = 0

    def watch(self, signs: Tensor) -> None:
        """Take account of a batch of reals, -1 for what is taken for fake and 1 for what is taken for real [n]."""
        mean, pictures = signs.mean(), len(signs) * self._share.count
        self._average([mean])
        self._signs = self._signs + pictures * mean
        self._seen += pictures
        self._batches += 1
        if self._batches == self.EVERY:
            step = self._seen / self._pictures
            self.value = (self.value + step * torch.sign(self._signs / self._seen - self._target)).clamp(0, self.MOST)
            self._signs, self._seen, self._batches = torch.zeros_like(self._signs), 0, 0

    def state(self) -> dict[str, Tensor]:
        """All that it needs to go on from here."""
        counts = {"seen": torch.tensor(self._seen), "batches": torch.tensor(self._batches)}
        return {"probability": self.value, "signs": self._signs, **counts}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a state."""
        self.value, self._signs = state["probability"].to(self.value), state["signs"].to(self._signs)
        self._seen, self._batches = int(state["seen"]), int(state["batches"])


class Augmenter:
    """`augment` with numbers from a stream of its own, always or with an adaptive probability."""

    def __init__(self, strengths: Strengths, chances: Chances, probability: AdaptiveProbability | None = None) -> None:
        self._strengths, self._chances, self.probability = strengths, chances, probability

    def __call__(self, image: Tensor) -> Tensor:
        """Pictures [n, c, h, w] as the discriminator is to see them."""
        probability = 1.0 if self.probability is None else self.probability.value
        return augment(image, self._chances.draw(len(image), NUMBERS), self._strengths, probability)

    def state(self) -> dict[str, Tensor]:
        """All that it needs to go on from here."""
        return self._chances.state() | ({} if self.probability is None else self.probability.state())

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a state."""
        self._chances.restore(state)
        if self.probability is not None:
            self.probability.restore(state)
