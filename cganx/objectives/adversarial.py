"""Adversarial losses as pure functions on the discriminator's scores [n], unbounded logits.

What the discriminator pays is given picture by picture, [n], so that some may be told wrong; the means are scalars.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

__all__ = [
    "HINGE",
    "LEAST_SQUARES",
    "NON_SATURATING",
    "RELATIVISTIC",
    "WASSERSTEIN",
    "AdversarialLoss",
    "RelativisticLoss",
    "noisy",
    "smoothed",
    "watched",
]


@dataclass(frozen=True)
class AdversarialLoss:
    """One game: what the discriminator pays for scores of real and of fake pictures, and what the generator pays.

    The discriminator's loss is ``real(scores of reals) + fake(scores of fakes)``; the two are apart because some
    recipes update on each by itself. ``as_real`` and ``as_fake`` are the same picture by picture, [n] -> [n].
    ``boundary`` is the score that lies between what is taken for fake and for real. ``towards``, where the game has
    targets, is what pictures pay whose target is not 1 but a number just below.
    """

    name: str
    as_real: Callable[[Tensor], Tensor]
    as_fake: Callable[[Tensor], Tensor]
    generator: Callable[[Tensor], Tensor]
    boundary: float = 0.0
    towards: Callable[[Tensor, float], Tensor] | None = None

    def real(self, score: Tensor) -> Tensor:
        """What the discriminator pays for reals with these scores [n], on average."""
        return self.as_real(score).mean()

    def fake(self, score: Tensor) -> Tensor:
        """What the discriminator pays for fakes with these scores [n], on average."""
        return self.as_fake(score).mean()

    @property
    def balance(self) -> tuple[float, float]:
        """What discriminator and generator pay when the discriminator knows nothing; 0 where the loss has no such measure."""
        undecided = torch.tensor([self.boundary])
        return float(self.real(undecided) + self.fake(undecided)), float(self.generator(undecided))

    def accuracy(self, real_score: Tensor, fake_score: Tensor) -> Tensor:
        """The share of pictures that are taken for what they are, 0..1, reals and fakes counted alike."""
        right_real, right_fake = real_score > self.boundary, fake_score <= self.boundary
        return 0.5 * (right_real.float().mean() + right_fake.float().mean())


@dataclass(frozen=True)
class RelativisticLoss:
    """A game in which every fake is scored against one real (Jolicoeur-Martineau 2019; Huang et al. 2024, section 2.1).

    Both functions take the reals' and the fakes' scores [n], pair by pair.
    """

    name: str
    discriminator: Callable[[Tensor, Tensor], Tensor]
    generator: Callable[[Tensor, Tensor], Tensor]

    @property
    def balance(self) -> tuple[float, float]:
        """What discriminator and generator pay when the discriminator knows nothing."""
        undecided = torch.zeros(1)
        return float(self.discriminator(undecided, undecided)), float(self.generator(undecided, undecided))


def hinge_real(score: Tensor) -> Tensor:
    """max(0, 1 - D(x)) (Lim and Ye 2017, section 3; Miyato et al. 2018, equation 17)."""
    return F.relu(1 - score)


def hinge_fake(score: Tensor) -> Tensor:
    """max(0, 1 + D(G(z))) (Lim and Ye 2017, section 3; Miyato et al. 2018, equation 17)."""
    return F.relu(1 + score)


def hinge_generator(score: Tensor) -> Tensor:
    """-mean D(G(z)) (Lim and Ye 2017, section 3; Miyato et al. 2018, equation 18)."""
    return -score.mean()


def log_real(score: Tensor) -> Tensor:
    """-log sigmoid(D(x)): binary cross-entropy towards 1 (Goodfellow et al. 2014, equation 1)."""
    return F.softplus(-score)


def log_fake(score: Tensor) -> Tensor:
    """-log(1 - sigmoid(D(G(z)))): binary cross-entropy towards 0 (Goodfellow et al. 2014, equation 1)."""
    return F.softplus(score)


def non_saturating_generator(score: Tensor) -> Tensor:
    """-mean log sigmoid(D(G(z))), which still has a gradient when D wins (Goodfellow et al. 2014, section 3)."""
    return F.softplus(-score).mean()


def square_to_one(score: Tensor) -> Tensor:
    """(D - 1)^2 (Mao et al. 2017, equation 9 with a = 0, b = c = 1, without its factor of one half)."""
    return (score - 1).square()


def square_to_zero(score: Tensor) -> Tensor:
    """D^2 (Mao et al. 2017, equation 9)."""
    return score.square()


def least_squares_generator(score: Tensor) -> Tensor:
    """mean (D(G(z)) - 1)^2 (Mao et al. 2017, equation 9)."""
    return square_to_one(score).mean()


def upward(score: Tensor) -> Tensor:
    """-D (Arjovsky et al. 2017, equation 2): down this is up for the critic's score."""
    return -score


def downward(score: Tensor) -> Tensor:
    """D (Arjovsky et al. 2017, equation 2)."""
    return score


def wasserstein_generator(score: Tensor) -> Tensor:
    """-mean D(G(z)) (Arjovsky et al. 2017, equation 3)."""
    return -score.mean()


def relativistic_discriminator(real_score: Tensor, fake_score: Tensor) -> Tensor:
    """mean softplus(-(D(x) - D(G(z)))) (Huang et al. 2024, equation 2)."""
    return F.softplus(fake_score - real_score).mean()


def relativistic_generator(real_score: Tensor, fake_score: Tensor) -> Tensor:
    """mean softplus(-(D(G(z)) - D(x))) (Huang et al. 2024, equation 2, from the generator's side)."""
    return F.softplus(real_score - fake_score).mean()


def log_towards(score: Tensor, target: float) -> Tensor:
    """Binary cross-entropy towards ``target``, 0..1."""
    return target * log_real(score) + (1 - target) * log_fake(score)


def square_towards(score: Tensor, target: float) -> Tensor:
    """(D - ``target``)^2."""
    return (score - target).square()


def smoothed(loss: AdversarialLoss, smoothing: float) -> AdversarialLoss:
    """The game whose reals have the target 1 - ``smoothing``; fakes keep 0 (one-sided: Salimans et al. 2016, section 3.4).

    0 <= ``smoothing`` < 1; at 0 it is ``loss`` itself. ValueError where the game has no targets.
    """
    if smoothing == 0:
        return loss
    if loss.towards is None:
        raise ValueError(f"the {loss.name} game has no targets that could be smoothed")
    target, towards = 1 - smoothing, loss.towards
    return dataclasses.replace(
        loss,
        name=f"{loss.name}, reals towards {target:g}",
        as_real=lambda score: towards(score, target),
    )


def noisy(loss: AdversarialLoss, wrong: Callable[[int], Tensor]) -> AdversarialLoss:
    """The game whose discriminator is told the wrong thing of some pictures, real for fake and the other way round.

    ``wrong(n)`` draws of which, as bool [n]. The generator's side is as before. A remedy against a discriminator that wins
    too early (Chintala et al. 2016, "How to Train a GAN?", tip 6).
    """

    def as_real(score: Tensor) -> Tensor:
        return torch.where(wrong(len(score)), loss.as_fake(score), loss.as_real(score))

    def as_fake(score: Tensor) -> Tensor:
        return torch.where(wrong(len(score)), loss.as_real(score), loss.as_fake(score))

    return dataclasses.replace(loss, as_real=as_real, as_fake=as_fake)


def watched(loss: AdversarialLoss, watch: Callable[[Tensor], None]) -> AdversarialLoss:
    """The same game; ``watch`` is shown sign(D(x) - boundary) [n] of all reals that the discriminator learns from."""

    def as_real(score: Tensor) -> Tensor:
        watch(torch.sign(score.detach() - loss.boundary))
        return loss.as_real(score)

    return dataclasses.replace(loss, as_real=as_real)


HINGE = AdversarialLoss("hinge", hinge_real, hinge_fake, hinge_generator)
NON_SATURATING = AdversarialLoss("non-saturating", log_real, log_fake, non_saturating_generator, towards=log_towards)
LEAST_SQUARES = AdversarialLoss(
    *("least squares", square_to_one, square_to_zero, least_squares_generator),
    boundary=0.5,
    towards=square_towards,
)
WASSERSTEIN = AdversarialLoss("Wasserstein", upward, downward, wasserstein_generator)
RELATIVISTIC = RelativisticLoss("relativistic pairing", relativistic_discriminator, relativistic_generator)
