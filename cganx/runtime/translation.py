"""Pictures -> pictures: what is asked of an image-to-image generator, checked, and made tile by tile.

A picture is (model, source, mask, label, seed), whatever stands beside it and in whatever tiles it is made.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from cganx.card import GeneratorCard, Source
from cganx.errors import NotAGenerator, RequestError
from cganx.runtime import latents
from cganx.runtime.labels import Labels
from cganx.runtime.reader import ModelFile
from cganx.runtime.sizes import Space, shape_at
from cganx.runtime.tiles import Axis, Canvas, Grid, up_to

__all__ = ["NOISE_SIDE", "Translator", "Wish", "largest_tile", "proving", "wishes"]

Array: TypeAlias = "np.ndarray[Any, Any]"
NOISE_SIDE = 256
"""Noise of open sizes is drawn for a source of this side, and repeats beyond: it rests on neither size nor tiles."""
MOST_ROWS = 64
_SIDE = 512
_FIXED_PIXELS = 256 * 256  # of one run of a graph whose sizes are fixed
_LUMA = (19595, 38470, 7471)  # Rec. 601 in parts of 2^16


class Wish(NamedTuple):
    """One picture: uint8 [height, width, source channels], its mask uint8 [height, width], label, seed, and where it goes."""

    picture: Array
    mask: Array | None
    label: Array | None
    seed: int
    place: Array | None = None


class _Tile(NamedTuple):
    canvas: Canvas
    wish: Wish
    row: int
    column: int


@dataclass(frozen=True)
class Translator:
    """One generator and a size of tiles. ``run`` makes uint8 [n, height, width, channels] of the contract's inputs.

    ``watch`` is told after each run what share of the first picture that was not whole before is there.
    """

    file: ModelFile
    tile: int | None
    whole_runs: bool
    run: Callable[[dict[str, Array]], Array]
    watch: Callable[[float], None] | None = None

    @property
    def card(self) -> GeneratorCard:
        """The generator's card."""
        return self.file.card

    @property
    def source(self) -> Source:
        """What the generator takes."""
        assert self.card.source is not None
        return self.card.source

    def grid(self, height: int, width: int) -> Grid:
        """How a picture is cut. Raises RequestError where the generator needs a size that it does not have."""
        source = self.source
        if source.height is not None and source.width is not None:
            sides = wholes = source.height, source.width
        else:
            side = self._side()
            least = self.file.least or source.multiple
            sides, wholes = (side, side), (least, least)
        context = source.context
        if source.height is not None and context is not None and 2 * up_to(context, source.multiple) >= min(sides):
            context = None  # tiles of its one size would be all edge
        axes = []
        for length, side, least in zip((height, width), sides, wholes, strict=True):
            whole = max(up_to(length, source.multiple), least)
            if whole > side and context is None and self.tile is None:
                raise RequestError(self._too_large(height, width, sides))
            axes.append(Axis.of(length, whole, side, source.multiple, context))
        return Grid(axes[0], axes[1], context is None)

    def _too_large(self, height: int, width: int, sides: tuple[int, int]) -> str:
        whole = f"a picture of {width} x {height} is larger than the {sides[1]} x {sides[0]} that this generator takes at once"
        if self.source.height is not None:
            return (
                f"{whole}, and each place depends on all: make it smaller, or say tile={max(sides)} for tiles that are blended"
            )
        most = up_to(max(height, width), self.source.multiple)
        return (
            f"{whole}, and each place depends on all: say tile={most} to make it whole, which takes more memory, or "
            f"tile={sides[0]} for tiles that are blended"
        )

    def _side(self) -> int:
        """The side of tiles where sizes are open."""
        return largest_tile(self.file) if self.tile is None else self.tile - self.tile % self.source.multiple

    def check_tile(self) -> None:
        """Raises RequestError for a tile that no picture can be made in."""
        if self.tile is None:
            return
        if isinstance(self.tile, bool) or not isinstance(self.tile, (int, np.integer)) or self.tile < 1:
            raise RequestError(f"tile is {self.tile!r}, not a whole number of pixels")
        source = self.source
        if source.height is not None and source.width is not None:
            if self.tile != max(source.height, source.width):
                raise RequestError(
                    f"this generator takes {source.width} x {source.height} pixels and no other size: "
                    f"say tile={max(source.height, source.width)}, or nothing"
                )
        elif self._side() < (self.file.least or source.multiple):
            raise RequestError(f"tile is {self.tile}, and this generator needs {self.file.least or source.multiple} at least")

    def made(self, wanted: Iterable[Wish]) -> Iterator[Array]:
        """uint8 [height * scale, width * scale, channels] of each, in order; memory holds one run and what is not whole."""
        open_: list[Canvas] = []
        for tiles in _runs(self._tiles(wanted, open_), self._rows):
            feed = self._feed(tiles)
            pixels = self.run(feed)
            self._check(pixels, feed)
            for tile, one in zip(tiles, pixels, strict=False):
                tile.canvas.put(tile.row, tile.column, one)
            if self.watch is not None:
                self.watch(open_[0].share)
            while open_ and open_[0].done:
                yield open_.pop(0).pixels

    def _tiles(self, wanted: Iterable[Wish], open_: list[Canvas]) -> Iterator[_Tile]:
        scale, channels = self.source.scale, self.card.image.channels
        for wish in wanted:
            height, width = wish.picture.shape[:2]
            grid = self.grid(height, width)
            pixels = np.empty((height * scale, width * scale, channels), np.uint8) if wish.place is None else wish.place
            canvas = Canvas(grid, pixels, scale)
            open_.append(canvas)
            for row, column in grid.places:
                yield _Tile(canvas, wish, row, column)

    def _rows(self, size: tuple[int, int]) -> int:
        """Tiles of one run, as many as a largest tile has pixels."""
        pixels = _FIXED_PIXELS if self.source.height is not None else (self.file.tile or _SIDE) ** 2
        return int(np.clip(pixels // (size[0] * size[1]), 1, MOST_ROWS))

    def _feed(self, tiles: Sequence[_Tile]) -> dict[str, Array]:
        feed: dict[str, Array] = {}
        for name, shape in self.file.inputs.items():
            if name == "source":
                cuts = [tile.canvas.grid.cut(tile.wish.picture, tile.row, tile.column) for tile in tiles]
                cut = np.stack([_with_channels(one, self.source.channels) for one in cuts])
                planes = cut.transpose(0, 3, 1, 2).astype(np.float32, order="C")
                planes /= np.float32(127.5)
                planes -= np.float32(1)
                feed[name] = planes
            elif name == "mask":
                masks = [tile.canvas.grid.cut(_given(tile.wish.mask), tile.row, tile.column) for tile in tiles]
                feed[name] = np.stack(masks)[:, None].astype(np.float32)
            elif name == "label":
                feed[name] = np.stack([_given(tile.wish.label) for tile in tiles])
            else:
                feed[name] = np.stack([self._noise(name, shape, tile) for tile in tiles])
        if self.whole_runs:  # on CUDA all runs of a shape have one size, so that a picture does not depend on what is beside it
            rows = np.minimum(np.arange(self._rows(tiles[0].canvas.grid.size)), len(tiles) - 1)
            feed = {name: value[rows] for name, value in feed.items()}
        return feed

    def _noise(self, name: str, shape: tuple[Any, ...], tile: _Tile) -> Array:
        """A tile's part of the noise of its picture."""
        side = up_to(NOISE_SIDE, self.source.multiple)
        grid = tile.canvas.grid
        start = Space(grid.down.pieces[tile.row].start, grid.across.pieces[tile.column].start)
        whole, wanted = shape_at(name, shape, Space(side, side)), shape_at(name, shape, Space(*grid.size))
        if whole is None or wanted is None:
            raise NotAGenerator(f"nothing says how large {name!r} is for tiles of {grid.size}")
        if name not in tile.canvas.noise:
            tile.canvas.noise[name] = _noise_of(tile.wish.seed, int(name[6:]) + 1, whole)
        drawn = tile.canvas.noise[name]
        places = []
        for said, length, period in zip(shape, wanted, whole, strict=True):
            offset = 0 if isinstance(said, int) else start.at(said) or 0
            places.append((offset + np.arange(length)) % period)
        return drawn[np.ix_(*places)]

    def _check(self, pixels: Array, feed: Mapping[str, Array]) -> None:
        number, _, height, width = feed["source"].shape
        asked = number, height * self.source.scale, width * self.source.scale, self.card.image.channels
        if pixels.shape != asked:
            raise NotAGenerator(f"it makes {pixels.shape} of sources {feed['source'].shape}, and its card says {asked}")


def _noise_of(seed: int, stream: int, shape: tuple[int, ...]) -> Array:
    size = int(np.prod(shape))
    return latents.normal(np.array([seed], np.uint64), size, stream=stream).reshape(shape)


def _given(value: Array | None) -> Array:
    assert value is not None
    return value


def _runs(tiles: Iterator[_Tile], rows: Callable[[tuple[int, int]], int]) -> Iterator[list[_Tile]]:
    """Neighbours of one size, so many at a time."""
    batch: list[_Tile] = []
    for tile in tiles:
        size = tile.canvas.grid.size
        if batch and (size != batch[0].canvas.grid.size or len(batch) == rows(size)):
            yield batch
            batch = []
        batch.append(tile)
    if batch:
        yield batch


def wishes(
    file: ModelFile,
    pictures: Iterable[Array],
    masks: Iterable[Array] | None,
    labels: Array | None,
    seeds: Iterable[int] | None,
    places: Iterable[Array] | None = None,
) -> Iterator[Wish]:
    """Each picture with what belongs to it, checked when its turn comes. ``labels`` has one row for all or one each.

    Raises RequestError.
    """
    takes = "mask" in file.inputs
    if takes and masks is None:
        raise RequestError("this generator fills what a mask marks: give mask=..., nonzero where it is to fill")
    if not takes and masks is not None:
        raise RequestError("this generator takes no mask: leave it out")
    each_mask = None if masks is None else iter(masks)
    each_seed = None if seeds is None else iter(seeds)
    each_place = None if places is None else iter(places)
    for number, one in enumerate(pictures):
        picture = _picture(one, number)
        mask = None if each_mask is None else _mask(_next(each_mask, number, "masks"), picture, number)
        label = None if labels is None else labels[0 if len(labels) == 1 else _row(number, len(labels))]
        seed = int.from_bytes(os.urandom(8), "little") if each_seed is None else _next(each_seed, number, "seeds")
        yield Wish(picture, mask, label, seed, None if each_place is None else next(each_place))


def _row(number: int, most: int) -> int:
    if number >= most:
        raise RequestError(f"there are {most} labels and more pictures: give one label for all, or one each")
    return number


def _next(each: Iterator[Any], number: int, what: str) -> Any:
    try:
        return next(each)
    except StopIteration:
        raise RequestError(f"there are {number} {what} and more pictures: give one each") from None


def _picture(value: Any, number: int) -> Array:
    """What was given as uint8 [height, width, 1 or 3]."""
    picture = np.asarray(value)
    if picture.dtype != np.uint8 or picture.ndim not in (2, 3) or 0 in picture.shape:
        raise RequestError(f"picture {number} is {picture.dtype} {picture.shape}, not uint8 [height, width, channels]")
    if picture.ndim == 2:
        picture = picture[:, :, None]
    given = picture.shape[2]
    if given not in (1, 3):
        more = "; take the alpha off first" if given in (2, 4) else ""
        raise RequestError(f"picture {number} has {given} channels, not 1 or 3{more}")
    return picture


def _with_channels(picture: Array, channels: int) -> Array:
    """Grey becomes colour by repetition, colour grey by Rec. 601's luma, as Pillow has it."""
    if picture.shape[2] == channels:
        return picture
    if channels == 3:
        return np.repeat(picture, 3, axis=2)
    red, green, blue = (np.uint32(part) * picture[:, :, index] for index, part in enumerate(_LUMA))
    luma: Array = ((red + green + blue + np.uint32(1 << 15)) >> np.uint32(16)).astype(np.uint8)
    return luma[:, :, None]


def _mask(value: Any, picture: Array, number: int) -> Array:
    mask = np.asarray(value)
    if mask.ndim == 3 and mask.shape[2] == 1:
        mask = mask[:, :, 0]
    if mask.dtype not in (np.uint8, np.bool_) or mask.shape != picture.shape[:2]:
        raise RequestError(f"mask {number} is {mask.dtype} {mask.shape}, not uint8 or bool {picture.shape[:2]} as its picture")
    marked: Array = (mask != 0).astype(np.uint8)
    return marked


def largest_tile(file: ModelFile) -> int:
    """Most pixels, each way, of a source of open size that is turned at once unless another tile is asked for."""
    assert file.card.source is not None
    multiple = file.card.source.multiple
    return file.tile or max(_SIDE - _SIDE % multiple, multiple)


def proving(file: ModelFile, labels: Labels) -> tuple[dict[str, Array], tuple[int, int]]:
    """Inputs of a first run by the file's names, two rows as small as the graph takes them; and the size it must make."""
    source = file.card.source
    assert source is not None
    least = file.least or source.multiple
    space = Space(source.height or least, source.width or least)
    feed: dict[str, Array] = {}
    for name, shape in file.inputs.items():
        if name == "label":
            chosen = labels.many([0, len(file.card.classes) - 1])
            assert chosen is not None
            feed[name] = chosen
            continue
        sizes = shape_at(name, shape, space)
        if sizes is None:
            raise NotAGenerator(f"nothing says how large {name!r} is for sources of {tuple(space)}")
        feed[name] = np.ones((2, *sizes), np.float32) if name == "mask" else _probed(name, sizes)
    named = feed if file.tensors is None else {file.tensors.named(name): value for name, value in feed.items()}
    return named, (space.height * source.scale, space.width * source.scale)


def _probed(name: str, sizes: tuple[int, ...]) -> Array:
    """A source of which one row is black and white and the other even noise; noise of normal values."""
    seeds = np.arange(2, dtype=np.uint64)
    count = int(np.prod(sizes))
    if name != "source":
        return latents.normal(seeds, count).reshape(2, *sizes)
    values = latents.uniform(seeds, count)
    values[0] = np.where(values[0] < 0, -1, 1)
    return values.reshape(2, *sizes)
