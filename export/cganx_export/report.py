"""What an export did, for people and programs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from statistics import geometric_mean

from cganx.card import GeneratorCard

__all__ = [
    "BatchTrial",
    "ClassifierReport",
    "ExportReport",
    "Parity",
    "PrecisionLoss",
    "RewriteTrial",
    "Rounding",
    "SpeedTrial",
]


@dataclass(frozen=True, kw_only=True)
class Rounding:
    """What float16 weights cost: the file beside the one with float32 weights, over the pictures of its parity.

    ``max_difference`` is over all values of ``image``. Of the values of ``pixels``, the share ``pixels_changed`` is
    another level at all, and ``pixels_far`` more than one level away.
    """

    max_difference: float
    pixels_changed: float
    pixels_far: float


@dataclass(frozen=True, kw_only=True)
class Parity:
    """How the file in onnxruntime compares with the torch module.

    ``max_difference`` is over all values of ``image``; ``batch_invariant`` says whether pictures made alone, by threes
    and all together came out byte-equal on this machine. ``sizes`` are the heights and widths of sources that were compared,
    the nominal one first. Where weights are float16, ``max_difference`` is that of the
    graph before they were rounded, and ``rounding`` what that changed.
    """

    max_difference: float
    tolerance: float
    batches: tuple[int, ...]
    pictures: int
    batch_invariant: bool
    rounding: Rounding | None = None
    sizes: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, kw_only=True)
class SpeedTrial:
    """Pictures a second beside the float32 file's on this machine's CPU, at one batch: over 1 is faster."""

    batch: int
    ratio: float


@dataclass(frozen=True, kw_only=True)
class PrecisionLoss:
    """What computing in ``precision`` costs: the file beside the float32 one, on the CPU, over so many ``pictures``.

    Values of ``pixels`` are ``mean_levels`` apart in the mean and ``most_levels`` at most; the share ``far`` is more than one
    level away. ``agreement`` is the share of pictures in which the ``oracle`` sees the class asked for, ``agreement_float32``
    that of the float32 file; both are None where there is no oracle, and ``missing`` says why. ``batch_invariant`` is as in
    `Parity`.
    """

    precision: str
    pictures: int
    mean_levels: float
    most_levels: int
    far: float
    agreement: float | None
    agreement_float32: float | None
    oracle: str | None
    missing: str | None
    batch_invariant: bool
    speed: tuple[SpeedTrial, ...]

    def __str__(self) -> str:
        agreement = f"label agreement not measured: {self.missing}"
        if self.agreement is not None:
            agreement = f"label agreement {self.agreement:.4f}, of float32 {self.agreement_float32:.4f}"
        return (
            f"{self.precision} beside float32, {self.pictures:,} pictures: {agreement}; pixels {self.mean_levels:.2f} levels "
            f"apart in the mean, {self.most_levels} at most, {self.far:.1%} of them more than one"
        )


@dataclass(frozen=True, kw_only=True)
class BatchTrial:
    """One form at one batch: processor time of a run, medians, and ``ratio``, the median of after / before side by side.

    Where the system's clock of processor time is too coarse (Windows), it is wall time.
    """

    batch: int
    milliseconds_before: float
    milliseconds_after: float
    ratio: float


@dataclass(frozen=True, kw_only=True)
class RewriteTrial:
    """One form of the graph, timed against the plain one: the rewrites that make it, and whether it was taken."""

    rewrites: tuple[str, ...]
    applied: bool
    times: tuple[BatchTrial, ...]

    @property
    def ratio(self) -> float:
        """Time after / time before, the geometric mean over the batches."""
        return geometric_mean(one.ratio for one in self.times)


@dataclass(frozen=True, kw_only=True)
class ClassifierReport:
    """The classifier's file. ``max_difference`` from torch is over logits and probabilities at several batches.

    ``test_accuracy`` is what training measured on the data's test pictures, None where there are none.
    """

    path: Path
    bytes: int
    classes: tuple[str, ...]
    max_difference: float
    tolerance: float
    test_accuracy: float | None

    def __str__(self) -> str:
        accuracy = "" if self.test_accuracy is None else f", test accuracy {self.test_accuracy:.4f}"
        return (
            f"{self.path}: {self.bytes / 1e6:.2f} MB, names {len(self.classes)} classes, "
            f"parity {self.max_difference:.1e}{accuracy}"
        )


@dataclass(frozen=True, kw_only=True)
class ExportReport:
    """The file that was written. ``sha256`` is the hash in its metadata, over the card and the graph.

    ``rewrites`` are the forms that were timed against the plain graph; at most one of them is ``applied``.

    ``precision`` is what computing in less than float32 costs, None where the file computes in that; ``parity`` is that of the
    graph before. ``classifier`` is the second file, and ``triton`` the folder in a Triton model repository, where they were
    asked for.
    """

    path: Path
    bytes: int
    sha256: str
    card: GeneratorCard
    parity: Parity
    rewrites: tuple[RewriteTrial, ...]
    clipped: bool
    classifier: ClassifierReport | None = None
    triton: Path | None = None
    precision: PrecisionLoss | None = None

    def __str__(self) -> str:
        rounding = self.parity.rounding
        halves = "" if rounding is None else f", float16 weights ({rounding.pixels_changed:.2%} of pixel values another level)"
        applied = [
            f"{' + '.join(trial.rewrites)} ({1 / trial.ratio:.2f} times as fast)" for trial in self.rewrites if trial.applied
        ]
        return (
            f"{self.path}: {self.bytes / 1e6:.2f} MB, parity {self.parity.max_difference:.1e}{halves}"
            f"{', image clipped to -1..1' if self.clipped else ''}; rewrites: {', '.join(applied) or 'none'}"
        )
