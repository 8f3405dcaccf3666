"""What a step is fed: real pictures from a packed array, latents and labels. All random numbers are drawn here.

They are drawn on the CPU, so that a seed means the same numbers on every device.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from cganx.data import Labels
from cganx.training.labels import LabelTable
from cganx.training.updates import Batch

__all__ = [
    "ALL",
    "LATENTS",
    "Chances",
    "Draws",
    "Even",
    "Fakes",
    "HalfLabelled",
    "Order",
    "Reals",
    "Share",
    "Shuffled",
    "seeded",
    "to_pixels",
]

DEVICE_ARRAY_LIMIT = 4 << 30  # bytes; a larger data set stays in main memory and is sent batch by batch


def seeded(seed: int, stream: str) -> torch.Generator:
    """A generator for one purpose of one run: streams of the same seed are independent of each other."""
    digest = hashlib.sha256(f"{seed}/{stream}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "little", signed=True))


@dataclass(frozen=True)
class Share:
    """The samples of each batch that are this process's: every ``count``-th, beginning with its own number.

    All processes draw the numbers of the whole batch from the same stream and take their share, so what a sample is does
    not depend on how many they are. Taken like this, a share of several batches in a row is their shares in a row.
    """

    rank: int = 0
    count: int = 1

    def of(self, whole: Tensor) -> Tensor:
        """The share [n, ...] of ``whole`` [n * count, ...]."""
        return whole[self.rank :: self.count]


ALL = Share()
"""The share of a process that trains alone."""


class Order(Protocol):
    """Which pictures come next."""

    def next(self, n: int) -> Tensor:
        """Indices [n] of the next pictures."""

    def state(self) -> dict[str, Tensor]:
        """All that it needs to go on from here."""

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a state."""


class Shuffled:
    """Every picture once an epoch, each epoch in an order of its own. A batch may reach into the next epoch."""

    def __init__(self, count: int, seed: int, stream: str = "epoch") -> None:
        self.count, self.seed, self.stream = count, seed, stream
        self.position = 0
        self._epoch, self._order = -1, torch.empty(0, dtype=torch.int64)

    def next(self, n: int) -> Tensor:
        """Indices [n] of the next pictures."""
        parts: list[Tensor] = []
        while n > 0:
            epoch, start = divmod(self.position, self.count)
            if epoch != self._epoch:
                self._epoch = epoch
                self._order = torch.randperm(self.count, generator=seeded(self.seed, f"{self.stream} {epoch}"))
            part = self._order[start : start + n]
            self.position += len(part)
            n -= len(part)
            parts.append(part)
        return torch.cat(parts)

    def state(self) -> dict[str, Tensor]:
        """All that it needs to go on from here."""
        return {"position": torch.tensor(self.position)}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a state."""
        self.position = int(state["position"])


class Draws:
    """Every picture drawn by itself, with replacement."""

    def __init__(self, count: int, seed: int) -> None:
        self.count = count
        self._random = seeded(seed, "pictures")

    def next(self, n: int) -> Tensor:
        """Indices [n] of the next pictures."""
        return torch.randint(self.count, (n,), generator=self._random)

    def state(self) -> dict[str, Tensor]:
        """All that it needs to go on from here."""
        return {"random": self._random.get_state()}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a state."""
        self._random.set_state(state["random"])


class Even:
    """Every class equally often, whatever their sizes; within a class every picture once before one comes again.

    ``labels`` [n] are the pictures' classes, each of which has one picture at least. Pictures come in rounds of one of each
    class, in an order of its own each. All follows from the seed and the position.
    """

    def __init__(self, labels: Labels, seed: int) -> None:
        self.seed, self.position = seed, 0
        self._members = [np.flatnonzero(labels == label) for label in range(int(labels.max()) + 1)]
        self._epochs = [-1] * len(self._members)
        self._orders = list(self._members)
        self._round, self._classes = -1, torch.empty(0, dtype=torch.int64)

    def next(self, n: int) -> Tensor:
        """Indices [n] of the next pictures."""
        chosen = [self._at(position) for position in range(self.position, self.position + n)]
        self.position += n
        return torch.tensor(chosen)

    def _at(self, position: int) -> int:
        number, place = divmod(position, len(self._members))
        if number != self._round:
            self._round = number
            self._classes = torch.randperm(len(self._members), generator=seeded(self.seed, f"round {number}"))
        label = int(self._classes[place])
        members = self._members[label]
        epoch, place = divmod(number, len(members))
        if epoch != self._epochs[label]:
            self._epochs[label] = epoch
            order = torch.randperm(len(members), generator=seeded(self.seed, f"class {label} epoch {epoch}"))
            self._orders[label] = members[order.numpy()]
        return int(self._orders[label][place])

    def state(self) -> dict[str, Tensor]:
        """All that it needs to go on from here."""
        return {"position": torch.tensor(self.position)}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a state."""
        self.position = int(state["position"])


class HalfLabelled:
    """Half of each batch in the order of all pictures, half labelled ones alone in an order of their own, after it.

    However few are labelled, every batch holds some. ``labelled`` [k] are their places.
    """

    def __init__(self, every: Order, labelled: Tensor, seed: int) -> None:
        self._every, self._labelled = every, labelled
        self._order = Shuffled(len(labelled), seed, "labelled epoch")

    def next(self, n: int) -> Tensor:
        """Indices [n] of the next pictures; ``n`` is even."""
        return torch.cat([self._every.next(n // 2), self._labelled[self._order.next(n // 2)]])

    def state(self) -> dict[str, Tensor]:
        """All that it needs to go on from here."""
        return self._every.state() | {"labelled": self._order.state()["position"]}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a state."""
        self._every.restore(state)
        self._order.restore({"position": state["labelled"]})


class Reals:
    """Labelled pictures, uint8 [n, height, width, channels], served as float batches in -1..1 on the device.

    A memory-mapped array stays on the disk. On a GPU a data set of moderate size is held there whole. With ``classes``
    pictures that have no label are left out, unless ``unlabelled`` ones serve too; without classes, labels are [n, 0] and
    all pictures serve. Attributes, uint8 [n, classes], are their own label weights. ``layout`` is how the batches lie in
    memory.
    """

    def __init__(
        self,
        images: npt.NDArray[np.uint8],
        labels: Labels,
        classes: int,
        device: torch.device,
        layout: torch.memory_format = torch.channels_last,
        *,
        unlabelled: bool = False,
    ) -> None:
        self._images, self._classes, self._device, self._layout = images, classes, device, layout
        every = unlabelled or classes == 0 or labels.ndim > 1
        self._kept = np.arange(len(labels)) if every else np.flatnonzero(labels >= 0)
        self._labels = torch.from_numpy(labels[self._kept])
        self._resident: Tensor | None = None
        if device.type != "cpu" and images.nbytes <= DEVICE_ARRAY_LIMIT:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
                self._resident = torch.from_numpy(images).to(device)

    def __len__(self) -> int:
        return len(self._kept)

    def batch(self, index: Tensor) -> Batch:
        """The labelled pictures at ``index`` [n]."""
        rows = self._kept[index.numpy()]
        if self._resident is None:
            pixels = torch.from_numpy(self._images[rows]).to(self._device, non_blocking=True)
        else:
            pixels = self._resident[torch.from_numpy(rows).to(self._device)]
        channels_first = pixels.permute(0, 3, 1, 2)
        image = channels_first.to(torch.get_default_dtype(), memory_format=self._layout).div_(127.5).sub_(1.0)
        if self._classes == 0:
            return Batch(image, torch.empty(len(index), 0, device=self._device))
        label = self._labels[index]
        if label.ndim == 1:
            label = label[:, None] == torch.arange(self._classes)
        return Batch(image, label.to(torch.get_default_dtype()).to(self._device))


def to_pixels(image: Tensor) -> npt.NDArray[np.uint8]:
    """Pictures [n, c, h, w] in -1..1 as uint8 [n, h, w, c], as an exported file makes them."""
    pixels = image.add(1.0).mul(127.5).round().clamp(0, 255).to(torch.uint8)
    array: npt.NDArray[np.uint8] = pixels.permute(0, 2, 3, 1).cpu().numpy()
    return array


DrawLatents = Callable[[int, int, torch.Generator], Tensor]
"""(n, size, random) -> float32 [n, size]."""


def _normal(n: int, size: int, random: torch.Generator) -> Tensor:
    return torch.randn(n, size, generator=random)


def _uniform(n: int, size: int, random: torch.Generator) -> Tensor:
    return 2 * torch.rand(n, size, generator=random) - 1


LATENTS: Mapping[str, DrawLatents] = MappingProxyType({"normal": _normal, "uniform": _uniform})
"""By the card's name of the distribution: N(0, 1), and even over -1..1."""


class Fakes:
    """Latents, and labels drawn from a table, as often as it says; from an empty one, labels [n, 0].

    Continuous codes, even over -1..1 (Chen et al. 2016, section 5), come behind the label as more of its columns.
    Everything is drawn for the whole batch, of which a process gets its share.
    """

    def __init__(
        self,
        latent: int,
        distribution: str,
        labels: LabelTable,
        random: torch.Generator,
        device: torch.device,
        share: Share = ALL,
        *,
        codes: int = 0,
    ) -> None:
        self._latent, self._random, self._device, self._share = latent, random, device, share
        self._codes = codes
        self._draw = LATENTS[distribution]
        self._labels = labels

    def __call__(self, n: int) -> tuple[Tensor, Tensor]:
        """Latents [n, latent] and label weights with the codes [n, classes + codes]."""
        whole = n * self._share.count
        latent = self._share.of(self._draw(whole, self._latent, self._random))
        label = torch.empty(n, 0)
        if len(self._labels.counts):
            chosen = torch.multinomial(self._labels.counts, whole, replacement=True, generator=self._random)
            label = self._labels.rows[self._share.of(chosen)].to(torch.get_default_dtype())
        if self._codes:
            code = self._share.of(_uniform(whole, self._codes, self._random))
            label = torch.cat([label, code], dim=1)
        return latent.to(self._device), label.to(self._device)

    def even(self, n: int) -> Tensor:
        """Numbers [n] between 0 and 1, one a sample."""
        return self._share.of(torch.rand(n * self._share.count, generator=self._random)).to(self._device)

    def state(self) -> dict[str, Tensor]:
        """All that it needs to go on from here."""
        return {"random": self._random.get_state()}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a state."""
        self._random.set_state(state["random"])


class Chances:
    """Numbers even over 0..1 for the pictures of a batch, from a stream of their own.

    Like `Fakes` they are drawn for the whole batch, of which a process gets its share.
    """

    def __init__(self, random: torch.Generator, device: torch.device, share: Share = ALL) -> None:
        self._random, self._device, self._share = random, device, share

    def draw(self, n: int, size: int) -> Tensor:
        """[n, size], a row for each picture."""
        whole = torch.rand(n * self._share.count, size, generator=self._random)
        return self._share.of(whole).to(self._device, non_blocking=True)

    def state(self) -> dict[str, Tensor]:
        """All that it needs to go on from here."""
        return {"random": self._random.get_state()}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a state."""
        self._random.set_state(state["random"])
