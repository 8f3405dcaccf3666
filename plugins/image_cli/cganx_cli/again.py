"""``cganx again``: a picture's own metadata -> the same picture, or how far it is from that."""

from __future__ import annotations

import io
import json
import os
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import click
import numpy as np
from PIL import Image, UnidentifiedImageError

from cganx import __version__, runtime
from cganx.data.picture import SUFFIXES, Unusable
from cganx.errors import LabelError, ModelError, RequestError, SeedError
from cganx_cli.choices import Chooser, choices, codes_of
from cganx_cli.describe import sayable
from cganx_cli.files import write_whole
from cganx_cli.formats import format_of
from cganx_cli.options import complete_model, device_option, json_option
from cganx_cli.pictures import Finish
from cganx_cli.png import encode_png
from cganx_cli.progress import progress_bar
from cganx_cli.provenance import Provenance
from cganx_cli.sources import Given, read_source
from cganx_cli.told import Told, told
from cganx_cli.turning import Turning

__all__ = ["again"]

LOSSY = frozenset({"JPEG", "WEBP", "AVIF", "JPEG2000", "MPO", "GIF"})
SUFFIX_OF = {"PNG": ".png", "JPEG": ".jpg", "MPO": ".jpg", "WEBP": ".webp", "AVIF": ".avif", "TIFF": ".tiff"}
MODES = frozenset({"1", "L", "LA", "P", "RGB", "RGBA"})
CLOSE_RMS = 16.0
"""Levels of 255, root of the mean square, that a lossy format is granted: a JPEG of small pictures loses 5 to 13."""
LEVELS_APART, VALUES_APART = 1, 1e-3  # what is promised between machines
NEAR_FOLDERS = 3  # beside a picture, and above: a class's folder lies in that of the whole set
MOST_FILES = 64
MOST_UNPACKED = 2**30  # bytes of an .npz
NO_ROOM = "it holds no provenance: the manifest.jsonl of its folder says what made it"
SAY_NOTHING: Mapping[str, str] = MappingProxyType(
    {
        ".npy": NO_ROOM,
        ".raw": NO_ROOM,
        ".tar": "it holds many pictures: take one out, its PNG says what made it, and so does the .json beside it",
        ".parquet": "it holds many pictures: its columns say what made each, and so does the PNG in its column image",
    }
)


@dataclass(frozen=True)
class _Distance:
    """How far two pictures are apart: values that differ, and by more than a level, of how many; the most, and the rms."""

    differing: int
    beyond: int
    values: int
    most: int
    rms: float

    @classmethod
    def between(cls, first: np.ndarray[Any, Any], second: np.ndarray[Any, Any]) -> _Distance:
        far = np.abs(first.astype(np.int16) - second)
        root = float(np.sqrt(np.square(far, dtype=np.float64).mean()))
        beyond = np.count_nonzero(far > LEVELS_APART)
        return cls(int(np.count_nonzero(far)), int(beyond), far.size, int(far.max()), round(root, 3))

    @property
    def promised(self) -> bool:
        """Whether another machine may have made it so."""
        return self.beyond <= VALUES_APART * self.values

    def __str__(self) -> str:
        return f"{self.differing:,} of {self.values:,} values differ, by {self.most} levels at most, {self.rms:.2f} rms"


@dataclass(frozen=True)
class _Outcome:
    """How it went with one picture. ``equal`` and ``close`` are what is hoped for."""

    picture: str
    verdict: Literal["equal", "close", "different", "not made"]
    said: str
    told: Told = field(default_factory=Told)
    distance: _Distance | None = None
    out: str | None = None

    def as_json(self) -> dict[str, Any]:
        known = {name: value for name, value in asdict(self.told).items() if name != "others"}
        distance = {} if self.distance is None else asdict(self.distance)
        return {"picture": self.picture, "verdict": self.verdict, "said": self.said} | known | distance | {"out": self.out}


class _Models:
    """The generators that were found so far, by their hash."""

    def __init__(self, given: str | None, device: str) -> None:
        self._given = None if given is None else Path(runtime.find(given))
        self._device = device
        self._hashes: dict[Path, str | None] = {}
        self._loaded: dict[str, runtime.Generator] = {}

    def of(self, said: Told, picture: Path) -> runtime.Generator:
        """The generator that a picture names. Raises RequestError where it is not found."""
        assert said.sha256 is not None
        if said.sha256 not in self._loaded:
            found = next((path for path in self._files(said, picture) if self._hash(path) == said.sha256), None)
            if found is None:
                raise RequestError(self._not_found(said))
            self._loaded[said.sha256] = runtime.load(found, self._device)
        return self._loaded[said.sha256]

    def _files(self, said: Told, picture: Path) -> Iterator[Path]:
        """Where it may be, the likeliest first."""
        if self._given is not None:
            yield self._given
            return
        named = {**runtime.added(), **runtime.bundled()}
        yield from sorted(named.values(), key=lambda path: path.stem != said.model)
        for folder in picture.absolute().parents[:NEAR_FOLDERS]:
            yield from sorted(folder.glob("*.onnx"))[:MOST_FILES]

    def _hash(self, path: Path) -> str | None:
        if path not in self._hashes:
            try:
                self._hashes[path] = runtime.read(path).sha256
            except ModelError:
                if path == self._given:
                    raise
                self._hashes[path] = None
        return self._hashes[path]

    def _not_found(self, said: Told) -> str:
        what = f"it was made by {said.model or 'a generator'} with the hash {str(said.sha256)[:12]}"
        if self._given is not None:
            return f"{what}, and --model has the hash {str(self._hash(self._given))[:12]}"
        return f"{what}, which is neither bundled, nor added, nor beside it: name its file by --model"


class _Sources:
    """The files that pictures were made of, found by their hash."""

    def __init__(self, given: Sequence[Path]) -> None:
        self._named: list[Path] = [path for one in given for path in ([one] if not one.is_dir() else _pictures_below(one))]
        self._hashes: dict[Path, str | None] = {}

    def of(self, digest: str, name: str | None, picture: Path) -> bytes:
        """A file's bytes; without a ``name`` it is a mask. Raises RequestError where none with this hash is found."""
        for path in self._files(name, picture):
            if self._hashes.get(path, digest) != digest:
                continue
            try:
                data = read_source(Given(path, path.stem), None)
            except Unusable:
                self._hashes[path] = None
                continue
            self._hashes[path] = sha256(data).hexdigest()
            if self._hashes[path] == digest:
                return data
        what = "its mask has" if name is None else f"it was made of {name} with"
        where = "no file of --source has" if self._named else "nothing beside it has: name the file or its folder by --source"
        raise RequestError(f"{what} the hash {digest[:12]}, which {where}")

    def _files(self, name: str | None, picture: Path) -> Iterator[Path]:
        """Where it may be, the likeliest first."""
        for folder in picture.absolute().parents[:NEAR_FOLDERS]:
            if name is not None:
                yield from filter(_is_file, [folder / Path(name).name])  # no picture says where to read
            else:
                yield from _pictures_in(folder)[:MOST_FILES]
        yield from sorted(self._named, key=lambda one: one.name != name)


def _pictures_below(folder: Path) -> list[Path]:
    return [picture for above, _, _ in os.walk(folder) for picture in _pictures_in(Path(above))]


def _pictures_in(folder: Path) -> list[Path]:
    try:
        return sorted(one for one in folder.iterdir() if one.suffix.lower() in SUFFIXES and _is_file(one))
    except OSError:
        return []


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a folder that is closed, a name that is too long
        return False


@click.command()
@click.argument("pictures", metavar="PICTURE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--model", metavar="MODEL", shell_complete=complete_model, help="The generator, where it is not found by the hash it has."
)
@click.option(
    "--source",
    "sources",
    metavar="FILE|FOLDER",
    multiple=True,
    type=click.Path(path_type=Path),
    help="What a picture of `cganx translate` was made of, and its mask, where they do not lie beside it; known by their hash.",
)
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    help="Write what is made again: a .png for one picture, a folder for several. Nothing that is there is replaced.",
)
@device_option
@json_option("Print a list of objects, one a picture.")
@click.pass_context
def again(
    context: click.Context,
    pictures: tuple[Path, ...],
    model: str | None,
    sources: tuple[Path, ...],
    out: Path | None,
    device: str,
    as_json: bool,
) -> None:
    """Make each PICTURE again from the model's hash, label and seed that it names, and say whether that is the same.

    The model is looked for by its hash: among the bundled ones and those that you added, beside the picture and in the two
    folders above; so is the picture that a translated one was made of. "equal" is every pixel; a JPEG, or another format that
    loses some, can only be "close". The exit code is 1 where one is neither, or cannot be made.
    """
    lacking = next((one for one in sources if not one.exists()), None)
    if lacking is not None:
        raise click.BadParameter(f"there is no {lacking}", param_hint="--source")
    targets = _targets(pictures, out)
    models, originals = _Models(model, device), _Sources(sources)
    outcomes = []
    with progress_bar(len(targets), "picture") as bar:
        for picture, target in targets.items():
            outcomes.append(_outcome(picture, target, models, originals))
            if bar is not None:
                bar.update()
    if as_json:
        text = json.dumps([one.as_json() for one in outcomes], ensure_ascii=False)
        click.echo(text.encode("utf-8", "backslashreplace").decode())  # half a character is its escape
    else:
        for one in outcomes:
            click.echo(sayable(f"{one.picture}: {one.verdict}: {one.said}"))
    if any(one.verdict not in ("equal", "close") for one in outcomes):
        context.exit(1)


def _targets(pictures: Sequence[Path], out: Path | None) -> dict[Path, Path | None]:
    """picture -> the file to write, each once. Raises click errors where two are one, or one is there."""
    each = list(dict.fromkeys(pictures))
    if out is None:
        return dict.fromkeys(each)
    if len(each) == 1 and out.suffix and not out.is_dir():
        if out.suffix.lower() != ".png":
            raise click.UsageError(f"pictures are made again as .png, not as {out.suffix}")
        targets = {each[0]: out}
    else:
        try:
            above = Path(os.path.commonpath([one.absolute().parent for one in each]))
        except ValueError:
            raise click.UsageError("the pictures lie on several drives: write those of one at a time") from None
        targets = {one: out / one.absolute().relative_to(above).with_suffix(".png") for one in each}
    if len(set(targets.values())) < len(targets):
        raise click.UsageError("two of the pictures differ in their suffix alone, and both would be one .png")
    for target in targets.values():
        if target.exists():
            raise click.ClickException(f"{target} is already there, nothing was written: give another --out")
    return dict(targets)


def _outcome(picture: Path, target: Path | None, models: _Models, originals: _Sources) -> _Outcome:
    said = Told()
    try:
        with _opened(picture) as image:
            said = told(image)
            if said.resize is not None and image.size != (said.resize.width, said.resize.height):
                raise RequestError(f"it says that it was resized to another size than its {image.width} x {image.height}")
            generator = models.of(said, picture)
            if said.source_sha256 is not None:
                return _turned_again(picture, image, said, generator, originals, target)
            made = _made(generator, said)
            if target is not None:
                (data,) = encode_png(made[None], [_provenance(generator, said)])
                write_whole(target, lambda file: file.write(data))
            return _compared(picture, image, said, made, target)
    except Image.DecompressionBombError:
        why = "it is larger than is read"
    except MemoryError:
        why = "it does not fit in memory"
    except (LabelError, ModelError, RequestError, SeedError, Unusable) as error:
        why = error.message if isinstance(error, ModelError) else str(error)
    except (OSError, SyntaxError, ValueError, EOFError, struct.error) as error:  # a damaged file is one of these, by its format
        why = f"it cannot be read: {getattr(error, 'strerror', None) or 'it is no whole picture'}"
    return _Outcome(str(picture), "not made", why, said)


def _opened(picture: Path) -> Image.Image:
    """A picture; of an .npz its pixels, which say what its other arrays do. Raises RequestError for what says nothing."""
    try:
        return Image.open(picture)
    except UnidentifiedImageError:  # only then its name says what it is
        suffix = picture.suffix.lower()
        if suffix in SAY_NOTHING:
            raise RequestError(SAY_NOTHING[suffix]) from None
        if suffix != ".npz":
            raise
    try:
        with zipfile.ZipFile(picture) as packed:
            if sum(one.file_size for one in packed.infolist()) > MOST_UNPACKED:
                raise Image.DecompressionBombError
        with np.load(picture, allow_pickle=False) as arrays:
            pixels = arrays["pixels"]
            texts = {name: str(arrays[name]) for name in arrays.files if name.startswith("cganx.")}
        if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] not in (1, 3):
            raise ValueError
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, KeyError):
        raise ValueError from None
    image = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
    image.info.update(texts)
    return image


def _made(generator: runtime.Generator, said: Told) -> np.ndarray[Any, Any]:
    """uint8 [height, width, channels]."""
    if said.seed is None:
        raise RequestError("it names no seed: a sheet or an animation is of many, and is made by its own command")
    if said.label is None and generator.card.classes:
        raise RequestError(f"it names no label, and {generator.card.name} wants one")
    (choice,) = choices(generator.card, [] if said.label is None else [said.label])
    coded = None if said.code is None else codes_of(generator.card, said.code.split(","))
    code = None if coded is None else coded.array
    made: np.ndarray[Any, Any] = np.asarray(generator.generate(choice.label, said.seed, codes=code, truncation=said.truncation))
    if said.mirrored:
        made = made[:, :, ::-1]
    if said.resize is not None:
        size = said.resize.height, said.resize.width
        made = Finish(generator.card.name, generator.sha256, size=size, filter=said.resize.filter).pixels([], made)
    picture: np.ndarray[Any, Any] = made[0]
    return picture


def _turned_again(
    picture: Path, image: Image.Image, said: Told, generator: runtime.Generator, originals: _Sources, target: Path | None
) -> _Outcome:
    """One of ``cganx translate``: packed as it is, since alpha and what a format loses are part of it."""
    name = generator.card.name
    if generator.card.source is None:
        raise RequestError(f"it names a picture that it was made of, and {name} makes pictures from seeds")
    if said.mirrored or said.resize or said.code or said.truncation:
        raise RequestError("it says what it was made of, and a mirror, size, code or truncation, which such a picture has not")
    if said.seed is None and any(one.startswith("noise.") for one in generator.inputs):
        raise RequestError(f"it names no seed, and {name} takes noise")
    assert said.source_sha256 is not None
    data = originals.of(said.source_sha256, said.source, picture)
    hidden = None if said.mask in (None, "alpha") else originals.of(str(said.mask), None, picture)
    choice = Chooser(generator.card).one(said.label)
    turning = Turning(generator, choice.label, said.label, said.seed, None, said.mask == "alpha", said.tile, said.quality)
    turned = turning.turned(data, hidden)
    provenance = _provenance(generator, said)
    format_ = format_of(SUFFIX_OF.get(str(image.format), ".png"))
    packed = turned.packed(format_, replace(provenance, quality=said.quality))
    if target is not None:
        png = turned.packed(format_of(".png"), provenance)
        write_whole(target, lambda file: file.write(png))
    with Image.open(io.BytesIO(packed)) as other:
        if image.size != other.size:
            is_ = f"it is {image.width} x {image.height}, and what is made of {said.source} is {other.width} x {other.height}"
            return _Outcome(str(picture), "different", is_, said, out=None if target is None else str(target))
        first, second = (np.asarray(one.convert("RGBA")) for one in (image, other))
    return _judged(picture, image, said, _Distance.between(first, second), target)


def _compared(picture: Path, image: Image.Image, said: Told, made: np.ndarray[Any, Any], target: Path | None) -> _Outcome:
    out = None if target is None else str(target)
    more = f"; it also says {', '.join(sorted(said.others))}, which is not followed" if said.others else ""
    height, width, channels = made.shape
    if image.size != (width, height) or image.mode not in MODES:
        is_ = f"it is {image.width} x {image.height} {image.mode}, and the generator makes {width} x {height}{more}"
        return _Outcome(str(picture), "different", is_, said, out=out)
    pixels = np.asarray(image.convert("RGB"))
    if channels == 1 and (pixels == pixels[:, :, :1]).all():
        pixels = pixels[:, :, :1]
    return _judged(picture, image, said, _Distance.between(pixels, np.broadcast_to(made, pixels.shape)), target)


def _judged(picture: Path, image: Image.Image, said: Told, distance: _Distance, target: Path | None) -> _Outcome:
    out = None if target is None else str(target)
    more = f"; it also says {', '.join(sorted(said.others))}, which is not followed" if said.others else ""
    parts = [said.source, said.label] if said.source is not None else [said.label or "no label"]
    parts += [] if said.seed is None else [f"seed {said.seed}"]
    what = f"{', '.join(filter(None, parts))}, by {said.model or str(said.sha256)[:12]}"
    if not distance.differing:
        return _Outcome(str(picture), "equal", what, said, distance, out)
    if image.format in LOSSY and distance.rms <= CLOSE_RMS:
        return _Outcome(str(picture), "close", f"{what}; {image.format} loses some: {distance}", said, distance, out)
    machine = "; another machine or onnxruntime may round so" if distance.promised else ""
    return _Outcome(str(picture), "different", f"{what}; {distance}{machine}{more}", said, distance, out)


def _provenance(generator: runtime.Generator, said: Told) -> Provenance:
    return Provenance(
        said.model or generator.card.name,
        generator.sha256,
        said.label,
        said.seed,
        said.truncation,
        said.code,
        "horizontal" if said.mirrored else None,
        None if said.resize is None else f"{said.resize.height}x{said.resize.width} {said.resize.filter}",
        version=__version__,
        source=said.source,
        source_sha256=said.source_sha256,
        mask=said.mask,
        tile=said.tile,
    )
