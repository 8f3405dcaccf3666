"""Classes from few labels and reality from all pictures, on the same logits: semi-supervised GAN (Salimans et al. 2016)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from cganx.objectives import AdversarialLoss, class_cross_entropy
from cganx.training.settings import SemiSupervisedSettings
from cganx.training.updates.players import Batch, Draw, Players, by_running_statistics, class_logits, matching, seeking

__all__ = ["SemiSupervised", "moved"]


@dataclass(frozen=True)
class SemiSupervised:
    """The discriminator's two losses of Salimans et al. 2016, section 5, then feature matching for the generator (3.1).

    The paper's generator matches features alone: ``adversarial_weight`` 0. Of the real pictures the first half are any, the
    second are labelled ones, which are moved a little, for there may be few. ``batch_size`` counts the first half and as
    many fakes together, as in the book. All three kinds share one batch norm. The same fakes serve both turns: making them
    is most of a step's work.
    """

    loss: AdversarialLoss
    losses: tuple[str, ...] = ("discriminator", "generator", "class_labelled", "accuracy")
    scale: float = 0.5

    def reals(self, settings: SemiSupervisedSettings) -> int:
        """How many real pictures a step takes."""
        return settings.batch_size // 2 * 2

    def __call__(self, players: Players, real: Batch, draw: Draw, settings: SemiSupervisedSettings) -> tuple[Tensor, ...]:
        """Change the players' weights; return the losses, detached."""
        half = real.image.shape[0] // 2
        every, labelled = real.parts(half)
        latent, nothing = draw(half)
        fake = players.generate(latent, nothing)

        # Discriminator: tell any real picture from a fake, and name the class of the labelled ones.
        players.discriminator.requires_grad_(True)
        shown = moved(labelled.image, draw.even(half), draw.even(half))
        judged = players.discriminate(torch.cat([every.image, shown, fake.detach()]), real.label)
        real_score, fake_score = judged.score[:half], judged.score[2 * half :]
        discriminator = 0.5 * (self.loss.real(real_score) + self.loss.fake(fake_score))
        class_labelled = class_cross_entropy(class_logits(judged)[half : 2 * half], labelled.label)
        players.update_discriminator(discriminator + settings.class_weight * class_labelled)

        # Generator: give the discriminator the features that it sees in real pictures.
        players.discriminator.requires_grad_(False)
        with by_running_statistics(players.discriminator):
            judged = players.discriminate(fake, nothing)
            beside = matching(players, every, judged, settings) + seeking(fake, latent, nothing, settings)
        generator = self.loss.generator(judged.score)
        players.update_generator(settings.adversarial_weight * generator + beside)

        accuracy = self.loss.accuracy(real_score, fake_score)
        return discriminator.detach(), generator.detach(), class_labelled.detach(), accuracy


def moved(image: Tensor, down: Tensor, right: Tensor) -> Tensor:
    """Pictures [n, c, h, w], each moved by up to a 14th of its sides, its edge repeated.

    ``down`` and ``right`` [n], 0..1, say how far: one half stays where it is.
    """
    rows, columns = (_places(side, even) for side, even in zip(image.shape[2:], (down, right), strict=True))
    picture = torch.arange(len(image), device=image.device)[:, None, None]
    return image.permute(0, 2, 3, 1)[picture, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def _places(side: int, even: Tensor) -> Tensor:
    reach = max(side // 14, 1)
    shift = (even * (2 * reach + 1)).long().clamp(max=2 * reach) - reach
    return (torch.arange(side, device=even.device) - shift[:, None]).clamp(0, side - 1)
