"""What a preset for image-to-image is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

import torch
from torch import Tensor, nn

from cganx.data import Kind, Labels, TranslationPictures
from cganx.data.normal_maps import are_normals
from cganx.networks.translation import TranslationShape
from cganx.objectives import FeatureMaps, perceptual_distance
from cganx.training.health import TRANSLATION_RULES, Rules
from cganx.training.preset import Looks, Preset
from cganx.training.sampling import Order, Share
from cganx.training.translation.feed import Cutting, PictureMemory, Translations, TwoHeaps
from cganx.training.translation.holes import Holes
from cganx.training.translation.settings import (
    FillingSettings,
    FreePairSettings,
    SmallCycleSettings,
    SmallPairSettings,
    TranslationSettings,
)

if TYPE_CHECKING:
    from cganx.training.run import RunConfig

__all__ = ["TranslationPreset"]

_Settings = TypeVar("_Settings", bound=TranslationSettings)


@dataclass(frozen=True)
class MapLosses:
    """What losses take of a network's maps."""

    network: FeatureMaps

    def content(self, made: Tensor, wanted: Tensor) -> Tensor:
        """The mean distance of pictures that should show the same."""
        with torch.no_grad():
            maps = self.network(wanted)
        return perceptual_distance(self.network(made), maps).mean()

    @torch.no_grad()
    def maps(self, image: Tensor) -> Tensor:
        """The coarsest maps."""
        return self.network.at(image)


@dataclass(frozen=True, kw_only=True)
class TranslationPreset(Preset[_Settings], Generic[_Settings]):
    """A recipe for a generator that makes pictures from pictures.

    ``generator`` and ``discriminator`` take a `TranslationShape` and the number of styles. ``size`` is the side of a target
    in pixels where nobody asks for another, ``multiple`` what divides those of a source, ``paired`` whether it learns from
    pairs, ``tasks`` which of them it is for alone, ``scale`` how many times larger a target is, ``styles`` whether it takes
    a label of the target's style; ``generator_label`` and ``discriminator_label`` say how that enters.
    ``maps`` are the stages of EfficientNet-Lite0 in which content is compared, by how many times smaller they are.
    """

    generator: Callable[[TranslationShape, int], nn.Module]  # type: ignore[assignment]
    discriminator: Callable[[TranslationShape, int], nn.Module]  # type: ignore[assignment]
    size: int
    multiple: int
    paired: bool
    tasks: tuple[str, ...] = ()
    scale: int = 1
    styles: bool = False
    maps: tuple[int, ...] = (2, 4, 8, 16)

    def of_kind(self, kind: Kind) -> TranslationPreset[_Settings]:
        """The recipe with the generator that its settings ask for."""
        preset = cast("TranslationPreset[_Settings]", super().of_kind(kind))
        if isinstance(self.settings, (SmallCycleSettings, SmallPairSettings)):
            build: Callable[..., nn.Module] = self.generator
            preset = replace(preset, generator=partial(build, from_source=self.settings.from_source))
        return preset

    def order(self, config: RunConfig, labels: Labels) -> Order:  # noqa: ARG002
        """Which pictures come next."""
        return TwoHeaps(config.sources, config.pictures, config.seed, paired=config.paired)

    def fakes(self, config: RunConfig, labels: Labels, generator: nn.Module, device: torch.device, share: Share) -> Any:  # noqa: ARG002
        """What a step draws beside real pictures: here, what it remembers."""
        return PictureMemory(config.seed, share)

    def cutting(self, config: RunConfig, part: TranslationPictures) -> Cutting:
        """What is done with these pictures of a run."""
        source, scale = config.translation.source, config.translation.scale
        settings: Any = self.settings
        jitter = settings.source_jitter if isinstance(settings, FreePairSettings) else 0.0
        normals = are_normals(part.source), are_normals(part.target)
        return Cutting((source.height, source.width), scale, settings.mirror, settings.turns, jitter, normals)

    @property
    def holes(self) -> Holes | None:
        """How holes are drawn, where the recipe fills any."""
        settings: Any = self.settings
        return Holes(settings.hole, settings.free_form) if isinstance(settings, FillingSettings) else None

    def pictures(self, config: RunConfig, part: TranslationPictures, device: torch.device) -> Translations:
        """What serves these pictures."""
        styles = len(config.classes)
        cutting = self.cutting(config, part)
        return Translations(part, cutting, styles, self.holes, device, self.layout, paired=config.paired)

    def looks(self, device: torch.device) -> Looks | None:
        """EfficientNet-Lite0, where a loss weighs what it sees. BackendMissing without it."""
        settings: Any = self.settings
        if settings.content_weight == 0 and getattr(settings, "style_weight", 0) == 0:
            return None
        return MapLosses(FeatureMaps(self.maps).to(device))

    @property
    def rules(self) -> Rules:
        """What the health monitor watches for."""
        return TRANSLATION_RULES
