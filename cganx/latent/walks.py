"""Walks: pictures on a way through stops of the latent space, as many as an animation wants, made when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cganx.errors import RequestError
from cganx.latent.inversion import noise_seeds
from cganx.latent.labels import require_blends, weights_of
from cganx.latent.points import Floats, Way, checked, lerp, truncate, way_of, whole, within
from cganx.runtime import Generator
from cganx.runtime.labels import Label

__all__ = [
    "BOUNDS",
    "Stop",
    "Walk",
    "along_directions",
    "through_classes",
    "through_codes",
    "through_latents",
    "through_truncation",
    "walk",
]

BATCH = 64  # pictures in one run, those of several frames where these are of few
BOUNDS = (3.0, 2.0, 1.4, 1.0, 0.7, 0.5, 0.35, 0.25, 0.1)
"""Bounds of a walk through truncation, from what changes nothing to the mean picture."""


@dataclass(frozen=True, eq=False)
class Stop:
    """Where a walk passes: one row for each picture of a frame.

    latents: [tiles, latent]. labels: weights [tiles, classes], None without classes. codes: [tiles, codes], None for 0.
    """

    latents: Floats
    labels: Floats | None = None
    codes: Floats | None = None


@dataclass(frozen=True, eq=False)
class Walk:
    """A sized iterable of frames, uint8 [tiles, height, width, channels], that holds no more than a batch of them.

    ``walk[i]`` are the points of frame i. It can be gone more than once, and gives the same pictures each time. With ``loop``
    the way leads on from the last stop to the first, and frame ``len(walk)`` would be frame 0, to the bit.
    """

    generator: Generator = field(repr=False)
    stops: tuple[Stop, ...] = field(repr=False)
    frames: int
    loop: bool
    way: Way

    def __len__(self) -> int:
        return self.frames * len(self.stops) if self.loop else self.frames * (len(self.stops) - 1) + 1

    @property
    def tiles(self) -> int:
        """Pictures in one frame."""
        return len(self.stops[0].latents)

    def __getitem__(self, frame: int) -> Stop:
        """Raises IndexError outside 0 .. len(walk) - 1."""
        if not 0 <= frame < len(self):
            raise IndexError(f"frame {frame} of a walk of {len(self)}")
        return self.at(frame)

    def at(self, frame: int) -> Stop:
        """The points of any frame; of a loop they come again every ``len(walk)`` frames."""
        leg, step = divmod(frame, self.frames)
        one, other = self.stops[leg % len(self.stops)], self.stops[(leg + 1) % len(self.stops)]
        share = step / self.frames
        if not step:
            return one
        return Stop(
            self.way(one.latents, other.latents, share),
            None if one.labels is None or other.labels is None else lerp(one.labels, other.labels, share),
            None if one.codes is None or other.codes is None else lerp(one.codes, other.codes, share),
        )

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        several = max(1, BATCH // self.tiles)
        noise = noise_seeds(self.generator)
        for first in range(0, len(self), several):
            points = [self.at(frame) for frame in range(first, min(first + several, len(self)))]
            made = self.generator.generate(
                _joined([point.labels for point in points]),
                noise,
                latents=np.concatenate([point.latents for point in points]),
                codes=_joined([point.codes for point in points]),
            )
            yield from np.asarray(made).reshape(len(points), self.tiles, *made.shape[1:])


def _joined(parts: Sequence[Floats | None]) -> Floats | None:
    given = [part for part in parts if part is not None]
    return np.concatenate(given) if given else None


def walk(generator: Generator, stops: Sequence[Stop], *, frames: int = 24, loop: bool = True, way: Way | None = None) -> Walk:
    """A walk through these stops, ``frames`` pictures from each to the next.

    way: between two latents; :func:`slerp` for normal ones and :func:`lerp` for uniform ones when not given. Labels and codes
    go straight. Raises RequestError where the stops do not fit together or the generator.
    """
    whole(frames, "frames")
    if len(stops) < 2:
        raise RequestError("a walk needs at least two stops: give more seeds, classes or directions")
    shapes = {tuple(None if part is None else part.shape for part in (one.latents, one.labels, one.codes)) for one in stops}
    if len(shapes) > 1:
        raise RequestError(f"the stops of one walk have the same tiles, labels and codes; these have {len(shapes)} shapes")
    inside = [Stop(within(generator, one.latents), one.labels, one.codes) for one in stops]
    if any(one.latents.ndim != 2 or not len(one.latents) for one in inside):
        raise RequestError("a stop's latents are [tiles, latent], at least one")
    return Walk(generator, tuple(inside), frames, loop, way or way_of(generator))


def _tiled(
    generator: Generator, latents: ArrayLike, labels: Sequence[Label], codes: ArrayLike | None
) -> tuple[Floats, Floats | None, Floats | None]:
    """Every label with every latent: latents, label weights and codes of all tiles, labels one after the other."""
    points = within(generator, np.atleast_2d(checked(latents)))
    weights = weights_of(generator, list(labels))
    count = 1 if weights is None else len(weights)
    tiles = count * len(points)
    return (
        np.tile(points, (count, 1)),
        None if weights is None else np.repeat(weights, len(points), axis=0),
        None if codes is None else np.tile(np.atleast_2d(checked(codes)).astype(np.float32), (tiles, 1)),
    )


def through_latents(
    generator: Generator, latents: ArrayLike, labels: Sequence[Label] = (None,), *, codes: ArrayLike | None = None
) -> list[Stop]:
    """A stop for each latent [n, latent]; a tile for each label."""
    return [Stop(*_tiled(generator, point, labels, codes)) for point in np.atleast_2d(checked(latents))]


def through_classes(
    generator: Generator, latents: ArrayLike, labels: Sequence[Label], *, codes: ArrayLike | None = None
) -> list[Stop]:
    """A stop for each label; a tile for each latent [n, latent]. Raises LabelError where classes cannot be blended."""
    require_blends(generator)
    return [Stop(*_tiled(generator, latents, [label], codes)) for label in labels]


def along_directions(
    generator: Generator,
    latents: ArrayLike,
    vectors: ArrayLike,
    labels: Sequence[Label] = (None,),
    *,
    reach: float = 3.0,
    codes: ArrayLike | None = None,
) -> list[Stop]:
    """Out and back along each vector [n, latent], from each latent, for each label. Walk it with ``way=lerp``."""
    points, weights, given = _tiled(generator, latents, labels, codes)
    ways = np.atleast_2d(checked(vectors))
    if ways.shape[-1] != points.shape[-1]:
        raise RequestError(f"a direction has {points.shape[-1]} entries as the latents, not {ways.shape[-1]}")
    return [
        Stop(within(generator, points + share * reach * vector), weights, given)
        for vector in ways
        for share in (0.0, 1.0, 0.0, -1.0)
    ]


def through_codes(
    generator: Generator, latents: ArrayLike, labels: Sequence[Label] = (None,), *, codes: ArrayLike | None = None
) -> list[Stop]:
    """Each code in turn to 1, back, to -1, as in training; the others stay at ``codes`` [codes], 0 when not given."""
    names = generator.card.codes
    if not names:
        raise RequestError(f"{generator.card.name} has no codes to walk through")
    base = np.zeros(len(names)) if codes is None else checked(codes)
    if base.shape != (len(names),):
        raise RequestError(f"codes are {len(names)} numbers: {', '.join(names)}; not of shape {list(base.shape)}")
    stops = []
    for place in range(len(names)):
        for value in (base[place], 1.0, base[place], -1.0):
            moved = base.copy()
            moved[place] = value
            stops.append(Stop(*_tiled(generator, latents, labels, moved)))
    return stops


def through_truncation(
    generator: Generator,
    latents: ArrayLike,
    labels: Sequence[Label] = (None,),
    *,
    bounds: Sequence[float] = BOUNDS,
    codes: ArrayLike | None = None,
) -> list[Stop]:
    """The same latents cut at ever smaller bounds, and back the same way. Walk it with ``way=lerp``."""
    points, weights, given = _tiled(generator, latents, labels, codes)
    there = [Stop(points, weights, given), *(Stop(truncate(points, bound), weights, given) for bound in bounds)]
    return [*there, *there[-2:0:-1]]
