"""Classifiers that judge pictures, and how they are trained; the oracle's is small enough for two CPU cores and minutes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from cganx.data import Labels

__all__ = ["FEATURES", "ORACLE", "Architecture", "Classifier", "FeatureNetwork", "Recipe", "fit", "to_input"]

FEATURES = 128
WIDEST, NARROWEST = 64, 16
POOLED = 4
"""Side of the map that the features see: what is where still counts, whatever the picture's size."""

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Recipe:
    """How the classifier is trained.

    It sees ``passes`` times the training pictures, but never fewer than ``at_least`` nor more than ``at_most``, in
    batches of ``batch_size``. AdamW on a one-cycle schedule up to ``learning_rate``.
    """

    passes: int = 8
    at_least: int = 100_000
    at_most: int = 500_000
    batch_size: int = 128
    learning_rate: float = 4e-3
    weight_decay: float = 0.02
    seed: int = 0

    def steps(self, pictures: int) -> int:
        """Training steps for a set of that many pictures."""
        seen = min(max(self.passes * pictures, self.at_least), self.at_most)
        return -(-seen // min(self.batch_size, pictures))


class FeatureNetwork(nn.Module, ABC):
    """Pictures [n, channels, height, width] in -1..1 -> class logits [n, classes], by 128 features on the way.

    The features have mean 0 and variance 1 over the training pictures, so that distances between them have one scale for
    all data sets.
    """

    @abstractmethod
    def features(self, images: Tensor) -> Tensor:
        """The 128 features [n, 128] of pictures [n, channels, height, width] in -1..1."""

    @abstractmethod
    def classify(self, features: Tensor) -> Tensor:
        """Class logits [n, classes] of features [n, 128]."""

    def forward(self, images: Tensor) -> Tensor:
        """Class logits [n, classes] of pictures [n, channels, height, width] in -1..1."""
        return self.classify(self.features(images))


@dataclass(frozen=True)
class Architecture:
    """A kind of classifier.

    ``name`` and ``version`` tell its files and figures from others': the version goes up whenever the network or its training
    changes. ``build`` makes an untrained network of channels, the pictures' longer side and the number of classes.
    ``vary`` makes of training pictures uint8 [n, height, width, channels] what is learnt from: [n, channels, height, width]
    in -1..1.
    """

    name: str
    version: int
    build: Callable[[int, int, int], FeatureNetwork]
    vary: Callable[[Tensor, torch.Generator], Tensor]


class Classifier(FeatureNetwork):
    """Pictures [n, channels, height, width] in -1..1 -> class logits [n, classes].

    Blocks of 3x3 convolution, batch norm, ReLU and 2x2 pooling until about 7 pixels a side are left, one more
    convolution there, and a linear layer to 128 features with a batch norm without gain.
    """

    def __init__(self, *, channels: int, side: int, classes: int) -> None:
        super().__init__()
        halvings = max(round(np.log2(side / 7)), 1)
        widths = [max(WIDEST >> stage, NARROWEST) for stage in range(halvings, -1, -1)]
        layers: list[nn.Module] = []
        before = channels
        for stage, width in enumerate(widths):
            layers += [nn.Conv2d(before, width, 3, padding=1, bias=False)]
            if stage < halvings:
                layers += [nn.MaxPool2d(2, ceil_mode=True)]
            layers += [nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
            before = width
        self.body = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(POOLED), nn.Flatten())
        self.to_features = nn.Linear(before * POOLED**2, FEATURES, bias=False)
        self.norm = nn.BatchNorm1d(FEATURES, affine=False)
        self.head = nn.Linear(FEATURES, classes)

    def features(self, images: Tensor) -> Tensor:
        """The 128 features [n, 128] of pictures [n, channels, height, width] in -1..1."""
        features: Tensor = self.norm(self.to_features(self.body(images)))
        return features

    def classify(self, features: Tensor) -> Tensor:
        """Class logits [n, classes] of features [n, 128]."""
        logits: Tensor = self.head(F.relu(features))
        return logits


def to_input(pixels: Tensor) -> Tensor:
    """Uint8 [n, height, width, channels] -> float32 [n, channels, height, width] in -1..1, channels last in memory."""
    return (pixels.float() / 127.5 - 1).permute(0, 3, 1, 2)


def moved(pixels: Tensor, random: torch.Generator) -> Tensor:
    """Every picture of uint8 [n, height, width, channels] moved by up to a 14th of its sides, its edge repeated.

    Never mirrored, which would make another class of some (letters, digits).
    """
    count, height, width, _ = pixels.shape
    rows, columns = (_moved_places(count, side, random) for side in (height, width))
    return to_input(pixels[torch.arange(count)[:, None, None], rows[:, :, None], columns[:, None, :]])


def _moved_places(count: int, side: int, random: torch.Generator) -> Tensor:
    reach = max(side // 14, 1)
    shift = torch.randint(-reach, reach + 1, (count, 1), generator=random)
    return (torch.arange(side) + shift).clamp(0, side - 1)


def _build(channels: int, side: int, classes: int) -> Classifier:
    return Classifier(channels=channels, side=side, classes=classes)


ORACLE = Architecture("oracle", 1, _build, moved)


def fit(
    images: NDArray[np.uint8],
    labels: Labels,
    classes: int,
    recipe: Recipe,
    progress: Progress,
    architecture: Architecture = ORACLE,
) -> FeatureNetwork:
    """Train a classifier on pictures uint8 [n, height, width, channels] with labels [n]; -1 marks those to leave out.

    Seeded, on the CPU, and the same each time on one machine at one number of threads.
    """
    usable = np.flatnonzero(labels >= 0)
    height, width, channels = images.shape[1:]
    steps = recipe.steps(len(usable))
    random = torch.Generator().manual_seed(recipe.seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        network = architecture.build(channels, max(height, width), classes)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.AdamW(network.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, recipe.learning_rate, total_steps=steps, pct_start=0.2, cycle_momentum=False
    )
    order = islice(_shuffled(len(usable), min(recipe.batch_size, len(usable)), random), steps)
    for step, places in enumerate(order):
        chosen = usable[places]
        pictures = architecture.vary(torch.from_numpy(images[chosen]), random)
        loss = F.cross_entropy(network(pictures), torch.from_numpy(labels[chosen]))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
        progress(f"training the {architecture.name}", step + 1, steps)
    return network.eval()


def _shuffled(count: int, size: int, random: torch.Generator) -> Iterator[NDArray[np.int64]]:
    """Batches of places below ``count``, without end; every place comes once in each pass."""
    waiting = np.empty(0, np.int64)
    while True:
        while len(waiting) < size:
            waiting = np.concatenate([waiting, torch.randperm(count, generator=random).numpy()])
        yield waiting[:size]
        waiting = waiting[size:]
