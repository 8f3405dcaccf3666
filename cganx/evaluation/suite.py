"""A generator's file judged by every figure: pictures made through the runtime beside the real ones of a data set."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cganx.data import DataSet, LabelledImages
from cganx.errors import DataError, RequestError, SeedError
from cganx.evaluation.backbones import Backbone
from cganx.evaluation.classifier import Progress, Recipe
from cganx.evaluation.figures import ClassFigures, Evaluation, Evidence, Figure, Judge, as_rows
from cganx.evaluation.gan_train import RECIPE, gan_train, real_train
from cganx.evaluation.making import JUDGED, MORE, SEEDS, TRAINED_ON, make, require_pictures, seeds_of
from cganx.evaluation.matching import Match, match
from cganx.evaluation.metrics import METRICS, Metric, Sample, interval
from cganx.evaluation.metrics.class_frechet import class_distances
from cganx.evaluation.metrics.label_agreement import confusion
from cganx.evaluation.metrics.perceptual_path import linear, perceptual_path_length, spherical
from cganx.evaluation.metrics.seam import seam_ratio
from cganx.evaluation.oracle import Oracle, oracle
from cganx.evaluation.reconstruction import NAME as RECONSTRUCTION
from cganx.evaluation.reconstruction import PICTURES, reconstruction
from cganx.evaluation.shares import divided, drawn_evenly, drawn_like, turns
from cganx.runtime import Generator, latents, load

__all__ = [
    "COLOUR",
    "GAN_TRAIN",
    "NAMES",
    "PATH_LENGTH",
    "SAMPLES",
    "SCORES",
    "SEAM",
    "TRAIN_SAMPLES",
    "evaluate",
    "measured",
]

SAMPLES, TRAIN_SAMPLES = 10_000, 60_000
GAN_TRAIN, PATH_LENGTH, SEAM = "gan-train", "path-length", "seam-ratio"
COLOUR: Mapping[str, str] = MappingProxyType({"fid": "frechet-distance", "kid": "kernel-distance"})
"""The figures that other feature networks give as well, by what their names begin with."""

SCORES = ("inception-score", "mode-score", "am-score")
"""The figures that those give which have classes of their own, such as ImageNet's."""

NAMES = (*METRICS, GAN_TRAIN, PATH_LENGTH, RECONSTRUCTION, SEAM)
PATHS, PATH_SEED = 1000, 2**30
LEAST_A_CLASS = 50
MOST_REAL = 60_000
"""Real pictures of a split that are looked at, at most, evenly of every class."""

BATCH = 1024


@dataclass(frozen=True, eq=False)
class _Subject:
    """What is judged, and all that its figures are computed from.

    ``real`` are the test pictures that sets are compared with. ``like_made`` and ``like_mixed`` are training pictures in the
    place of ``evidence.made`` and ``evidence.mixed``: what a perfect generator would have made.
    """

    generator: Generator
    match: Match
    judge: Oracle
    seed: int
    evidence: Evidence
    real: Sample
    like_made: Sample
    like_mixed: Sample
    progress: Progress

    @property
    def dataset(self) -> DataSet:
        return self.match.dataset


def evaluate(
    model: str | Path | Generator,
    dataset: DataSet,
    *,
    samples: int = SAMPLES,
    seed: int = 0,
    metrics: Sequence[str] = NAMES,
    train_samples: int = TRAIN_SAMPLES,
    train_recipe: Recipe = RECIPE,
    backbones: Sequence[Backbone] = (),
    judge: Oracle | None = None,
    force: bool = False,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Judge a generator by a labelled set of pictures.

    Equal seeds give equal figures for the same file and set on one machine: picture i is of class i modulo the number of
    classes that both sides have, and has the seed ``seed * 2**32 + i``. There is no truncation. Figures that compare all
    pictures with all are of as many in the class shares of the test pictures; where these are uneven, more are made for it.

    Args:
        model: a bundled name, the path of an .onnx file, or a loaded generator.
        dataset: real pictures of the generator's size. Classes that only one side has are left out.
        samples: made pictures that each figure is of. Figures that need more are None, with a note.
        seed: 0 <= seed < 2**32; other seeds judge other pictures.
        metrics: names of :data:`NAMES`; all of them leave ``seam-ratio`` out where the card does not say tileable.
        train_samples: pictures to make for ``gan-train``.
        train_recipe: how its classifiers are trained.
        backbones: further feature networks; each adds ``fid-NAME`` and ``kid-NAME``, and with classes of its own the scores.
        judge: the oracle of ``dataset``, where it is at hand and no class is left out.
        force: go on with a judge that is hardly better than guessing.
        cache: where oracles are kept; by default ``$CGANX_CACHE``, else the user's cache folder.
        progress: called with (stage, done, total).

    Raises:
        ModelError: not a generator, one of another size or kind, or one that gives NaN or a single colour.
        DataError: the set cannot judge: no class in common, an oracle that is too often wrong, see also :func:`oracle`.
        RequestError, SeedError: ``samples``, ``metrics`` or ``seed`` out of range.
    """
    unknown = [name for name in metrics if name not in NAMES]
    if unknown:
        raise RequestError(f"there is no figure {unknown[0]!r}; there are {', '.join(NAMES)}")
    if not 0 <= seed < SEEDS:
        raise SeedError(f"the seed of an evaluation is an integer with 0 <= seed < 2**32, not {seed}")
    generator = model if isinstance(model, Generator) else load(model)
    found = match(generator.card, dataset)
    count = len(found.dataset.classes)
    if not max(count, 2) <= samples <= PATH_SEED or not count <= train_samples <= PATH_SEED:
        raise RequestError(f"{samples} pictures, {train_samples} to train on: {count} classes need at least {max(count, 2)}")
    report = progress or (lambda *_: None)
    judge = judge if judge is not None and found.dataset is dataset else oracle(found.dataset, cache=cache, progress=report)
    _require_able(judge, found.dataset, force=force)

    subject = _subject(generator, found, judge, samples, seed, report)
    figures = [_metric(METRICS[name], subject) for name in METRICS if name in metrics]
    for backbone in backbones:
        figures += _in_features(backbone, subject)
    if GAN_TRAIN in metrics:
        figures.append(_gan_train(subject, train_samples, train_recipe, cache))
    if PATH_LENGTH in metrics:
        figures.append(_path_length(subject))
    if RECONSTRUCTION in metrics:
        figures.append(_reconstruction(subject))
    if SEAM in metrics and (generator.card.image.tileable or tuple(metrics) != NAMES):
        figures.append(_seam(subject))
    made = subject.evidence.made
    return Evaluation(
        model=generator.card.name,
        sha256=generator.sha256,
        data=found.dataset.name,
        fingerprint=found.dataset.fingerprint,
        samples=samples,
        seed=seed,
        classes=found.dataset.classes,
        left_out=found.left_out,
        judge=Judge(name=judge.name, accuracy=judge.accuracy, pictures=judge.pictures),
        figures=tuple(figures),
        by_class=_by_class(subject),
        confusion=None if made.labels is None else as_rows(confusion(made)),
        evidence=subject.evidence,
    )


def _require_able(judge: Oracle, dataset: DataSet, *, force: bool) -> None:
    if judge.accuracy < judge.least_accuracy and not force:
        raise DataError(
            f"{dataset.name}: the classifier that judges is right on only {judge.accuracy:.3f} of the real test pictures, and "
            f"with {len(judge.classes)} classes at least {judge.least_accuracy:.3f} is asked for: give more pictures a class, "
            "or fewer classes, or go on all the same with --force (force=True)"
        )


def _subject(generator: Generator, found: Match, judge: Oracle, samples: int, seed: int, progress: Progress) -> _Subject:
    order = np.arange(samples) % len(found.dataset.classes)
    seeds = seeds_of(seed, JUDGED, samples)
    labels = None if found.asked is None else found.asked[order]
    pixels = make(generator, labels, seeds, "making pictures to judge", progress)
    require_pictures(generator, pixels, labels, seeds)
    made = _sample(judge, pixels, None if labels is None else order, "looking at the made pictures", progress)
    test = _real(judge, found.dataset.test, MOST_REAL, "looking at the test pictures", progress)
    training = _real(judge, found.dataset.train, MOST_REAL, "looking at the training pictures", progress)
    assert test.labels is not None
    assert training.labels is not None
    evenly, alike = drawn_evenly(training.labels, samples, seed), drawn_like(training.labels, test.labels, samples, seed)
    like_made = training.take(evenly)
    like_mixed = like_made if np.array_equal(evenly, alike) else training.take(alike)
    mixed, real = made, test
    if labels is not None:
        mixed = _mixed(generator, found, judge, made, test.labels, seed, progress)
    elif np.ptp(np.bincount(test.labels)):  # classes are counted alike on both sides or on none
        real, like_mixed = replace(test, labels=None), replace(like_mixed, labels=None)
    return _Subject(generator, found, judge, seed, Evidence(made, mixed, test, training), real, like_made, like_mixed, progress)


def _mixed(
    generator: Generator,
    found: Match,
    judge: Oracle,
    made: Sample,
    real: NDArray[np.int64],
    seed: int,
    progress: Progress,
) -> Sample:
    """As many made pictures in the class shares of the real ones; of frequent classes more are made."""
    assert found.asked is not None
    assert made.labels is not None
    classes = len(found.asked)
    wanted = divided(len(made), real, classes)
    more = np.repeat(np.arange(classes), np.maximum(wanted - np.bincount(made.labels, minlength=classes), 0))
    if not len(more):
        return made
    seeds = seeds_of(seed, MORE, len(more))
    pixels = make(generator, found.asked[more], seeds, "making more pictures of frequent classes", progress)
    added = _sample(judge, pixels, more, "looking at the made pictures", progress)
    return made.take(np.flatnonzero(turns(made.labels) < wanted[made.labels])).and_also(added)


def _sample(
    judge: Oracle, pixels: NDArray[np.uint8], labels: NDArray[np.int64] | None, stage: str, progress: Progress
) -> Sample:
    features = []
    for start in range(0, len(pixels), BATCH):
        features.append(judge.features(pixels[start : start + BATCH]))
        progress(stage, min(start + BATCH, len(pixels)), len(pixels))
    joined = np.concatenate(features)
    return Sample(pixels, joined, judge.probabilities(joined), labels)


def _real(judge: Oracle, part: LabelledImages, most: int, stage: str, progress: Progress) -> Sample:
    """The labelled pictures of a split, at most so many."""
    known = np.flatnonzero(part.labels >= 0)
    labels = np.asarray(part.labels[known], np.int64)
    kept = known if len(known) <= most else known[drawn_evenly(labels, most, 0)]
    whole = len(kept) == len(part)
    return _sample(judge, part.images if whole else part.images[kept], np.asarray(part.labels[kept], np.int64), stage, progress)


def _metric(metric: Metric, subject: _Subject) -> Figure:
    subject.progress(f"computing {metric.name}", 0, 1)
    judge, evidence = subject.judge, subject.evidence
    reference: Mapping[str, Sample] = {"test": subject.real, "training": evidence.training}
    made, like_made = (evidence.made, subject.like_made) if metric.by_class else (evidence.mixed, subject.like_mixed)
    # The oracle has the training pictures by heart: its agreement is that on the test pictures. Where copies of training
    # pictures are looked for, unseen real pictures are the measure too.
    perfect = evidence.test if metric.reference == "training" or metric.name == "label-agreement" else like_made
    return measured(
        metric,
        made,
        reference[metric.reference],
        perfect,
        network=f"{judge.name}, {judge.size} features",
        accuracy=judge.accuracy,
        seed=subject.seed,
    )


def measured(
    metric: Metric, made: Sample, real: Sample, perfect: Sample, *, network: str, accuracy: float | None, seed: int
) -> Figure:
    """A metric of ``made`` beside ``real`` with its interval, and that of ``perfect``; no value where it cannot be had."""
    base = Figure(
        name=metric.name,
        title=metric.title,
        better=metric.better,
        value=None,
        samples=len(made),
        reference=metric.reference,
        reference_samples=len(real),
        network=network,
        network_accuracy=accuracy,
        source=metric.source,
    )
    refusal = metric.refusal(made, real)
    if refusal is not None:
        return replace(base, note=refusal)
    try:
        value = metric.compute(made, real)
        low, high = interval(metric, made, real, value=value, seed=seed)
    except RequestError as error:  # such as a class with a single picture
        return replace(base, note=str(error))
    if metric.refusal(perfect, real) is not None:
        return replace(base, value=value, low=low, high=high)
    return replace(base, value=value, low=low, high=high, real=metric.compute(perfect, real), real_samples=len(perfect))


def _in_features(backbone: Backbone, subject: _Subject) -> list[Figure]:
    """The figures of :data:`COLOUR` and :data:`SCORES` by another network, of as many real pictures as made ones."""
    mixed, labels = subject.evidence.mixed, subject.evidence.test.labels
    assert labels is not None
    alike = drawn_like(labels, labels, len(mixed), subject.seed)
    stage = f"looking with {backbone.name}"

    def seen(side: Sample) -> Sample:
        features = backbone.features(side.pixels, stage, subject.progress)
        if not backbone.classifies:
            return replace(side, features=features)
        # Its classes are others than the labels', of which none of these figures speaks.
        return replace(side, features=features, probabilities=backbone.probabilities(features), labels=None)

    made, real, perfect = seen(mixed), seen(subject.real.take(alike)), seen(subject.like_mixed)
    network = backbone.describe(*made.pixels.shape[1:3])
    known, accuracy = subject.like_mixed.labels, None
    if known is not None:
        accuracy = _nearest_accuracy(perfect.features, known, real.features, labels[alike])
    fewest = min(len(made), len(real))
    few = "" if fewest > backbone.size else f"only {fewest:,} pictures for {backbone.size:,} features: read kid-{backbone.name}"
    notes = {"fid": few}  # the kernel distance does not depend on the number of pictures
    figures = []
    for start, name in {**COLOUR, **({name: name for name in SCORES} if backbone.classifies else {})}.items():
        subject.progress(f"computing {start}-{backbone.name}", 0, 1)
        figure = measured(METRICS[name], made, real, perfect, network=network, accuracy=accuracy, seed=subject.seed)
        where = "features" if start in COLOUR else "own classes"
        title = f"{figure.title} in the {where} of {backbone.name}"
        figures.append(replace(figure, name=f"{start}-{backbone.name}", title=title, note=figure.note or notes.get(start, "")))
    return figures


def _nearest_accuracy(known: NDArray[Any], labels: NDArray[np.int64], seen: NDArray[Any], wanted: NDArray[np.int64]) -> float:
    """How many test pictures are nearest, by cosine, to a training picture of their class: what the features know of it."""

    def unit(features: NDArray[Any]) -> NDArray[np.float32]:
        longest: NDArray[np.float32] = features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)
        return longest

    known, right = unit(known), 0
    for start in range(0, len(seen), BATCH):
        nearest = (unit(seen[start : start + BATCH]) @ known.T).argmax(axis=1)
        right += int((labels[nearest] == wanted[start : start + BATCH]).sum())
    return right / len(seen)


def _gan_train(subject: _Subject, count: int, recipe: Recipe, cache: Path | None) -> Figure:
    base = Figure(
        name=GAN_TRAIN,
        title="A classifier trained on made pictures, tested on real ones",
        better="higher",
        value=None,
        samples=count,
        network=f"the oracle's architecture, {recipe.passes} passes",
        source="Shmelkov et al. 2018, section 3 (GAN-train)",
    )
    asked, dataset = subject.match.asked, subject.dataset
    if asked is None:
        return replace(base, note="it needs classes, and this generator takes none")
    order = np.arange(count) % len(asked)
    seeds = seeds_of(subject.seed, TRAINED_ON, count)
    pixels = make(subject.generator, asked[order], seeds, "making pictures to train on", subject.progress)
    found = gan_train(pixels, order, subject.judge, dataset, recipe, subject.progress)
    real = real_train(dataset, recipe, cache, subject.progress)
    known = int((dataset.train.labels >= 0).sum())
    reach = 1.96 * math.sqrt(found.accuracy * (1 - found.accuracy) / found.pictures)
    return replace(
        base,
        value=found.accuracy,
        low=max(found.accuracy - reach, 0.0),
        high=min(found.accuracy + reach, 1.0),
        real=real.accuracy,
        real_samples=known,
        reference_samples=found.pictures,
        network_accuracy=real.accuracy,
        note="interval: by the number of test pictures",
    )


def _path_length(subject: _Subject) -> Figure:
    generator, judge, asked = subject.generator, subject.judge, subject.match.asked
    latent = generator.card.latent
    assert latent is not None  # image-to-image generators were refused
    draw, between = {"normal": (latents.normal, spherical), "uniform": (latents.uniform, linear)}[latent.distribution]
    seeds = seeds_of(subject.seed, PATH_SEED, 2 * PATHS)
    ends = draw(seeds, latent.size)
    noisy = any(name.startswith("noise.") for name in generator.inputs)
    subject.progress(f"computing {PATH_LENGTH}", 0, 1)

    def pictures(points: NDArray[np.float32], labels: NDArray[np.int64] | None) -> NDArray[np.uint8]:
        return generator.generate(labels, [subject.seed] if noisy else None, latents=points, batch_size=len(points))

    value, error = perceptual_path_length(
        pictures,
        judge.features,
        ends[:PATHS],
        ends[PATHS:],
        None if asked is None else asked[np.arange(PATHS) % len(asked)],
        between=between,
        seed=subject.seed,
    )
    return Figure(
        name=PATH_LENGTH,
        title="Perceptual path length (steps of 0.01)",
        better="lower",
        value=value,
        low=max(value - 1.96 * error, 0.0),
        high=value + 1.96 * error,
        samples=PATHS,
        reference="none",
        network=f"{judge.name}, {judge.size} features",
        network_accuracy=judge.accuracy,
        note="compare it between generators of one data set; real pictures have no path",
        source="Karras et al. 2019, section 4.1",
    )


def _reconstruction(subject: _Subject) -> Figure:
    test = subject.evidence.test
    assert test.labels is not None
    few = test.take(drawn_evenly(test.labels, PICTURES, subject.seed))
    return reconstruction(subject.generator, few, subject.match.asked, subject.progress)


def _seam(subject: _Subject) -> Figure:
    made, real = subject.evidence.made.pixels, subject.evidence.test.pixels
    base = Figure(
        name=SEAM,
        title="Difference across the seam of tiles over that of neighbours (1 is ideal)",
        better="neither",
        value=None,
        samples=len(made),
        reference="none",
        network="pixels",
        source="docs/metrics.md",
    )
    try:
        value, error = seam_ratio(made)
        note = f"1 is seamless; of the real pictures, which need not repeat, it is {seam_ratio(real).value:.3g}"
    except RequestError as cause:
        return replace(base, note=str(cause))
    return replace(base, value=value, low=max(value - 1.96 * error, 0.0), high=value + 1.96 * error, note=note)


def _by_class(subject: _Subject) -> tuple[ClassFigures, ...]:
    made, test = subject.evidence.made, subject.evidence.test
    if made.labels is None:
        return ()
    right = made.probabilities.argmax(axis=1) == made.labels
    counts = np.bincount(made.labels, minlength=len(subject.dataset.classes))
    assert test.labels is not None
    enough = min(counts.min(), np.bincount(test.labels, minlength=len(counts)).min()) >= LEAST_A_CLASS
    none: Mapping[int, float] = {}
    distances = class_distances(made, test) if enough else none
    floors = class_distances(subject.like_made, test) if enough else none
    return tuple(
        ClassFigures(
            name=name,
            samples=int(counts[label]),
            agreement=float(right[made.labels == label].mean()),
            distance=distances.get(label),
            real_distance=floors.get(label),
        )
        for label, name in enumerate(subject.dataset.classes)
    )
