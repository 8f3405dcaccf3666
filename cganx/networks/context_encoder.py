"""Context encoders (Pathak et al. 2016): what lies in a hole, made from what lies around it.

The book's networks (Chaudhary, The GAN Book (2024), skill 9) make the 16 x 16 piece for one square hole; the original had to
find the hole by its grey, here a mask says where it is. The small variant fills holes of any form.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cganx.networks.dropout import Dropout
from cganx.networks.keras import batch_norm2d, keras_init, leaky_relu
from cganx.networks.layers import Judgement
from cganx.networks.translation import TranslationShape, convolution, doubling
from cganx.networks.unet import UNetGenerator, UNetPlan

__all__ = ["HOLE", "CompletingGenerator", "HoleDiscriminator", "HoleGenerator", "cut_hole"]

HOLE = 16


def _places(line: Tensor) -> Tensor:
    """Of a line [n, side] with up to 16 ones in a row: [n, side, 16], which is 1 where the side's place is the hole's one."""
    side = line.shape[1]
    rank = line @ torch.ones(side, side, device=line.device, dtype=line.dtype).triu()  # 1 at the hole's first place
    wanted = torch.arange(1, HOLE + 1, device=line.device, dtype=line.dtype)
    return line[:, :, None] * F.relu(1 - (rank[:, :, None] - wanted).abs())


def _rows_and_columns(mask: Tensor) -> tuple[Tensor, Tensor]:
    """[n, 1, h, 16] and [n, 1, w, 16] of a mask [n, 1, h, w] with one square hole."""
    return _places(mask.amax(dim=(1, 3)))[:, None], _places(mask.amax(dim=(1, 2)))[:, None]


def cut_hole(image: Tensor, mask: Tensor) -> Tensor:
    """The piece [n, c, 16, 16] of the image [n, c, h, w] that lies in the mask's [n, 1, h, w] one square hole of 16 pixels."""
    rows, columns = _rows_and_columns(mask)
    return rows.transpose(2, 3) @ image @ columns


class HoleGenerator(nn.Module):
    """Source [n, c, 64, 64] in -1..1 and mask [n, 1, 64, 64] with one hole of 16 x 16 -> image [n, c, 64, 64]; 826,435.

    What the source has in the hole is not looked at, and its middle grey put there, as in the book. Its 1 x 1 convolution of
    stride 2, which sees every fourth place alone, is the book's too.
    """

    takes_mask = True
    open_size = False
    multiple = 64
    context = None

    def __init__(self, shape: TranslationShape, classes: int) -> None:
        super().__init__()
        assert classes == 0
        assert (shape.source.height, shape.source.width) == (64, 64)
        self.shape, self.classes = shape, classes
        self.layers = nn.Sequential(
            *(*convolution(shape.source.channels, 32, 3, 2), leaky_relu(), batch_norm2d(32)),
            *(*convolution(32, 64, 3, 2), leaky_relu(), batch_norm2d(64)),
            *(*convolution(64, 128, 3, 2), leaky_relu(), batch_norm2d(128)),
            *(*convolution(128, 512, 1, 2), leaky_relu(), Dropout(0.5)),
            *(*doubling(512, 128, 3), nn.ReLU(), batch_norm2d(128)),
            *(*doubling(128, 64, 3), nn.ReLU(), batch_norm2d(64)),
            *(*convolution(64, shape.target.channels, 3), nn.Tanh()),
        )
        keras_init(self)

    def piece(self, source: Tensor, mask: Tensor) -> Tensor:
        """What the network makes for the hole: [n, c, 16, 16] in -1..1."""
        made: Tensor = self.layers(source * (1 - mask))
        return made

    def forward(self, source: Tensor, mask: Tensor) -> Tensor:
        """The source with the piece in its hole."""
        rows, columns = _rows_and_columns(mask)
        return source * (1 - mask) + rows @ self.piece(source, mask) @ columns.transpose(2, 3)


class HoleDiscriminator(nn.Module):
    """The piece [n, c, 16, 16] of a hole (:func:`cut_hole`) -> `Judgement`, a score [n, 1] alone; 376,705."""

    def __init__(self, shape: TranslationShape, classes: int) -> None:
        super().__init__()
        assert classes == 0
        self.layers = nn.Sequential(
            *(*convolution(shape.target.channels, 64, 3, 2), leaky_relu(), batch_norm2d(64)),
            *(*convolution(64, 128, 3, 2), leaky_relu(), batch_norm2d(128)),
            *(*convolution(128, 256, 3), leaky_relu(), batch_norm2d(256)),
            *(nn.Flatten(), nn.Linear(256 * 4 * 4, 1)),
        )
        keras_init(self)

    def forward(self, image: Tensor, source: Tensor | None = None, label: Tensor | None = None) -> Judgement:  # noqa: ARG002
        """How real the pieces are; of whole images [n, c, 64, 64] with the mask [n, 1, 64, 64] as ``source``, their holes."""
        return Judgement(self.layers(image if source is None else cut_hole(image, source)))


class CompletingGenerator(nn.Module):
    """Source [n, c, h, w] in -1..1 and mask [n, 1, h, w], 1 in holes of any form -> image [n, c, h, w] in -1..1.

    The network is a U-Net that sees the source without its holes, and the mask. Where the mask is 0 the image is the source.
    """

    takes_mask = True
    open_size = True

    def __init__(self, plan: UNetPlan, shape: TranslationShape, classes: int) -> None:
        super().__init__()
        assert shape.source == shape.target
        self.network = UNetGenerator(plan, shape, classes, planes=1)
        self.shape, self.classes = shape, classes
        self.multiple, self.context = self.network.multiple, self.network.context

    def forward(self, source: Tensor, mask: Tensor, label: Tensor | None = None) -> Tensor:
        """The source with its holes filled."""
        known = source * (1 - mask)
        made: Tensor = self.network(torch.cat([known, mask], dim=1), label)
        return known + made * mask
