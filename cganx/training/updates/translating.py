"""What the schemes of image-to-image have in common: what they are fed, and the discriminator's turn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from cganx.training.updates.players import Players

__all__ = ["Memory", "TranslationBatch", "call", "mean", "nothing", "score", "the_mask", "the_source"]


@dataclass(frozen=True)
class TranslationBatch:
    """Sources [n, c, h, w] and targets [n, C, H, W] in -1..1; of pairs the i-th belong together.

    ``label`` [n, styles] are the targets' styles, ``mask`` [n, 1, h, w] is 1 where a source is to be filled; None where
    there is no such thing.
    """

    source: Tensor
    target: Tensor
    label: Tensor | None = None
    mask: Tensor | None = None


class Memory(Protocol):
    """What a run remembers from step to step beside its networks."""

    def begun(self, steps: int) -> bool:
        """Count a step; whether more than so many have been counted."""

    def pooled(self, name: str, size: int, made: Tensor) -> Tensor:
        """As many pictures as were ``made``, half of them older ones (Shrivastava et al. 2017, section 2.3)."""


def call(network: nn.Module, *given: Tensor | None) -> Tensor:
    """The network's pictures for what of ``given`` there is."""
    made: Tensor = network(*(one for one in given if one is not None))
    return made


def score(players: Players, judge: nn.Module, image: Tensor, source: Tensor | None, label: Tensor | None) -> Tensor:
    """A discriminator's scores, every patch a score of its own: [n * patches]."""
    with players.precision():
        judged = judge(image, source, label)
    scores: Tensor = judged.score
    return scores.to(image.dtype).flatten()


def mean(*losses: Tensor) -> Tensor:
    """The mean of scalars."""
    return torch.stack(losses).mean()


def nothing(batch: TranslationBatch) -> Tensor | None:  # noqa: ARG001
    """For a discriminator that sees a picture alone."""
    return None


def the_source(batch: TranslationBatch) -> Tensor | None:
    """For a discriminator that is told what was translated."""
    return batch.source


def the_mask(batch: TranslationBatch) -> Tensor | None:
    """For a discriminator that looks into the hole."""
    return batch.mask
