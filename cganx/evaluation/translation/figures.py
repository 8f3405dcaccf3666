"""What is said of an image-to-image generator: every figure beside the same one of the baselines, on the same pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from cganx.evaluation.figures import Figure, short, shortened

__all__ = ["Beside", "Comparison", "Examples", "StyleFigures", "TranslationEvaluation"]

Verdict = Literal["beaten", "not beaten", "too close"]


@dataclass(frozen=True, kw_only=True)
class Beside:
    """A baseline's figure with its 95 % interval, and whether the generator's is better; None where that is unknown."""

    name: str
    value: float | None
    low: float | None = None
    high: float | None = None
    verdict: Verdict | None = None


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The generator's figure, and those of baselines on the same pictures."""

    figure: Figure
    beside: tuple[Beside, ...] = ()

    def __getitem__(self, name: str) -> Beside:
        """The baseline of that name. Raises KeyError."""
        return {one.name: one for one in self.beside}[name]


@dataclass(frozen=True, kw_only=True)
class StyleFigures:
    """One style: how far pictures that were asked for in it are from real ones of each style, by kernel distance.

    ``untranslated`` is the distance of the sources from real ones of this style, ``real`` that of training targets of it.
    None where there are too few pictures.
    """

    name: str
    samples: int
    reference_samples: int
    distances: Mapping[str, float | None]
    untranslated: float | None
    real: float | None

    @property
    def nearest(self) -> str | None:
        """The style that they are nearest to: its own, where the label does what it says."""
        known = {name: value for name, value in self.distances.items() if value is not None}
        return min(known, key=known.__getitem__) if len(known) == len(self.distances) else None


@dataclass(frozen=True, eq=False)
class Examples:
    """The pictures behind the figures, uint8 [n, height, width, channels], by what they are: source, made, target ...

    ``worst`` are places in the order of how far they are from their targets; empty where there are no pairs.
    """

    columns: Mapping[str, NDArray[np.uint8]]
    worst: NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class TranslationEvaluation:
    """An image-to-image generator's file judged by held-out pictures.

    ``fingerprint`` is that of the data, ``samples`` are the held-out sources. ``baselines`` says what each of them is.
    ``missing`` are sentences on what could not be had. ``examples`` is not part of :meth:`to_dict`.
    """

    model: str
    sha256: str
    data: str
    fingerprint: str
    task: str | None
    paired: bool
    samples: int
    seed: int
    baselines: Mapping[str, str]
    comparisons: tuple[Comparison, ...]
    styles: tuple[StyleFigures, ...] = ()
    missing: tuple[str, ...] = ()
    examples: Examples = field(repr=False, compare=False)

    def __getitem__(self, name: str) -> Comparison:
        """The comparison by the figure of that name. Raises KeyError."""
        return {one.figure.name: one for one in self.comparisons}[name]

    @property
    def shortcomings(self) -> tuple[str, ...]:
        """A sentence for each baseline that is not beaten in a figure, and each style that looks more like another."""
        said = [
            _SENTENCES[beside.verdict].format(figure=one.figure, beside=beside)
            for one in self.comparisons
            for beside in one.beside
            if beside.verdict in _SENTENCES
        ]
        said += [
            f"{one.name}: pictures asked for in this style are nearer to {one.nearest}"
            for one in self.styles
            if one.nearest not in (None, one.name)
        ]
        return tuple(said)

    def to_dict(self) -> dict[str, Any]:
        """All that it says, as JSON takes it."""
        kept = {name: value for name, value in vars(self).items() if name not in ("examples", "comparisons", "styles")}
        return kept | {
            "kind": "image-to-image",
            "baselines": dict(self.baselines),
            "figures": [asdict(one.figure) | {"beside": [asdict(beside) for beside in one.beside]} for one in self.comparisons],
            "styles": [vars(one) | {"distances": dict(one.distances), "nearest": one.nearest} for one in self.styles],
            "shortcomings": list(self.shortcomings),
        }

    def for_card(self) -> Mapping[str, Any]:
        """What a generator's card keeps of it: the figures that could be had, beside those of the baselines."""
        figures = {
            one.figure.name: shortened(one.figure, self.seed)
            | {"baselines": {beside.name: short(beside.value) for beside in one.beside}}
            for one in self.comparisons
            if one.figure.value is not None
        }
        kept = {"data": self.data, "fingerprint": self.fingerprint, "task": self.task, "figures": figures}
        styles = {one.name: {name: short(value) for name, value in one.distances.items()} for one in self.styles}
        return kept | ({"kernel_distance_by_style": styles} if styles else {})


_SENTENCES: Mapping[Verdict | None, str] = {
    "not beaten": "{figure.name}: {figure.value:.4g} does not beat {beside.name}, which has {beside.value:.4g}",
    "too close": "{figure.name}: {figure.value:.4g} cannot be told from {beside.value:.4g} of {beside.name} by these pictures",
}
