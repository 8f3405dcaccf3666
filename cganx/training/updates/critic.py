"""Several updates of a critic, then the generator (Arjovsky et al. 2017, algorithm 1; Gulrajani et al. 2017, algorithm 1)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from cganx.networks.cdcgan import LabelPlane
from cganx.objectives import AdversarialLoss, gradient_penalty
from cganx.training.settings import ClippedCriticSettings, CriticSettings, PenalisedCriticSettings
from cganx.training.updates.players import Batch, Draw, Players, generator_turn

__all__ = ["ClippedCritic", "PenalisedCritic", "clip"]


@dataclass(frozen=True)
class ClippedCritic:
    """A critic whose weights are clipped after each of its updates (Arjovsky et al. 2017, algorithm 1).

    Reals and fakes are judged in batches of their own. What is clipped are the weights and biases of its layers: not
    batch norm's running statistics, and not its gain, which clipped to 0.01 would leave hardly any signal. Nor the plane of
    the label: the critic has to be smooth in the picture, not in the label, and clipped the label could not be seen beside
    the picture.
    """

    loss: AdversarialLoss
    losses: tuple[str, ...] = ("critic", "generator")
    scale: float = 1.0

    def reals(self, settings: CriticSettings) -> int:
        """How many real pictures a step takes."""
        return settings.discriminator_steps * settings.batch_size

    def __call__(self, players: Players, real: Batch, draw: Draw, settings: ClippedCriticSettings) -> tuple[Tensor, Tensor]:
        """Change the players' weights; return the losses, detached."""
        critic = torch.zeros(())
        players.discriminator.requires_grad_(True)
        for part in real.parts(settings.batch_size):
            latent, label = draw(settings.batch_size)
            fake = players.fakes(latent, label)
            critic = self.loss.real(players.discriminate(part.image, part.label).score) + self.loss.fake(
                players.discriminate(fake, label).score
            )
            players.update_discriminator(critic)
            clip(players.discriminator, settings.clip)
        return critic.detach(), generator_turn(players, part, draw, self.loss, settings.batch_size, settings)


@dataclass(frozen=True)
class PenalisedCritic:
    """A critic whose gradient is held to norm 1 between reals and fakes (Gulrajani et al. 2017, algorithm 1)."""

    loss: AdversarialLoss
    losses: tuple[str, ...] = ("critic", "generator", "penalty")
    scale: float = 1.0

    def reals(self, settings: CriticSettings) -> int:
        """How many real pictures a step takes."""
        return settings.discriminator_steps * settings.batch_size

    def __call__(
        self, players: Players, real: Batch, draw: Draw, settings: PenalisedCriticSettings
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Change the players' weights; return the losses, detached."""
        critic = penalty = torch.zeros(())
        players.discriminator.requires_grad_(True)
        for part in real.parts(settings.batch_size):
            latent, _ = draw(settings.batch_size)
            label = part.label  # the reals' own, so that a point between two pictures has one label
            fake = players.fakes(latent, label)
            score = players.discriminate(torch.cat([part.image, fake]), torch.cat([label, label])).score
            critic = self.loss.real(score[: len(label)]) + self.loss.fake(score[len(label) :])
            judge = partial(_score, players, label)
            penalty = gradient_penalty(judge, part.image, fake, draw.even(len(label)))
            players.update_discriminator(critic + settings.penalty_weight * penalty)
        return critic.detach(), generator_turn(players, part, draw, self.loss, settings.batch_size, settings), penalty.detach()


def _score(players: Players, label: Tensor, image: Tensor) -> Tensor:
    return players.discriminate(image, label, full=True).score


@torch.no_grad()
def clip(critic: nn.Module, bound: float) -> None:
    """Hold weights and biases to -bound..bound, batch norm's and those of the label's plane excepted."""
    free = {
        id(weight)
        for module in critic.modules()
        if isinstance(module, (nn.modules.batchnorm._BatchNorm, LabelPlane))
        for weight in module.parameters()
    }
    weights: list[Tensor] = [weight for weight in critic.parameters() if id(weight) not in free]
    torch._foreach_clamp_min_(weights, -bound)
    torch._foreach_clamp_max_(weights, bound)
