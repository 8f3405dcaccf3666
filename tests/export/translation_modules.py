"""Small image-to-image modules that exports are tried on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cganx.card import GeneratorCard, Image, Source

STYLES = ("ink", "wash", "chalk")
WIDTH = 8


def card(module: nn.Module, side: int | None = None, nominal: int = 16, **changes: Any) -> GeneratorCard:
    """The card of one of these modules: open, or of that fixed side."""
    scale: int = getattr(module, "scale", 1)
    nominal = side or nominal
    given: dict[str, Any] = {
        "name": "small",
        "kind": "image-to-image",
        "classes": STYLES if isinstance(module, Styled) else (),
        "image": Image(height=nominal * scale, width=nominal * scale, channels=3),
        "source": Source(channels=1, height=side, width=side, multiple=module.multiple, scale=scale),
    }
    return GeneratorCard(**(given | changes))


def filled(make: Callable[[], nn.Module]) -> nn.Module:
    """The module with weights and running statistics of one seed."""
    torch.manual_seed(0)
    made = make()
    for part in made.modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.uniform_(part.running_mean, -0.5, 0.5)
            nn.init.uniform_(part.running_var, 0.5, 2)
    return made


class UNet(nn.Module):
    """Two halvings, and what they made beside what the doublings make; batch norm, dropout that eval mode switches off."""

    multiple = 4

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, WIDTH, 4, 2, 1)
        self.second = nn.Conv2d(WIDTH, WIDTH, 4, 2, 1)
        self.back = nn.ConvTranspose2d(WIDTH, WIDTH, 4, 2, 1)
        self.norms = nn.ModuleList(nn.BatchNorm2d(WIDTH) for _ in range(2))
        self.last = nn.ConvTranspose2d(2 * WIDTH, 3, 4, 2, 1)
        self.drop = nn.Dropout()

    def inner(self, x: Tensor) -> Tensor:
        return self.drop(F.relu(self.norms[1](self.back(x))))

    def forward(self, source: Tensor) -> Tensor:
        half = F.leaky_relu(self.first(source), 0.2)
        quarter = F.relu(self.norms[0](self.second(half)))
        return torch.tanh(self.last(torch.cat([self.inner(quarter), half], 1)))


class Drawing(UNet):
    """Drops half of its inner values by noise of its own."""

    def inner(self, x: Tensor) -> Tensor:
        made = super().inner(x)
        return made * (torch.rand_like(made) > 0.5) * 2


class Residual(nn.Module):
    """Mirrored edges, instance norm, nearest upsampling."""

    multiple = 2

    def __init__(self, norm: type[nn.Module] = nn.InstanceNorm2d) -> None:
        super().__init__()
        self.down = nn.Sequential(nn.Conv2d(1, WIDTH, 3, 2, 1), norm(WIDTH), nn.ReLU())
        self.block = nn.Sequential(nn.ReflectionPad2d(1), nn.Conv2d(WIDTH, WIDTH, 3), norm(WIDTH), nn.ReLU())
        self.up = nn.Sequential(
            nn.Upsample(scale_factor=2), nn.Conv2d(WIDTH, WIDTH, 3, padding=1), nn.ReLU(), nn.ReflectionPad2d(3)
        )
        self.last = nn.Conv2d(WIDTH, 3, 7)

    def forward(self, source: Tensor) -> Tensor:
        x = self.down(source)
        return torch.tanh(self.last(self.up(x + self.block(x))))


class Enlarging(nn.Module):
    """Four times as large, by pixel shuffles."""

    multiple, scale = 1, 4

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(1, WIDTH, 5, padding=2), nn.PReLU(WIDTH))
        steps = [(nn.Conv2d(WIDTH, 4 * WIDTH, 3, padding=1), nn.PixelShuffle(2), nn.PReLU()) for _ in range(2)]
        self.up = nn.Sequential(*(layer for step in steps for layer in step))
        self.last = nn.Conv2d(WIDTH, 3, 3, padding=1)

    def forward(self, source: Tensor) -> Tensor:
        return torch.tanh(self.last(self.up(self.first(source))))


class Filling(nn.Module):
    """Makes what the mask says, and keeps the rest of its source."""

    multiple, takes_mask = 2, True

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Conv2d(2, WIDTH, 4, 2, 1)
        self.up = nn.ConvTranspose2d(WIDTH, 3, 4, 2, 1)

    def forward(self, source: Tensor, mask: Tensor) -> Tensor:
        made = torch.tanh(self.up(F.elu(self.down(torch.cat([source * (1 - mask), mask], 1)))))
        return source * (1 - mask) + made * mask


class Styled(nn.Module):
    """A plane of its style beside the source, and gains by style."""

    multiple = 1

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1 + len(STYLES), WIDTH, 3, padding=1)
        self.gains = nn.Linear(len(STYLES), WIDTH, bias=False)
        self.last = nn.Conv2d(WIDTH, 3, 3, padding=1)

    def forward(self, source: Tensor, label: Tensor) -> Tensor:
        planes = label[:, :, None, None].expand(-1, -1, source.shape[2], source.shape[3])
        x = self.first(torch.cat([source, planes], 1)) * (1 + self.gains(label))[:, :, None, None]
        return torch.tanh(self.last(F.relu(x)))


class StyledByNumber(Styled):
    """Takes a style's number, and looks its gains up."""

    def __init__(self) -> None:
        super().__init__()
        self.rows = nn.Embedding(len(STYLES), WIDTH)

    def forward(self, source: Tensor, label: Tensor) -> Tensor:
        x = F.conv2d(source, self.first.weight[:, :1], self.first.bias, padding=1)
        return torch.tanh(self.last(F.relu(x * (1 + self.rows(label))[:, :, None, None])))


class OneSize(UNet):
    """Right at 16 x 16 alone."""

    def forward(self, source: Tensor) -> Tensor:
        return super().forward(source).reshape(-1, 3, 16, 16)


class BySize(UNet):
    """Another function below 16 rows."""

    def forward(self, source: Tensor) -> Tensor:
        made = super().forward(source)
        return made if source.shape[2] >= 16 else made * 0.5


class Flattened(UNet):
    """Pictures as rows of numbers 0..255, channels last."""

    def forward(self, source: Tensor) -> Tensor:
        made = super().forward(source.permute(0, 3, 1, 2) / 127.5 - 1)
        return ((made + 1) * 127.5).permute(0, 2, 3, 1)
