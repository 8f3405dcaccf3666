"""Whether a generator's file is sound, from the file alone: numpy and onnxruntime, no torch, no real pictures.

from cganx.checking import check

report = check("mine.onnx")
report.passed, report.findings
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isqrt
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np

from cganx.card import CARD_KEY, GeneratorCard
from cganx.errors import ModelError, NotAGenerator, RequestError, UnsafeModel
from cganx.runtime.backend import first_line, import_onnxruntime
from cganx.runtime.generator import Generator, find, load, to_pixels, turned
from cganx.runtime.labels import NONE, Label
from cganx.runtime.model import Model, parse
from cganx.runtime.reader import ModelFile, check_hash, file_bytes, read

__all__ = ["CHECKS", "FLAT_LEVELS", "LEAST_LEVELS", "Check", "Finding", "LabelFigures", "check"]

T = TypeVar("T")
Array = np.ndarray[Any, Any]
CHECKS = (
    *("file", "hash", "card", "licences", "graph", "onnx", "session"),
    *("pixels", "batch", "latents", "colours", "classes", "seeds"),
)
"""The names of all checks, in the order in which they are made."""
FLAT_LEVELS = 4
"""A picture whose levels span less than this, of 255 and in every channel, is of one colour."""
LEAST_LEVELS = 1.0
"""Pictures that are closer than this, the root of the mean square over levels of 0 to 255, are the same."""
SEEDS = 8
MOST_LABELS = 1000
FIRST_BYTE = b"\x08"  # the key of the version, which every writer of ONNX puts first
BATCH_VALUES = 1 << 22
# The largest value that the rule of the latents gives: sqrt(-2 ln 2^-33).
LARGEST_NORMAL = 6.77
# Arithmetic on latents leads beyond what seeds draw.
SCALES = (1.0, 10.0)
RANGE_SLACK = 1e-3
# What is promised between machines: at most one level apart in 99.9 % of the values.
MOST_FAR = 1e-3


@dataclass(frozen=True)
class Finding:
    """One check: its name, how it ended, and what was seen, or why it was skipped."""

    name: str
    verdict: Literal["passed", "failed", "skipped"]
    said: str


@dataclass(frozen=True, kw_only=True)
class LabelFigures:
    """What the pictures of one label are like, over the same seeds for all.

    ``flat`` is the share of pictures of one colour; ``between_seeds`` how far apart pictures of consecutive seeds are, in
    levels; ``nearest`` the label whose pictures are the nearest at equal seeds, None where there is one label alone, and
    ``apart`` how far those are, in levels.
    """

    label: str
    flat: float
    between_seeds: float
    nearest: str | None
    apart: float | None


@dataclass(frozen=True, kw_only=True)
class Check:
    """All findings about one file.

    ``card`` and ``sha256`` are None where the reader refuses it, ``device`` is where it never ran.
    """

    model: str
    bytes: int
    findings: tuple[Finding, ...]
    labels: tuple[LabelFigures, ...] = ()
    card: GeneratorCard | None = None
    sha256: str | None = None
    device: str | None = None

    @property
    def passed(self) -> bool:
        """Whether no check failed; what was skipped is no failure."""
        return all(one.verdict != "failed" for one in self.findings)


def check(model: str | os.PathLike[str], device: str = "auto") -> Check:
    """Check a file, or a bundled name: what it holds first, then what it makes.

    A file that is broken in whatever way gives a Check with a failed finding, and what cannot be tried then is skipped.
    Raises ModelNotFound, BackendMissing, BackendConflict and DeviceUnavailable, which are no fault of the file.
    """
    name = os.fspath(model)
    path = find(name)
    record = _Record([])
    try:
        data = file_bytes(path)
    except UnsafeModel as error:
        record.fail("file", error.message)
        return Check(model=name, bytes=Path(path).stat().st_size, findings=record.finished())
    file = _read(record, data)
    generator = None if file is None else record.attempt("session", lambda: load(data, device), _ran)
    labels = () if generator is None else _made(record, generator)
    return Check(
        model=name,
        bytes=len(data),
        findings=record.finished(),
        labels=labels,
        card=None if file is None else file.card,
        sha256=None if file is None else file.sha256,
        device=None if generator is None else str(generator.device),
    )


@dataclass(frozen=True)
class _Record:
    """The findings so far."""

    findings: list[Finding]

    def attempt(self, name: str, work: Callable[[], T], said: Callable[[T], str]) -> T | None:
        """What ``work`` gives, None where it finds fault with the file."""
        try:
            value = work()
        except ModelError as error:
            self.fail(name, error.message)
            return None
        self.note(name, said(value))
        return value

    def note(self, name: str, said: str) -> None:
        self.findings.append(Finding(name, "passed", said))

    def fail(self, name: str, said: str) -> None:
        self.findings.append(Finding(name, "failed", said))

    def skip(self, name: str, said: str) -> None:
        self.findings.append(Finding(name, "skipped", said))

    def finished(self) -> tuple[Finding, ...]:
        """One finding for every check, in order; what never came to pass was skipped."""
        made = {one.name: one for one in self.findings}
        left = "not tried, for the file fails before"
        return tuple(made.get(name, Finding(name, "skipped", left)) for name in CHECKS)


def _read(record: _Record, data: bytes) -> ModelFile | None:
    """What the file holds, or None where the runtime would refuse it."""
    model = record.attempt("file", lambda: _parsed(data), _walked)
    if model is None:
        return None
    text = model.metadata.get(CARD_KEY)
    if text is None:
        record.fail("card", f"it is ONNX, but has no {CARD_KEY} in its metadata; export it with cganx")
        return None
    digest = record.attempt("hash", lambda: check_hash(model, text), lambda digest: digest)
    card = record.attempt("card", lambda: GeneratorCard.from_json(text), _described)
    if card is None:
        return None
    _check_licences(record, card)
    if digest is None:
        return None
    file = record.attempt("graph", lambda: read(data), _followed)
    if file is not None:
        _check_onnx(record, data)
    return file


def _parsed(data: bytes) -> Model:
    try:
        return parse(memoryview(data))
    except UnsafeModel as error:
        if data[:1] == FIRST_BYTE:
            raise
        raise NotAGenerator(f"it does not begin as an ONNX file does; {error.message}") from None


def _walked(model: Model) -> str:
    return f"ONNX of opset {model.opset}, {len(model.graph.nodes)} nodes, {len(model.graph.initializers)} tensors"


def _described(card: GeneratorCard) -> str:
    image, count = card.image, len(card.classes)
    chosen = {"class": f", {count} classes", "attributes": f", {count} attributes"}.get(card.kind, "")
    return f"{card.name!r}, format {card.format}, {card.kind}{chosen}, {image.width} x {image.height} x {image.channels}"


def _followed(file: ModelFile) -> str:
    return f"safe to load, and fits its card: {', '.join(file.inputs)} -> {', '.join(file.outputs)}"


def _ran(generator: Generator) -> str:
    return f"onnxruntime {import_onnxruntime().__version__} runs it on {generator.device}"


def _check_licences(record: _Record, card: GeneratorCard) -> None:
    named = [name for name, text in card.licences.items() if _holds_text(text)]
    if named:
        record.note("licences", f"of {', '.join(named)}")
        return
    record.fail(
        "licences",
        "its card names none; write what the pictures may be used for into licences.txt beside the class folders before "
        "training, or into the card's licences",
    )


def _holds_text(value: object) -> bool:
    if isinstance(value, Mapping):
        return any(_holds_text(one) for one in value.values())
    if isinstance(value, (list, tuple)):
        return any(_holds_text(one) for one in value)
    return isinstance(value, str) and bool(value.strip())


def _check_onnx(record: _Record, data: bytes) -> None:
    """ONNX's own checker: what other runtimes than onnxruntime go by."""
    try:
        import onnx
    except ImportError:
        record.skip("onnx", "ONNX's own checker is not installed: pip install onnx")
        return
    try:
        onnx.checker.check_model(data, full_check=True)
    except Exception as error:  # of several kinds without a common base
        record.fail("onnx", f"the checker of onnx {onnx.__version__} finds: {first_line(error)}")
        return
    record.note("onnx", f"the checker of onnx {onnx.__version__} finds no fault")


def _made(record: _Record, generator: Generator) -> tuple[LabelFigures, ...]:
    """What the pictures are like."""
    if generator.card.source is not None:
        return _turned(record, generator)
    labels = _labels(generator.card)
    try:
        _check_pixels(record, generator, labels)
        _check_batch(record, generator, labels)
        _check_latents(record, generator, labels)
        figures = _figures(generator, labels)
    except NotAGenerator as error:  # it runs at some batches or labels, and not at others
        record.fail(next(name for name in CHECKS if name not in {one.name for one in record.findings}), error.message)
        return ()
    except RequestError as error:  # the card's size is more than the reader lets it make at once
        for name in CHECKS:
            if name not in {one.name for one in record.findings}:
                record.skip(name, str(error))
        return ()
    _check_figures(record, figures, generator.card)
    return figures


def _turned(record: _Record, generator: Generator) -> tuple[LabelFigures, ...]:
    """What made-up sources become."""
    labels = _labels(generator.card)
    try:
        _check_turned_pixels(record, generator)
        asked = _asked(generator, [labels[place % len(labels)] for place in range(SEEDS)])
        together = _turn(generator, asked, range(SEEDS), labels)
        alone = np.concatenate([_turn(generator, asked and asked[seed], [seed], labels) for seed in range(SEEDS)])
        _note_batch(record, generator, *_apart(alone, together))
        record.skip("latents", "it takes pictures, and no latent")
        figures = _figures(generator, labels)
    except NotAGenerator as error:
        record.fail(next(name for name in CHECKS if name not in {one.name for one in record.findings}), error.message)
        return ()
    _check_figures(record, figures, generator.card)
    return figures


def _turn(generator: Generator, asked: Any, seeds: Sequence[int], labels: Sequence[tuple[str, Label]]) -> Array:
    """What sources become: made up by those seeds, their middles masked where there is a mask.

    They have the card's size, or an open one by which a picture of each of ``labels`` is no burden.
    """
    card = generator.card
    assert card.source is not None
    values = BATCH_VALUES // (card.image.channels * max(SEEDS, len(labels)))
    height, width = generator.source_size(isqrt(values) // card.source.scale)
    sources = np.stack([_source(height, width, card.source.channels, seed) for seed in seeds])
    mask = None
    if "mask" in generator.inputs:
        mask = np.zeros(sources.shape[:3], np.uint8)
        mask[:, height // 4 : -(height // 4) or None, width // 4 : -(width // 4) or None] = 1
    made: Array = generator.translate(sources, label=asked, seeds=list(seeds), mask=mask)
    return made


def _source(height: int, width: int, channels: int, seed: int) -> Array:
    """Eight upright boxes of random colours, uint8 [height, width, channels]: flat places, and edges."""
    drawn = np.random.default_rng(seed)
    picture = np.full((height, width, channels), drawn.integers(0, 256, channels), np.uint8)
    for _ in range(8):
        top, left = drawn.integers(0, height), drawn.integers(0, width)
        picture[top : top + max(1, height // 2), left : left + max(1, width // 2)] = drawn.integers(0, 256, channels)
    return picture


def _labels(card: GeneratorCard) -> list[tuple[str, Label]]:
    """Text and label of what is tried: every class; of attributes none and each alone; at most MOST_LABELS."""
    if not card.classes:
        return [("", None)]
    picked = np.unique(np.linspace(0, len(card.classes) - 1, min(len(card.classes), MOST_LABELS)).round().astype(int))
    each: list[tuple[str, Label]] = [(card.classes[index], int(index)) for index in picked]
    return [(NONE, {}), *each] if card.kind == "attributes" else each


def _batch(generator: Generator) -> int:
    """A batch whose pictures are no burden, however large they are."""
    return int(np.clip(BATCH_VALUES // np.prod(generator.picture_shape), 1, 64))


def _check_pixels(record: _Record, generator: Generator, labels: Sequence[tuple[str, Label]]) -> None:
    """`pixels` is what the contract's formula makes of `image`."""
    asked = _asked(generator, labels)
    made = to_pixels(generator.images(asked, range(len(labels)), batch_size=_batch(generator)))
    pixels = generator.generate(asked, range(len(labels)), batch_size=_batch(generator))
    _note_pixels(record, generator, pixels, made)


def _check_turned_pixels(record: _Record, generator: Generator) -> None:
    """The same of what two small sources become."""
    made, _ = turned(generator)
    if "pixels" in made:
        _note_pixels(record, generator, made["pixels"], to_pixels(made["image"]))
    else:
        record.skip("pixels", "it has no output of that name; the runtime makes them of `image`")


def _note_pixels(record: _Record, generator: Generator, pixels: Array, made: Array) -> None:
    changed, far = _apart(pixels, made)
    exact = str(generator.device) == "cpu"  # elsewhere two runs of one graph may differ
    if far > MOST_FAR or (exact and changed):
        record.fail("pixels", f"{changed:.2%} of its values are not the formula's of `image`; export it again")
        return
    record.note("pixels", f"`pixels` is its formula of `image`{_but(changed, generator)}")


def _check_batch(record: _Record, generator: Generator, labels: Sequence[tuple[str, Label]]) -> None:
    """A picture is (model, label, seed), whatever the batch."""
    asked = _asked(generator, [labels[place % len(labels)] for place in range(SEEDS)])
    alone, threes, together = (generator.generate(asked, range(SEEDS), batch_size=size) for size in (1, 3, SEEDS))
    changed, far = (max(pair) for pair in zip(_apart(alone, together), _apart(threes, together), strict=True))
    _note_batch(record, generator, changed, far)


def _note_batch(record: _Record, generator: Generator, changed: float, far: float) -> None:
    if far > MOST_FAR:
        said = f"a picture depends on those it is made with: {far:.2%} of the values move by more than one level"
        record.fail("batch", f"{said}; take statistics over the batch out of the generator, and export it again")
        return
    record.note("batch", f"pictures made alone and together are the same{_but(changed, generator)}")


def _apart(one: Array, other: Array) -> tuple[float, float]:
    """The share of the values that differ, and of those that are more than one level apart."""
    levels = np.abs(one.astype(np.int16) - other)
    return float((levels > 0).mean()), float((levels > 1).mean())


def _but(changed: float, generator: Generator) -> str:
    return f", but for one level in {changed:.2%} of the values on {generator.device}" if changed else ""


def _asked(generator: Generator, labels: Sequence[tuple[str, Label]]) -> Any:
    return [label for _, label in labels] if generator.card.classes else None


def _check_latents(record: _Record, generator: Generator, labels: Sequence[tuple[str, Label]]) -> None:
    """Finite and within -1..1 at the middle and at the ends of what seeds draw, and ten times as far out."""
    assert generator.card.latent is not None
    latents, codes = _extremes(generator.card)
    seeds = range(len(latents)) if any(name.startswith("noise.") for name in generator.inputs) else None
    for text, label in labels:
        image = generator.images(label, seeds, latents=latents, codes=codes, batch_size=_batch(generator))
        wrong = ~(np.abs(image) <= 1 + RANGE_SLACK)  # also where it is not a number
        if wrong.any():
            row = int(np.argmax(wrong.reshape(len(image), -1).any(axis=1)))
            where = f" of {text!r}" if text else ""
            record.fail(
                "latents",
                f"the image{where} holds {image[row][wrong[row]][0]:.6g} where latents are up to "
                f"{np.abs(latents[row]).max():.3g}; end the generator in tanh or a clip, and export it again",
            )
            return
    record.note("latents", f"finite and within -1..1 at latents up to {np.abs(latents).max():.3g}")


def _extremes(card: GeneratorCard) -> tuple[Array, Array | None]:
    """Float32 [n, latent] and, where there are codes, [n, codes]: zeros, then every scale in four patterns of signs."""
    assert card.latent is not None
    end = LARGEST_NORMAL if card.latent.distribution == "normal" else 1.0
    return _ends(card.latent.size, end), _ends(len(card.codes), 1.0) if card.codes else None


def _ends(size: int, end: float) -> Array:
    alternating = np.where(np.arange(size) % 2, -1.0, 1.0)
    signs = [np.ones(size), -np.ones(size), alternating, np.random.default_rng(0).choice((-1.0, 1.0), size)]
    return np.array([np.zeros(size), *(end * scale * sign for scale in SCALES for sign in signs)], np.float32)


def _figures(generator: Generator, labels: Sequence[tuple[str, Label]]) -> tuple[LabelFigures, ...]:
    """Seed by seed, so that memory holds one picture of each label and the one before it."""
    count = len(labels)
    flat, between, apart = np.zeros(count), np.zeros(count), np.zeros((count, count))
    before = None
    for seed in range(SEEDS):
        pixels = _of_seed(generator, labels, seed)
        flat += (np.ptp(pixels, axis=(1, 2)) < FLAT_LEVELS).all(axis=1)
        rows = pixels.reshape(count, -1).astype(np.float64) - 127.5
        if before is not None:
            between += np.square(rows - before).mean(axis=1)
        apart += _squares_between(rows)
        before = rows
    np.fill_diagonal(apart, np.inf)
    nearest = apart.argmin(axis=1)
    return tuple(
        LabelFigures(
            label=text,
            flat=float(flat[row] / SEEDS),
            between_seeds=float(np.sqrt(between[row] / (SEEDS - 1))),
            nearest=labels[nearest[row]][0] if count > 1 else None,
            apart=float(np.sqrt(apart[row, nearest[row]] / SEEDS)) if count > 1 else None,
        )
        for row, (text, _) in enumerate(labels)
    )


def _of_seed(generator: Generator, labels: Sequence[tuple[str, Label]], seed: int) -> Array:
    asked = _asked(generator, labels)
    if generator.card.source is not None:
        return _turn(generator, asked, [seed] * len(labels), labels)
    return generator.generate(asked, seed, batch_size=_batch(generator))


def _squares_between(rows: Array) -> Array:
    """The mean square between every two rows, [n, n]."""
    own = np.square(rows).sum(axis=1)
    squares: Array = np.maximum(own[:, None] + own - 2 * rows @ rows.T, 0) / rows.shape[1]
    return squares


def _check_figures(record: _Record, figures: Sequence[LabelFigures], card: GeneratorCard) -> None:
    flat = [_of(one, f"{one.flat:.0%} of its pictures") for one in figures if one.flat >= 0.5]
    scope = _scope(figures, card)
    drawn = "seed" if card.source is None else "source"
    if flat:
        record.fail("colours", f"pictures of one colour: {_first(flat)}; the generator has collapsed, train anew")
    else:
        record.note("colours", f"no label{scope} gives pictures of one colour")
    _check_classes(record, figures, scope)
    same = [_of(one, f"{one.between_seeds:.2g} levels apart") for one in figures if one.between_seeds < LEAST_LEVELS]
    if same:
        record.fail("seeds", f"every {drawn} gives the same picture: {_first(same)}; the generator has collapsed, train anew")
    else:
        least = min(one.between_seeds for one in figures)
        record.note("seeds", f"pictures differ from {drawn} to {drawn} by at least {least:.3g} levels for every label{scope}")


def _check_classes(record: _Record, figures: Sequence[LabelFigures], scope: str) -> None:
    apart = [one.apart for one in figures if one.apart is not None]
    if not apart:
        record.skip("classes", "there is one label alone, so nothing to compare")
        return
    same = {  # a pair is the nearest of both
        frozenset((one.label, one.nearest)): f"{one.label!r} and {one.nearest!r} ({one.apart:.2g} levels apart)"
        for one in figures
        if one.apart is not None and one.apart < LEAST_LEVELS
    }
    if same:
        pairs = _first(list(same.values()))
        record.fail("classes", f"two labels give the same pictures: {pairs}; the generator hardly sees its label, train anew")
    else:
        record.note("classes", f"pictures of equal seeds differ from label to label by at least {min(apart):.3g} levels{scope}")


def _scope(figures: Sequence[LabelFigures], card: GeneratorCard) -> str:
    tried = sum(one.label in card.classes for one in figures)
    return f" ({tried:,} of {len(card.classes):,} tried)" if tried < len(card.classes) else ""


def _of(one: LabelFigures, said: str) -> str:
    return f"{one.label!r} ({said})" if one.label else said


def _first(said: Sequence[str], most: int = 3) -> str:
    more = f" and {len(said) - most} more" if len(said) > most else ""
    return f"{', '.join(said[:most])}{more}"
