"""Updates of the discriminator on reals and fakes, each judged in a batch of its own, then the generator."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from cganx.objectives import AdversarialLoss, orthogonal_penalty
from cganx.training.settings import TurnsSettings
from cganx.training.updates.players import Batch, Draw, Players, judged_fakes

__all__ = ["Separate"]


@dataclass(frozen=True)
class Separate:
    """Goodfellow et al. 2014, algorithm 1, with as many turns of the discriminator as the settings say.

    ``batch_size`` counts reals; there are as many fakes. Orthogonal regularisation of the generator: Brock et al. 2019.
    """

    loss: AdversarialLoss
    losses: tuple[str, ...] = ("discriminator", "generator", "accuracy")
    scale: float = 1.0

    def reals(self, settings: TurnsSettings) -> int:
        """How many real pictures a step takes."""
        return settings.discriminator_steps * settings.batch_size

    def __call__(self, players: Players, real: Batch, draw: Draw, settings: TurnsSettings) -> tuple[Tensor, ...]:
        """Change the players' weights; return the losses, detached."""
        # Discriminator: the sum of both losses.
        players.discriminator.requires_grad_(True)
        for part in real.parts(settings.batch_size):
            latent, label = draw(settings.batch_size)
            fake = players.fakes(latent, label)
            real_score = players.discriminate(part.image, part.label).score
            fake_score = players.discriminate(fake, label).score
            discriminator = self.loss.real(real_score) + self.loss.fake(fake_score)
            players.update_discriminator(discriminator)

        # Generator: be taken for real.
        latent, label = draw(settings.batch_size)
        players.discriminator.requires_grad_(False)
        judged, beside = judged_fakes(players, part, latent, label, settings)
        generator = self.loss.generator(judged.score)
        penalty = torch.zeros(()) if settings.orthogonal_weight == 0 else orthogonal_penalty(players.generator)
        players.update_generator(generator + settings.orthogonal_weight * penalty + beside)

        return discriminator.detach(), generator.detach(), self.loss.accuracy(real_score, fake_score)
