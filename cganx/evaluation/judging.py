"""Pictures judged by an oracle, whoever made them: arrays in, figures out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cganx.evaluation.agreement import Agreement, agreement
from cganx.evaluation.frechet import Moments, frechet
from cganx.evaluation.oracle import Oracle

__all__ = ["Verdict", "verdict"]


@dataclass(frozen=True)
class Verdict:
    """``agreement`` with what was asked for, None where nothing was; ``frechet`` is the distance to the real test pictures."""

    agreement: Agreement | None
    frechet: float


def verdict(judge: Oracle, pictures: Iterable[NDArray[np.uint8]], asked: NDArray[np.int64] | None) -> Verdict:
    """Judge pictures that come in batches uint8 [n, height, width, channels], at least two in all.

    ``asked`` [all of them] are the oracle's ids of the classes that were asked for, in order; every class counts alike in
    the distance then. None where no class was asked for: every picture counts alike.

    Raises DataError for pictures of another size than the oracle's, RequestError where there are fewer than two or ``asked``
    is not one id a picture.
    """
    weights = None if asked is None else (1.0 / np.maximum(np.bincount(asked), 1))[asked]
    moments, seen, start = Moments(), [], 0
    for batch in pictures:
        features = judge.features(batch)
        moments.add(features, None if weights is None else weights[start : start + len(batch)])
        seen.append(judge.classify(features))
        start += len(batch)
    distance = frechet(moments.gaussian(), judge.real)
    return Verdict(None if asked is None else agreement(asked, np.concatenate(seen), len(judge.classes)), distance)
