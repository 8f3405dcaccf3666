"""One update of the discriminator on half a batch of reals and half a batch of fakes together, then the generator."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from cganx.objectives import AdversarialLoss, ClassLoss, class_cross_entropy
from cganx.training.settings import Settings
from cganx.training.updates.players import (
    Batch,
    Draw,
    Players,
    by_running_statistics,
    class_logits,
    generator_turn,
    judged_fakes,
)

__all__ = ["Mixed", "MixedWithClasses"]


@dataclass(frozen=True)
class Mixed:
    """The turn order of Chaudhary's book. ``batch_size`` counts reals and fakes together, as there.

    The discriminator's batch norm sees reals and fakes in one batch. Where it judges for the generator it goes by its
    running statistics, which Keras uses in a frozen network: of fakes alone it has never learned.
    """

    loss: AdversarialLoss
    losses: tuple[str, ...] = ("discriminator", "generator", "accuracy")
    scale: float = 0.5

    def reals(self, settings: Settings) -> int:
        """How many real pictures a step takes."""
        return settings.batch_size // 2

    def __call__(
        self,
        players: Players,
        real: Batch,
        draw: Draw,
        settings: Settings,
    ) -> tuple[Tensor, ...]:
        """Change the players' weights; return the losses, detached."""
        half = real.image.shape[0]

        # Discriminator: the mean over the mixed batch.
        latent, label = draw(half)
        fake = players.fakes(latent, label)
        players.discriminator.requires_grad_(True)
        score = players.discriminate(torch.cat([real.image, fake]), torch.cat([real.label, label])).score
        discriminator = 0.5 * (self.loss.real(score[:half]) + self.loss.fake(score[half:]))
        players.update_discriminator(discriminator)

        # Generator: be taken for real.
        with by_running_statistics(players.discriminator):
            generator = generator_turn(players, real, draw, self.loss, 2 * half, settings)

        return discriminator.detach(), generator, self.loss.accuracy(score[:half], score[half:])


@dataclass(frozen=True)
class MixedWithClasses:
    """The turns of `Mixed` for a discriminator that also names the class, of reals and of fakes.

    The discriminator's loss is half the adversarial one and half the class head's cross-entropy, the generator's is the
    sum of both, as the book has it (after Odena et al. 2017, section 3).
    """

    loss: AdversarialLoss
    class_loss: ClassLoss = class_cross_entropy
    losses: tuple[str, ...] = ("discriminator", "generator", "class_real", "class_fake", "accuracy")
    scale: float = 0.5

    def reals(self, settings: Settings) -> int:
        """How many real pictures a step takes."""
        return settings.batch_size // 2

    def __call__(
        self,
        players: Players,
        real: Batch,
        draw: Draw,
        settings: Settings,
    ) -> tuple[Tensor, ...]:
        """Change the players' weights; return the losses, detached."""
        half = real.image.shape[0]

        # Discriminator: tell real from fake, and name the class of both.
        latent, label = draw(half)
        fake = players.fakes(latent, label)
        players.discriminator.requires_grad_(True)
        both = torch.cat([real.label, label])
        judged = players.discriminate(torch.cat([real.image, fake]), both)
        score, logits = judged.score, class_logits(judged)
        discriminator = 0.5 * (self.loss.real(score[:half]) + self.loss.fake(score[half:]))
        players.update_discriminator(0.5 * discriminator + 0.5 * self.class_loss(logits, both))

        # Generator: be taken for real, and for its class.
        latent, label = draw(2 * half)
        players.discriminator.requires_grad_(False)
        with by_running_statistics(players.discriminator):
            judged, beside = judged_fakes(players, real, latent, label, settings)
        generator, class_fake = self.loss.generator(judged.score), self.class_loss(class_logits(judged), label)
        players.update_generator(generator + class_fake + beside)

        class_real = self.class_loss(logits[:half].detach(), real.label)
        accuracy = self.loss.accuracy(score[:half], score[half:])
        return discriminator.detach(), generator.detach(), class_real, class_fake.detach(), accuracy
