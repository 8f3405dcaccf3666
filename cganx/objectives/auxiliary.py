"""Auxiliary terms as pure functions on logits and features. Each returns a scalar."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor
from torch.nn import functional as F

__all__ = ["ClassLoss", "attribute_cross_entropy", "class_cross_entropy", "code_likelihood", "feature_matching", "mode_seeking"]

ClassLoss: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""Of a class head's logits and label weights, both [n, classes]."""


def class_cross_entropy(class_logits: Tensor, label: Tensor) -> Tensor:
    """-mean sum_k label_k log softmax(class_logits)_k, for logits and label weights [n, classes].

    The L_C of Odena et al. 2017 (AC-GAN), section 3.
    """
    return -(label * F.log_softmax(class_logits, dim=1)).sum(dim=1).mean()


def attribute_cross_entropy(class_logits: Tensor, label: Tensor) -> Tensor:
    """-mean sum_k label_k log sigmoid(class_logits)_k + (1 - label_k) log(1 - sigmoid(class_logits)_k), for [n, attributes].

    The L_C of Odena et al. 2017, section 3, where each attribute is there or not by itself (Choi et al. 2018, StarGAN,
    equations 2 and 3).
    """
    return F.binary_cross_entropy_with_logits(class_logits, label, reduction="none").sum(dim=1).mean()


def code_likelihood(mean: Tensor, code: Tensor) -> Tensor:
    """-mean sum_j log N(code_j; mean_j, 1), for means and codes [n, codes].

    What Chen et al. 2016 (section 5 and appendix C) ask of continuous codes, with the variance held at 1.
    """
    return (0.5 * (code - mean).square() + 0.5 * math.log(2 * math.pi)).sum(dim=1).mean()


def feature_matching(real_features: Tensor, fake_features: Tensor) -> Tensor:
    """|mean f(x) - mean f(G(z))|^2, for the discriminator's features [n, features] of reals and [m, features] of fakes.

    The generator's objective of Salimans et al. 2016, section 3.1.
    """
    return (real_features.mean(dim=0) - fake_features.mean(dim=0)).square().sum()


def mode_seeking(image: Tensor, latent: Tensor, label: Tensor) -> Tensor:
    """mean |z1 - z2| / mean |G(z1, c) - G(z2, c)| over pairs of pictures [n, c, h, w] of one label, of latents [n, latent].

    Mao et al. 2019, "Mode Seeking Generative Adversarial Networks", equations 3 and 4, inverted as in their code. Pairs are
    neighbours when the batch is sorted by its label weights [n, classes]; 0 where no two have the same.
    """
    key = label @ torch.arange(1, label.shape[1] + 1, device=label.device, dtype=label.dtype).sqrt()
    order = key.argsort(stable=True)
    one, other = order[:-1], order[1:]
    alike = (label[one] == label[other]).all(dim=1).to(image.dtype)
    images = (alike * (image[one] - image[other]).abs().flatten(1).mean(dim=1)).sum()
    latents = (alike * (latent[one] - latent[other]).abs().mean(dim=1)).sum()
    return latents / (images + 1e-5 * latents + (1 - alike.max()))
