"""Small torch modules that exports are tried on."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

LATENT, CLASSES = 6, 3


class Small(nn.Module):
    """Linear, transposed convolution, convolution, tanh: 8 x 12 pixels."""

    def __init__(self, channels: int = 1, classes: int = CLASSES, last: nn.Module | None = None) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Linear(LATENT + classes, 8 * 4 * 6)
        self.up = nn.ConvTranspose2d(8, 8, 4, 2, 1)
        self.to_image = nn.Conv2d(8, channels, 3, padding=1)
        self.last = last or nn.Tanh()

    def features(self, inputs: Tensor) -> Tensor:
        return F.leaky_relu(self.up(F.relu(self.first(inputs)).unflatten(1, (8, 4, 6))), 0.2)

    def forward(self, latent: Tensor, label: Tensor) -> Tensor:
        return self.last(self.to_image(self.features(torch.cat([latent, label], 1))))


class Wide(Small):
    """With convolutions between many channels, as integers are made for."""

    def __init__(self, inputs: int = CLASSES) -> None:
        super().__init__(classes=inputs)
        self.widen = nn.Conv2d(8, 16, 3, padding=1)
        self.narrow = nn.Conv2d(16, 8, 3, padding=1)
        self.to_image.weight.data *= 8  # pictures with black and white in them

    def picture(self, *inputs: Tensor) -> Tensor:
        x = F.relu(self.widen(self.features(torch.cat(inputs, 1))))
        return self.last(self.to_image(F.relu(self.narrow(x))))

    def forward(self, latent: Tensor, label: Tensor) -> Tensor:
        return self.picture(latent, label)


class WideUnconditional(Wide):
    def __init__(self) -> None:
        super().__init__(0)

    def forward(self, latent: Tensor) -> Tensor:  # type: ignore[override]
        return self.picture(latent)


class WideNoisy(Wide):
    """Draws noise of its own beside its latent."""

    def forward(self, latent: Tensor, label: Tensor) -> Tensor:
        return self.picture(latent + 0.1 * torch.randn(latent.shape[0], latent.shape[1]), label)


class WideCoded(Wide):
    """Of two codes."""

    def __init__(self) -> None:
        super().__init__(CLASSES + 2)

    def forward(self, latent: Tensor, label: Tensor, code: Tensor) -> Tensor:  # type: ignore[override]
        return self.picture(latent, label, code)


class Unconditional(Small):
    def __init__(self) -> None:
        super().__init__(classes=0)

    def forward(self, latent: Tensor) -> Tensor:  # type: ignore[override]
        return self.last(self.to_image(self.features(latent)))


class Unbounded(Small):
    """Its values leave -1..1 by far."""

    def __init__(self) -> None:
        super().__init__(last=nn.Identity())

    def forward(self, latent: Tensor, label: Tensor) -> Tensor:
        return 10 * super().forward(latent, label)


class Shaky(Small):
    """A small change of its weights is a large one of its image."""

    def forward(self, latent: Tensor, label: Tensor) -> Tensor:
        return torch.sin(1000 * self.to_image(self.features(torch.cat([latent, label], 1))))


class Normalised(Small):
    """Every kind of norm that must be gone or plain in the file, dropout, and spectral norm as a parametrisation."""

    def __init__(self) -> None:
        super().__init__()
        self.norms = nn.ModuleList([nn.BatchNorm2d(8), nn.BatchNorm2d(8)])
        self.drop = nn.Dropout()
        spectral_norm(self.to_image)
        for norm in self.norms:
            norm.running_mean.uniform_(-1, 1)
            norm.running_var.uniform_(0.5, 2)
            nn.init.uniform_(norm.weight, 0.5, 2)
            nn.init.uniform_(norm.bias, -1, 1)

    def forward(self, latent: Tensor, label: Tensor) -> Tensor:
        x = F.relu(self.first(torch.cat([latent, label], 1))).unflatten(1, (8, 4, 6))
        x = F.relu(self.norms[1](self.up(self.norms[0](x))))
        return torch.tanh(self.to_image(self.drop(x)))


class HiddenNoise(Small):
    """Draws where the tracer does not see it: the graph would hold one fixed draw."""

    def __init__(self) -> None:
        super().__init__()
        self.random = np.random.default_rng(0)

    def forward(self, latent: Tensor, label: Tensor) -> Tensor:
        return super().forward(latent + float(self.random.standard_normal()), label)


class OneBatchOnly(Small):
    def forward(self, latent: Tensor, label: Tensor) -> Tensor:
        return super().forward(latent, label).reshape(3, 1, 8, 12)


class IgnoresLabel(Unconditional):
    def forward(self, latent: Tensor, label: Tensor) -> Tensor:  # type: ignore[override]  # noqa: ARG002
        return super().forward(latent)


class NotANumber(Small):
    def forward(self, latent: Tensor, label: Tensor) -> Tensor:
        return super().forward(latent, label / label.sum(1, keepdim=True).sub(1))


class UnlistedOperator(Small):
    def forward(self, latent: Tensor, label: Tensor) -> Tensor:
        return super().forward(latent.cumsum(1), label)


class OddChannels(nn.Module):
    """33 channels into a 7x7 convolution: onnxruntime adds its sums in another order at batch 1."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Linear(LATENT + CLASSES, 33 * 5 * 5)
        self.middle = nn.Conv2d(33, 16, 7, padding=3)
        self.to_image = nn.Conv2d(16, 1, 3, padding=1)

    def forward(self, latent: Tensor, label: Tensor) -> Tensor:
        x = self.first(torch.cat([latent, label], 1)).unflatten(1, (33, 5, 5))
        return torch.tanh(self.to_image(torch.relu(self.middle(x))))


class CentredOnItsBatch(Small):
    """Statistics over the batch, in eval mode too."""

    def forward(self, latent: Tensor, label: Tensor) -> Tensor:
        image = super().forward(latent, label)
        return 0.5 * (image - image.mean(0, keepdim=True))


class SqueezesOne(Small):
    """Right for every batch but one."""

    def forward(self, latent: Tensor, label: Tensor) -> Tensor:
        return super().forward(latent, label).squeeze()[:, None]


class Attentive(Small):
    """Attention over the places, without dropout."""

    def __init__(self) -> None:
        super().__init__()
        self.queries = nn.Linear(8, 8)

    def features(self, inputs: Tensor) -> Tensor:
        x = super().features(inputs)
        places = x.flatten(2).transpose(1, 2)[:, None]  # one head
        mixed = F.scaled_dot_product_attention(self.queries(places), places, places)
        return x + mixed[:, 0].transpose(1, 2).unflatten(2, x.shape[2:])
