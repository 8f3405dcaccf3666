"""Still sheets of a generator's latent space, each with a sentence on what it shows.

Each function of :data:`SHEETS` makes one from a :class:`View`, and raises RequestError or LabelError, with the reason, where
this generator has no such sheet.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cganx.errors import RequestError
from cganx.grid import sheet
from cganx.latent.blocks import FILLS, blocks_of, replace_block
from cganx.latent.directions import principal_directions
from cganx.latent.inversion import Inversion, Progress, invert, noise_seeds
from cganx.latent.labels import require_blends, weights_of
from cganx.latent.points import (
    Floats,
    arithmetic,
    latent_of,
    lerp,
    mean,
    norm_preserving_mean,
    of_seeds,
    slerp,
    way_of,
    within,
)
from cganx.runtime import Generator
from cganx.runtime.labels import Label

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["SHEETS", "Group", "Sheet", "View", "groups_by_brightness"]

Pixels = NDArray[np.uint8]

GROUPED_FROM = 256  # seeds among which groups are looked for
GROUP = 9  # as the book's
MOST_BLOCKS = 16  # columns of a sheet of blocks
SHARES = np.linspace(0.0, 1.0, 9)
BOUNDS = (None, 2.0, 1.5, 1.0, 0.7, 0.5, 0.3, 0.1)
REACH = np.linspace(-3.0, 3.0, 9)
STRENGTHS = np.linspace(-1.0, 1.0, 9)
NEAREST = 5
MOST_SEARCHED = 20  # labels that are searched one by one


@dataclass(frozen=True)
class Group:
    """Seeds whose pictures have something in common."""

    name: str
    seeds: tuple[int, ...]

    def __post_init__(self) -> None:
        if not self.seeds:
            raise RequestError(f"the group {self.name!r} has no seeds")


@dataclass(frozen=True, eq=False)
class Sheet:
    """Rows of pictures with names, perhaps names of the columns, and a sentence that says what is shown.

    found: what a search found, the best first, of the sheet of the nearest picture.
    """

    name: str
    title: str
    caption: str
    rows: Sequence[tuple[str, Pixels]] = field(repr=False)
    columns: Sequence[str] | None = None
    found: Sequence[Inversion] = field(default=(), repr=False)

    def image(self, scale: int | None = None) -> Image.Image:
        """As a Pillow image; what :func:`cganx.grid.sheet` raises."""
        return sheet(self.rows, scale=scale, columns=self.columns)


@dataclass(frozen=True, eq=False)
class View:
    """What of a generator is looked at.

    labels: (text, label) pairs; a sheet of one class takes the first. seeds: columns, or points to start from; at least two.
    codes: [codes], the same in all pictures. truncation: of the latents of seeds. groups: two or more for means and arithmetic;
    of the brightest and the darkest pictures when not given. picture: uint8 [height, width, channels] for the nearest one.
    """

    generator: Generator
    labels: Sequence[tuple[str, Label]]
    seeds: Sequence[int] = tuple(range(10))
    codes: Floats | None = None
    groups: Sequence[Group] = ()
    picture: Pixels | None = None
    progress: Progress | None = None
    truncation: float | None = None

    def __post_init__(self) -> None:
        if not self.labels:
            raise RequestError("there is nothing to look at: give at least one label, None where there are no classes")
        if len(self.seeds) < 2:
            raise RequestError("sheets are of at least two seeds: say 0-9")

    @property
    def first(self) -> tuple[str, Label]:
        """The label of sheets that show one."""
        return self.labels[0]

    @property
    def of_first(self) -> str:
        """A sentence's end: the class that a sheet shows, where there are classes."""
        return f" Class: {self.first[0]}." if self.generator.card.classes else ""

    def points(self, seeds: Sequence[int]) -> Floats:
        """The latents of seeds [n, latent]."""
        return of_seeds(self.generator, seeds, truncation=self.truncation)

    def make(self, latents: Floats, label: Label, codes: Floats | None = None) -> Pixels:
        """Pictures uint8 [n, height, width, channels] of latents [n, latent]; label: one, or weights [n, classes]."""
        given = self.codes if codes is None else codes
        points = within(self.generator, latents)
        return np.asarray(
            self.generator.generate(
                label,
                noise_seeds(self.generator),
                latents=points,
                codes=None if given is None else np.broadcast_to(given, (len(points), np.shape(given)[-1])),
            )
        )


def _classes(view: View) -> Sheet:
    latents = view.points(view.seeds)
    return Sheet(
        "classes",
        "Class by seed",
        "A row is a class, a column a seed: the same latent in every class, so what changes down a column is the class alone.",
        [(text, view.make(latents, label)) for text, label in view.labels],
        [str(seed) for seed in view.seeds],
    )


def groups_by_brightness(view: View) -> tuple[Group, Group]:
    """The nine brightest and the nine darkest pictures of seeds 0 to 255, of the view's first label."""
    seeds = range(GROUPED_FROM)
    levels = view.make(view.points(seeds), view.first[1]).mean(axis=(1, 2, 3))
    order = np.argsort(levels, kind="stable")
    return (
        Group("bright", tuple(int(seed) for seed in order[::-1][:GROUP])),
        Group("dark", tuple(int(seed) for seed in order[:GROUP])),
    )


def _averages(view: View) -> Sheet:
    groups = view.groups or groups_by_brightness(view)
    points = [view.points(group.seeds) for group in groups]
    rows = []
    for group, members in zip(groups, points, strict=True):
        shown = np.concatenate([np.stack([mean(members), norm_preserving_mean(members)]), members[:GROUP]])
        rows.append((group.name, view.make(shown, view.first[1])))
    both = np.stack([mean(np.stack([mean(one) for one in points])), norm_preserving_mean(np.concatenate(points))])
    rows.append(("all groups", view.make(both, view.first[1])))
    seeds = "; ".join(f"{group.name}: {', '.join(map(str, group.seeds))}" for group in groups)
    return Sheet(
        "averages",
        "Averages of seeds",
        "The mean of a group's latents, plain and at their own length, then its members. The plain mean of n latents is "
        "sqrt(n) times shorter than they are, so its picture is nearer to the average one, whatever the group; at their own "
        f"length it shows what they have in common.{view.of_first} Seeds: {seeds}.",
        rows,
        ["mean", "length kept", "members"],
    )


def _arithmetic(view: View) -> Sheet:
    groups = view.groups or groups_by_brightness(view)
    if len(groups) < 2:
        raise RequestError("arithmetic needs two groups of seeds: give --group twice")
    plus, minus = view.points(groups[0].seeds), view.points(groups[1].seeds)
    return Sheet(
        "arithmetic",
        "Arithmetic between groups",
        f"Each seed's latent plus so many times the difference mean({groups[0].name}) - mean({groups[1].name}), at the "
        f"length that it had. 0 is the seed itself.{view.of_first}",
        [
            (
                f"seed {seed}",
                view.make(np.stack([arithmetic(base, plus, minus, strength=one) for one in STRENGTHS]), view.first[1]),
            )
            for seed, base in zip(view.seeds, view.points(view.seeds), strict=True)
        ],
        [f"{one:+g}" if one else "0" for one in STRENGTHS],
    )


def _interpolation(view: View) -> Sheet:
    rows = []
    points = view.points(view.seeds[:6])
    for (seed, one), (next_seed, other) in pairwise(zip(view.seeds, points, strict=False)):
        for name, way in (("linear", lerp), ("spherical", slerp)):
            rows.append((f"{seed} to {next_seed}, {name}", view.make(way(one, other, SHARES), view.first[1])))
    usual = "spherical" if way_of(view.generator) is slerp else "straight"
    return Sheet(
        "interpolation",
        "Interpolation between seeds",
        "From one seed's latent to the next one's on a straight line, and on a sphere. The middle of a straight line is "
        "nearer to the origin than any latent of the training: a tamer picture. On the sphere it is as typical as the ends. "
        f"For this generator's latents the {usual} way is right.{view.of_first}",
        rows,
        [f"{share:g}" for share in SHARES],
    )


def _blocks(size: int) -> Callable[[View], Sheet]:
    def made(view: View) -> Sheet:
        seed, label = view.seeds[0], view.first[1]
        (base,) = view.points([seed])
        if len(base) < size:
            raise RequestError(f"the latent has {len(base)} entries, less than one block of {size}")
        blocks = blocks_of(len(base), size, 10)[:MOST_BLOCKS]
        fills = [("noise", 0), ("noise", 1), *((fill, 0) for fill in FILLS if fill != "noise")]
        rows = []
        for fill, number in fills:
            replaced = [replace_block(base, block, fill, seed=number + place * 2) for place, block in enumerate(blocks)]
            rows.append((fill if not number else f"{fill}, again", view.make(np.stack([base, *replaced]), label)))
        return Sheet(
            f"blocks-{size}",
            f"Blocks of {size} entries replaced",
            f"First the picture of seed {seed}, then the same with the entries named above replaced by noise (two draws), "
            "a Hann window, zeros or ones. Each starts from the seed's own latent; nothing adds up along a row."
            + view.of_first,
            rows,
            [f"seed {seed}", *map(str, blocks)],
        )

    return made


def _blends(view: View) -> Sheet:
    require_blends(view.generator)
    if len(view.labels) < 2:
        raise RequestError("a blend is of two classes: name at least two")
    pairs = list(pairwise(view.labels))[:10]
    if view.generator.card.kind == "attributes":
        pairs = [(view.labels[0], one) for one in view.labels[1:11]]
    seeds = view.seeds[: max(1, 8 // len(pairs))]
    rows = []
    for (one, label), (other, next_label) in pairs:
        weights = weights_of(view.generator, [label, next_label])
        assert weights is not None  # require_blends
        for seed, point in zip(seeds, view.points(seeds), strict=True):
            mixed = lerp(weights[0], weights[1], SHARES)
            name = f"{one} to {other}" + (f", seed {seed}" if len(seeds) > 1 else "")
            rows.append((name, view.make(np.tile(point, (len(SHARES), 1)), mixed)))
    return Sheet(
        "blends",
        "Blends of classes",
        "From one class to the next by the weights of the label, named above, with the latent of "
        + (f"seed {seeds[0]}." if len(seeds) == 1 else "each seed."),
        rows,
        [f"{share:g}" for share in SHARES],
    )


def _codes(view: View) -> Sheet:
    names = view.generator.card.codes
    if not names:
        raise RequestError(
            "it has no continuous codes (those that infogan --set continuous=N trains; categories are its classes)"
        )
    base = np.zeros(len(names), np.float32) if view.codes is None else np.asarray(view.codes, np.float32).reshape(-1)
    seeds = view.seeds[: max(1, 8 // len(names))]
    values = np.linspace(-1.0, 1.0, 9)
    rows = []
    for place, name in enumerate(names):
        swept = np.tile(base, (len(values), 1))
        swept[:, place] = values
        for seed, point in zip(seeds, view.points(seeds), strict=True):
            rows.append((f"{name}, seed {seed}", view.make(np.tile(point, (len(values), 1)), view.first[1], swept)))
    return Sheet(
        "codes",
        "Codes",
        "One code from -1 to 1, as in training, with the latent of a seed and the other codes as they are." + view.of_first,
        rows,
        [f"{value:g}" for value in values],
    )


def _truncation(view: View) -> Sheet:
    latent = latent_of(view.generator.card)
    if latent.distribution != "normal":
        raise RequestError(f"truncation is for normal latents; this one is {latent.distribution}")
    rows = []
    for bound in BOUNDS:
        points = of_seeds(view.generator, view.seeds, truncation=bound)
        rows.append(("none" if bound is None else f"{bound:g}", view.make(points, view.first[1])))
    return Sheet(
        "truncation",
        "Truncation",
        "Entries of the latent beyond the bound at the left are drawn again, as cganx generate --truncation does: the less is "
        "left, the more typical and the less varied the pictures." + view.of_first,
        rows,
        [str(seed) for seed in view.seeds],
    )


def _directions(view: View) -> Sheet:
    size = latent_of(view.generator.card).size
    labels = [label for _, label in view.labels]
    found = principal_directions(view.generator, count=min(8, size), labels=labels, progress=view.progress)
    (base,) = view.points(view.seeds[:1])
    rows = [
        (f"direction {number}", view.make((base + REACH[:, None] * vector).astype(np.float32), view.first[1]))
        for number, vector in enumerate(found.vectors, 1)
    ]
    return Sheet(
        "directions",
        "Principal directions",
        f"From seed {view.seeds[0]} along the directions in which pictures change most, those first that change them more. At "
        f"the right pictures are brighter in the mean over {len(labels)} {'label' if len(labels) == 1 else 'labels'}, on which "
        "the directions were found, from this file alone." + view.of_first,
        rows,
        [f"{step:+g}" if step else "0" for step in REACH],
    )


def _nearest(view: View) -> Sheet:
    if view.picture is None:
        raise RequestError("the nearest picture is of one that is given: --picture FILE")
    best = _nearest_of(view, view.picture)
    rows = []
    for one in best[:NEAREST]:
        difference = np.abs(view.picture.astype(np.int16) - one.pixels).astype(np.uint8)
        name = f"{one.text}, {one.distance:.3f}" if one.text else f"{one.distance:.3f}"
        rows.append((name, np.stack([view.picture, one.pixels, difference])))
    of = "of each class, the best first" if len(best) > 1 else "that was found"
    return Sheet(
        "picture",
        "The nearest picture",
        f"The given picture, the nearest {of}, and the difference (black: none). The numbers are the distances, the root of "
        "the mean squared difference of pixels: 0 is the same picture, 1 black for white. Nearest: "
        f"{rows[0][0]}.",
        rows,
        ["given", "nearest", "difference"],
        best,
    )


def _nearest_of(view: View, picture: Pixels) -> list[Inversion]:
    """The nearest picture of each label, the best first; where these are many, the best of all alone."""
    if len(view.labels) > MOST_SEARCHED:
        return invert(view.generator, picture[None], among=[label for _, label in view.labels], progress=view.progress)
    found: list[Inversion] = []
    for number, (_, label) in enumerate(view.labels):
        if view.progress is not None:
            view.progress("nearest picture", number, len(view.labels))
        found += invert(view.generator, picture[None], among=[label])
    return sorted(found, key=lambda one: one.distance)


SHEETS: Mapping[str, Callable[[View], Sheet]] = MappingProxyType(
    {
        "classes": _classes,
        "averages": _averages,
        "arithmetic": _arithmetic,
        "interpolation": _interpolation,
        "blocks-10": _blocks(10),
        "blocks-20": _blocks(20),
        "blends": _blends,
        "codes": _codes,
        "truncation": _truncation,
        "directions": _directions,
        "picture": _nearest,
    }
)
"""Name -> what makes the sheet of that name."""
