"""Small torch modules with the habits of other makers' generators."""

from __future__ import annotations

import warnings

import torch
from torch import Tensor, nn
from torch.nn import functional as F

CLASSES = 4


def _plane(values: Tensor, size: int = 8) -> Tensor:
    return values[..., None, None].expand(-1, -1, size, size)


class Numbered(nn.Module):
    """Latent [n, 6, 1, 1] and class number -> [n, 8, 8, 3] in 0..255; old hooks, batch norm, dropout, noise in every way."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            self.first = nn.utils.weight_norm(nn.Linear(6, 6))
        self.rows = nn.Embedding(CLASSES + 1, 6)
        self.bounded_rows = nn.utils.spectral_norm(nn.Embedding(CLASSES, 6))
        self.table = nn.Parameter(torch.randn(CLASSES, 6))
        self.norm, self.drop = nn.BatchNorm2d(6), nn.Dropout(0.5)
        self.norm.running_mean.normal_()
        self.to_image = nn.utils.spectral_norm(nn.Conv2d(6, 3, 3, padding=1))
        self.strengths = nn.Parameter(torch.full((5,), 0.2))

    def noise(self, x: Tensor) -> Tensor:
        n, _, h, w = x.shape
        draws = (
            torch.randn(n, 1, h, w),
            torch.rand_like(x),
            x.new_empty(n, 1, h, w).normal_(0, 2),
            torch.normal(x, 0.5),
            torch.empty(n, 1, h, w).uniform_(-1, 1),
        )
        return sum(strength * draw for strength, draw in zip(self.strengths, draws, strict=True))

    def forward(self, latent: Tensor, label: Tensor) -> Tensor:
        one_hot = F.one_hot(label, CLASSES).float()
        label = label.long()
        style = self.rows(label) + self.bounded_rows(label[:, None])[:, 0] + self.table[label] + one_hot.sum(1, keepdim=True)
        x = _plane(self.first(latent[:, :, 0, 0]) + style)
        x = self.drop(self.norm(x + self.noise(x)))
        return 255 * torch.sigmoid(self.to_image(x)).permute(0, 2, 3, 1)


class Modulated(nn.Module):
    """StyleGAN2's modulation with the batch in the groups of a convolution and of a transposed one; a truncation."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.start = nn.Parameter(torch.randn(1, 4, 4, 4))
        self.style = nn.Linear(6, 4)
        self.up = nn.Parameter(torch.randn(4, 4, 3, 3))
        self.to_image = nn.Parameter(torch.randn(1, 4, 3, 3) / 4)

    def forward(self, latent: Tensor, truncation: Tensor) -> Tensor:
        style = self.style(latent * truncation)
        n = style.shape[0]
        weights = (self.up * style[:, :, None, None, None]).reshape(4 * n, 4, 3, 3)
        x = F.conv_transpose2d(self.start.expand(n, -1, -1, -1).reshape(1, -1, 4, 4), weights, stride=2, groups=n)
        weights = (self.to_image * style[:, None, :, None, None]).reshape(n, 4, 3, 3)
        x = F.conv2d(x, weights, padding=1, groups=n).reshape(n, 1, 9, 9)
        return torch.tanh(x[:, :, :8, :8])


class Ordinal(nn.Module):
    """Takes the class number as a quantity."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Linear(7, 64)

    def forward(self, latent: Tensor, label: Tensor) -> Tensor:
        if label.is_floating_point():
            raise TypeError("class numbers are whole")
        return torch.tanh(self.first(torch.cat([latent, label.float()[:, None]], 1))).reshape(-1, 1, 8, 8)


class Drawing(nn.Module):
    """Unconditional; ``draw`` says how its noise is drawn."""

    def __init__(self, draw: str) -> None:
        super().__init__()
        self.first, self.layer = nn.Linear(6, 64), _Layer(draw)

    def forward(self, latent: Tensor) -> Tensor:
        return self.layer(torch.tanh(self.first(latent)).reshape(-1, 1, 8, 8))


class _Layer(nn.Module):
    def __init__(self, draw: str) -> None:
        super().__init__()
        self.draw = {
            "randint": lambda x: x * torch.randint(0, 2, (x.shape[0], 1, 8, 8)),
            "plane": lambda x: x * torch.randn(8, 8),
            "dropout": lambda x: F.dropout(x),
            "branch": lambda x: x if x.sum() > 0 else -x,
            "many": lambda x: x if x.shape[0] < 50 else -x,
            "many alike": lambda x: x if x.shape[0] < 50 else x.contiguous(),
        }[draw]

    def forward(self, x: Tensor) -> Tensor:
        return self.draw(x)


class OwnStatistics(nn.Module):
    """Its batch norm keeps no statistics."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm = nn.Linear(6, 64), nn.BatchNorm1d(64, track_running_stats=False)

    def forward(self, latent: Tensor) -> Tensor:
        return torch.tanh(self.norm(self.first(latent))).reshape(-1, 1, 8, 8)


class NeverFilled(OwnStatistics):
    """Its second layer's weights are not numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(64)
        nn.init.constant_(self.norm.weight, float("nan"))
