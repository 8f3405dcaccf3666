"""EfficientNet-Lite0's feature maps of pictures, for losses: what VGG19's are in the papers."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from cganx.objectives.reconstruction import perceptual_distance

__all__ = ["CHANNELS", "STAGES", "FeatureMaps"]

STAGES = (2, 4, 8, 16, 32)
"""How many times smaller than the picture the maps are."""
CHANNELS = {2: 16, 4: 24, 8: 40, 16: 112, 32: 320}
_LAST_BLOCKS = {2: 0, 4: 2, 8: 4, 16: 10, 32: 15}


class FeatureMaps(nn.Module):
    """Pictures [n, 1 or 3, h, w] in -1..1 -> a map [n, CHANNELS[stage], h / stage, w / stage] for each of ``stages``.

    The weights are those of ImageNet and fixed: always in eval mode, without gradients of their own; gradients flow to the
    pictures. Raises BackendMissing with the pip line where the two packages are not installed.
    """

    def __init__(self, stages: Sequence[int] = STAGES) -> None:
        from cganx.evaluation.backbones.efflite0 import network

        super().__init__()
        loaded, _ = network()
        self.stages = tuple(stages)
        last = _LAST_BLOCKS[max(stages)]
        self.stem = nn.Sequential(loaded._conv_stem, loaded._bn0, nn.ReLU6())
        self.blocks = nn.ModuleList(list(loaded._blocks)[: last + 1])
        self.requires_grad_(False).train(False)

    def train(self, mode: bool = True) -> FeatureMaps:  # noqa: ARG002
        """It stays in eval mode."""
        super().train(False)
        return self

    def forward(self, image: Tensor) -> list[Tensor]:
        """The maps, largest first."""
        wanted = {_LAST_BLOCKS[stage] for stage in self.stages}
        levels = (image.expand(-1, 3, -1, -1) + 1) * 127.5
        x = self.stem((levels - 127) / 128)
        maps: list[Tensor] = []
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index in wanted:
                maps.append(x)
        return maps

    def at(self, image: Tensor) -> Tensor:
        """The smallest of the maps alone."""
        maps: list[Tensor] = self(image)
        return maps[-1]

    def distance(self, image: Tensor, other: Tensor) -> Tensor:
        """Distances [n] of pictures that look alike or not, over all ``stages``: see :func:`perceptual_distance`."""
        return perceptual_distance(self(image), self(other))
