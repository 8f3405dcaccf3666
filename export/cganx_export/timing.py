"""Which of two forms of one graph is faster here: both run in turns, so that what else happens hits both."""

from __future__ import annotations

import statistics
import time
from typing import Any

import numpy as np

from cganx.card import GeneratorCard
from cganx_export.parity import codes, feeds, latents, more, session_of
from cganx_export.report import RewriteTrial

__all__ = ["compare"]

BATCH = 16
# A rewrite must be this much faster in the median of its pairs: less is noise, and the plain form is the simpler one.
WORTH = 0.97
ROUNDS = 61
SECONDS = 3.0


def compare(name: str, before: bytes, after: bytes, card: GeneratorCard) -> RewriteTrial:
    """Time ``pixels`` of two models in alternation at batch 16: median of paired ratios after / before."""
    generator = np.random.default_rng(2)
    latent = latents(card, generator, BATCH)
    weights = np.eye(len(card.classes), dtype=np.float32)[np.arange(BATCH) % len(card.classes)] if card.classes else None
    code = codes(card, generator, BATCH) if card.codes else None
    sessions = session_of(before), session_of(after)
    given = feeds(card, latent, weights, code, more(sessions[0], generator, BATCH))
    for _ in range(2):
        for session in sessions:
            session.run(["pixels"], given)
    pairs: list[tuple[float, float]] = []
    end = time.perf_counter() + SECONDS
    while len(pairs) < 5 or (len(pairs) < ROUNDS and time.perf_counter() < end):
        swapped = bool(len(pairs) % 2)
        took = [_seconds(session, given) for session in (sessions[::-1] if swapped else sessions)]
        pairs.append((took[1], took[0]) if swapped else (took[0], took[1]))
    ratio = statistics.median(second / first for first, second in pairs)
    return RewriteTrial(
        name=name,
        applied=ratio < WORTH,
        batch=BATCH,
        milliseconds_before=1e3 * statistics.median(first for first, _ in pairs),
        milliseconds_after=1e3 * statistics.median(second for _, second in pairs),
        ratio=ratio,
    )


def _seconds(session: Any, given: dict[str, Any]) -> float:
    begin = time.perf_counter()
    session.run(["pixels"], given)
    return time.perf_counter() - begin
