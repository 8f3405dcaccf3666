"""Penalties on a discriminator's gradient with respect to pictures. Each returns a scalar that can be differentiated again."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["gradient_penalty", "squared_gradient"]


def gradient_penalty(critic: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, weights: Tensor) -> Tensor:
    """mean (|grad D(x)| - 1)^2 at the points x = w real + (1 - w) fake (Gulrajani et al. 2017, equation 3).

    ``critic`` gives scores [n] for pictures [n, c, h, w]; ``weights`` [n] are 0..1, drawn evenly.
    """
    weights = weights.to(real).view(-1, 1, 1, 1)
    between = (weights * real + (1 - weights) * fake).detach().requires_grad_()
    (gradient,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    norm: Tensor = gradient.flatten(1).norm(dim=1)
    return (norm - 1).square().mean()


def squared_gradient(score: Tensor, image: Tensor) -> Tensor:
    """mean |grad D(x)|^2, for the ``score`` [n] of pictures that gradients reach.

    On reals the R1 of Mescheder et al. 2018 (equation 9, without gamma / 2), on fakes their R2.
    """
    (gradient,) = torch.autograd.grad(score.sum(), image, create_graph=True)
    return gradient.square().sum(dim=(1, 2, 3)).mean()
