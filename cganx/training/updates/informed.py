"""One update of the discriminator on reals and fakes together, then generator and code head: InfoGAN (Chen et al. 2016)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from cganx.objectives import AdversarialLoss, class_cross_entropy
from cganx.training.settings import InformedSettings
from cganx.training.updates.players import Batch, Draw, Players, by_running_statistics, class_logits, matching

__all__ = ["Informed"]


@dataclass(frozen=True)
class Informed:
    """The turns of `Mixed`; in the generator's turn the head that guesses the code learns beside it.

    The cross-entropy of the guess is, up to a constant, the lower bound of the mutual information between code and picture
    (Chen et al. 2016, equation 5). As in the book the head learns on the discriminator's features as they are.
    """

    loss: AdversarialLoss
    losses: tuple[str, ...] = ("discriminator", "generator", "class_code", "accuracy")
    scale: float = 0.5

    def reals(self, settings: InformedSettings) -> int:
        """How many real pictures a step takes."""
        return settings.batch_size // 2

    def __call__(self, players: Players, real: Batch, draw: Draw, settings: InformedSettings) -> tuple[Tensor, ...]:
        """Change the players' weights; return the losses, detached."""
        half = real.image.shape[0]
        head = players.discriminator.get_submodule("class_head")

        # Discriminator: the mean over the mixed batch.
        latent, code = draw(half)
        players.discriminator.requires_grad_(True)
        score = players.discriminate(torch.cat([real.image, players.fakes(latent, code)]), code).score
        discriminator = 0.5 * (self.loss.real(score[:half]) + self.loss.fake(score[half:]))
        players.update_discriminator(discriminator)

        # Generator and head: be taken for real, and let the code be seen.
        latent, code = draw(2 * half)
        players.discriminator.requires_grad_(False)
        head.requires_grad_(True)
        with by_running_statistics(players.discriminator):
            judged = players.discriminate(players.generate(latent, code), code)
            distance = matching(players, real, judged, settings)
        generator, information = self.loss.generator(judged.score), class_cross_entropy(class_logits(judged), code)
        loss = generator + settings.information_weight * information + distance
        players.update(loss, players.generator_optimizer, players.discriminator_optimizer)  # of the latter the head alone

        accuracy = self.loss.accuracy(score[:half], score[half:])
        return discriminator.detach(), generator.detach(), information.detach(), accuracy
