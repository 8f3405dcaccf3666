"""Generator: labels and seeds -> pixels, from one file."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import islice
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

from cganx.card import GeneratorCard
from cganx.errors import (
    CardMismatch,
    CganxError,
    DeviceUnavailable,
    LabelError,
    ModelNotFound,
    NotAGenerator,
    RequestError,
    SeedError,
)
from cganx.runtime import latents as latent_draws
from cganx.runtime.ahead import ahead, in_turn
from cganx.runtime.backend import Backend, Device, OnnxRuntime, Options, first_line
from cganx.runtime.labels import Label, Labels
from cganx.runtime.model_folder import added, added_file
from cganx.runtime.reader import LIMITS, Limits, ModelFile, read
from cganx.runtime.sessions import Session, check_process
from cganx.runtime.tensors import Tensors
from cganx.runtime.translation import Translator, largest_tile, proving, wishes

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

__all__ = ["GeneratedPicture", "Generator", "Pictures", "bundled", "find", "load"]

# Not pathlib, which costs a host several milliseconds at start.
ZOO = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "zoo")
BATCH = 64
RUN_VALUES = 1 << 28
"""What lies in memory at once in a run, 1 GiB in float32: of large pictures a run takes fewer, where nobody says how many."""

Array: TypeAlias = "np.ndarray[Any, Any]"


@dataclass(frozen=True, eq=False)
class GeneratedPicture:
    """One picture of a stream: its label as the card spells it, its seed, and uint8 pixels [height, width, channels].

    >>> from cganx.runtime import testing
    >>> (picture,) = testing.tiny().stream([("DISC", 7)])
    >>> picture, picture.pixels.shape
    (GeneratedPicture(label='disc', seed=7), (16, 16, 1))
    """

    label: str | None
    seed: int
    pixels: Array = field(repr=False)


class Pictures(np.ndarray[Any, Any]):
    """What generate returns: a uint8 array [n, height, width, channels] that also knows its ``seeds``.

    ``seeds`` is a tuple of n ints, or None on arrays that were computed from this one.

    >>> from cganx.runtime import testing
    >>> pictures = testing.tiny().generate("disc", seeds=[3, 5])
    >>> pictures.seeds, pictures.dtype.name, (255 - pictures).seeds
    ((3, 5), 'uint8', None)
    """

    seeds: tuple[int, ...] | None

    def __array_finalize__(self, obj: Any, /) -> None:
        self.seeds = None


class _Request(NamedTuple):
    """n pictures with everything checked and broadcast; slices of it are what a run is fed from."""

    number: int
    labels: Array | None
    seeds: Array
    latents: Array | None = None
    codes: Array | None = None
    truncation: Array | None = None

    def part(self, start: int, stop: int) -> _Request:
        cut = [None if one is None else one[start:stop] for one in (self.labels, self.latents, self.codes, self.truncation)]
        return self._replace(
            number=min(stop, self.number) - start,
            labels=cut[0],
            seeds=self.seeds[start:stop],
            latents=cut[1],
            codes=cut[2],
            truncation=cut[3],
        )


@dataclass(frozen=True)
class _Recipe:
    """What load was given. A generator is pickled as this, and loaded again where it is unpickled."""

    model: str | os.PathLike[str] | bytes
    device: str
    card: GeneratorCard | None
    tensors: Tensors | None
    limits: Limits
    options: Options
    backend: Backend

    def load(self) -> Generator:
        source = _find(self.model)
        file = read(source, card=self.card, tensors=self.tensors, limits=self.limits)
        # A path must still lead there after the process, or the one that it is sent to, has changed its folder.
        lasting = os.path.abspath(source) if source is self.model and not isinstance(source, bytes) else self.model
        try:
            return self._opened(file, lasting)
        except NotAGenerator as error:
            raise NotAGenerator(error.message, model=file.path) from error.__cause__

    def _opened(self, file: ModelFile, lasting: str | os.PathLike[str] | bytes) -> Generator:
        def built(device: str) -> Generator:
            session, active = self.backend.open(file, device, self.options)
            return Generator(file, session, active, replace(self, model=lasting))

        generator = built(self.device)
        try:
            return _proved(generator)
        except DeviceUnavailable as fault:
            on_cpu = _proved(built("cpu"))  # where it is the file's fault, this says so
            if self.device != "auto":
                raise
            on_cpu.device = Device(on_cpu.device.name, self.device, fault.missing)
            return on_cpu

    def load_again(self, sha256: str) -> Generator:
        generator = self.load()
        if generator.sha256 != sha256:
            generator.close()
            path = None if isinstance(self.model, bytes) else os.fspath(self.model)
            raise CardMismatch("it is not the file that the pickled generator was loaded from; load this one anew", model=path)
        return generator


class Generator:
    """A loaded generator. Make one with :func:`load`; safe to share between threads.

    ``card`` says what it is, ``device`` what runs it, ``sha256`` which file it is. It is pickled by the path, name or bytes
    that it was loaded from. In a child that was forked it is refused: load one there. ``with`` closes it at the end.

    >>> from cganx.runtime import testing
    >>> with testing.tiny() as generator:
    ...     generator.generate(["disc", "cross"], seeds=7).shape
    (2, 16, 16, 1)
    """

    card: GeneratorCard
    device: Device
    sha256: str

    def __init__(self, file: ModelFile, session: Session, device: Device, recipe: _Recipe | None = None) -> None:
        self.card = file.card
        self.device = device
        self.sha256 = file.sha256
        self._file = replace(file, data=b"")
        self._session: Session | None = session
        self._process = os.getpid()
        self._recipe = recipe
        self._labels = Labels(file.card)
        few = device.name == "cpu" and file.alive > 0  # on CUDA every run is filled up to cuda_batch
        self._batch = max(1, min(BATCH, RUN_VALUES // file.alive)) if few else BATCH
        self._output = "pixels" if "pixels" in file.outputs else "image"
        self._noise = {  # beside a source translation.py draws it
            name: (int(name[6:]) + 1, tuple(int(size) for size in shape if isinstance(size, int)))
            for name, shape in file.inputs.items()
            if name.startswith("noise.")
        }

    @classmethod
    def from_session(
        cls,
        session: Any,
        *,
        file: str | os.PathLike[str] | bytes | None = None,
        card: GeneratorCard | None = None,
        tensors: Tensors | None = None,
        limits: Limits = LIMITS,
        cuda_batch: int = BATCH,
    ) -> Generator:
        """A generator that runs a session which you built with onnxruntime: your providers, your options.

        The card is read from the session's metadata, and its inputs, outputs and types are held against it. What the reader
        checks lies in the bytes, which a session does not give back: without ``file`` you vouch for them, and ``sha256`` is
        what the metadata says it is. With ``file``, the path or bytes that you built the session from, they are read as
        :func:`load` reads them and their card and hash must be the session's (of a file without a card, the inputs); it was
        built before, all the same.

        card, tensors: adopt a file of another maker, as :func:`load` does. limits: for the reader. cuda_batch: pictures of
        every run where the session is on CUDA. The session stays yours: :meth:`close` lets go of it, and it ends when you do
        so too. Such a generator cannot be pickled.

        Raises ModelError (CardMismatch, NotAGenerator, and with ``file`` all others), RequestError.

        >>> import onnxruntime
        >>> from cganx.runtime import Generator, testing
        >>> session = onnxruntime.InferenceSession(testing.TINY, providers=["CPUExecutionProvider"])
        >>> Generator.from_session(session, file=testing.TINY).card.classes
        ('disc', 'cross')
        """
        from cganx.runtime.foreign_session import adopt

        known = None if file is None else read(file, card=card, tensors=tensors, limits=limits)
        about, runs, device = adopt(session, card, tensors, known, Options(cuda_batch=cuda_batch))
        return _proved(cls(about, runs, device))

    def __repr__(self) -> str:
        image = self.card.image
        closed = ", closed" if self._session is None else ""
        return f"<Generator {self.card.name!r} {image.width}x{image.height}x{image.channels} on {self.device}{closed}>"

    def __reduce__(self) -> tuple[Any, ...]:
        if self._recipe is None:
            raise RequestError(
                "a generator that load() did not make cannot be pickled, for nothing says how to make its session again; "
                "send what you made it from, and make it in the other process"
            )
        return _Recipe.load_again, (self._recipe, self.sha256)

    def __enter__(self) -> Generator:
        self._ready()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the session: its memory and threads are given back as soon as runs that other threads are in have ended.

        To close again does nothing; to make pictures afterwards raises RequestError.

        >>> from cganx.runtime import testing
        >>> generator = testing.tiny()
        >>> generator.close()
        >>> generator.generate("disc", seeds=7)
        Traceback (most recent call last):
        cganx.errors.RequestError: this generator is closed; load it again
        """
        self._session = None

    def warm_up(self, batch_size: int | None = None) -> None:
        """Make ``batch_size`` pictures and throw them away, so that the first ones that are wanted come as fast as later ones.

        Worth it for the batch size that is then asked for (docs/runtime.md has figures). Raises RequestError for a
        ``batch_size`` under 1, and for generators that turn a picture into a picture.

        >>> from cganx.runtime import testing
        >>> with testing.tiny() as generator:
        ...     generator.warm_up(16)
        ...     generator.generate("disc", seeds=range(16)).shape
        (16, 16, 16, 1)
        """
        count = self._batch_size(batch_size)
        self._run(self._request([0] * count if self.card.classes else None, range(count), None, None, None))

    @property
    def batch_size(self) -> int:
        """Pictures of a run where nobody says how many: 64, or fewer where a run of them would take more than 1 GiB on the CPU.

        Of a session whose file was not given it is 64.

        >>> from cganx.runtime import testing
        >>> testing.tiny().batch_size
        64
        """
        return self._batch

    def _batch_size(self, batch_size: int | None) -> int:
        if batch_size is None:
            return self._batch
        if isinstance(batch_size, bool) or not isinstance(batch_size, (int, np.integer)) or batch_size < 1:
            raise RequestError(f"batch_size is {batch_size!r}, not a whole number of at least 1")
        return int(batch_size)

    def _ready(self) -> Session:
        """The session, for the process that loaded it and until it is closed."""
        check_process(self._process)
        session = self._session
        if session is None:
            raise RequestError("this generator is closed; load it again")
        return session

    @property
    def picture_shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of a picture.

        >>> from cganx.runtime import testing
        >>> testing.tiny().picture_shape
        (16, 16, 1)
        """
        return self.card.image.height, self.card.image.width, self.card.image.channels

    def source_size(self, most: int) -> tuple[int, int]:
        """Height and width, in pixels, of a source of the nominal size that is turned as a whole.

        Where any size is taken, at most ``most`` each way. RequestError for generators that take no source.

        >>> from cganx.card import GeneratorCard, Image, Source
        >>> from cganx.runtime import testing
        >>> source = Source(channels=1, multiple=4, scale=2)
        >>> image = Image(height=48, width=1024, channels=1)
        >>> testing.fake(GeneratorCard(name="larger", kind="image-to-image", source=source, image=image)).source_size(most=100)
        (24, 100)
        """
        source = self.card.source
        if source is None:
            raise RequestError("this generator takes no source; translate is for those that do")
        if source.height is not None and source.width is not None:
            return source.height, source.width
        most = min(most, largest_tile(self._file))
        height, width = (min(side // source.scale, most) // source.multiple for side in self.picture_shape[:2])
        return max(1, height) * source.multiple, max(1, width) * source.multiple

    @property
    def inputs(self) -> tuple[str, ...]:
        """The inputs that the file has, by the contract's names: ``latent``, ``label``, ``noise.0`` ...

        >>> from cganx.runtime import testing
        >>> testing.tiny().inputs
        ('latent', 'label')
        """
        return tuple(self._file.inputs)

    def generate(
        self,
        labels: Label | Sequence[Label] = None,
        seeds: int | Iterable[int] | None = None,
        *,
        latents: Array | None = None,
        codes: Array | None = None,
        truncation: float | Array | None = None,
        batch_size: int | None = None,
    ) -> Pictures:
        """Make n pictures, uint8 [n, height, width, channels]. Labels and seeds broadcast 1 x n, n x 1 and n x n.

        labels: a name, an id, a ``{name: weight}`` mapping, a float array of weights, or a list of those.
        seeds: 0 <= seed < 2**64, one or many; drawn from the system when not given, and reported as ``.seeds``.
        latents: float [n, latent] instead of what the seeds draw. codes: float [n, codes], 0 when not given.
        truncation: entries of a normal latent over it are redrawn (>= 0.01); smaller is more typical and less varied.
        batch_size: pictures per run, :attr:`batch_size` when not given; it never changes a picture (docs/latents.md). On CUDA
            they are run by ``cuda_batch`` of :func:`load`.

        Raises LabelError, SeedError, RequestError.

        >>> from cganx.runtime import testing
        >>> generator = testing.tiny()
        >>> generator.generate("disc", seeds=range(3)).shape  # one label for three seeds
        (3, 16, 16, 1)
        >>> pictures = generator.generate(["cross", {"disc": 0.7, "cross": 0.3}], seeds=7, truncation=0.5)
        >>> pictures.shape, pictures.dtype.name, pictures.seeds
        ((2, 16, 16, 1), 'uint8', (7, 7))
        """
        request = self._request(labels, seeds, latents, codes, truncation)
        size = self._batch_size(batch_size)
        if 0 < request.number <= size:
            pixels = self._run(request)
        else:
            pixels = np.empty((request.number, *self.picture_shape), np.uint8)
            for start in range(0, request.number, size):
                pixels[start : start + size] = self._run(request.part(start, start + size))
        pictures = pixels.view(Pictures)
        pictures.seeds = tuple(request.seeds.tolist())
        return pictures

    def images(
        self,
        labels: Label | Sequence[Label] = None,
        seeds: int | Iterable[int] | None = None,
        *,
        latents: Array | None = None,
        codes: Array | None = None,
        truncation: float | Array | None = None,
        batch_size: int | None = None,
    ) -> Array:
        """The pictures of :meth:`generate` before they are rounded: float32 [n, channels, height, width], -1..1.

        Takes what :meth:`generate` takes, and raises what it does.

        >>> from cganx.runtime import testing
        >>> images = testing.tiny().images("disc", seeds=range(3), truncation=0.5)
        >>> images.shape, images.dtype.name, bool(abs(images).max() <= 1)
        ((3, 1, 16, 16), 'float32', True)
        """
        request, size = self._request(labels, seeds, latents, codes, truncation), self._batch_size(batch_size)
        image = self.card.image
        made = np.empty((request.number, image.channels, image.height, image.width), np.float32)
        for start in range(0, request.number, size):
            made[start : start + size] = self._outputs(request.part(start, start + size), ["image"])[0]
        return made

    def stream(
        self,
        requests: Iterable[tuple[Label, int]],
        batch_size: int | None = None,
        *,
        codes: Array | None = None,
        truncation: float | None = None,
        prefetch: bool = False,
    ) -> Iterator[GeneratedPicture]:
        """Yield a picture for each (label, seed) pair, in order, of any number of them, in constant memory.

        Pairs are taken a batch at a time, in the thread that asks for pictures and when it asks. codes: float [codes], the
        same for all. prefetch: a thread makes the next batch while you use this one, and pairs are taken one batch earlier;
        the pictures are the same. It ends with the iterator: at its end, at an error, by ``close()`` or when it is dropped.

        Raises what :meth:`generate` does, after the pictures of the batches before.

        >>> from cganx.runtime import testing
        >>> for picture in testing.tiny().stream([("disc", 1), ({"disc": 0.5, "cross": 0.5}, 2)], batch_size=64):
        ...     picture.label, picture.seed, picture.pixels.shape
        ('disc', 1, (16, 16, 1))
        ('cross=0.5,disc=0.5', 2, (16, 16, 1))
        """
        size = self._batch_size(batch_size)
        return self._stream(self._batches(iter(requests), size, codes, truncation), prefetch)

    def _stream(self, batches: Iterator[_Request], prefetch: bool) -> Iterator[GeneratedPicture]:
        with closing(ahead(self._run, batches) if prefetch else in_turn(self._run, batches)) as made:
            for request, pixels in made:
                for row in range(request.number):
                    text = None if request.labels is None else self._labels.text(request.labels[row])
                    yield GeneratedPicture(text, int(request.seeds[row]), pixels[row])

    def _batches(
        self, pairs: Iterator[tuple[Label, int]], size: int, codes: Array | None, truncation: float | None
    ) -> Iterator[_Request]:
        while batch := list(islice(pairs, size)):
            for pair in batch:
                if not isinstance(pair, (tuple, list)) or len(pair) != 2:
                    raise RequestError(f"a request of a stream is a pair (label, seed), not {pair!r}")
            labels, seeds = [list(column) for column in zip(*batch, strict=True)]
            yield self._request(labels if self.card.classes else None, seeds, None, codes, truncation)

    def translate(
        self,
        pictures: Array | Sequence[Array],
        *,
        label: Label | Sequence[Label] = None,
        seeds: int | Iterable[int] | None = None,
        mask: Array | Sequence[Array] | None = None,
        tile: int | None = None,
    ) -> Any:
        """Turn pictures into pictures of ``scale`` times the size, by a generator of kind ``image-to-image``.

        pictures: uint8 [n, height, width, channels] of any size, which gives :class:`Pictures` uint8 [n, height * scale,
            width * scale, channels]; or a sequence of uint8 [height, width, channels] of different sizes, which gives a list.
            A channel more or less is no matter: grey is repeated, and colour becomes its luma (Rec. 601).
        label: where there are styles, one for all or one each, as :meth:`generate` takes them.
        seeds: one for all or one each, for the noise of generators that take some; drawn from the system when not given.
        mask: uint8 or bool [n, height, width], or a sequence of [height, width]: nonzero is to be filled. For generators that
            take one, and no others.
        tile: pixels of a side. A larger picture is made in tiles, and where the card knows how far a place depends on others
            the result does not depend on them. Where it does not know, such a picture is refused unless ``tile`` is given: then
            tiles are blended, and the result depends on their size. See docs/translate.md.

        Raises LabelError, SeedError, RequestError.

        >>> import numpy as np
        >>> from cganx.card import GeneratorCard, Image, Source
        >>> from cganx.runtime import testing
        >>> source = Source(channels=3, height=8, width=8, scale=2, context=1)
        >>> image = Image(height=16, width=16, channels=3)
        >>> card = GeneratorCard(name="larger", kind="image-to-image", source=source, image=image)
        >>> testing.fake(card).translate(np.zeros((1, 20, 30, 3), np.uint8)).shape
        (1, 40, 60, 3)
        """
        translator = self._translator(tile)
        labels = self._labels.many(label)
        if isinstance(pictures, np.ndarray) and pictures.ndim != 4:
            raise RequestError(
                f"pictures are uint8 [n, height, width, channels], not {pictures.shape}; of one picture that is picture[None]"
            )
        count = len(pictures)
        drawn = np.frombuffer(os.urandom(8 * count), np.uint64) if seeds is None else _seeds(seeds)
        for what, each in (("labels", labels), ("seeds", drawn)):
            if each is not None and len(each) not in (1, count):
                raise RequestError(f"there are {len(each)} {what} and {count} pictures: give one for all, or one each")
        if mask is not None and len(mask) != count:
            raise RequestError(f"there are {len(mask)} masks and {count} pictures: give one each")
        numbers = _rows(drawn, count).tolist()
        if not isinstance(pictures, np.ndarray):
            return list(translator.made(wishes(self._file, pictures, mask, labels, numbers)))
        scale = translator.source.scale
        sizes = [side * scale for side in pictures.shape[1:3]]
        made = np.empty((count, *sizes, self.card.image.channels), np.uint8)
        for _ in translator.made(wishes(self._file, pictures, mask, labels, numbers, made)):
            pass
        found = made.view(Pictures)
        found.seeds = tuple(numbers) if self._noise else None
        return found

    def translate_stream(
        self,
        pictures: Iterable[Array],
        *,
        label: Label = None,
        seeds: Iterable[int] | None = None,
        masks: Iterable[Array] | None = None,
        tile: int | None = None,
        watch: Callable[[float], None] | None = None,
    ) -> Iterator[Array]:
        """Yield what :meth:`translate` makes of each picture, in order, of any number of them, in constant memory.

        Pictures are uint8 [height, width, channels]; neighbours of one size are made together. ``seeds`` and ``masks`` are
        taken beside them. watch: called after each run with the share of the present picture that is there, 0..1; what it
        raises ends the stream. Raises what :meth:`translate` does, when a picture's turn comes.

        >>> import numpy as np
        >>> from cganx.card import GeneratorCard, Image, Source
        >>> from cganx.runtime import testing
        >>> image = Image(height=8, width=8, channels=1)
        >>> card = GeneratorCard(name="drawn", kind="image-to-image", source=Source(channels=1), image=image)
        >>> pictures = (np.zeros((8, width, 1), np.uint8) for width in (8, 12))
        >>> [made.shape for made in testing.fake(card).translate_stream(pictures)]
        [(8, 8, 1), (8, 12, 1)]
        """
        translator = self._translator(tile, watch)
        each = None if seeds is None else (int(_seeds(seed)[0]) for seed in seeds)
        return translator.made(wishes(self._file, pictures, masks, self._labels.many(label), each))

    def _translator(self, tile: int | None, watch: Callable[[float], None] | None = None) -> Translator:
        if self.card.source is None:
            raise RequestError("this generator makes pictures from seeds: ask it by generate()")
        self._ready()
        translator = Translator(self._file, tile, self.device.name.startswith("cuda"), self._translated, watch)
        translator.check_tile()
        return translator

    def _translated(self, feed: dict[str, Array]) -> Array:
        tensors = self._file.tensors
        named = feed if tensors is None else {tensors.named(name): value for name, value in feed.items()}
        (made,) = self._fetched([self._output], named)
        return made if self._output == "pixels" else to_pixels(made)

    def label_text(self, label: Label) -> str | None:
        """A label as the card spells it: the class's name, a blend as ``bag=0.3,sneaker=0.7``, None without classes.

        Raises LabelError for what :meth:`generate` would not take as one label.

        >>> from cganx.runtime import testing
        >>> generator = testing.tiny()
        >>> generator.label_text("DISC"), generator.label_text(1), generator.label_text({"disc": 0.7, "cross": 0.3})
        ('disc', 'cross', 'cross=0.3,disc=0.7')
        """
        weights = self._labels.many(label)
        if weights is not None and len(weights) != 1:
            raise LabelError(f"{label!r} is not one label")
        return None if weights is None else self._labels.text(weights[0])

    def _request(
        self,
        labels: Any,
        seeds: int | Iterable[int] | None,
        latents: Array | None,
        codes: Array | None,
        truncation: float | Array | None,
    ) -> _Request:
        card = self.card
        if "source" in self._file.inputs:
            raise RequestError("this generator turns pictures into pictures: give it some by translate() or cganx translate")
        weights = self._labels.many(labels)
        drawn = None if seeds is None else _seeds(seeds)
        points = None
        if latents is not None:
            points = _matrix("latents", latents, 0 if card.latent is None else card.latent.size)
            if drawn is not None and not self._noise:
                raise RequestError("latents take the place of seeds: give one of the two")
        column = None if codes is None else _matrix("codes", codes, len(card.codes))
        counts = {len(one) for one in (weights, drawn, points, column) if one is not None} or {1}
        count = max(counts) if 0 not in counts else 0
        if counts - {1, count}:
            raise LabelError(
                f"{1 if weights is None else len(weights)} labels and {max(counts - {1})} seeds or latents do not fit: "
                "give one label for all, one seed for all, or as many of each"
            )
        if drawn is None:
            drawn = (
                np.frombuffer(os.urandom(8 * count), np.uint64) if points is None or self._noise else np.zeros(count, np.uint64)
            )
        rows = [None if one is None else _rows(one, count) for one in (weights, points, column)]
        return _Request(
            count,
            rows[0],
            _rows(drawn, count),
            rows[1],
            rows[2],
            self._truncation(truncation, count, points is not None),
        )

    def _truncation(self, truncation: float | Array | None, count: int, given: bool) -> Array | None:
        if truncation is None:
            return None
        values = np.atleast_1d(np.asarray(truncation))
        if values.dtype.kind not in "fiu" or values.ndim != 1 or len(values) not in (1, count) or not (values > 0).all():
            raise RequestError(f"truncation must be a number over 0, or {count} of them")
        if not self.card.truncates and (given or self.card.latent is None or self.card.latent.distribution != "normal"):
            raise RequestError("truncation needs a normal latent that is drawn from seeds; this call has none")
        return _rows(values.astype(np.float64), count)

    def _run(self, request: _Request) -> Array:
        (made,) = self._outputs(request, [self._output])
        return made if self._output == "pixels" else to_pixels(made)

    def _outputs(self, request: _Request, names: list[str]) -> list[Array]:
        feed: dict[str, Array] = {}
        card = self.card
        if request.labels is not None:
            feed["label"] = request.labels
        if card.latent is not None:
            if request.latents is not None:
                feed["latent"] = request.latents
            elif card.latent.distribution == "uniform":
                feed["latent"] = latent_draws.uniform(request.seeds, card.latent.size)
            else:
                bound = None if card.truncates else request.truncation
                feed["latent"] = latent_draws.normal(request.seeds, card.latent.size, truncation=bound)
        if card.codes:
            feed["code"] = np.zeros((request.number, len(card.codes)), np.float32) if request.codes is None else request.codes
        if card.truncates:
            bound = np.ones(request.number) if request.truncation is None else request.truncation
            feed["truncation"] = bound.astype(np.float32)[:, None]
        for name, (stream, shape) in self._noise.items():
            feed[name] = latent_draws.normal(request.seeds, prod(shape), stream=stream).reshape(request.number, *shape)
        tensors = self._file.tensors
        if tensors is not None:
            feed = {tensors.named(name): self._as_declared(name, value) for name, value in feed.items()}
        return self._fetched(names, feed)

    def _fetched(self, names: list[str], feed: dict[str, Array]) -> list[Array]:
        """Outputs by the contract's names for inputs by the file's, as the contract has them."""
        session, tensors = self._ready(), self._file.tensors
        if tensors is not None:
            names = [tensors.named(name) for name in names]
        try:
            outputs = list(session.run(names, feed))
        except CganxError:
            raise
        except Exception as error:  # onnxruntime's errors share no base
            if self.device.name.startswith("cuda"):
                raise DeviceUnavailable(
                    requested=self.device.requested,
                    active="cpu",
                    missing=f"a run there failed: {first_line(error)}",
                    fix="Say device='cpu', or see what else fills the GPU and whether its driver and libraries are of one CUDA",
                ) from error
            raise NotAGenerator(f"onnxruntime cannot run it: {first_line(error)}") from error
        return outputs if tensors is None else [tensors.to_image(made) for made in outputs]

    def _as_declared(self, name: str, value: Array) -> Array:
        """A contract input as a foreign file declares it."""
        sizes = [size for size in self._file.inputs[name] if isinstance(size, int)]
        return value.reshape(len(value), *sizes).astype(self._file.types[name], copy=False)


def to_pixels(image: Array) -> Array:
    """float [n, channels, height, width] in -1..1 -> uint8 [n, height, width, channels], as the files do it inside."""
    levels: Array = np.clip(np.rint((image + np.float32(1)) * np.float32(127.5)), 0, 255).astype(np.uint8)
    return levels.transpose(0, 2, 3, 1)


def _rows(values: Array, count: int) -> Array:
    return values if len(values) == count else np.repeat(values[:1], count, axis=0)


def _matrix(name: str, values: Array, columns: int) -> Array:
    if not columns:
        raise RequestError(f"this generator takes no {name}")
    try:
        array = np.atleast_2d(np.asarray(values))
    except ValueError:
        raise RequestError(f"{name} must be numbers [n, {columns}], all rows of one length") from None
    if array.dtype.kind not in "fiu" or array.ndim != 2 or array.shape[1] != columns:
        raise RequestError(f"{name} must be numbers [n, {columns}], not {array.dtype} {array.shape}")
    with np.errstate(over="ignore"):
        single = np.ascontiguousarray(array, np.float32)
    if not np.isfinite(single).all():
        raise RequestError(f"{name} hold a value that is not a finite float32")
    return single


def _seeds(seeds: int | Iterable[int]) -> Array:
    """uint64 [n]. Raises SeedError."""
    if isinstance(seeds, (int, np.integer)) and not isinstance(seeds, (bool, np.bool_)):
        each: Iterable[Any] = (seeds,)
    elif isinstance(seeds, np.ndarray) and seeds.dtype.kind in "iu":
        if seeds.ndim > 1:
            raise SeedError(f"seeds must be one number or a list of them, not an array of shape {seeds.shape}")
        if seeds.size and seeds.min() < 0:
            raise SeedError(f"a seed is an integer with 0 <= seed < 2**64, not {int(seeds.min())}")
        return np.atleast_1d(seeds).astype(np.uint64)
    elif isinstance(seeds, (str, bytes)) or not isinstance(seeds, Iterable):
        raise SeedError(f"a seed is an integer with 0 <= seed < 2**64, not {seeds!r}")
    else:
        each = seeds
    checked: list[int] = []
    for seed in each:
        if isinstance(seed, (bool, np.bool_)) or not isinstance(seed, (int, np.integer)) or not 0 <= int(seed) < 2**64:
            raise SeedError(f"a seed is an integer with 0 <= seed < 2**64, not {seed!r}")
        checked.append(int(seed))
    return np.array(checked, np.uint64)


def bundled() -> dict[str, Path]:
    """The bundled generators: name -> file.

    >>> from cganx import runtime
    >>> runtime.bundled()["fashion"].name
    'fashion.onnx'
    """
    from pathlib import Path

    return {path.stem: path for path in sorted(Path(ZOO).glob("*.onnx"))}


def find(model: str | os.PathLike[str]) -> str:
    """The file that a name stands for: a bundled one's, one of the user's model folder, else the path itself.

    Raises ModelNotFound for what can only be a name and is none, and for a bundled one of a cganx that lies in an archive.

    >>> from cganx import runtime
    >>> runtime.find("fashion") == str(runtime.bundled()["fashion"])
    True
    >>> runtime.find("models/mine.onnx")
    'models/mine.onnx'
    """
    found = _find(os.fspath(model))
    if isinstance(found, bytes):
        raise ModelNotFound(
            "cganx is imported from an archive, and no path leads to its files: load it by its name", model=os.fspath(model)
        )
    return os.fspath(found)


def load(
    model: str | os.PathLike[str] | bytes,
    device: str = "auto",
    *,
    card: GeneratorCard | None = None,
    tensors: Tensors | None = None,
    limits: Limits = LIMITS,
    threads: int | None = None,
    spin: bool = False,
    precise: bool = False,
    cuda_graphs: bool = False,
    cuda_batch: int = BATCH,
    backend: Backend | None = None,
) -> Generator:
    """Load a generator: a name (bundled, or of the user's model folder), a path, or the file's bytes.

    device: ``auto`` (CUDA where it runs, else the CPU, and ``generator.device`` says why), ``cpu``, ``cuda`` or ``cuda:N``,
    which are promises. card: adopts a file of another maker that has no card; :func:`card_of` makes one for it. tensors: the
    names that such a file has for its tensors, and what the values of its image are, where these are not the contract's.
    limits: what the file may ask for; give larger ones for a large file that you trust, smaller ones for those of strangers.
    threads: for one run on the CPU; all that this process may use when not given. spin: the threads wait awake for longer
    between runs, for a machine that does nothing else. precise: no TF32 on CUDA; no effect on the CPU. cuda_batch: pictures of
    every run on CUDA, where fewer cost as much as so many; a picture depends on it there. cuda_graphs: on CUDA a run is
    captured and replayed, one at a time. backend: what runs the file, onnxruntime when not given;
    :class:`cganx.runtime.testing.FakeBackend` runs none. docs/runtime.md has figures.

    Raises ModelError (ModelNotFound, NotAGenerator, UnsafeModel, CardMismatch, NewerFormat), DeviceUnavailable,
    BackendMissing, BackendConflict, RequestError.

    >>> from cganx import runtime
    >>> generator = runtime.load("fashion", device="cpu")
    >>> generator.generate("sneaker", seeds=range(16)).shape
    (16, 28, 28, 1)
    """
    options = Options(threads=threads, spin=spin, precise=precise, cuda_graphs=cuda_graphs, cuda_batch=cuda_batch)
    if isinstance(model, (bytearray, memoryview)):
        model = bytes(model)
    return _Recipe(model, device, card, tensors, limits, options, backend or OnnxRuntime()).load()


def _find(model: str | os.PathLike[str] | bytes) -> str | os.PathLike[str] | bytes:
    if isinstance(model, bytes):
        return model
    if not isinstance(model, str) or os.path.splitext(model)[1] or os.path.basename(model) != model:
        return model if _is_there(os.fspath(model)) else _packed(os.fspath(model)) or model
    path = os.path.join(ZOO, f"{model}.onnx")
    if _is_file(path):
        return path
    own = added_file(model)
    if own is not None or _is_there(model):
        return own or model
    if packed := _packed(path):
        return packed
    raise ModelNotFound(f"there is no such file, and no bundled generator of that name{_near(model)}", model=model)


def _near(name: str) -> str:
    """What a name that is none may have meant, as the end of a sentence."""
    from difflib import get_close_matches

    yours = added()
    near = get_close_matches(name.casefold(), [*bundled(), *yours], n=1)
    if near:
        return f"; did you mean {near[0]!r}?"
    names = ", ".join(bundled()) or "none"
    return f" (bundled: {names}{'; added: ' if yours else ''}{', '.join(yours)})"


def _packed(path: str) -> bytes | None:
    """A file of cganx's own where cganx is imported from a zip archive, which no path leads into."""
    loader: Any = __spec__.loader
    if not hasattr(loader, "archive") or not path.startswith(loader.archive + os.sep):
        return None
    try:
        data: bytes = loader.get_data(path)
    except OSError:
        return None
    return data


def _is_file(path: str) -> bool:
    try:
        return os.path.isfile(path)
    except ValueError:  # a name with a null byte
        return False


def _is_there(path: str) -> bool:
    try:
        return os.path.exists(path)
    except ValueError:
        return False


def _proved(generator: Generator) -> Generator:
    """Two runs must give finite images in range, as many as asked for; else what only looks like a generator would load."""
    file, card = generator._file, generator.card
    if card.source is not None:
        made, sizes = turned(generator)
        _check_made(generator, made, 2, sizes)
        return generator
    for count in (1, 2):
        request = generator._request([0] * count if card.classes else None, range(count), None, None, None)
        _check_made(generator, dict(zip(file.outputs, generator._outputs(request, list(file.outputs)), strict=True)), count)
    return generator


def turned(generator: Generator) -> tuple[dict[str, Array], tuple[int, int]]:
    """By output what an image-to-image file makes of two small sources, black and white and noise; the size it must have."""
    feed, sizes = proving(generator._file, generator._labels)
    names = list(generator._file.outputs)
    return dict(zip(names, generator._fetched(names, feed), strict=True)), sizes


def _check_made(generator: Generator, made: dict[str, Array], count: int, scaled: tuple[int, int] | None = None) -> None:
    image = generator.card.image
    height, width = scaled or (image.height, image.width)
    for values in made.values():
        if len(values) != count:
            raise NotAGenerator(f"it makes {len(values)} pictures where {count} are asked for")
    if made["image"].shape[1:] != (image.channels, height, width):
        raise NotAGenerator(f"its image is {made['image'].shape[1:]}, and the card says {(height, width, image.channels)}")
    if not np.isfinite(made["image"]).all() or np.abs(made["image"]).max() > 1.0 + 1e-3:
        hint = "" if generator._file.tensors is None else ", by the values for black and white that were given"
        raise NotAGenerator(f"its image is not finite or not within -1..1{hint}")
