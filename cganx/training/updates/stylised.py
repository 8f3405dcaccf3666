"""Drawing photographs in a style: CartoonGAN."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from cganx.objectives import AdversarialLoss, absolute_error, edge_smoothed
from cganx.training.translation.settings import StyleSettings
from cganx.training.updates.players import Players
from cganx.training.updates.translating import Memory, TranslationBatch, call, score

__all__ = ["Stylised"]

KEPT = 0.02  # of a drawing's maps goes into the mean that stands for its style


def _drawn(players: Players, source: Tensor, target: Tensor, label: Tensor | None) -> Tensor:
    """Photographs in the styles of the drawings, which a generator that keeps maps of styles is shown."""
    generator: Any = players.generator
    if not hasattr(generator, "styled") or label is None:
        with players.precision():
            return call(generator, source, label).to(target.dtype)
    maps = players.maps(target)
    with torch.no_grad():
        for place, style in enumerate(label.argmax(dim=1).tolist()):
            generator.styles[style].lerp_(maps[place].to(generator.styles), KEPT)
    with players.precision():
        made: Tensor = generator.styled(source, maps)
    return made.to(target.dtype)


@dataclass(frozen=True)
class Stylised:
    """The discriminator on drawings, on drawings without edges and on what was made; then the generator.

    Chen et al. 2018, section 3: the generator pays for being known as made, and for the distance of its content, in a feature
    network's maps, from the photograph's. For the first ``pretrain_steps`` it learns to keep the content alone (section 3.3).
    """

    loss: AdversarialLoss
    losses: tuple[str, ...] = (
        "discriminator_real",
        "discriminator_fake",
        "discriminator_smooth",
        "generator",
        "content",
        "style",
        "l1",
        "accuracy",
    )
    scale: float = 1.0

    def reals(self, settings: StyleSettings) -> int:
        """How many photographs, and drawings, a step takes."""
        return settings.batch_size

    def __call__(self, players: Players, real: TranslationBatch, memory: Memory, settings: StyleSettings) -> tuple[Tensor, ...]:
        """Change the players' weights; return the losses, detached."""
        playing = memory.begun(settings.pretrain_steps) and settings.adversarial_weight > 0
        source, target, label = real.source, real.target, real.label
        made = _drawn(players, source, target, label)
        none = torch.zeros((), device=target.device)
        loss_real = loss_fake = loss_smooth = adversarial = accuracy = style = away = none

        # Discriminator: drawings have sharp edges.
        if playing:
            players.discriminator.requires_grad_(True)
            real_score = score(players, players.discriminator, target, None, label)
            fake_score = score(players, players.discriminator, made.detach(), None, label)
            loss_real, loss_fake = self.loss.real(real_score), self.loss.fake(fake_score)
            if settings.smoothed_edges:
                loss_smooth = self.loss.fake(score(players, players.discriminator, edge_smoothed(target), None, label))
            players.update_discriminator(loss_real + loss_fake + loss_smooth)
            accuracy = self.loss.accuracy(real_score, fake_score)

        # Generator: be taken for a drawing, of what the photograph shows.
        if playing:
            players.discriminator.requires_grad_(False)
            adversarial = self.loss.generator(score(players, players.discriminator, made, None, label))
        content = none if settings.content_weight == 0 else players.content(made, source)
        if playing and settings.style_weight > 0:
            style = players.content(made, target)
        if settings.l1_weight > 0:
            away = absolute_error(made, source)
        total = settings.adversarial_weight * adversarial + settings.content_weight * content
        players.update_generator(total + settings.style_weight * style + settings.l1_weight * away)
        return tuple(one.detach() for one in (loss_real, loss_fake, loss_smooth, adversarial, content, style, away, accuracy))
