"""Learning from two heaps of pictures, there and back: CycleGAN and DiscoGAN."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from cganx.objectives import AdversarialLoss, absolute_error
from cganx.training.translation.settings import CycleSettings
from cganx.training.updates.players import Players
from cganx.training.updates.translating import Memory, TranslationBatch, call, mean, score

__all__ = ["Cyclic"]


@dataclass(frozen=True)
class Cyclic:
    """Both generators, then both discriminators on what was made, old pictures among it (Zhu et al. 2017, section 3 and 4).

    The generators pay for being known as made, for what is lost there and back, and, where it has a weight, for changing
    a picture that is of the target's kind already. Styles, where there are any, choose what the way there makes and what
    its discriminator expects; the way back is one.
    """

    loss: AdversarialLoss
    losses: tuple[str, ...] = ("discriminator_real", "discriminator_fake", "generator", "cycle", "identity", "accuracy")
    scale: float = 1.0

    def reals(self, settings: CycleSettings) -> int:
        """How many pictures of either heap a step takes."""
        return settings.batch_size

    def __call__(self, players: Players, real: TranslationBatch, memory: Memory, settings: CycleSettings) -> tuple[Tensor, ...]:
        """Change the players' weights; return the losses, detached."""
        generators: Any = players.generator
        judges: Any = players.discriminator
        there, back, source, target, label = generators.there, generators.back, real.source, real.target, real.label

        # Generators: be taken for the other kind, come back as they were, leave alone what is right already.
        players.discriminator.requires_grad_(False)
        with players.precision():
            made, unmade = (one.to(target.dtype) for one in (call(there, source, label), call(back, target)))
            again, target_again = (one.to(target.dtype) for one in (call(back, made), call(there, unmade, label)))
        adversarial = mean(
            self.loss.generator(score(players, judges.there, made, None, label)),
            self.loss.generator(score(players, judges.back, unmade, None, None)),
        )
        cycle = mean(absolute_error(again, source), absolute_error(target_again, target))
        identity = torch.zeros((), device=target.device)
        if settings.identity_weight > 0:
            with players.precision():
                kept, source_kept = (one.to(target.dtype) for one in (call(there, target, label), call(back, source)))
            identity = mean(absolute_error(kept, target), absolute_error(source_kept, source))
        total = settings.adversarial_weight * adversarial + settings.cycle_weight * cycle
        players.update_generator(2 * (total + settings.identity_weight * identity))  # the papers add both ways up

        # Discriminators: tell the heaps from what was made, now or earlier.
        players.discriminator.requires_grad_(True)
        made = memory.pooled("there", 0 if label is not None else settings.pool, made.detach())
        unmade = memory.pooled("back", settings.pool, unmade.detach())
        reals = [score(players, judges.there, target, None, label), score(players, judges.back, source, None, None)]
        fakes = [score(players, judges.there, made, None, label), score(players, judges.back, unmade, None, None)]
        loss_real, loss_fake = (mean(*map(self.loss.real, reals)), mean(*map(self.loss.fake, fakes)))
        players.update_discriminator(loss_real + loss_fake)
        accuracy = self.loss.accuracy(torch.cat(reals), torch.cat(fakes))
        return tuple(one.detach() for one in (loss_real, loss_fake, adversarial, cycle, identity, accuracy))
