"""What a run may be told with ``--set``: frozen dataclasses whose fields know their range."""

from __future__ import annotations

import dataclasses
import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

from cganx.errors import TrainingError

__all__ = [
    "ClassHeadSettings",
    "ClippedCriticSettings",
    "CommonSettings",
    "CriticSettings",
    "EitherSettings",
    "EitherTargetSettings",
    "GameSettings",
    "InformedSettings",
    "LabelSettings",
    "LabelTargetSettings",
    "PenalisedCriticSettings",
    "RelativisticSettings",
    "SemiSupervisedSettings",
    "Settings",
    "TargetSettings",
    "TargetTurnsSettings",
    "TileableSettings",
    "TurnsSettings",
    "UnconditionalSettings",
    "changed",
    "describe",
    "least_batch",
    "number",
    "parse",
]


def number(default: float, about: str, low: float, high: float) -> Any:
    """A field with a range, both ends allowed."""
    return field(default=default, metadata={"about": about, "low": low, "high": high})


@dataclass(frozen=True, kw_only=True)
class CommonSettings:
    """The numbers of a recipe that every preset has. TrainingError for a value of the wrong type or out of range."""

    batch_size: int = number(64, "real pictures a step", 2, 4096)
    generator_rate: float = number(2e-4, "Adam's learning rate of the generator", 1e-7, 1.0)
    discriminator_rate: float = number(2e-4, "Adam's learning rate of the discriminator", 1e-7, 1.0)
    beta1: float = number(0.5, "Adam's decay of the mean gradient", 0.0, 0.9999)
    beta2: float = number(0.999, "Adam's decay of the mean squared gradient", 0.0, 0.99999)
    epsilon: float = number(1e-8, "Adam's epsilon", 1e-12, 1e-2)
    rate_horizon: int = number(
        0, "steps: rates are constant to half of it, fall linearly to its end, then stay; 0 keeps them constant", 0, 10**9
    )
    rate_floor: float = number(0.2, "what is left of the rates after the horizon", 0.0, 1.0)
    ema_decay: float = number(0.0, "decay of the averaged generator; 0 keeps no average", 0.0, 0.99999)
    checkpoint_every: int = number(500, "steps between checkpoints; the newest two stay", 1, 10**9)
    keep_every: int = number(5000, "steps between checkpoints that stay for good", 1, 10**9)
    grid_every: int = number(500, "steps between sample grids", 1, 10**9)
    health_every: int = number(500, "steps between checkups of the generator's range and variety; 0 makes none", 0, 10**9)
    metric_every: int = number(
        1000, "steps between judgements of the generator, by which the best checkpoint is kept; 0 judges none", 0, 10**9
    )
    log_every: int = number(50, "steps between lines of stats.jsonl", 1, 10**9)

    def __post_init__(self) -> None:
        for one in fields(self):
            object.__setattr__(self, one.name, _checked(one, getattr(self, one.name)))

    @property
    def by_label(self) -> bool:
        """Whether the generator takes the label of the data."""
        return True

    @property
    def repeats(self) -> bool:
        """Whether pictures go on at the opposite edge, so that they repeat without a seam."""
        return False

    @property
    def evenly(self) -> bool:
        """Whether every class is drawn equally often, however many pictures it has."""
        return False

    @property
    def codes(self) -> tuple[str, ...]:
        """Names of the continuous codes that the generator takes."""
        return ()

    def classes(self, labels: tuple[str, ...]) -> tuple[str, ...]:
        """What the generator is told to choose from, for data with these labels."""
        return labels if self.by_label else ()

    def taught(self, labels: tuple[str, ...]) -> tuple[str, ...]:  # noqa: ARG002
        """The classes that the discriminator alone learns from the data's labels; the generator takes none of them."""
        return ()

    @property
    def taught_decay(self) -> float:
        """The decay of the averaged discriminator that names these classes; 0 keeps no average."""
        return 0.0


@dataclass(frozen=True, kw_only=True)
class Settings(CommonSettings):
    """The numbers of a recipe that makes pictures from a latent."""

    feature_matching: float = number(
        0.0, "weight in the generator's loss: how far its features' means are from the reals'", 0.0, 1e4
    )
    mode_seeking: float = number(
        0.0,
        "weight in the generator's loss: how alike its pictures of one class are, by their latents' distance; 0.1 to 1",
        0.0,
        1e4,
    )
    augment_translation: float = number(0.0, "augmentation: moved by up to this share of the sides; 0.125 is usual", 0.0, 0.5)
    augment_scaling: float = number(0.0, "augmentation: scaled by a factor of up to 2 to this power; 0.25 is usual", 0.0, 1.0)
    augment_rotation: float = number(0.0, "augmentation: turned by up to so many degrees", 0.0, 180.0)
    augment_mirror: bool = field(
        default=False, metadata={"about": "true or false: augmentation: half mirrored; not for letters"}
    )
    augment_colour: float = number(0.0, "augmentation: changed in brightness, contrast and saturation; 1 is usual", 0.0, 1.0)
    augment_cutout: float = number(
        0.0, "augmentation: covered by a grey square of this share of the sides; 0.5 is usual", 0.0, 1.0
    )


@dataclass(frozen=True, kw_only=True)
class GameSettings(Settings):
    """The numbers of a recipe whose discriminator is told of each picture whether it is real."""

    noisy_labels: float = number(0.0, "share of pictures of which the discriminator is told the wrong thing", 0.0, 0.5)
    ada_target: float = number(
        0.0,
        "adaptive augmentation: more of it while the mean sign of reals' scores is above this; 0.6 is usual, 0 is off",
        0.0,
        1.0,
    )
    ada_pictures: int = number(500_000, "real pictures that take the adaptive probability from 0 to 1", 1, 10**9)


@dataclass(frozen=True, kw_only=True)
class TargetSettings(GameSettings):
    """The numbers of a recipe whose discriminator's scores have targets."""

    label_smoothing: float = number(0.0, "the reals' target is 1 less this; the fakes' stays 0", 0.0, 0.5)


@dataclass(frozen=True, kw_only=True)
class LabelSettings(Settings):
    """The numbers of a recipe whose generator takes the label of the data."""

    even_classes: bool = field(
        default=False, metadata={"about": "true or false: whether every class is drawn equally often, whatever its size"}
    )

    @property
    def evenly(self) -> bool:
        """Whether every class is drawn equally often."""
        return self.even_classes and self.by_label


@dataclass(frozen=True, kw_only=True)
class LabelTargetSettings(LabelSettings, TargetSettings):
    """The numbers of a recipe with targets whose generator takes the label of the data."""


@dataclass(frozen=True, kw_only=True)
class UnconditionalSettings(TargetSettings):
    """The numbers of a recipe whose generator takes no label."""

    @property
    def by_label(self) -> bool:
        """Whether the generator takes a label."""
        return False


@dataclass(frozen=True, kw_only=True)
class EitherSettings(LabelSettings):
    """The numbers of a recipe that works with labels and without."""

    conditional: bool = field(default=True, metadata={"about": "true or false: whether a label chooses the picture"})

    @property
    def by_label(self) -> bool:
        """Whether the generator takes a label."""
        return self.conditional


@dataclass(frozen=True, kw_only=True)
class InformedSettings(UnconditionalSettings):
    """The numbers of a recipe that finds classes and directions of its own: a code that the picture must show."""

    categories: int = number(10, "values of the categorical code; 0 for none", 0, 1000)
    continuous: int = number(0, "continuous codes, each even over -1..1", 0, 100)
    information_weight: float = number(1.0, "weight of what the picture must show of the code", 0.0, 100.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.categories == 1:
            raise TrainingError("categories is 1, and one category says nothing: give 0, or 2 and more")
        if self.categories == self.continuous == 0:
            raise TrainingError("categories and continuous are both 0, and without a code there is nothing to find: give one")

    @property
    def codes(self) -> tuple[str, ...]:
        """``continuous-0`` and so on."""
        return tuple(f"continuous-{index}" for index in range(self.continuous))

    def classes(self, labels: tuple[str, ...]) -> tuple[str, ...]:  # noqa: ARG002
        """``code-0`` and so on, whatever the data's labels are."""
        return tuple(f"code-{index}" for index in range(self.categories))


@dataclass(frozen=True, kw_only=True)
class SemiSupervisedSettings(UnconditionalSettings):
    """The numbers of a recipe whose discriminator learns classes from a few labels, and reality from all pictures."""

    class_weight: float = number(1.0, "weight of the cross-entropy of labelled pictures", 0.0, 100.0)
    adversarial_weight: float = number(0.0, "weight in the generator's loss of being taken for real", 0.0, 100.0)
    classifier_decay: float = number(0.99, "decay of the averaged classifier; 0 keeps no average", 0.0, 0.99999)

    @property
    def taught_decay(self) -> float:
        """``classifier_decay``."""
        return self.classifier_decay

    def taught(self, labels: tuple[str, ...]) -> tuple[str, ...]:
        """The data's classes."""
        return labels


class EitherTargetSettings(EitherSettings, TargetSettings):
    """The numbers of a recipe with targets that works with labels and without."""


@dataclass(frozen=True, kw_only=True)
class CriticSettings(EitherSettings):
    """The numbers of a recipe whose critic learns more often than its generator."""

    discriminator_steps: int = number(5, "updates of the critic for each of the generator", 1, 100)


@dataclass(frozen=True, kw_only=True)
class ClippedCriticSettings(CriticSettings):
    """The numbers of a recipe whose critic's weights are clipped."""

    clip: float = number(0.01, "bound of the critic's weights", 1e-6, 10.0)


@dataclass(frozen=True, kw_only=True)
class PenalisedCriticSettings(CriticSettings):
    """The numbers of a recipe whose critic's gradient is held to norm 1."""

    penalty_weight: float = number(10.0, "weight of the gradient penalty", 0.0, 1e4)


@dataclass(frozen=True, kw_only=True)
class TurnsSettings(GameSettings, LabelSettings):
    """The numbers of a recipe whose discriminator may learn more often than its generator."""

    discriminator_steps: int = number(1, "updates of the discriminator for each of the generator", 1, 100)
    orthogonal_weight: float = number(0.0, "weight of the generator's orthogonal regularisation", 0.0, 100.0)


@dataclass(frozen=True, kw_only=True)
class TargetTurnsSettings(TurnsSettings, TargetSettings):
    """The numbers of a recipe with targets whose discriminator may learn more often than its generator."""


@dataclass(frozen=True, kw_only=True)
class RelativisticSettings(LabelSettings):
    """The numbers of a recipe with gradient penalties on reals and on fakes."""

    gamma: float = number(0.5, "weight of the squared gradients on reals and on fakes", 0.0, 1e4)


@dataclass(frozen=True, kw_only=True)
class ClassHeadSettings(GameSettings, LabelSettings):
    """The numbers of a recipe whose discriminator also names the class."""

    class_weight: float = number(0.1, "weight of the class head's cross-entropy", 0.0, 100.0)


@dataclass(frozen=True, kw_only=True)
class TileableSettings(ClassHeadSettings):
    """The numbers of a recipe with a class head whose pictures may repeat without a seam."""

    tileable: bool = field(
        default=False,
        metadata={"about": "true or false: whether pictures repeat without a seam; not all sizes can be"},
    )

    @property
    def repeats(self) -> bool:
        """``tileable``."""
        return self.tileable


_Settings = TypeVar("_Settings", bound=CommonSettings)


def changed(settings: _Settings, changes: Mapping[str, Any]) -> _Settings:
    """``settings`` with some values replaced; texts are read as numbers.

    Raises TrainingError for a name that these settings do not have, with the nearest one that they have.
    """
    names = [one.name for one in fields(settings)]
    for name in changes:
        if name not in names:
            near = difflib.get_close_matches(name, names, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"it has: {', '.join(names)}."
            raise TrainingError(f"this preset has no setting {name!r}; {hint}")
    return dataclasses.replace(settings, **changes)


def least_batch(settings: CommonSettings) -> int:
    """The smallest batch that a recipe with these settings takes."""
    return next(int(one.metadata["low"]) for one in fields(settings) if one.name == "batch_size")


def parse(assignments: tuple[str, ...] | list[str]) -> dict[str, str]:
    """``["key=value", ...]`` as a mapping. Raises TrainingError for a text without ``=`` and for a key given twice."""
    out: dict[str, str] = {}
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        if not equals:
            raise TrainingError(f"{assignment!r} is not a setting: write it as key=value")
        if name.strip() in out:
            raise TrainingError(f"the setting {name.strip()!r} is given twice; give it once")
        out[name.strip()] = value.strip()
    return out


def describe(settings: CommonSettings) -> list[dict[str, Any]]:
    """Name, value, range and meaning of every setting, for people and for ``cganx presets --json``."""
    return [
        {"name": one.name, "value": getattr(settings, one.name)}
        | {key: one.metadata[key] for key in ("low", "high", "about") if key in one.metadata}
        for one in fields(settings)
    ]


def _checked(one: dataclasses.Field[Any], value: Any) -> bool | int | float:
    if one.type in ("bool", bool):
        return _truth(one.name, value)
    whole = one.type in ("int", int)
    kind = "a whole number" if whole else "a number"
    low, high = one.metadata["low"], one.metadata["high"]
    try:
        if isinstance(value, bool) or not isinstance(value, (int, float, str)):
            raise ValueError
        number: int | float = int(value) if whole else float(value)
        if whole and not isinstance(value, str) and number != value:
            raise ValueError
        if not math.isfinite(number):
            raise ValueError
    except (ValueError, OverflowError):
        raise TrainingError(f"{one.name} is {value!r}, not {kind}: give one from {low:g} to {high:g}") from None
    if not low <= number <= high:
        raise TrainingError(f"{one.name} is {value}, out of range: give {kind} from {low:g} to {high:g}")
    return number


def _truth(name: str, value: Any) -> bool:
    known = {"true": True, "false": False}
    if isinstance(value, str) and value.lower() in known:
        return known[value.lower()]
    if isinstance(value, bool):
        return value
    raise TrainingError(f"{name} is {value!r}: give true or false")
