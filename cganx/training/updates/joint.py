"""Reals and fakes in one pass of the discriminator, then the generator."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from cganx.objectives import AdversarialLoss, ClassLoss, class_cross_entropy
from cganx.training.settings import ClassHeadSettings
from cganx.training.updates.players import Batch, Draw, Players, class_logits, judged_fakes

__all__ = ["Joint"]


@dataclass(frozen=True)
class Joint:
    """Reals and fakes in one pass of the discriminator, then the generator (Miyato et al. 2018, section 4).

    The discriminator's class head learns from the reals; the generator is told to please it. One pass for both keeps
    the discriminator's spectral norm the same for the two halves.
    """

    loss: AdversarialLoss
    class_loss: ClassLoss = class_cross_entropy
    losses: tuple[str, ...] = ("discriminator", "generator", "class_real", "class_fake", "accuracy")
    scale: float = 1.0

    def reals(self, settings: ClassHeadSettings) -> int:
        """How many real pictures a step takes."""
        return settings.batch_size

    def __call__(self, players: Players, real: Batch, draw: Draw, settings: ClassHeadSettings) -> tuple[Tensor, ...]:
        """Change the players' weights; return the losses, detached."""
        n = real.image.shape[0]

        # Discriminator: score what is real and what is not, name the class of what is real.
        latent, label = draw(n)
        fake = players.fakes(latent, label)
        players.discriminator.requires_grad_(True)
        judged = players.discriminate(torch.cat([real.image, fake]), torch.cat([real.label, label]))
        real_score, fake_score = judged.score[:n], judged.score[n:]
        adversarial = self.loss.real(real_score) + self.loss.fake(fake_score)
        class_real = self.class_loss(class_logits(judged)[:n], real.label)
        players.update_discriminator(adversarial + settings.class_weight * class_real)

        # Generator: be taken for real, and for its class.
        latent, label = draw(n)
        players.discriminator.requires_grad_(False)
        judged, beside = judged_fakes(players, real, latent, label, settings)
        generator = self.loss.generator(judged.score)
        class_fake = self.class_loss(class_logits(judged), label)
        players.update_generator(generator + settings.class_weight * class_fake + beside)

        accuracy = self.loss.accuracy(real_score, fake_score)
        return adversarial.detach(), generator.detach(), class_real.detach(), class_fake.detach(), accuracy
