"""Reals and fakes in pairs, with both gradient penalties: R3GAN (Huang et al. 2024, section 2)."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from cganx.objectives import RelativisticLoss, squared_gradient
from cganx.training.settings import RelativisticSettings
from cganx.training.updates.players import Batch, Draw, Players, judged_fakes

__all__ = ["Relativistic"]


@dataclass(frozen=True)
class Relativistic:
    """Every fake is paired with a real of the same label; R1 on the reals, R2 on the fakes (Huang et al. 2024, section 2.3)."""

    loss: RelativisticLoss
    losses: tuple[str, ...] = ("discriminator", "generator", "r1", "r2", "accuracy")
    scale: float = 1.0

    def reals(self, settings: RelativisticSettings) -> int:
        """How many real pictures a step takes."""
        return settings.batch_size

    def __call__(self, players: Players, real: Batch, draw: Draw, settings: RelativisticSettings) -> tuple[Tensor, ...]:
        """Change the players' weights; return the losses, detached."""
        n, label = real.image.shape[0], real.label

        # Discriminator
        latent, _ = draw(n)
        real_image, fake_image = real.image.detach().requires_grad_(), players.fakes(latent, label).requires_grad_()
        players.discriminator.requires_grad_(True)
        real_score = players.discriminate(real_image, label, full=True).score
        fake_score = players.discriminate(fake_image, label, full=True).score
        r1, r2 = squared_gradient(real_score, real_image), squared_gradient(fake_score, fake_image)
        discriminator = self.loss.discriminator(real_score, fake_score)
        players.update_discriminator(discriminator + 0.5 * settings.gamma * (r1 + r2))

        accuracy = (real_score > fake_score).float().mean()

        # Generator
        latent, _ = draw(n)
        players.discriminator.requires_grad_(False)
        real_score = players.discriminate(real.image.detach(), label).score
        judged, beside = judged_fakes(players, real, latent, label, settings)
        generator = self.loss.generator(real_score, judged.score)
        players.update_generator(generator + beside)

        return discriminator.detach(), generator.detach(), r1.detach(), r2.detach(), accuracy
