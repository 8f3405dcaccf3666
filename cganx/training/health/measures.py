"""What a checkup measures: the output's range, how much pictures of one class differ, how far the critic tells them apart.

Everything is relative to real pictures of the same classes, as many of them, and in pixels, so that no network has to be
trained for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from cganx.data import Labels
from cganx.training.updates import Draw, in_eval_mode

__all__ = ["Checkup", "duplicates", "nearest", "pairwise", "ratio", "separation"]

PICTURES, MOST_CLASSES, FEWEST = 256, 16, 4
FAR = 30.0
NUDGE = 0.1
CLOSE = 0.25
TAIL = 0.01


@dataclass(frozen=True)
class Checkup:
    """Fixed latents, labels and real pictures, by which a run is looked at again and again.

    ``real`` [n, c, h, w] in -1..1; ``latent`` [n, size] and ``label`` [n, classes] are what the generator takes for as many,
    ``nudge`` [n, size] is a small step. ``groups`` are the places of one class each, all places where there is none.
    """

    real: Tensor
    latent: Tensor
    label: Tensor
    nudge: Tensor
    groups: tuple[Tensor, ...]

    @classmethod
    def choose(
        cls,
        images: NDArray[np.uint8],
        labels: Labels,
        classes: int,
        *,
        draw: Draw,
        random: torch.Generator,
        device: torch.device,
    ) -> Checkup:
        """At most 256 pictures of at most 16 classes, the largest ones.

        ``images`` are uint8 [n, height, width, channels]. ``classes`` is how many the generator is told of, ``labels`` [n]
        name them; with 0 all pictures are one group and ``labels`` are not looked at. With attributes they are one group too,
        and each made picture has those of a real one. Classes with fewer than four pictures are left out. ``draw`` gives
        what the generator takes.
        """
        by_class = classes > 0 and labels.ndim == 1
        sizes = np.bincount(labels[labels >= 0], minlength=classes) if by_class else np.array([len(images)])
        largest = np.argsort(-sizes, kind="stable")[:MOST_CLASSES].tolist()
        usable = sorted(one for one in largest if sizes[one] >= FEWEST)
        each = PICTURES // max(1, len(usable))
        members = [np.flatnonzero(labels == one) if by_class else np.arange(len(images)) for one in usable]
        chosen = [places[torch.randperm(len(places), generator=random)[:each].numpy()] for places in members]
        rows = np.concatenate([np.empty(0, np.int64), *chosen])
        real = torch.from_numpy(images[rows]).permute(0, 3, 1, 2).to(torch.get_default_dtype()) / 127.5 - 1
        latent, label = draw(max(1, len(rows)))
        if len(rows) and classes and not by_class:
            label = torch.from_numpy(labels[rows]).to(label)
        elif len(rows) and classes:
            kind = torch.from_numpy(np.repeat(usable, [len(one) for one in chosen]))
            label = nn.functional.one_hot(kind, classes).to(label)
        nudge = NUDGE * torch.randn(latent.shape, generator=random)
        groups = torch.split(torch.arange(len(rows)), [len(one) for one in chosen])
        real, latent, label, nudge = (one.to(device) for one in (real, latent, label, nudge.to(latent)))
        return cls(real, latent, label, nudge, groups if len(rows) else ())

    @torch.no_grad()
    def measure(self, generator: nn.Module, discriminator: nn.Module) -> Mapping[str, float]:
        """How the networks do in eval mode, by name; neither is changed. Empty where there is nothing to compare.

        - ``reach_low``, ``reach_high``: the darkest and the brightest value that the generator makes, also far out in its
          latent space, where every network that can reach a value does; ``real_low``, ``real_high``: those of real pictures,
          a hundredth left out at either end.
        - ``variety``: the mean distance between made pictures of one class over that between real ones.
        - ``nearest``: the median distance of a made picture to the nearest other one of its class, over that of real ones.
        - ``duplicates``: the share of made pictures for which that is below a quarter of the real ones' median.
        - ``sensitivity``: how far a picture moves with a nudge of 0.1 to every latent number, over the real pictures' distance.
        - ``separation``: how often the discriminator scores a real picture above a made one: 0.5 by chance, 1 always.
        - ``score_spread``: the standard deviation of its scores.
        """
        if not self.groups:
            return {}
        latent, label = self.latent, self.label
        with in_eval_mode(generator, discriminator):
            made, moved, far = (generator(one, label) for one in (latent, latent + self.nudge, FAR * latent))
            scores = [discriminator(image, label).score.double() for image in (self.real, made)]
        flat_real, flat_made, flat_moved = (one.flatten(1).double() for one in (self.real, made, moved))
        distance = _mean([pairwise(flat_real[group]) for group in self.groups])
        real_nearest = [nearest(flat_real[group]).median() for group in self.groups]
        made_nearest = [nearest(flat_made[group]) for group in self.groups]
        values = flat_real.flatten()
        low, high = (values.kthvalue(max(1, round(share * len(values)))).values for share in (TAIL, 1 - TAIL))
        out = {
            "reach_low": torch.minimum(made.min(), far.min()),
            "reach_high": torch.maximum(made.max(), far.max()),
            "real_low": low,
            "real_high": high,
            "variety": ratio(_mean([pairwise(flat_made[group]) for group in self.groups]), distance),
            "nearest": ratio(_mean([one.median() for one in made_nearest]), _mean(real_nearest)),
            "duplicates": _mean([duplicates(one, real) for one, real in zip(made_nearest, real_nearest, strict=True)]),
            "sensitivity": ratio((flat_moved - flat_made).norm(dim=1).mean(), distance),
            "separation": separation(*scores),
            "score_spread": torch.cat(scores).std(),
        }
        return {name: round(float(value), 6) for name, value in out.items()}


def pairwise(points: Tensor) -> Tensor:
    """The mean distance between two different ones of the points [n, d], n >= 2."""
    count = len(points)
    return torch.cdist(points, points).sum() / (count * (count - 1))


def nearest(points: Tensor) -> Tensor:
    """Of each of the points [n, d], n >= 2, the distance [n] to the nearest other one."""
    return torch.cdist(points, points).fill_diagonal_(torch.inf).min(dim=1).values


def duplicates(made: Tensor, real: Tensor) -> Tensor:
    """The share of distances to the nearest [n] that are below a quarter of what is usual among real pictures."""
    return (made < CLOSE * real).double().mean()


def separation(real: Tensor, made: Tensor) -> Tensor:
    """The area under the ROC curve: the share of pairs in the right order, ties counted half."""
    difference = real[:, None] - made[None, :]
    return (difference > 0).double().mean() + 0.5 * (difference == 0).double().mean()


def _mean(values: list[Tensor]) -> Tensor:
    return torch.stack(values).mean()


def ratio(made: Tensor, real: Tensor) -> Tensor:
    """made / real; 1 where real pictures do not differ either."""
    return made / real if float(real) > 0 else torch.ones_like(made)
