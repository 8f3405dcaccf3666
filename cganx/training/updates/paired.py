"""Learning from pairs: Pix2Pix, SRGAN and the Context Encoder differ in what their losses weigh."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from cganx.objectives import AdversarialLoss, absolute_error, squared_error
from cganx.training.translation.settings import PairSettings
from cganx.training.updates.players import Players
from cganx.training.updates.translating import Memory, TranslationBatch, call, score, the_source

__all__ = ["Paired"]


@dataclass(frozen=True)
class Paired:
    """The discriminator on reals and fakes, then the generator: be taken for real, and be near the target.

    Isola et al. 2017, section 3.1. What the discriminator ``sees`` beside a picture is its source there; nothing with Ledig et
    al. 2017 and Pathak et al. 2016. Where there are masks only what was filled is compared. For the
    first ``pretrain_steps`` the generator learns by the comparison alone (Ledig et al. 2017, section 3.2).
    """

    loss: AdversarialLoss
    sees: Callable[[TranslationBatch], Tensor | None] = the_source
    losses: tuple[str, ...] = ("discriminator_real", "discriminator_fake", "generator", "l1", "l2", "content", "accuracy")
    scale: float = 1.0

    def reals(self, settings: PairSettings) -> int:
        """How many pairs a step takes."""
        return settings.batch_size

    def __call__(self, players: Players, real: TranslationBatch, memory: Memory, settings: PairSettings) -> tuple[Tensor, ...]:
        """Change the players' weights; return the losses, detached."""
        playing = memory.begun(settings.pretrain_steps) and settings.adversarial_weight > 0
        source, target, label = real.source, real.target, real.label
        seen = self.sees(real)
        with players.precision():
            made = call(players.generator, source, real.mask, label).to(target.dtype)
        none = torch.zeros((), device=target.device)
        loss_real = loss_fake = adversarial = accuracy = none

        # Discriminator: tell the target from what was made.
        if playing:
            players.discriminator.requires_grad_(True)
            real_score = score(players, players.discriminator, target, seen, label)
            fake_score = score(players, players.discriminator, made.detach(), seen, label)
            loss_real, loss_fake = self.loss.real(real_score), self.loss.fake(fake_score)
            players.update_discriminator(loss_real + loss_fake)
            accuracy = self.loss.accuracy(real_score, fake_score)

        # Generator: be taken for real, and be near the target.
        if playing:
            players.discriminator.requires_grad_(False)
            adversarial = self.loss.generator(score(players, players.discriminator, made, seen, label))
        share = 1 if real.mask is None else real.mask.mean()  # elsewhere both are the source
        away, squared = absolute_error(made, target) / share, squared_error(made, target) / share
        content = none if settings.content_weight == 0 else players.content(made, target)
        total = settings.adversarial_weight * adversarial
        total = total + settings.l1_weight * away + settings.l2_weight * squared + settings.content_weight * content
        players.update_generator(total)
        return tuple(one.detach() for one in (loss_real, loss_fake, adversarial, away, squared, content, accuracy))
