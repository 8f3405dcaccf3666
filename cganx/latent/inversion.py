"""The latent whose picture is nearest to a given one: inversion, on the file alone.

onnxruntime gives no gradients, but a batch of latent + 1 pictures is a Jacobian by finite differences, and small generators
make thousands of pictures in a second. So each picture is searched for by Levenberg and Marquardt's method (Marquardt, SIAM
J. Appl. Math. 11, 1963), from the nearest of some thousand random points, by class. What is minimised is

    |G(z, label) - picture|^2 + prior^2 |z|^2        (pixels 0..1; the second term for normal latents only)

the negative logarithm of the posterior p(z | picture), where pixels have noise of standard deviation ``prior``: z stays a
point that the generator knows. Codes are searched for too. Uniform latents and codes are kept within -1..1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cganx.card import GeneratorCard
from cganx.errors import RequestError
from cganx.latent.points import Floats, latent_of, stream_seeds, whole
from cganx.runtime import Generator, latents
from cganx.runtime.labels import Label

__all__ = ["Inversion", "Progress", "Search", "every_label", "invert", "noise_seeds", "reconstruction_error"]

Progress: TypeAlias = Callable[[str, int, int], None]
"""Called with (stage, done, total)."""

Doubles: TypeAlias = NDArray[np.float64]

DIFFERENCE = 1e-2  # of a finite difference: far over float32's rounding, well under the bends of the network
DAMPINGS = np.array([0.03, 0.3, 1.0, 10.0, 100.0])  # tried at once, times the present one
EXACT = 0.004  # a grey level: nothing nearer can be seen, so no other start is tried
STALLED = 1e-4  # of the cost, in one step
BATCH_VALUES = 1 << 22  # values of the pictures in one run
SEARCH_STREAM = 2**31 + 1  # far from what the seeds of pictures draw


@dataclass(frozen=True, kw_only=True)
class Search:
    """How hard to look. The figures in docs/latent-space.md are for these.

    prior: the standard deviation of pixel noise (0..1) against which a latent's length is weighed. points: random latents for
    each label. starts: the best of them that are followed for ``first_steps``, at most ``starts_per_label`` of one label.
    finalists: the best of those, followed for ``last_steps`` or to where nothing changes. seed: of the random latents.
    """

    prior: float = 0.03
    points: int = 1000
    starts: int = 6
    starts_per_label: int = 2
    first_steps: int = 5
    finalists: int = 2
    last_steps: int = 40
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("points", "starts", "starts_per_label", "first_steps", "finalists", "last_steps"):
            whole(getattr(self, name), f"a search's {name}")
        if not 0 < self.prior < 10:
            raise RequestError(f"a search's prior is {self.prior!r}, not a standard deviation of pixels over 0")


@dataclass(frozen=True, eq=False)
class Inversion:
    """The nearest picture that was found, and the point that makes it.

    ``distance`` is the root of the mean squared difference of the pixels, 0..1: 1 is black for white. ``label`` is as the
    runtime takes it, ``text`` as the card spells it. ``cost`` is what was minimised, by which labels are compared.
    """

    label: Label
    text: str | None
    latent: Floats = field(repr=False)
    codes: Floats | None = field(repr=False)
    pixels: NDArray[np.uint8] = field(repr=False)
    distance: float
    cost: float


def invert(
    generator: Generator,
    pictures: NDArray[np.uint8],
    *,
    among: Sequence[Label] | None = None,
    search: Search | None = None,
    progress: Progress | None = None,
) -> list[Inversion]:
    """For each picture the nearest that the generator makes, of any label or of one ``among`` these.

    pictures: uint8 [n, height, width, channels], of the generator's own size. among: labels as ``generate`` takes them; every
    class when not given (of attributes, none and each alone). Equal arguments give equal answers on one machine.

    Raises LabelError, SeedError, RequestError.
    """
    wanted = _wanted(generator, pictures)
    return list(
        _Inverter(generator, search or Search(), every_label(generator.card) if among is None else among)(wanted, progress)
    )


def reconstruction_error(
    generator: Generator,
    pictures: NDArray[np.uint8],
    labels: ArrayLike | None = None,
    *,
    search: Search | None = None,
    progress: Progress | None = None,
) -> Doubles:
    """How far each picture is from the nearest that the generator makes: float64 [n] of ``Inversion.distance``.

    min over z of |G(z) - x|: what a generator cannot make, it has dropped. labels: int [n], each picture's class, so that it
    is searched for in its own class; in any class when not given.
    """
    found = np.empty(len(pictures))
    if labels is None:
        found[:] = [one.distance for one in invert(generator, pictures, search=search, progress=progress)]
        return found
    ids = np.asarray(labels)
    if ids.shape != (len(pictures),) or ids.dtype.kind not in "iu":
        raise RequestError(
            f"labels are whole numbers [{len(pictures)}], one for each picture, not {ids.dtype} {list(ids.shape)}"
        )
    done = 0
    for label in np.unique(ids):
        rows = np.flatnonzero(ids == label)
        part = _shifted(progress, done, len(pictures))
        found[rows] = [
            one.distance for one in invert(generator, pictures[rows], among=[int(label)], search=search, progress=part)
        ]
        done += len(rows)
    return found


def every_label(card: GeneratorCard) -> list[Label]:
    """Every class alone; of attributes first none of them; [None] where there are no classes."""
    none: list[Label] = [dict.fromkeys(card.classes, 0.0)] if card.kind == "attributes" else []
    return [*none, *range(len(card.classes))] if card.classes else [None]


def noise_seeds(generator: Generator) -> int | None:
    """What to give as seeds beside latents, so that equal latents give equal pictures: 0 where the file takes noise."""
    return 0 if any(name.startswith("noise.") for name in generator.inputs) else None


def _shifted(progress: Progress | None, first: int, total: int) -> Progress | None:
    """The same progress, where this part is only some of all pictures."""
    return None if progress is None else lambda stage, done, _: progress(stage, first + done, total)


def _wanted(generator: Generator, pictures: NDArray[np.uint8]) -> Doubles:
    """Pixels as rows of 0..1 in the order of ``image``: float64 [n, values]."""
    if pictures.dtype != np.uint8 or pictures.ndim != 4 or pictures.shape[1:] != generator.picture_shape:
        raise RequestError(
            f"pictures are uint8 [n, {', '.join(map(str, generator.picture_shape))}], as this generator makes them, not "
            f"{pictures.dtype} {list(pictures.shape)}"
        )
    return pictures.transpose(0, 3, 1, 2).reshape(len(pictures), prod(generator.picture_shape)) / 255.0


@dataclass(frozen=True, eq=False)
class _Start:
    """A point on its way down: latent and codes side by side, its label, its damping and what it costs so far."""

    label: Label
    point: Doubles
    cost: float = np.inf
    damping: float = 1.0


class _Inverter:
    """One generator's search. A point is its latent and its codes side by side."""

    def __init__(self, generator: Generator, search: Search, labels: Sequence[Label]) -> None:
        if not labels:
            raise RequestError("there is no label to search among: name one, or leave it out for all")
        self.generator, self.search, self.labels = generator, search, labels
        latent = latent_of(generator.card)
        self.latent_size, codes = latent.size, len(generator.card.codes)
        self.size = latent.size + codes
        normal = latent.distribution == "normal"
        self.reach = np.concatenate([np.full(latent.size, np.inf if normal else 1.0), np.ones(codes)])
        self.weights = np.concatenate([np.full(latent.size, search.prior**2 * normal), np.zeros(codes)])
        draw = latents.normal if normal else latents.uniform
        seeds = stream_seeds(search.seed, search.points)
        parts = [
            draw(seeds, latent.size, stream=SEARCH_STREAM),
            latents.uniform(seeds, max(codes, 1), stream=SEARCH_STREAM + 1),
        ]
        self.random = np.concatenate([parts[0], parts[1][:, :codes]], axis=1).astype(np.float64)
        self.noise = noise_seeds(generator)

    def __call__(self, wanted: Doubles, progress: Progress | None) -> Any:
        starts = self._starts(wanted, progress)
        for number, (picture, each) in enumerate(zip(wanted, starts, strict=True)):
            if progress is not None:
                progress("inverting", number, len(wanted))
            yield self._found(picture, self._best(picture, each))
        if progress is not None:
            progress("inverting", len(wanted), len(wanted))

    def _images(self, label: Label, points: Doubles) -> Doubles:
        """Pixels 0..1, [n, values]."""
        height, width, channels = self.generator.picture_shape
        image = self.generator.images(
            label,
            self.noise,
            latents=points[:, : self.latent_size],
            codes=points[:, self.latent_size :] if self.size > self.latent_size else None,
            batch_size=max(1, min(len(points), BATCH_VALUES // (height * width * channels))),
        )
        return (image.reshape(len(points), -1).astype(np.float64) + 1.0) / 2.0

    def _starts(self, wanted: Doubles, progress: Progress | None) -> list[list[_Start]]:
        """For each picture the nearest random points: the best few of each label, then the best of those."""
        keep = min(self.search.starts_per_label, self.search.points)
        rows, costs = [], []
        for number, label in enumerate(self.labels):
            if progress is not None:
                progress("random points", number, len(self.labels))
            far = self._far(label, wanted)
            nearest = np.argpartition(far, keep - 1, axis=1)[:, :keep]
            rows.append(nearest)
            costs.append(np.take_along_axis(far, nearest, axis=1))
        every, row = np.concatenate(costs, axis=1), np.concatenate(rows, axis=1)
        order = np.argsort(every, axis=1, kind="stable")[:, : self.search.starts]
        return [
            [_Start(self.labels[place // keep], self.random[row[picture, place]]) for place in places]
            for picture, places in enumerate(order)
        ]

    def _far(self, label: Label, wanted: Doubles) -> Doubles:
        """Squared distances [pictures, points], a part of the points at a time."""
        part = max(1, BATCH_VALUES // wanted.shape[1])
        far = np.empty((len(wanted), len(self.random)))
        for start in range(0, len(self.random), part):
            made = self._images(label, self.random[start : start + part])
            far[:, start : start + part] = (made**2).sum(1) - 2.0 * wanted @ made.T + (wanted**2).sum(1)[:, None]
        return far

    def _best(self, picture: Doubles, starts: Sequence[_Start]) -> _Start:
        followed = sorted((self._followed(picture, one, self.search.first_steps) for one in starts), key=lambda one: one.cost)
        best = followed[0]
        for one in followed[: self.search.finalists]:
            best = min(best, self._followed(picture, one, self.search.last_steps), key=lambda found: found.cost)
            if best.cost - self.weights @ best.point**2 <= EXACT**2 * len(picture):
                break
        return best

    def _followed(self, picture: Doubles, start: _Start, steps: int) -> _Start:
        """Levenberg and Marquardt's steps: one batch for the Jacobian, one for the dampings, of which the best holds."""
        point, damping, cost = start.point, start.damping, start.cost
        for step in range(steps):
            near = np.concatenate([point[None], point + DIFFERENCE * np.eye(self.size)])
            made = self._images(start.label, near)
            missing, jacobian = made[0] - picture, (made[1:] - made[0]) / DIFFERENCE  # [values], [size, values]
            cost = float(missing @ missing + self.weights @ point**2)
            curvature = jacobian @ jacobian.T + np.diag(self.weights)
            slope = jacobian @ missing + self.weights * point
            scale = float(np.trace(curvature)) / self.size
            if scale <= 0.0:  # nothing moves this picture
                break
            damped = [curvature + damping * one * scale * np.eye(self.size) for one in DAMPINGS]
            tries = np.clip(point - np.stack([np.linalg.solve(one, slope) for one in damped]), -self.reach, self.reach)
            costs = ((self._images(start.label, tries) - picture) ** 2).sum(1) + tries**2 @ self.weights
            best = int(costs.argmin())
            gain = cost - float(costs[best])
            if gain > 0:
                point, cost, damping = tries[best], float(costs[best]), max(damping * float(DAMPINGS[best]), 1e-6)
            else:
                damping *= 1e3
            if (gain < STALLED * cost and step > 2) or damping > 1e9:
                break
        return replace(start, point=point, cost=cost, damping=min(max(damping, 1e-6), 1.0))

    def _found(self, picture: Doubles, best: _Start) -> Inversion:
        latent, codes = np.split(best.point.astype(np.float32), [self.latent_size])
        given = codes[None] if codes.size else None
        pixels = self.generator.generate(best.label, self.noise, latents=latent[None], codes=given)[0]
        shown = np.asarray(pixels).transpose(2, 0, 1).reshape(-1) / 255.0
        return Inversion(
            label=best.label,
            text=self.generator.label_text(best.label),
            latent=latent,
            codes=None if given is None else codes,
            pixels=np.asarray(pixels),
            distance=float(np.sqrt(np.mean((shown - picture) ** 2))),
            cost=best.cost,
        )
