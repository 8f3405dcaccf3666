"""Adversarial losses as pure functions on the discriminator's scores [n], unbounded logits. Each returns a scalar."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

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
    "one_sided",
]


@dataclass(frozen=True)
class AdversarialLoss:
    """One game: what the discriminator pays for scores of real and of fake pictures, and what the generator pays.

    The discriminator's loss is ``real(scores of reals) + fake(scores of fakes)``; the two are apart because some
    recipes update on each by itself. ``boundary`` is the score that lies between what is taken for fake and for real.
    ``balance`` is what it pays when it knows nothing, None where that says nothing.
    """

    name: str
    real: Callable[[Tensor], Tensor]
    fake: Callable[[Tensor], Tensor]
    generator: Callable[[Tensor], Tensor]
    boundary: float = 0.0
    balance: float | None = None

    def accuracy(self, real_score: Tensor, fake_score: Tensor) -> Tensor:
        """The share of pictures that are taken for what they are, 0..1, reals and fakes counted alike."""
        right_real, right_fake = real_score > self.boundary, fake_score <= self.boundary
        return 0.5 * (right_real.float().mean() + right_fake.float().mean())


@dataclass(frozen=True)
class RelativisticLoss:
    """A game in which every fake is scored against one real (Jolicoeur-Martineau 2019; Huang et al. 2024, section 2.1).

    Both functions take the reals' and the fakes' scores [n], pair by pair. ``balance`` is what both pay when the
    discriminator knows nothing.
    """

    name: str
    discriminator: Callable[[Tensor, Tensor], Tensor]
    generator: Callable[[Tensor, Tensor], Tensor]
    balance: float | None = None


def hinge_real(score: Tensor) -> Tensor:
    """mean max(0, 1 - D(x)) (Lim and Ye 2017, section 3; Miyato et al. 2018, equation 17)."""
    return F.relu(1 - score).mean()


def hinge_fake(score: Tensor) -> Tensor:
    """mean max(0, 1 + D(G(z))) (Lim and Ye 2017, section 3; Miyato et al. 2018, equation 17)."""
    return F.relu(1 + score).mean()


def hinge_generator(score: Tensor) -> Tensor:
    """-mean D(G(z)) (Lim and Ye 2017, section 3; Miyato et al. 2018, equation 18)."""
    return -score.mean()


def log_real(score: Tensor) -> Tensor:
    """-mean log sigmoid(D(x)): binary cross-entropy towards 1 (Goodfellow et al. 2014, equation 1)."""
    return F.softplus(-score).mean()


def log_fake(score: Tensor) -> Tensor:
    """-mean log(1 - sigmoid(D(G(z)))): binary cross-entropy towards 0 (Goodfellow et al. 2014, equation 1)."""
    return F.softplus(score).mean()


def non_saturating_generator(score: Tensor) -> Tensor:
    """-mean log sigmoid(D(G(z))), which still has a gradient when D wins (Goodfellow et al. 2014, section 3)."""
    return F.softplus(-score).mean()


def square_to_one(score: Tensor) -> Tensor:
    """mean (D - 1)^2 (Mao et al. 2017, equation 9 with a = 0, b = c = 1, without its factor of one half)."""
    return (score - 1).square().mean()


def square_to_zero(score: Tensor) -> Tensor:
    """mean D^2 (Mao et al. 2017, equation 9)."""
    return score.square().mean()


def upward(score: Tensor) -> Tensor:
    """-mean D (Arjovsky et al. 2017, equation 2): down this is up for the critic's score."""
    return -score.mean()


def downward(score: Tensor) -> Tensor:
    """mean D (Arjovsky et al. 2017, equation 2)."""
    return score.mean()


def relativistic_discriminator(real_score: Tensor, fake_score: Tensor) -> Tensor:
    """mean softplus(-(D(x) - D(G(z)))) (Huang et al. 2024, equation 2)."""
    return F.softplus(fake_score - real_score).mean()


def relativistic_generator(real_score: Tensor, fake_score: Tensor) -> Tensor:
    """mean softplus(-(D(G(z)) - D(x))) (Huang et al. 2024, equation 2, from the generator's side)."""
    return F.softplus(real_score - fake_score).mean()


def smoothed_real(score: Tensor, smoothing: float) -> Tensor:
    """Cross-entropy of reals towards 1 - smoothing (Salimans et al. 2016, section 3.4: one-sided label smoothing)."""
    return (1 - smoothing) * log_real(score) + smoothing * log_fake(score)


def one_sided(smoothing: float) -> AdversarialLoss:
    """The non-saturating game whose reals have the target 1 - ``smoothing``; fakes keep 0."""
    return AdversarialLoss(
        f"non-saturating, reals towards {1 - smoothing:g}",
        partial(smoothed_real, smoothing=smoothing),
        log_fake,
        non_saturating_generator,
        balance=2 * math.log(2),
    )


HINGE = AdversarialLoss("hinge", hinge_real, hinge_fake, hinge_generator, balance=2.0)
NON_SATURATING = AdversarialLoss("non-saturating", log_real, log_fake, non_saturating_generator, balance=2 * math.log(2))
LEAST_SQUARES = AdversarialLoss("least squares", square_to_one, square_to_zero, square_to_one, boundary=0.5, balance=0.5)
WASSERSTEIN = AdversarialLoss("Wasserstein", upward, downward, upward)
RELATIVISTIC = RelativisticLoss("relativistic pairing", relativistic_discriminator, relativistic_generator, balance=math.log(2))
