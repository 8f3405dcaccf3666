"""What a step of an image-to-image run is fed, and what the run remembers beside its networks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cganx.data import TranslationPictures
from cganx.data.normal_maps import MIRRORED, TURNED, with_axes
from cganx.training.sampling import Share, Shuffled, seeded
from cganx.training.translation.holes import Holes
from cganx.training.updates import TranslationBatch

__all__ = ["Cutting", "PictureMemory", "Translations", "TwoHeaps"]

POOLED = 0.5  # of the pictures that a discriminator is shown are older ones, once the pool is full


class TwoHeaps:
    """Rows [n, 3] of a source's place, a target's place, and a number from which all that is done with the two is drawn.

    With ``paired`` the places are the same. Every picture of a heap comes once before one comes again, in an order of its own
    each time. The number makes a row a whole: what is cut, mirrored and hidden follows from it on any device.
    """

    def __init__(self, sources: int, targets: int, seed: int, *, paired: bool) -> None:
        self._sources = Shuffled(sources, seed)
        self._targets = None if paired else Shuffled(targets, seed, "target epoch")
        self._random = seeded(seed, "cuts")

    def next(self, n: int) -> Tensor:
        """The next rows, int64 [n, 3]."""
        source = self._sources.next(n)
        target = source if self._targets is None else self._targets.next(n)
        number = torch.randint(2**62, (n,), generator=self._random)
        return torch.stack([source, target, number], dim=1)

    def state(self) -> dict[str, Tensor]:
        """All that it needs to go on from here."""
        targets = {} if self._targets is None else {"targets": self._targets.state()["position"]}
        return self._sources.state() | targets | {"random": self._random.get_state()}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a state."""
        self._sources.restore(state)
        if self._targets is not None:
            self._targets.restore({"position": state["targets"]})
        self._random.set_state(state["random"])


class PictureMemory:
    """How many steps were made, and the pools of made pictures.

    Of several processes each keeps a pool of its own; a resumed run begins with the main one's in all of them.
    """

    def __init__(self, seed: int, share: Share) -> None:
        self._random = seeded(seed, f"pools {share.rank}" if share.rank else "pools")
        self._steps = 0
        self._pools: dict[str, Tensor] = {}

    def begun(self, steps: int) -> bool:
        """Count a step; whether more than so many have been counted."""
        self._steps += 1
        return self._steps > steps

    def pooled(self, name: str, size: int, made: Tensor) -> Tensor:
        """As many pictures as were ``made`` [n, c, h, w], half of them older ones once ``size`` are kept (0 keeps none).

        Shrivastava et al. 2017, section 2.3, as Zhu et al. 2017, section 4, use it: picture by picture.
        """
        if size == 0:
            return made
        pool = self._pools.get(name, made[:0])
        shown = []
        for picture in torch.split(made, 1):
            if len(pool) < size:
                pool = torch.cat([pool, picture])
                shown.append(picture)
                continue
            chance, place = torch.rand(2, generator=self._random).tolist()
            if chance >= POOLED:
                shown.append(picture)
                continue
            index = int(place * size)
            shown.append(pool[index : index + 1].clone())
            pool[index : index + 1] = picture
        self._pools[name] = pool
        return torch.cat(shown)

    def state(self) -> dict[str, Tensor]:
        """All that it needs to go on from here."""
        pools = {f"pool {name}": pool.contiguous() for name, pool in self._pools.items()}
        return {"random": self._random.get_state(), "steps": torch.tensor(self._steps), **pools}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a state."""
        self._random.set_state(state["random"])
        self._steps = int(state["steps"])
        self._pools = {name.removeprefix("pool "): pool.clone() for name, pool in state.items() if name.startswith("pool ")}


@dataclass(frozen=True)
class Cutting:
    """What is done with a source and its target: both are cut, mirrored and turned alike.

    ``size`` is the (height, width) of a cut source, ``scale`` how much larger its target is. The source alone is changed in
    light, by a factor of up to 2 to the power of ``jitter``. ``normals`` says of each whether it is a normal map, whose vectors
    are mirrored and turned too.
    """

    size: tuple[int, int]
    scale: int
    mirror: bool
    turns: bool
    jitter: float = 0.0
    normals: tuple[bool, bool] = (False, False)

    def source(self, picture: NDArray[np.uint8], random: np.random.Generator | None) -> NDArray[np.uint8]:
        """A cut of ``picture`` [h, w, c], from the middle without ``random``."""
        out = self._cut(picture, random, 1, vectors=self.normals[0])
        return self._lit(out, random) if self.jitter and random is not None else out

    def target(self, picture: NDArray[np.uint8], random: np.random.Generator | None) -> NDArray[np.uint8]:
        """The same of a target; the same state of ``random`` cuts the same place."""
        return self._cut(picture, random, self.scale, vectors=self.normals[1])

    def _cut(
        self, picture: NDArray[np.uint8], random: np.random.Generator | None, scale: int, *, vectors: bool
    ) -> NDArray[np.uint8]:
        height, width = (side * scale for side in self.size)
        spare = [(length - side) // scale for length, side in zip(picture.shape, (height, width), strict=False)]
        top, left = (one // 2 if random is None else int(random.integers(one + 1)) for one in spare)
        out = picture[top * scale : top * scale + height, left * scale : left * scale + width]
        if random is not None and random.integers(2) and self.mirror:
            out = out[:, ::-1]
            out = with_axes(out, MIRRORED) if vectors else out
        if random is not None and self.turns and height == width:
            quarters = int(random.integers(4))
            out = np.rot90(out, quarters)
            out = with_axes(out, TURNED[quarters]) if vectors else out
        return out

    def _lit(self, picture: NDArray[np.uint8], random: np.random.Generator) -> NDArray[np.uint8]:
        """``picture`` [h, w, c] in another brightness and contrast."""
        brightness, contrast = np.exp2(random.uniform(-self.jitter, self.jitter, 2))
        mean = picture.mean()
        out: NDArray[np.uint8] = np.clip(brightness * (mean + contrast * (picture - mean)) + 0.5, 0, 255).astype(np.uint8)
        return out


class Translations:
    """Pictures of two sides, served as float batches in -1..1 on the device."""

    def __init__(
        self,
        pictures: TranslationPictures,
        cutting: Cutting,
        styles: int,
        holes: Holes | None,
        device: torch.device,
        layout: torch.memory_format = torch.channels_last,
        *,
        paired: bool,
    ) -> None:
        self._pictures, self._cutting, self._styles, self._holes = pictures, cutting, styles, holes
        self._device, self._layout, self._paired = device, layout, paired

    def batch(self, rows: Tensor) -> TranslationBatch:
        """The pictures of these rows [n, 3]; see `TwoHeaps`."""
        pictures, cutting = self._pictures, self._cutting
        sources, targets, masks = [], [], []
        for source, target, number in rows.tolist():
            both = np.random.default_rng(number)
            other = np.random.default_rng(number if self._paired else number ^ 1)
            sources.append(cutting.source(pictures.source[source], both))
            targets.append(cutting.target(pictures.target[target], other))
            if self._holes is not None:
                masks.append(self._holes.draw(number, *cutting.size))
        label = None
        if self._styles:
            assert pictures.labels is not None
            style = torch.from_numpy(pictures.labels[rows[:, 1].numpy()])
            label = torch.nn.functional.one_hot(style, self._styles).to(self._device, torch.get_default_dtype())
        return self._together(sources, targets, label, masks)

    def held_out(self, count: int) -> TranslationBatch:
        """The first so many of each side, of styles as many of each, cut from the middle; holes are drawn by place."""
        pictures, cutting = self._pictures, self._cutting
        chosen = np.arange(min(count, len(pictures.target)))
        if not self._paired and pictures.labels is not None:
            chosen = _in_turn(pictures.labels)[:count]
        sources = [cutting.source(one, None) for one in pictures.source[:count]]
        targets = [cutting.target(pictures.target[place], None) for place in chosen]
        masks = [] if self._holes is None else [self._holes.draw(place, *cutting.size) for place in range(len(sources))]
        label = None
        if self._styles and pictures.labels is not None:
            style = torch.from_numpy(np.asarray(pictures.labels[chosen]))
            label = torch.nn.functional.one_hot(style, self._styles).to(self._device, torch.get_default_dtype())
        return self._together(sources, targets, label, masks)

    def _together(
        self,
        sources: list[NDArray[np.uint8]],
        targets: list[NDArray[np.uint8]],
        label: Tensor | None,
        masks: list[NDArray[np.uint8]],
    ) -> TranslationBatch:
        source, target = self._scaled(np.stack(sources)), self._scaled(np.stack(targets))
        if not masks:
            return TranslationBatch(source, target, label)
        mask = torch.from_numpy(np.stack(masks)[:, None]).to(self._device, source.dtype)
        return TranslationBatch(source * (1 - mask), target, label, mask)

    def _scaled(self, pixels: NDArray[np.uint8]) -> Tensor:
        """uint8 [n, h, w, c] as -1..1 [n, c, h, w]."""
        channels_first = torch.from_numpy(pixels).to(self._device, non_blocking=True).permute(0, 3, 1, 2)
        return channels_first.to(torch.get_default_dtype(), memory_format=self._layout).div_(127.5).sub_(1.0)


def _in_turn(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Places of the first picture of each style, then those of the second ones, and so on."""
    turn = np.empty(len(labels), np.int64)
    for style in np.unique(labels):
        places = np.flatnonzero(labels == style)
        turn[places] = np.arange(len(places))
    return np.lexsort((labels, turn))
