"""One update of the discriminator on reals and fakes, each judged in a batch of its own, then the generator."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from cganx.objectives import AdversarialLoss
from cganx.training.settings import Settings
from cganx.training.updates.players import Batch, Draw, Players

__all__ = ["Separate"]


@dataclass(frozen=True)
class Separate:
    """Goodfellow et al. 2014, algorithm 1 with k = 1. ``batch_size`` counts reals; there are as many fakes."""

    loss: AdversarialLoss
    losses: tuple[str, ...] = ("discriminator", "generator", "accuracy")

    def reals(self, settings: Settings) -> int:
        """How many real pictures a step takes."""
        return settings.batch_size

    def __call__(
        self,
        players: Players,
        real: Batch,
        draw: Draw,
        settings: Settings,
    ) -> tuple[Tensor, ...]:
        """Change the players' weights; return the losses, detached."""
        # Discriminator: the sum of both losses.
        latent, label = draw(settings.batch_size)
        fake = players.fakes(latent, label)
        players.discriminator.requires_grad_(True)
        real_score = players.discriminate(real.image, real.label).score
        fake_score = players.discriminate(fake, label).score
        discriminator = self.loss.real(real_score) + self.loss.fake(fake_score)
        players.update_discriminator(discriminator)

        # Generator: be taken for real.
        latent, label = draw(settings.batch_size)
        players.discriminator.requires_grad_(False)
        generator = self.loss.generator(players.discriminate(players.generator(latent, label), label).score)
        players.update_generator(generator)

        return discriminator.detach(), generator.detach(), self.loss.accuracy(real_score, fake_score)
