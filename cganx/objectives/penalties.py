"""Penalties on gradients with respect to pictures, and on weights. Each returns a scalar that can be differentiated."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

__all__ = ["gradient_penalty", "orthogonal_penalty", "squared_gradient"]


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


def orthogonal_penalty(module: nn.Module) -> Tensor:
    """sum of |W W^T (1 - I)|^2 over the layers with weights W [out, in ...] (Brock et al. 2019, equation 3).

    The diagonal is left free, as is a layer that reads a label alone (its columns are embeddings).
    """
    terms = []
    for layer in module.modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)) and layer.bias is not None:
            weight = layer.weight.flatten(1)
            products = weight @ weight.T
            terms.append((products - torch.diag(torch.diagonal(products))).square().sum())
    return torch.stack(terms).sum()
