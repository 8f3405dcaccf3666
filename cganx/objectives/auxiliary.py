"""Auxiliary terms as pure functions on logits. Each returns a scalar."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

__all__ = ["class_cross_entropy"]


def class_cross_entropy(class_logits: Tensor, label: Tensor) -> Tensor:
    """-mean sum_k label_k log softmax(class_logits)_k, for logits and label weights [n, classes].

    The L_C of Odena et al. 2017 (AC-GAN), section 3.
    """
    return -(label * F.log_softmax(class_logits, dim=1)).sum(dim=1).mean()
