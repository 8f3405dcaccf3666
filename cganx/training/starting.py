"""What is checked and written before the first step."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cganx.data import DataSet, Kind, TranslationSet
from cganx.errors import TrainingError
from cganx.networks import ImageShape
from cganx.networks.layers import is_reached, nearest_reached
from cganx.training.labels import combinations_of
from cganx.training.preset import Preset
from cganx.training.presets import PRESETS
from cganx.training.run import CONFIG, Run, RunConfig, open_run, write_config
from cganx.training.sampling import seeded
from cganx.training.settings import CommonSettings, least_batch
from cganx.whole_file import UNFINISHED

__all__ = [
    "check",
    "check_kind",
    "check_size",
    "claim",
    "config_of",
    "config_of_translation",
    "identity",
    "refuse_strangers",
    "settings_of_each",
    "size_instead",
    "warn_of_small_classes",
]

_log = logging.getLogger("cganx")
FEW_PICTURES = 10


def check(steps: int | None, time_budget: float | None, seed: int) -> None:
    """Raise TrainingError for a length or a seed that cannot be."""
    if steps is not None and steps < 1:
        raise TrainingError(f"steps is {steps}; train for at least one")
    if time_budget is not None and not time_budget > 0:
        raise TrainingError(f"the time budget is {time_budget} seconds; give it more than 0")
    if not 0 <= seed < 2**64:
        raise TrainingError(f"the seed is {seed}; a seed is an integer with 0 <= seed < 2**64")


def check_size(recipe: Preset[Any], preset: str, image_size: int | tuple[int, int] | None, channels: int | None) -> None:
    """Refuse a size that the networks do not make before the pictures are packed at it."""
    if image_size is None:
        return
    height, width = (image_size, image_size) if isinstance(image_size, int) else image_size
    try:
        ImageShape(channels or 1, height, width)
    except ValueError as error:
        raise TrainingError(str(error)) from None
    _check_fixed_size(recipe, preset, (height, width))
    _check_reached(recipe, height, width)


def check_kind(recipe: Preset[Any], preset: str, data: DataSet) -> None:
    """Refuse attributes where the recipe or a setting of it is for classes alone."""
    if data.kind == "class" or not (recipe.settings.by_label or recipe.settings.taught(data.classes)):
        return
    if recipe.attributes is None:
        able = ", ".join(name for name, one in PRESETS.items() if one.attributes is not None)
        raise TrainingError(f"preset {preset!r} takes classes, and {data.name} has attributes: take one of {able}")
    if recipe.settings.evenly:
        raise TrainingError(f"even_classes is for classes, and {data.name} has attributes, which come together: leave it out")


def _check_fixed_size(recipe: Preset[Any], preset: str, size: tuple[int, int]) -> None:
    if recipe.fixed_size is not None and recipe.fixed_size != size:
        made = f"{recipe.fixed_size[0]}x{recipe.fixed_size[1]}"
        raise TrainingError(
            f"preset {preset!r} makes pictures of {made}, not {size[0]}x{size[1]}: leave the image size out, or give {made}"
        )


def _check_reached(recipe: Preset[Any], height: int, width: int) -> None:
    """Refuse a size that the generator would cut from a larger picture, where pictures have to go on at the opposite edge."""
    shape = ImageShape(1, height, width)
    if recipe.settings.repeats and not is_reached(shape):
        near = " or ".join(f"{one.height}x{one.width}" for one in nearest_reached(shape))
        raise TrainingError(
            f"{height}x{width} pictures cannot be tileable: the generator would cut them from larger ones; give an image size "
            f"of {near}, or leave tileable out"
        )


def size_instead(recipe: Preset[Any], height: int, width: int) -> tuple[int, int] | None:
    """The nearest size that the recipe can make, where it cannot make this one; None where it can, or nothing is near."""
    try:
        shape = ImageShape(1, height, width)
    except ValueError:
        return None
    if not recipe.settings.repeats or is_reached(shape):
        return None
    nearest = nearest_reached(shape)[0]
    return nearest.height, nearest.width


def settings_of_each(recipe: Preset[Any], processes: int) -> CommonSettings:
    """The recipe's settings with the batch size that is left to each of so many processes.

    TrainingError where they do not divide the batch, and each part of it that the update takes, evenly.
    """
    settings: CommonSettings = recipe.settings
    least = least_batch(settings)

    def fits(size: int) -> bool:
        whole, part = _with_batch(settings, size), _with_batch(settings, max(least, size // processes))
        return part.batch_size * processes == size and recipe.update.reals(part) * processes == recipe.update.reals(whole)

    size = settings.batch_size
    if not fits(size):
        larger = (one for one in itertools.count(size + 1) if fits(one))
        smaller = next((one for one in range(size - 1, least - 1, -1) if fits(one)), None)
        near = f"{'' if smaller is None else f'{smaller} or '}{next(larger)}"
        raise TrainingError(f"{processes} processes cannot share batches of {size} evenly; give a batch size of {near}")
    return _with_batch(settings, size // processes)


def _with_batch(settings: CommonSettings, size: int) -> CommonSettings:
    return dataclasses.replace(settings, batch_size=size)


def identity(config: RunConfig, steps: int | None) -> bytes:
    """32 bytes that are the same for processes that train the same run to the same step."""
    return hashlib.sha256(f"{dataclasses.replace(config, made_with={}).to_json()} {steps}".encode()).digest()


def refuse_strangers(out: Path) -> None:
    """A run's directory is new, empty, or a run's."""
    if out.exists() and not out.is_dir():
        raise TrainingError(f"{out} is a file, not a directory; give a new or an empty one with --out")
    if not out.exists() or (out / CONFIG).exists():
        return
    strangers = sorted(path.name for path in out.iterdir() if path.name not in ("lock", "data") and not path.match(UNFINISHED))
    if strangers:
        raise TrainingError(f"{out} holds something that is no run ({strangers[0]}); give a new or an empty directory")


def config_of(
    data: DataSet,
    preset: str,
    recipe: Preset[Any],
    seed: int,
    init_from: str | Path | None,
    mixed_precision: str,
    made_with: Mapping[str, Any],
) -> RunConfig:
    """What a run of this recipe on these pictures is. TrainingError for a size that its networks do not make."""
    labels = data.train.labels
    classes = recipe.settings.classes(data.classes)
    counts, pictures = (1,) * len(classes), len(labels)
    kind: Kind = "class"
    combinations: dict[str, int] = {}
    if recipe.settings.by_label and data.kind == "attributes":
        counts = tuple(labels.sum(axis=0, dtype=np.int64).tolist())
        kind, combinations = data.kind, combinations_of(labels, seeded(seed, "combinations"))
    elif recipe.settings.by_label:
        counts = tuple(np.bincount(labels[labels >= 0], minlength=len(classes)).tolist())
        pictures = sum(counts)
    try:
        ImageShape(data.channels, data.height, data.width)
    except ValueError as error:
        raise TrainingError(f"{data.name}: {error}") from None
    _check_fixed_size(recipe, preset, (data.height, data.width))
    _check_reached(recipe, data.height, data.width)
    return RunConfig(
        preset=preset,
        settings=dataclasses.asdict(recipe.settings),
        seed=seed,
        data=data.name,
        fingerprint=data.fingerprint,
        licence=data.licence,
        classes=classes,
        class_counts=counts,
        taught=recipe.settings.taught(data.classes),
        codes=recipe.settings.codes,
        pictures=pictures,
        height=data.height,
        width=data.width,
        channels=data.channels,
        kind=kind,
        combinations=combinations,
        init_from=None if init_from is None else os.fspath(init_from),
        mixed_precision=mixed_precision,
        made_with=made_with,
    )


def config_of_translation(
    data: TranslationSet,
    preset: str,
    recipe: Preset[Any],
    seed: int,
    init_from: str | Path | None,
    mixed_precision: str,
    made_with: Mapping[str, Any],
    size: tuple[int, int],
) -> RunConfig:
    """What a run of image-to-image with targets of this (height, width) is."""
    labels, source = data.train.labels, data.source_shape
    counts = () if labels is None else np.bincount(labels, minlength=len(data.classes)).tolist()
    about: dict[str, Any] = {
        "class_counts": tuple(counts),
        "pictures": len(data.train.target),
        "sources": len(data.train.source),
        "height": size[0],
        "width": size[1],
        "channels": data.target_shape[2],
        "source": {
            "channels": source[2],
            "height": size[0] // data.scale,
            "width": size[1] // data.scale,
            "scale": data.scale,
        },
        "paired": data.paired,
        "task": data.task,
    }
    return RunConfig(
        preset=preset,
        settings=dataclasses.asdict(recipe.settings),
        seed=seed,
        data=data.name,
        fingerprint=data.fingerprint,
        licence=data.licence,
        classes=data.classes,
        init_from=None if init_from is None else os.fspath(init_from),
        mixed_precision=mixed_precision,
        made_with=made_with,
        **about,
    )


def warn_of_small_classes(config: RunConfig) -> None:
    """Log a warning for each class with fewer than 10 pictures, and each attribute that fewer have or have not."""
    if config.kind == "attributes":
        for name, count in zip(config.classes, config.class_counts, strict=True):
            for side, few in (("have", count), ("do not have", config.pictures - count)):
                if few < FEW_PICTURES:
                    _log.warning("%s: only %d training pictures %s the attribute %r", config.data, few, side, name)
        return
    for name, count in zip(config.classes, config.class_counts, strict=True):
        if count < FEW_PICTURES:
            pictures = f"{count} labelled training picture{'' if count == 1 else 's'}"
            _log.warning("%s: class %r has %s; what is made of it will hardly be more than copies", config.data, name, pictures)


def claim(out: Path, config: RunConfig) -> Run:
    """The run in ``out``: a new one where the directory is empty, else the one there, if it is the one asked for."""
    if (out / CONFIG).exists():
        run = open_run(out)
        differences = run.config.differences(config)
        if differences and not run.checkpoints():  # it never began: nothing is lost
            write_config(out, config)
            return Run(out, config)
        if differences:
            raise TrainingError(
                f"{out} holds a run that was started otherwise; train in another directory, or ask for the same:\n  "
                + "\n  ".join(differences)
            )
        return run
    write_config(out, config)
    return Run(out, config)
