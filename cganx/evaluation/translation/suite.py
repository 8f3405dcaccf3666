"""An image-to-image generator's file judged by held-out pictures, beside what needs no generator."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cganx.data import TranslationSet
from cganx.data.normal_maps import are_normals
from cganx.errors import ModelError, RequestError
from cganx.evaluation.backbones import Backbone, Stages
from cganx.evaluation.classifier import Progress
from cganx.evaluation.figures import Figure
from cganx.evaluation.making import JUDGED, seeds_of
from cganx.evaluation.metrics import METRICS, Metric, Sample
from cganx.evaluation.metrics.interval import interval_of_mean
from cganx.evaluation.suite import COLOUR, measured
from cganx.evaluation.translation import baselines
from cganx.evaluation.translation.baselines import Baseline, Given, opencv_is_there
from cganx.evaluation.translation.figures import Beside, Comparison, Examples, StyleFigures, TranslationEvaluation, Verdict
from cganx.evaluation.translation.fitting import INPAINT, Translator, require_back, require_fit
from cganx.evaluation.translation.holes import holes
from cganx.evaluation.translation.measures import WINDOW, feature_distance, normal_angle, psnr, ssim

__all__ = ["IN_FEATURES", "NAMES", "baselines_of", "evaluate_translation"]

Pictures = NDArray[np.uint8]

PSNR, SSIM, FEATURES, ANGLE, CONTENT, BACK_PSNR, BACK_SSIM = (
    "psnr",
    "ssim",
    "lpips-efflite0",
    "normal-angle",
    "content-efflite0",
    "round-trip-psnr",
    "round-trip-ssim",
)
NAMES = (PSNR, SSIM, FEATURES, ANGLE, CONTENT, BACK_PSNR, BACK_SSIM)
IN_FEATURES = (FEATURES, CONTENT)
ONE_WAY = "one-way"
TIE = 1e-9  # of equal pictures that lie differently in memory
ROUND_TRIP: Mapping[str, str] = MappingProxyType({PSNR: BACK_PSNR, SSIM: BACK_SSIM})
SAMPLES = 10_000
BATCH = 16
GREY = 128  # what a generator sees in a hole: it is never shown what was there
LEAST = 50
"""Pictures of which a kernel distance says something: held-out sets are small, and it has no bias."""

LEAST_OF_A_STYLE = 20

_TASKS: Mapping[str | None, tuple[Baseline, ...]] = MappingProxyType(
    {
        "colorize": (baselines.IDENTITY, baselines.MEAN_COLOUR),
        "superresolve": (baselines.BICUBIC, baselines.IDENTITY),
        INPAINT: (baselines.BORDER_MEAN, baselines.TELEA, baselines.NAVIER_STOKES),
    }
)
_OPENCV = (baselines.TELEA, baselines.NAVIER_STOKES)


@dataclass(frozen=True)
class _Nearness:
    """A figure of every picture by itself; ``each`` takes the made pictures and what they should be."""

    name: str
    title: str
    better: Literal["higher", "lower"]
    each: Callable[[Pictures, Pictures], NDArray[np.float64]]
    network: str
    source: str

    def called(self, name: str, title: str) -> _Nearness:
        return replace(self, name=name, title=title)


@dataclass(frozen=True, eq=False)
class _Subject:
    """What is judged, and the pictures: ``made`` of ``source``, in the style ``labels`` of each where there are styles."""

    data: TranslationSet
    source: Pictures
    made: Pictures
    labels: NDArray[np.int64] | None
    target: Pictures
    target_labels: NDArray[np.int64] | None
    mask: NDArray[np.bool_] | None
    seed: int
    progress: Progress

    @property
    def given(self) -> Given:
        """What baselines may look at."""
        train = self.data.train.target
        return Given(self.source, self.target.shape[1:], train, self.mask, self.seed)


def evaluate_translation(
    generator: Translator,
    data: TranslationSet,
    *,
    samples: int = SAMPLES,
    seed: int = 0,
    metrics: Sequence[str] = NAMES,
    back: Translator | None = None,
    stages: Stages | None = None,
    backbones: Sequence[Backbone] = (),
    progress: Progress | None = None,
) -> TranslationEvaluation:
    """Judge an image-to-image generator by the held-out pictures of a set.

    Of pairs each made picture is held against its target. Of unpaired pictures all that was made is held against all held-out
    targets, in every style where there are styles. Of holes only what was filled counts, and the generator sees grey in them.
    Equal seeds give equal figures on one machine.

    Args:
        generator: a loaded file.
        data: a set of pictures of its channels, size and scale; only its test part is judged.
        samples: held-out pictures of a side that are looked at, at most, at even steps.
        seed: 0 <= seed < 2**32: of the generator's noise, holes, and what is drawn.
        metrics: names of :data:`NAMES`, the figures of every picture by itself.
        back: a generator that goes the way back, for the round trip's figures.
        stages, backbones: feature networks, for what is named after one; each backbone adds ``fid-NAME`` and ``kid-NAME``.
        progress: called with (stage, done, total).

    Raises:
        ModelError, DataError: the file and the data do not fit; one sentence says where.
        RequestError: ``samples``, ``metrics`` out of range.
    """
    unknown = [name for name in metrics if name not in NAMES]
    if unknown:
        raise RequestError(f"there is no figure {unknown[0]!r} of image-to-image generators; there are {', '.join(NAMES)}")
    if samples < 2:
        raise RequestError(f"{samples} pictures are too few: an interval needs at least 2")
    require_fit(generator, data)
    if back is not None:
        require_back(back.card, generator.card)
    subject = _subject(generator, data, samples, seed, progress or (lambda *_: None))
    chosen, missing = baselines_of(data)
    rivals = {one.name: _pasted(subject, one.make(subject.given)) for one in chosen}
    near = _nearness(subject, stages)
    about = {one.name: one.about for one in chosen}
    columns = _columns(subject)
    wanted: list[tuple[_Nearness, Pictures, Pictures, Mapping[str, Pictures]]] = []
    worst = np.array([], np.int64)
    if data.paired:
        wanted += [(one, subject.made, subject.target, rivals) for one in near.values()]
        columns["target"] = subject.target
        worst = np.argsort(near[PSNR].each(subject.made, subject.target))
    elif FEATURES in near and subject.source.shape == subject.made.shape:
        content = near[FEATURES].called(CONTENT, "Distance from the source, in features: how little of it is kept")
        drawn = {baselines.RANDOM_TARGET.name: baselines.RANDOM_TARGET.make(subject.given)}
        wanted.append((content, subject.made, subject.source, drawn))
        about[baselines.RANDOM_TARGET.name] = baselines.RANDOM_TARGET.about
    if back is not None:
        returned = _translated(back, subject.made, None, None, seed, "going back", subject.progress)
        one_way = {ONE_WAY: _shown(subject.made, subject.source)}
        about[ONE_WAY] = "the made picture in place of the one that came back: what going back must better"
        for name, called in ROUND_TRIP.items():
            if name in near:
                trip = near[name].called(called, f"{near[name].title}: there and back, beside the source")
                wanted.append((trip, returned, subject.source, one_way))
        columns["round trip"] = _shown(returned, subject.target)
    comparisons = [_compared(*one, seed) for one in wanted if one[0].name in metrics]
    looks = [_Look(backbone, subject) for backbone in backbones]
    for look in looks:
        comparisons += look.comparisons(rivals)
    return TranslationEvaluation(
        model=generator.card.name,
        sha256=generator.sha256,
        data=data.name,
        fingerprint=data.fingerprint,
        task=data.task,
        paired=data.paired,
        samples=len(columns["source"]),
        seed=seed,
        baselines=MappingProxyType(about),
        comparisons=tuple(comparisons),
        styles=looks[0].styles() if looks else (),
        missing=missing,
        examples=Examples(MappingProxyType(columns | _but_identity(rivals)), worst),
    )


def _columns(subject: _Subject) -> dict[str, Pictures]:
    """Sources and what was made of them, in a column a style where every source was made in every style."""
    source, made, styles = _shown(subject.source, subject.target), subject.made, subject.data.classes
    if subject.data.paired or not styles:
        return {"source": source, "made": made}
    count = len(source) // len(styles)
    return {"source": source[:count]} | {name: made[i * count : (i + 1) * count] for i, name in enumerate(styles)}


def _but_identity(rivals: Mapping[str, Pictures]) -> dict[str, Pictures]:
    """Without what the column of sources shows."""
    return {name: pictures for name, pictures in rivals.items() if name != baselines.IDENTITY.name}


def baselines_of(data: TranslationSet) -> tuple[tuple[Baseline, ...], tuple[str, ...]]:
    """The baselines of a set, and sentences on those that cannot be had here."""
    if not data.paired:
        return (baselines.IDENTITY,), ()
    chosen = _TASKS.get(data.task, ()) or _of_pairs(data)
    left_out = tuple(one for one in chosen if one in _OPENCV and not opencv_is_there())
    kept = tuple(one for one in chosen if one not in left_out)
    if not left_out:
        return kept, ()
    names = " and ".join(one.name for one in left_out)
    return kept, (f"{names} are left out: OpenCV is not installed: {baselines.OPENCV}",)


def _of_pairs(data: TranslationSet) -> tuple[Baseline, ...]:
    if are_normals(data.train.target):
        return baselines.FLAT_NORMAL, baselines.IDENTITY
    enlarged = (baselines.BICUBIC,) if data.scale > 1 else (baselines.BLUR,)
    tinted = (baselines.MEAN_COLOUR,) if data.train.target.shape[3] == 3 else ()
    return (baselines.IDENTITY, *enlarged, *tinted)


def _subject(generator: Translator, data: TranslationSet, samples: int, seed: int, progress: Progress) -> _Subject:
    source = data.test.source[_evenly(len(data.test.source), samples)]
    places = _evenly(len(data.test.target), samples)
    target = data.test.target[places]
    target_labels = None if data.test.labels is None else data.test.labels[places]
    height, width = source.shape[1:3]
    mask = holes(len(source), height, width, seed) if data.task == INPAINT else None
    if mask is not None:
        source = np.where(mask[..., None], np.uint8(GREY), source)
    labels = target_labels
    if labels is not None and not data.paired:  # every source in every style
        labels = np.repeat(np.arange(len(data.classes)), len(source))
        source = np.tile(source, (len(data.classes), 1, 1, 1))
    names = None if labels is None else [data.classes[label] for label in labels]
    made = _translated(generator, source, names, mask, seed, "translating", progress)
    subject = _Subject(data, source, made, labels, target, target_labels, mask, seed, progress)
    subject = replace(subject, made=_pasted(subject, made))
    if (subject.made == subject.made[:, :1, :1]).all():
        raise ModelError(
            f"each of its {len(made):,} pictures is of one colour all over, so there is nothing to judge: its training has "
            "failed, export it again from an earlier checkpoint",
            model=generator.card.name,
        )
    return subject


def _translated(
    generator: Translator,
    source: Pictures,
    names: Sequence[str] | None,
    mask: NDArray[np.bool_] | None,
    seed: int,
    stage: str,
    progress: Progress,
) -> Pictures:
    seeds = seeds_of(seed, JUDGED, len(source)) if any(name.startswith("noise.") for name in generator.inputs) else None
    made = []
    for start in range(0, len(source), BATCH):
        part = slice(start, start + BATCH)
        made.append(
            generator.translate(
                source[part],
                label=None if names is None else names[part],
                seeds=None if seeds is None else seeds[part],
                mask=None if mask is None else mask[part],
            )
        )
        progress(stage, min(start + BATCH, len(source)), len(source))
    return np.concatenate(made)


def _pasted(subject: _Subject, made: Pictures) -> Pictures:
    """What was filled, in the picture around the hole."""
    return made if subject.mask is None else np.where(subject.mask[..., None], made, subject.source)


def _nearness(subject: _Subject, stages: Stages | None) -> Mapping[str, _Nearness]:
    wang, hole = "Wang et al. 2004, section III", "" if subject.mask is None else " of what was filled"
    found = [
        _Nearness(
            PSNR,
            f"Peak signal-to-noise ratio{hole} (dB)",
            "higher",
            lambda made, target: psnr(made, target, subject.mask),
            "pixels",
            "docs/evaluation.md",
        )
    ]
    if min(subject.target.shape[1:3]) >= WINDOW <= min(subject.source.shape[1:3]):
        found.append(_Nearness(SSIM, "Structural similarity", "higher", ssim, "pixels", wang))
    if stages is not None:
        about = f"{stages.name} {stages.digest}, five stages, no learned weights"
        zhang = "Zhang et al. 2018, section 3, in another network"
        found.append(
            _Nearness(
                FEATURES,
                "Distance in features, made like LPIPS",
                "lower",
                lambda made, target: feature_distance(made, target, stages),
                about,
                zhang,
            )
        )
    if subject.data.paired and are_normals(subject.data.train.target):
        found.append(
            _Nearness(ANGLE, "Mean angle to the normals (degrees)", "lower", normal_angle, "pixels", "docs/evaluation.md")
        )
    return {one.name: one for one in found}


def _compared(one: _Nearness, made: Pictures, target: Pictures, rivals: Mapping[str, Pictures], seed: int) -> Comparison:
    ours = one.each(made, target)
    low, high = interval_of_mean(ours, seed=seed)
    figure = Figure(
        name=one.name,
        title=one.title,
        better=one.better,
        value=float(ours.mean()),
        low=low,
        high=high,
        samples=len(made),
        reference_samples=len(target),
        network=one.network,
        source=one.source,
    )
    beside = (_beside(name, ours, one.each(rival, target), one.better, seed) for name, rival in rivals.items())
    return Comparison(figure=figure, beside=tuple(beside))


def _beside(name: str, ours: NDArray[np.float64], theirs: NDArray[np.float64], better: str, seed: int) -> Beside:
    """Which is better is told by the difference of each picture, so that hard pictures count on both sides."""
    low, high = interval_of_mean(theirs, seed=seed)
    gains = ours - theirs if better == "higher" else theirs - ours
    least, _ = interval_of_mean(gains, seed=seed)
    return Beside(name=name, value=float(theirs.mean()), low=low, high=high, verdict=_verdict(float(gains.mean()), least))


def _verdict(gain: float, least: float) -> Verdict:
    if gain <= TIE:
        return "not beaten"
    return "beaten" if least > TIE else "too close"


class _Look:
    """Frechet and kernel distances in one network's features."""

    def __init__(self, backbone: Backbone, subject: _Subject) -> None:
        self._backbone, self._subject = backbone, subject
        self._styles = len(subject.data.classes) if not subject.data.paired else 0
        kept = np.arange(len(subject.target))
        if self._styles and subject.target_labels is not None:  # as many of each style, as there are of made ones
            groups = [np.flatnonzero(subject.target_labels == style) for style in range(self._styles)]
            least = min(map(len, groups))
            kept = np.sort(np.concatenate([group[_evenly(len(group), least)] for group in groups]))
        self._kept = kept
        self._made = self._sample(subject.made, "made pictures")
        self._real = self._sample(subject.target, "held-out targets")
        training = subject.data.train
        drawn = np.sort(np.random.default_rng(subject.seed).permutation(len(training.target))[: len(subject.made)])
        self._training_labels = None if training.labels is None else training.labels[drawn]
        self._training = self._sample(training.target[drawn], "training targets")

    def _sample(self, pixels: Pictures, what: str) -> Sample:
        features = self._backbone.features(pixels, f"{what} by {self._backbone.name}", self._subject.progress)
        return Sample(pixels, features, np.ones((len(pixels), 1)))

    def comparisons(self, rivals: Mapping[str, Pictures]) -> list[Comparison]:
        """Of all that was made; where there are styles by as many held-out targets of each."""
        real = self._real.take(self._kept) if len(self._kept) else self._real
        others = {name: self._sample(rival, name) for name, rival in rivals.items()}
        found = []
        for start, name in COLOUR.items():
            metric = METRICS[name] if start == "fid" else replace(METRICS[name], least=LEAST)
            ours = self._figure(metric, self._made, real)
            few = start == "fid" and min(len(self._made), len(real)) <= self._backbone.size
            ours = replace(
                ours,
                name=f"{start}-{self._backbone.name}",
                title=f"{ours.title} in the features of {self._backbone.name}",
                note=ours.note or (self._few(real) if few else ""),
            )
            theirs = [_of_set(name, ours, self._figure(metric, one, real)) for name, one in others.items()]
            found.append(Comparison(figure=ours, beside=tuple(theirs)))
        return found

    def _figure(self, metric: Metric, sample: Sample, real: Sample) -> Figure:
        network = self._backbone.describe(*self._subject.made.shape[1:3])
        return measured(metric, sample, real, self._training, network=network, accuracy=None, seed=self._subject.seed)

    def _few(self, real: Sample) -> str:
        count, size, name = min(len(self._made), len(real)), self._backbone.size, self._backbone.name
        return f"only {count:,} pictures for {size:,} features: read kid-{name}"

    def styles(self) -> tuple[StyleFigures, ...]:
        """Each style's pictures beside real ones of every style; none of pairs, where a picture has its own target."""
        subject, names = self._subject, self._subject.data.classes
        if not self._styles or subject.labels is None or subject.target_labels is None:
            return ()
        first = np.flatnonzero(subject.labels == 0)
        sources = self._sample(_shown(subject.source[first], subject.target), "sources")
        reals = [_some(self._real, subject.target_labels == style) for style in range(self._styles)]
        found = []
        for style, name in enumerate(names):
            made = _some(self._made, subject.labels == style)
            training = None if self._training_labels is None else _some(self._training, self._training_labels == style)
            found.append(
                StyleFigures(
                    name=name,
                    samples=len(first),
                    reference_samples=int((subject.target_labels == style).sum()),
                    distances={other: _kernel(made, real) for other, real in zip(names, reals, strict=True)},
                    untranslated=_kernel(sources, reals[style]),
                    real=_kernel(training, reals[style]),
                )
            )
        return tuple(found)


def _some(sample: Sample, which: NDArray[np.bool_]) -> Sample | None:
    places = np.flatnonzero(which)
    return sample.take(places) if len(places) else None


def _kernel(made: Sample | None, real: Sample | None) -> float | None:
    if made is None or real is None or min(len(made), len(real)) < LEAST_OF_A_STYLE:
        return None
    return METRICS["kernel-distance"].compute(made, real)


def _of_set(name: str, ours: Figure, theirs: Figure) -> Beside:
    """Sets have no pairs: it is told by the generator's interval."""
    verdict = None
    if ours.value is not None and theirs.value is not None and ours.high is not None:
        verdict = _verdict(theirs.value - ours.value, theirs.value - ours.high)
    return Beside(name=name, value=theirs.value, low=theirs.low, high=theirs.high, verdict=verdict)


def _shown(pictures: Pictures, like: Pictures) -> Pictures:
    """With the size and channels of others."""
    return baselines.IDENTITY.make(Given(pictures, like.shape[1:], like[:0]))


def _evenly(count: int, most: int) -> NDArray[np.int64]:
    kept = min(count, most)
    return np.arange(kept) * count // max(kept, 1)
