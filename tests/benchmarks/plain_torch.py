"""A worker that trains a preset's networks as plain PyTorch code does: stock optimisers, a DataLoader, default layouts.

    plain_torch.py DATA PRESET

Networks and losses are the preset's; what is around them is written as in PyTorch's own tutorials: contiguous tensors, all
pictures as floats in a TensorDataset, ``torch.optim.Adam`` or ``RMSprop`` with their defaults, an average kept weight by
weight, the allocator and OpenMP as they come. A unit is one training step.
"""

from __future__ import annotations

import copy
import itertools
import sys
from collections.abc import Iterator
from typing import Any

import torch  # before cganx.training, which would set how long OpenMP's threads spin
from side_by_side import serve, timed
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from cganx import data
from cganx.networks import ImageShape
from cganx.training.optimizers import rmsprop
from cganx.training.preset import Preset
from cganx.training.presets import find_preset
from cganx.training.updates import Batch, Players


class Noise:
    """What a step draws: normal or even latents, evenly drawn labels, and points between two pictures."""

    def __init__(self, latent: int, distribution: str, classes: int) -> None:
        self.latent, self.distribution, self.classes = latent, distribution, classes

    def __call__(self, n: int) -> tuple[Tensor, Tensor]:
        shape = (n, self.latent)
        latent = torch.randn(shape) if self.distribution == "normal" else 2 * torch.rand(shape) - 1
        if self.classes == 0:
            return latent, torch.empty(n, 0)
        return latent, F.one_hot(torch.randint(self.classes, (n,)), self.classes).float()

    def even(self, n: int) -> Tensor:
        return torch.rand(n)


def optimizer(recipe: Preset[Any], module: nn.Module, rate: float) -> torch.optim.Optimizer:
    settings = recipe.settings
    if recipe.optimizer is rmsprop:
        return torch.optim.RMSprop(module.parameters(), lr=rate, alpha=settings.beta2, eps=settings.epsilon)
    return torch.optim.Adam(module.parameters(), lr=rate, betas=(settings.beta1, settings.beta2), eps=settings.epsilon)


def training(source: str, preset: str) -> Iterator[tuple[float, ...]]:
    """The losses of one step after another."""
    recipe = find_preset(preset)
    settings = recipe.settings
    loaded = data.load(source, image_size=recipe.fixed_size)
    classes = len(settings.classes(loaded.classes))
    known = len(settings.taught(loaded.classes)) or classes
    images = torch.from_numpy(loaded.train.images).permute(0, 3, 1, 2).float().contiguous() / 127.5 - 1
    labels = torch.from_numpy(loaded.train.labels)
    by_label = settings.by_label or settings.taught(loaded.classes)
    marked = F.one_hot(labels, known).float() if by_label else torch.empty(len(labels), 0)
    loader = DataLoader(TensorDataset(images, marked), recipe.update.reals(settings), shuffle=True, drop_last=True)

    shape = ImageShape(loaded.channels, loaded.height, loaded.width)
    generator, discriminator = recipe.generator(shape, classes).train(), recipe.discriminator(shape, known).train()
    players = Players(
        generator=generator,
        discriminator=discriminator,
        generator_optimizer=optimizer(recipe, generator, settings.generator_rate),
        discriminator_optimizer=optimizer(recipe, discriminator, settings.discriminator_rate),
        backward=Tensor.backward,
    )
    noise = Noise(int(generator.latent), recipe.latent, classes)  # type: ignore[arg-type]
    averages = [
        (copy.deepcopy(module), module, decay)
        for module, decay in ((generator, settings.ema_decay), (discriminator, settings.taught_decay))
        if decay > 0
    ]
    for image, label in itertools.chain.from_iterable(itertools.repeat(loader)):
        losses = recipe.update(players, Batch(image, label), noise, settings)
        with torch.no_grad():
            for average, module, decay in averages:
                for mine, theirs in zip(average.parameters(), module.parameters(), strict=True):
                    mine.lerp_(theirs, 1 - decay)
        yield tuple(loss.item() for loss in losses)


if __name__ == "__main__":
    steps = training(sys.argv[1], sys.argv[2])
    next(steps)
    serve(timed(lambda: next(steps)), {})
