"""A file that computes in float16 or int8: made from the proven float32 graph, and held to what that file makes."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import onnx
from numpy.typing import NDArray

from cganx.card import GeneratorCard
from cganx.errors import ExportError, ModelError
from cganx.runtime import Generator, load
from cganx_export.arguments import Inputs
from cganx_export.half_computing import computing_in_half
from cganx_export.parity import MOST_FAR
from cganx_export.quantizing import quantized
from cganx_export.report import PrecisionLoss, SpeedTrial
from cganx_export.sealing import seal

if TYPE_CHECKING:
    from cganx.evaluation import Oracle

__all__ = ["MOST_LOST", "PRECISIONS", "Judge", "Precision", "lowered"]

Precision = Literal["float32", "float16", "int8"]
Made = Callable[[onnx.GraphProto, Inputs], onnx.GraphProto]
PRECISIONS: Mapping[str, Made] = {"float16": lambda graph, _: computing_in_half(graph), "int8": quantized}
"""How a float32 graph becomes one of each other precision."""

MOST_LOST = 0.005
"""Of the pictures: by how much label agreement may fall."""
JUDGED, UNJUDGED, BATCH = 5_000, 1_000, 64
BATCHES, PAIRS, SECONDS = (1, 64), 21, 2.0


@dataclass(frozen=True)
class Judge:
    """Who says what class a picture shows, or why nobody does; ``force`` takes any loss."""

    oracle: Oracle | None = None
    missing: str = "no oracle was given"
    force: bool = False


def lowered(
    graph: onnx.GraphProto, inputs: Inputs, precision: Precision, judge: Judge
) -> tuple[onnx.GraphProto, PrecisionLoss]:
    """The graph in that precision, and what it costs beside ``graph``: pixels, label agreement and time on this machine.

    Raises ExportError where the pictures are not finite, depend on the batch they are made in, or lose more than MOST_LOST of
    their label agreement and the judge does not force it.
    """
    card = inputs.card
    made = PRECISIONS[precision](graph, inputs)
    try:
        full, low = (load(seal(one, card)[0], device="cpu") for one in (graph, made))
    except ModelError as error:
        raise ExportError(
            f"onnxruntime's CPU cannot run the file in {precision}: {error.message}. Export with --precision float32"
        ) from error
    oracle = judge.oracle if card.kind == "class" else None
    levels, right, count = np.zeros(256, np.int64), np.zeros(2, np.int64), 0
    for labels, codes, seeds in _requests(card, JUDGED if oracle else UNJUDGED):
        before, after = (one.generate(labels, seeds, codes=codes, batch_size=BATCH) for one in (full, low))
        levels += np.bincount(np.abs(before.astype(np.int16) - after).reshape(-1), minlength=256)
        if oracle is not None:
            right += [int((oracle.predict(np.asarray(one)) == labels).sum()) for one in (before, after)]
        count += len(seeds)
    shares = levels / levels.sum()
    loss = PrecisionLoss(
        precision=precision,
        pictures=count,
        mean_levels=float(shares @ np.arange(256)),
        most_levels=int(np.flatnonzero(levels)[-1]),
        far=float(shares[2:].sum()),
        agreement=None if oracle is None else float(right[1] / count),
        agreement_float32=None if oracle is None else float(right[0] / count),
        oracle=None if oracle is None else oracle.name,
        missing=None if oracle is not None else judge.missing if judge.oracle is None else "its labels are no classes",
        batch_invariant=_batch_invariant(low),
        speed=tuple(_speed(full, low, batch) for batch in BATCHES),
    )
    _check(loss, judge)
    return made, loss


def _check(loss: PrecisionLoss, judge: Judge) -> None:
    if loss.agreement is None or loss.agreement_float32 is None or judge.force:
        return
    lost = loss.agreement_float32 - loss.agreement
    if lost > MOST_LOST:
        raise ExportError(
            f"in {loss.precision} the label agreement falls from {loss.agreement_float32:.4f} to {loss.agreement:.4f}, by "
            f"{lost:.4f} where {MOST_LOST} may be; export with --precision float32, or take the loss with --force"
        )


Request = tuple[NDArray[Any] | None, NDArray[np.float32] | None, NDArray[np.uint64]]


def _requests(card: GeneratorCard, count: int) -> Iterator[Request]:
    """Labels, codes and seeds, batch by batch: every class alike, attributes and codes at random."""
    random = np.random.default_rng(4)
    classes = len(card.classes)
    for first in range(0, count, BATCH):
        seeds = np.arange(first, min(first + BATCH, count), dtype=np.uint64)
        labels: NDArray[Any] | None = seeds.astype(np.int64) % classes if classes else None
        if card.kind == "attributes":
            labels = random.integers(0, 2, (len(seeds), classes)).astype(np.float32)
        codes = random.uniform(-1, 1, (len(seeds), len(card.codes))).astype(np.float32) if card.codes else None
        yield labels, codes, seeds


def _batch_invariant(generator: Generator, count: int = 16) -> bool:
    """Whether pictures made alone, by threes and together are byte-equal. Raises ExportError where they are far apart."""
    labels, codes, seeds = next(_requests(generator.card, count))
    alone, threes, together = (generator.generate(labels, seeds, codes=codes, batch_size=size) for size in (1, 3, count))
    image = generator.images(labels, seeds, codes=codes)
    if not np.isfinite(image).all():
        raise ExportError(f"its pictures hold values that are not finite: they are out of the range of this precision{_BACK}")
    apart = [np.abs(together.astype(np.int16) - part) for part in (alone, threes)]
    far = max(float((levels > 1).mean()) for levels in apart)
    if far > MOST_FAR:
        raise ExportError(f"in this precision a picture depends on those it is made with: {far:.2%} of the values move{_BACK}")
    return not any(levels.any() for levels in apart)


_BACK = ". Export with --precision float32"


def _speed(full: Generator, low: Generator, batch: int) -> SpeedTrial:
    """Both in turns, so that what else happens hits both: the median of the paired ratios."""
    labels, codes, seeds = next(_requests(full.card, batch))

    def seconds(generator: Generator) -> float:
        begin = time.perf_counter()
        generator.generate(labels, seeds, codes=codes, batch_size=batch)
        return time.perf_counter() - begin

    for one in (full, low, full, low):
        seconds(one)
    pairs: list[tuple[float, float]] = []
    end = time.perf_counter() + SECONDS
    while len(pairs) < 5 or (len(pairs) < PAIRS and time.perf_counter() < end):
        if len(pairs) % 2:
            after = seconds(low)
            pairs.append((seconds(full), after))
        else:
            before = seconds(full)
            pairs.append((before, seconds(low)))
    return SpeedTrial(batch=batch, ratio=statistics.median(before / after for before, after in pairs))
