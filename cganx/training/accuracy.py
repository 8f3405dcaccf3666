"""How often a discriminator names the right class."""

from __future__ import annotations

import torch
from torch import nn

from cganx.data import LabelledImages
from cganx.training.sampling import Reals
from cganx.training.updates.players import class_logits, in_eval_mode

__all__ = ["class_accuracy"]

BATCH = 500


@torch.no_grad()
def class_accuracy(discriminator: nn.Module, part: LabelledImages, classes: int, device: torch.device) -> float:
    """The share of the labelled pictures of ``part``, of which there is one at least, whose class is named: 0..1.

    Judged in eval mode; the network's training mode is as before afterwards.
    """
    reals = Reals(part.images, part.labels, classes, device)
    right = torch.zeros((), dtype=torch.int64, device=device)
    with in_eval_mode(discriminator):
        for places in torch.split(torch.arange(len(reals)), BATCH):
            batch = reals.batch(places)
            named = class_logits(discriminator(batch.image, batch.label)).argmax(dim=1)
            right += (named == batch.label.argmax(dim=1)).sum()
    return int(right) / len(reals)
