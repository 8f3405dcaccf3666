"""What one training step does: a scheme for each way in which the two players take turns.

A scheme sees the players, a batch of real pictures, and a way to draw latents and labels. It changes the players'
weights and returns the losses, detached scalars on the device.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

import torch
from torch import Tensor, nn

from cganx.networks import Judgement
from cganx.objectives import AdversarialLoss, class_cross_entropy
from cganx.training.settings import ClassHeadSettings, Settings

__all__ = ["Alternating", "Batch", "Joint", "Players", "Update"]


@dataclass(frozen=True)
class Batch:
    """Real pictures [n, c, h, w] in -1..1 and their label weights [n, classes]."""

    image: Tensor
    label: Tensor


@dataclass(frozen=True)
class Players:
    """Both networks in training mode, their optimisers, and how a loss is differentiated on this device."""

    generator: nn.Module
    discriminator: nn.Module
    generator_optimizer: torch.optim.Optimizer
    discriminator_optimizer: torch.optim.Optimizer
    backward: Callable[[Tensor], None]

    def discriminate(self, image: Tensor, label: Tensor) -> Judgement:
        """The discriminator's judgement."""
        judgement: Judgement = self.discriminator(image, label)
        return judgement

    def update_discriminator(self, loss: Tensor) -> None:
        """One step of the discriminator down the gradient of ``loss``."""
        self.discriminator_optimizer.zero_grad(set_to_none=True)
        self.backward(loss)
        self.discriminator_optimizer.step()

    def update_generator(self, loss: Tensor) -> None:
        """One step of the generator down the gradient of ``loss``."""
        self.generator_optimizer.zero_grad(set_to_none=True)
        self.backward(loss)
        self.generator_optimizer.step()


Draw = Callable[[int], tuple[Tensor, Tensor]]
"""n -> latents [n, latent] and label weights [n, classes] for n fakes."""

_Settings_contra = TypeVar("_Settings_contra", bound=Settings, contravariant=True)


class Update(Protocol[_Settings_contra]):
    """One training step. ``losses`` names what it returns, in order."""

    @property
    def losses(self) -> tuple[str, ...]:
        """The names of the losses."""

    @property
    def loss(self) -> AdversarialLoss:
        """The game."""

    def reals(self, settings: _Settings_contra) -> int:
        """How many real pictures a step takes."""

    def __call__(self, players: Players, real: Batch, draw: Draw, settings: _Settings_contra) -> tuple[Tensor, ...]:
        """Change the players' weights; return the losses, detached."""


@dataclass(frozen=True)
class Joint:
    """Reals and fakes in one pass of the discriminator, then the generator (Miyato et al. 2018, section 4).

    The discriminator's class head learns from the reals; the generator is told to please it. One pass for both keeps
    the discriminator's spectral norm the same for the two halves.
    """

    loss: AdversarialLoss
    losses: tuple[str, ...] = ("discriminator", "generator", "class_real", "class_fake")

    def reals(self, settings: ClassHeadSettings) -> int:
        """How many real pictures a step takes."""
        return settings.batch_size

    def __call__(
        self, players: Players, real: Batch, draw: Draw, settings: ClassHeadSettings
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Change the players' weights; return the losses, detached."""
        n = real.image.shape[0]

        # Discriminator: score what is real and what is not, name the class of what is real.
        latent, label = draw(n)
        with torch.no_grad():
            fake = players.generator(latent, label)
        players.discriminator.requires_grad_(True)
        judged = players.discriminate(torch.cat([real.image, fake]), torch.cat([real.label, label]))
        real_score, fake_score = judged.score[:n], judged.score[n:]
        adversarial = self.loss.real(real_score) + self.loss.fake(fake_score)
        class_real = class_cross_entropy(_logits(judged)[:n], real.label)
        players.update_discriminator(adversarial + settings.class_weight * class_real)

        # Generator: be taken for real, and for its class.
        latent, label = draw(n)
        players.discriminator.requires_grad_(False)
        judged = players.discriminate(players.generator(latent, label), label)
        generator = self.loss.generator(judged.score)
        class_fake = class_cross_entropy(_logits(judged), label)
        players.update_generator(generator + settings.class_weight * class_fake)

        return adversarial.detach(), generator.detach(), class_real.detach(), class_fake.detach()


@dataclass(frozen=True)
class Alternating:
    """One update on half a batch of reals, one on half a batch of fakes, then the generator on a whole batch.

    The turn order of Brownlee's Keras tutorials. ``batch_size`` counts reals and fakes together, as there.
    """

    loss: AdversarialLoss
    losses: tuple[str, ...] = ("discriminator_real", "discriminator_fake", "generator")

    def reals(self, settings: Settings) -> int:
        """How many real pictures a step takes."""
        return settings.batch_size // 2

    def __call__(
        self,
        players: Players,
        real: Batch,
        draw: Draw,
        settings: Settings,  # noqa: ARG002
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Change the players' weights; return the losses, detached."""
        half = real.image.shape[0]

        # Discriminator, on reals.
        players.discriminator.requires_grad_(True)
        loss_real = self.loss.real(players.discriminate(real.image, real.label).score)
        players.update_discriminator(loss_real)

        # Discriminator, on fakes.
        latent, label = draw(half)
        with torch.no_grad():
            fake = players.generator(latent, label)
        loss_fake = self.loss.fake(players.discriminate(fake, label).score)
        players.update_discriminator(loss_fake)

        # Generator: be taken for real.
        latent, label = draw(2 * half)
        players.discriminator.requires_grad_(False)
        loss = self.loss.generator(players.discriminate(players.generator(latent, label), label).score)
        players.update_generator(loss)

        return loss_real.detach(), loss_fake.detach(), loss.detach()


def _logits(judged: Judgement) -> Tensor:
    assert judged.class_logits is not None  # the presets table pairs this scheme with networks that have a class head
    return judged.class_logits
