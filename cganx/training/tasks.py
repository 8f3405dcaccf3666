"""What the loop does otherwise for a generator of a latent and for one of pictures: from the data to what is written."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import torch

from cganx import data as labelled
from cganx.data import DataSet, TranslationData, TranslationSet
from cganx.errors import TrainingError
from cganx.networks import ImageShape
from cganx.training.journal import AnyJournal, Journal
from cganx.training.metric import AnyMetric, Metric
from cganx.training.preset import Preset
from cganx.training.processes import Processes
from cganx.training.run import Run, RunConfig
from cganx.training.sampling import Reals
from cganx.training.starting import (
    check_kind,
    check_size,
    config_of,
    config_of_translation,
    size_instead,
    warn_of_small_classes,
)
from cganx.training.state import State
from cganx.training.translation.journal import TranslationJournal
from cganx.training.translation.metric import TranslationMetric
from cganx.training.translation.preset import TranslationPreset
from cganx.training.translation.settings import SmallPairSettings

__all__ = ["Asked", "Origin", "Task", "task_of"]

Size = int | tuple[int, int] | None

_log = logging.getLogger("cganx")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a caller said of the pictures; see `cganx.training.train`."""

    data: Any
    preset: str
    image_size: Size
    channels: int | None
    fit: str
    labels_per_class: int | None
    skip_unreadable: bool
    cache: Path
    shared: bool = False
    progress: Callable[[str, int, int], None] | None = None


@dataclass(frozen=True)
class Origin:
    """What of a run's config comes neither from the data nor from the recipe."""

    seed: int
    init_from: str | Path | None
    mixed_precision: str
    made_with: Mapping[str, Any]


class Feed(Protocol):
    """Serves batches of real pictures."""

    def batch(self, index: torch.Tensor) -> Any:
        """What the update takes, of the rows that the order named."""


class Task(Protocol):
    """One kind of generator."""

    def check(self, recipe: Any, asked: Asked) -> None:
        """Refuse what cannot be before the pictures are read. TrainingError."""

    def load(self, recipe: Any, asked: Asked, together: Processes) -> Any:
        """The pictures, which the recipe can learn from."""

    def config(self, recipe: Any, asked: Asked, data: Any, origin: Origin) -> tuple[Any, RunConfig]:
        """The recipe for just these pictures, and what the run is."""

    def warn(self, recipe: Any, config: RunConfig) -> None:
        """Log what may be wrong with the pictures."""

    def labels(self, data: Any) -> Any:
        """The labels of the training pictures."""

    def reals(self, recipe: Any, config: RunConfig, data: Any, device: torch.device) -> Feed:
        """What serves real pictures."""

    def metric(self, data: Any, run: Run, progress: Callable[[str, int, int], None] | None) -> AnyMetric:
        """What judges the generator."""

    def journal(self, run: Run, state: State, data: Any) -> AnyJournal:
        """What writes of the run."""


class FromLatent:
    """Pictures of a latent, and of a label where the recipe takes one."""

    def check(self, recipe: Preset[Any], asked: Asked) -> None:
        """A size that the networks do not make, and pictures for another kind of recipe."""
        if isinstance(asked.data, (TranslationData, TranslationSet)):
            raise TrainingError(
                f"preset {asked.preset!r} makes pictures of a latent and takes labelled pictures: give --data, or take "
                "a preset for image-to-image, such as pix2pix-small"
            )
        check_size(recipe, asked.preset, asked.image_size, asked.channels)

    def load(self, recipe: Preset[Any], asked: Asked, together: Processes) -> DataSet:
        """The labelled pictures, at the nearest size that the recipe makes where nobody asks for one."""
        if isinstance(asked.data, DataSet):
            return asked.data
        load = partial(
            labelled.load,
            asked.data,
            channels=asked.channels,
            fit=asked.fit,
            labels_per_class=asked.labels_per_class,
            skip_unreadable=asked.skip_unreadable,
            cache=asked.cache,
            shared=asked.shared,
            progress=asked.progress,
        )
        with together.in_turns():
            data = load(image_size=asked.image_size or recipe.fixed_size)
            instead = None if asked.image_size else size_instead(recipe, data.height, data.width)
            return data if instead is None else load(image_size=instead)

    def config(self, recipe: Preset[Any], asked: Asked, data: DataSet, origin: Origin) -> tuple[Preset[Any], RunConfig]:
        """The recipe for the data's kind of labels, and the config."""
        check_kind(recipe, asked.preset, data)
        recipe = recipe.of_kind(data.kind)
        if recipe.settings.by_label or recipe.settings.taught(data.classes):
            labelled.require_classes(data)
        about = (origin.seed, origin.init_from, origin.mixed_precision, origin.made_with)
        return recipe, config_of(data, asked.preset, recipe, *about)

    def warn(self, recipe: Preset[Any], config: RunConfig) -> None:
        """Of classes with few pictures."""
        if recipe.settings.by_label:
            warn_of_small_classes(config)

    def labels(self, data: DataSet) -> Any:
        """The data's own."""
        return data.train.labels

    def reals(self, recipe: Preset[Any], config: RunConfig, data: DataSet, device: torch.device) -> Feed:
        """Labelled pictures."""
        taught, given = len(config.taught), len(config.classes) * recipe.settings.by_label
        named, unlabelled = taught or given, taught > 0
        return Reals(data.train.images, data.train.labels, named, device, recipe.layout, unlabelled=unlabelled)

    def metric(self, data: DataSet, run: Run, progress: Callable[[str, int, int], None] | None) -> AnyMetric:
        """By an oracle of the data's classes."""
        return Metric(data, run, progress)

    def journal(self, run: Run, state: State, data: DataSet) -> AnyJournal:
        """Grids of classes by latents."""
        return Journal(run, state, data)


class FromPictures:
    """Pictures of pictures: image-to-image."""

    def check(self, recipe: TranslationPreset[Any], asked: Asked) -> None:
        """Pictures for another kind of recipe, and sizes that the network does not make."""
        if not isinstance(asked.data, (TranslationData, TranslationSet)):
            wanted = "--pairs A/ B/" if recipe.paired else "--unpaired A/ B/"
            task = "".join(f", or --data DATA --task {task}" for task in recipe.tasks)
            raise TrainingError(f"preset {asked.preset!r} makes pictures of pictures: give {wanted}{task}")
        if asked.labels_per_class is not None:
            raise TrainingError("labels_per_class is for classes, and image-to-image has none: leave it out")
        _size_of(recipe, asked)

    def load(self, recipe: TranslationPreset[Any], asked: Asked, together: Processes) -> TranslationSet:
        """Both sides, as much larger than the network's as random cuts need."""
        if isinstance(asked.data, TranslationSet):
            return asked.data
        size, scale = _size_of(recipe, asked), recipe.scale
        height, width = (round(side * recipe.settings.crop_from / scale) * scale for side in size)
        with together.in_turns():
            loaded: TranslationSet = asked.data.load(
                image_size=(height, width),
                channels=asked.channels,
                fit=asked.fit,
                skip_unreadable=asked.skip_unreadable,
                cache=asked.cache,
                shared=asked.shared,
                progress=asked.progress,
            )
        return loaded

    def config(
        self, recipe: TranslationPreset[Any], asked: Asked, data: TranslationSet, origin: Origin
    ) -> tuple[TranslationPreset[Any], RunConfig]:
        """The config; TrainingError where the data is not of the recipe's kind."""
        _check_fit(recipe, asked, data)
        recipe = recipe.of_kind("class")
        size = _size_of(recipe, asked) if asked.image_size or not isinstance(asked.data, TranslationSet) else None
        size = size or data.target_shape[:2]
        about = (origin.seed, origin.init_from, origin.mixed_precision, origin.made_with)
        return recipe, config_of_translation(data, asked.preset, recipe, *about, size)

    def warn(self, recipe: TranslationPreset[Any], config: RunConfig) -> None:
        """Nothing is counted by class here."""

    def labels(self, data: TranslationSet) -> Any:
        """The targets' styles."""
        return data.train.labels

    def reals(self, recipe: TranslationPreset[Any], config: RunConfig, data: TranslationSet, device: torch.device) -> Feed:
        """Sources and targets, cut alike."""
        for side, are in zip(("sources", "targets"), recipe.cutting(config, data.train).normals, strict=True):
            if are:
                _log.warning("%s: its %s are normal maps, and are mirrored and turned with their vectors", data.name, side)
        return recipe.pictures(config, data.train, device)

    def metric(self, data: TranslationSet, run: Run, progress: Callable[[str, int, int], None] | None) -> AnyMetric:  # noqa: ARG002
        """By held-out pictures."""
        return TranslationMetric(data, run)

    def journal(self, run: Run, state: State, data: TranslationSet) -> AnyJournal:
        """Rows of sources, of what is made of them, and of what it should be."""
        return TranslationJournal(run, state, data)


def _size_of(recipe: TranslationPreset[Any], asked: Asked) -> tuple[int, int]:
    size = asked.image_size or recipe.size
    height, width = (size, size) if isinstance(size, int) else size
    try:
        ImageShape(asked.channels or 3, height, width)
    except ValueError as error:
        raise TrainingError(str(error)) from None
    multiple = recipe.multiple * recipe.scale
    if height % multiple or width % multiple:
        near = " or ".join(str(max(multiple, side // multiple * multiple)) for side in {height, width})
        raise TrainingError(f"preset {asked.preset!r} makes sides that {multiple} divides, not {height}x{width}: give {near}")
    return height, width


def _check_fit(recipe: TranslationPreset[Any], asked: Asked, data: TranslationSet) -> None:
    if recipe.paired != data.paired:
        wanted, have = ("pairs", "two heaps") if recipe.paired else ("two heaps (--unpaired A/ B/)", "pairs")
        raise TrainingError(f"preset {asked.preset!r} learns from {wanted}, and {data.name} is {have}")
    if recipe.tasks and data.task not in recipe.tasks:
        raise TrainingError(f"preset {asked.preset!r} is for --task {' or '.join(recipe.tasks)}, and {data.name} is not of it")
    if data.task == "inpaint" and recipe.holes is None:
        raise TrainingError(f"preset {asked.preset!r} takes no mask: take context-encoder-small to fill holes")
    if recipe.scale != data.scale:
        raise TrainingError(
            f"preset {asked.preset!r} makes pictures {recipe.scale} times as large as its sources, and those of {data.name} "
            f"are {data.scale} times as large"
        )
    if data.classes and not recipe.styles:
        raise TrainingError(f"preset {asked.preset!r} takes no styles, and {data.name} has: {', '.join(data.classes)}")
    source, target = data.train.source.shape[3], data.train.target.shape[3]
    settings = recipe.settings
    if isinstance(settings, SmallPairSettings) and settings.from_source and source not in (1, target):
        raise TrainingError(
            f"from_source=true changes a grey source, or one of as many channels as the target, and {data.name} goes from "
            f"{source} to {target} channels: leave it out"
        )
    if not len(data.test.source) or not len(data.test.target):
        raise TrainingError(f"{data.name} has no held-out pictures to judge by; give more pictures, or a test/ on each side")


_TASKS: Mapping[bool, Task] = {False: FromLatent(), True: FromPictures()}


def task_of(recipe: Preset[Any]) -> Task:
    """What the loop does for this recipe."""
    return _TASKS[isinstance(recipe, TranslationPreset)]
