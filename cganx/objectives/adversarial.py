"""Adversarial losses as pure functions on the discriminator's scores [n], unbounded logits. Each returns a scalar."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional as F

__all__ = ["HINGE", "NON_SATURATING", "AdversarialLoss"]


@dataclass(frozen=True)
class AdversarialLoss:
    """One game: what the discriminator pays for scores of real and of fake pictures, and what the generator pays.

    The discriminator's loss is ``real(scores of reals) + fake(scores of fakes)``; the two are apart because some
    recipes update on each by itself.
    """

    name: str
    real: Callable[[Tensor], Tensor]
    fake: Callable[[Tensor], Tensor]
    generator: Callable[[Tensor], Tensor]


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


HINGE = AdversarialLoss("hinge", hinge_real, hinge_fake, hinge_generator)
NON_SATURATING = AdversarialLoss("non-saturating", log_real, log_fake, non_saturating_generator)
