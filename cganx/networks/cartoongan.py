"""The book's CartoonGAN (after Chen et al. 2018): a U-Net that is shown a style picture's feature map.

After Chaudhary, The GAN Book (2024), skill 9. There every call brings a style picture and VGG19's map of it; here the maps
of named styles lie in the network, and the label chooses or blends them. The small variant is a
:class:`~cganx.networks.resnet_translation.ResNetGenerator` whose batch norms hold the styles.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from cganx.networks.translation import TranslationShape
from cganx.networks.unet import FACES, UNetGenerator, UNetPlan

__all__ = ["EFFLITE0", "VGG19", "StyledUNetGenerator"]

VGG19 = replace(FACES, style=512)  # the book's: 42,882,051
EFFLITE0 = replace(FACES, style=40)  # with EfficientNet-Lite0's map at the same place
STYLE_LEVEL = 8  # the map is this many times smaller than the picture


class StyledUNetGenerator(UNetGenerator):
    """Source [n, c, h, w] and label weights [n, styles] -> image [n, C, h, w], all in -1..1, at the shape's size alone.

    ``styles`` [styles, plan.style, h / 8, w / 8] are the stored maps, zeros until :meth:`store`. Instance norm makes the
    result depend on the whole picture.
    """

    open_size = False
    styles: Tensor

    def __init__(self, plan: UNetPlan, shape: TranslationShape, classes: int) -> None:
        assert classes > 0
        super().__init__(plan, shape, 0)
        self.classes = classes
        sides = (shape.source.height // STYLE_LEVEL, shape.source.width // STYLE_LEVEL)
        self.register_buffer("styles", torch.zeros(classes, plan.style, *sides))

    @torch.no_grad()
    def store(self, maps: Tensor) -> None:
        """Keep the feature maps [styles, plan.style, h / 8, w / 8] of the named styles."""
        assert maps.shape == self.styles.shape
        self.styles.copy_(maps)

    def forward(self, source: Tensor, label: Tensor | None = None) -> Tensor:
        """Images in the styles that the label weighs."""
        assert label is not None
        maps = label @ self.styles.flatten(1)
        return self.made(source, style=maps.view(-1, *self.styles.shape[1:])).tanh()

    def styled(self, source: Tensor, maps: Tensor) -> Tensor:
        """Images in the styles of feature maps [n, plan.style, h / 8, w / 8], as in training with pictures of a style."""
        return self.made(source, style=maps).tanh()
