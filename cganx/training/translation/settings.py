"""What a run of an image-to-image preset may be told with ``--set``."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from cganx.errors import TrainingError
from cganx.training.settings import CommonSettings, number

__all__ = [
    "CycleSettings",
    "FillingSettings",
    "FreePairSettings",
    "PairSettings",
    "SmallCycleSettings",
    "SmallPairSettings",
    "StyleSettings",
    "TranslationSettings",
]


def _truth(default: bool, about: str) -> Any:
    return field(default=default, metadata={"about": f"true or false: {about}"})


@dataclass(frozen=True, kw_only=True)
class TranslationSettings(CommonSettings):
    """The numbers of a recipe that makes pictures from pictures."""

    batch_size: int = number(1, "source pictures a step", 1, 4096)
    crop_from: float = number(
        1.125, "pictures are packed so many times as large as they are trained on, and cut at random", 1.0, 8.0
    )
    mirror: bool = _truth(True, "whether half of the pictures are mirrored, source and target alike; not for letters")
    turns: bool = _truth(False, "whether pictures are turned by a multiple of 90 degrees; for textures")
    adversarial_weight: float = number(1.0, "weight in the generator's loss of being taken for real", 0.0, 1e4)
    content_weight: float = number(
        0.0, "weight of the distance in a feature network's maps, which needs efficientnet-lite0", 0.0, 1e4
    )
    pretrain_steps: int = number(
        0, "steps in which the generator learns by the other losses alone, without a discriminator", 0, 10**9
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.compares and (self.pretrain_steps or not self.adversarial_weight):
            weights = " or ".join(one.name for one in fields(self) if one.name.endswith("_weight"))
            raise TrainingError(f"nothing tells the generator what to make: give {weights}, or leave pretrain_steps out")

    @property
    def compares(self) -> bool:
        """Whether a loss compares pictures, beside the game."""
        others = (one.name for one in fields(self) if one.name.endswith("_weight") and one.name != "adversarial_weight")
        return any(getattr(self, name) > 0 for name in others)

    @property
    def by_label(self) -> bool:
        """A style is no label of the sources."""
        return False

    def classes(self, labels: tuple[str, ...]) -> tuple[str, ...]:
        """The styles."""
        return labels


@dataclass(frozen=True, kw_only=True)
class PairSettings(TranslationSettings):
    """The numbers of a recipe that learns from pairs."""

    l1_weight: float = number(0.0, "weight of the mean absolute difference from the target", 0.0, 1e4)
    l2_weight: float = number(0.0, "weight of the mean squared difference from the target", 0.0, 1e4)


@dataclass(frozen=True, kw_only=True)
class FreePairSettings(PairSettings):
    """The numbers of a recipe that learns from pairs whose source is no part of the target."""

    source_jitter: float = number(
        0.0,
        "the source alone in other brightness and contrast, by up to 2 to this power, where light is not what counts",
        0.0,
        2.0,
    )


@dataclass(frozen=True, kw_only=True)
class SmallPairSettings(FreePairSettings):
    """The numbers of a recipe from pairs whose network can begin at the source."""

    from_source: bool = _truth(
        False,
        "whether what is made changes the source, which it then begins at: a grey one, or one of as many channels",
    )


@dataclass(frozen=True, kw_only=True)
class FillingSettings(PairSettings):
    """The numbers of a recipe that fills holes."""

    hole: int = number(16, "side of a square hole in pixels; 0 makes none", 0, 256)
    free_form: bool = _truth(True, "whether half of the holes are strokes of any form, where there are square ones too")


@dataclass(frozen=True, kw_only=True)
class CycleSettings(TranslationSettings):
    """The numbers of a recipe that learns from two heaps of pictures, there and back."""

    cycle_weight: float = number(10.0, "weight of the mean absolute difference after going there and back", 0.0, 1e4)
    identity_weight: float = number(0.0, "weight of what a picture of the target's kind is changed by", 0.0, 1e4)
    pool: int = number(50, "made pictures that are kept to be shown to the discriminators again; 0 keeps none", 0, 10_000)


@dataclass(frozen=True, kw_only=True)
class SmallCycleSettings(CycleSettings):
    """The numbers of a recipe whose networks can begin at the source."""

    from_source: bool = _truth(
        True, "whether what is made changes the source, which it then begins at; not where little of it shall stay"
    )


@dataclass(frozen=True, kw_only=True)
class StyleSettings(TranslationSettings):
    """The numbers of a recipe that draws photographs in a style."""

    style_weight: float = number(
        0.0, "weight of the distance from a picture of the style in a feature network's maps", 0.0, 1e4
    )
    l1_weight: float = number(0.0, "weight of the mean absolute difference from the source", 0.0, 1e4)
    smoothed_edges: bool = _truth(True, "whether the discriminator is shown drawings without sharp edges as fakes")
