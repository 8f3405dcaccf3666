"""Two updates of the discriminator, one on reals and one on fakes, then the generator."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from cganx.objectives import AdversarialLoss, ClassLoss, class_cross_entropy
from cganx.training.settings import Settings
from cganx.training.updates.players import Batch, Draw, Players, class_logits, generator_turn, judged_fakes

__all__ = ["Alternating", "AlternatingWithClasses"]


@dataclass(frozen=True)
class Alternating:
    """One update on half a batch of reals, one on half a batch of fakes, then the generator on a whole batch.

    The turn order of Brownlee's Keras tutorials. ``batch_size`` counts reals and fakes together, as there.
    """

    loss: AdversarialLoss
    losses: tuple[str, ...] = ("discriminator_real", "discriminator_fake", "generator", "accuracy")
    scale: float = 1.0

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

        # Discriminator, on reals.
        players.discriminator.requires_grad_(True)
        real_score = players.discriminate(real.image, real.label).score
        loss_real = self.loss.real(real_score)
        players.update_discriminator(loss_real)

        # Discriminator, on fakes.
        latent, label = draw(half)
        fake_score = players.discriminate(players.fakes(latent, label), label).score
        loss_fake = self.loss.fake(fake_score)
        players.update_discriminator(loss_fake)

        # Generator: be taken for real.
        generator = generator_turn(players, real, draw, self.loss, 2 * half, settings)

        return loss_real.detach(), loss_fake.detach(), generator, self.loss.accuracy(real_score, fake_score)


@dataclass(frozen=True)
class AlternatingWithClasses:
    """The turns of `Alternating` for a discriminator that also names the class, of reals and of fakes.

    Every loss is the adversarial one plus the class head's cross-entropy (Odena et al. 2017, section 3: L_S + L_C).
    """

    loss: AdversarialLoss
    class_loss: ClassLoss = class_cross_entropy
    losses: tuple[str, ...] = ("discriminator_real", "discriminator_fake", "generator", "class_real", "class_fake", "accuracy")
    scale: float = 1.0

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

        # Discriminator, on reals.
        players.discriminator.requires_grad_(True)
        judged = players.discriminate(real.image, real.label)
        real_score = judged.score
        loss_real, class_real = self.loss.real(real_score), self.class_loss(class_logits(judged), real.label)
        players.update_discriminator(loss_real + class_real)

        # Discriminator, on fakes.
        latent, label = draw(half)
        judged = players.discriminate(players.fakes(latent, label), label)
        fake_score = judged.score
        loss_fake = self.loss.fake(fake_score)
        players.update_discriminator(loss_fake + self.class_loss(class_logits(judged), label))

        # Generator: be taken for real, and for its class.
        latent, label = draw(2 * half)
        players.discriminator.requires_grad_(False)
        judged, beside = judged_fakes(players, real, latent, label, settings)
        loss, class_fake = self.loss.generator(judged.score), self.class_loss(class_logits(judged), label)
        players.update_generator(loss + class_fake + beside)

        accuracy = self.loss.accuracy(real_score, fake_score)
        return loss_real.detach(), loss_fake.detach(), loss.detach(), class_real.detach(), class_fake.detach(), accuracy
