"""Reading before trusting: what a file is, checked without building a session from it.

onnxruntime folds constants of up to a gigabyte while it builds a session, and believes a shape that a file declares. So
the bytes are walked here first, and a file that asks for more than a generator may is refused with one sentence.
"""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any, NamedTuple

import numpy as np

from cganx.card import CARD_KEY, HASH_KEY, GeneratorCard, Source
from cganx.errors import CardMismatch, ModelError, ModelNotFound, NotAGenerator, RequestError, UnsafeModel
from cganx.runtime.cost import most_alive, work
from cganx.runtime.model import DTYPES, FLOAT, INT32, INT64, MOST_RANK, UINT8, Dimension, Graph, Model, Node, Value, parse
from cganx.runtime.operators import OPERATORS, Fact, stored
from cganx.runtime.sizes import Space, ladder, shape_at, smallest
from cganx.runtime.tensors import Tensors

__all__ = ["LIMITS", "Limits", "ModelFile", "check_hash", "file_bytes", "follow", "read"]

MiB = 1 << 20
# Shapes are followed at the first of these batches, so that a size of 1 in the file is never taken for the batch; at the
# others too, so that nothing is large at some batch that is small at another.
_BATCH = 2
_OTHER_BATCHES = (1, 64)
# torch's exporter has written 18 for long, onnxruntime 1.28 reads up to 26; before 13 some sizes are attributes.
_OPSETS = range(13, 27)
MOST_NOISE_DIGITS = 4
# onnxruntime takes a time that grows with the square of either while it builds a session.
MOST_INPUTS = 64
MOST_TAKERS = 256  # of what a DequantizeLinear makes, which is made again for each of them
_MORE = "; for a file that you trust give runtime.load(..., limits=...)"


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one file may ask for at most. Elements are counted for one picture.

    ``constant_elements`` are those that lie in the file or are computed from them alone, in at most ``folded_nodes`` nodes,
    for onnxruntime computes them while it builds a session. ``alive_elements`` lie in memory at once, ``made_elements``
    are all that are made; ``drawn_elements`` are those of latent and noise. ``work`` is counted in multiply-adds. Where the
    height and width of an image-to-image generator are open, all that is counted for tiles of at most ``symbolic_size`` a
    side: of the largest that is within the limits.

    >>> from cganx import runtime
    >>> from cganx.runtime import testing
    >>> runtime.read(testing.TINY, limits=runtime.Limits(nodes=100)).card.name
    'tiny'
    >>> try:
    ...     runtime.read(testing.TINY, limits=runtime.Limits(nodes=4))
    ... except runtime.UnsafeModel as error:
    ...     print(error.message)
    it has more than 4 nodes
    """

    file_bytes: int = 256 * MiB
    nodes: int = 4096
    folded_nodes: int = 1024
    tensor_elements: int = 64 * MiB
    constant_elements: int = 96 * MiB
    alive_elements: int = 64 * MiB
    made_elements: int = 256 * MiB
    drawn_elements: int = MiB
    symbolic_size: int = 512
    work: int = 1 << 37


LIMITS = Limits()


@dataclass(frozen=True)
class ModelFile:
    """A file that the reader accepts. ``inputs`` and ``outputs`` hold the shape a sample has, without the batch.

    ``sha256`` is the hash over the card's bytes and the graph's; it tells damage, not malice. Names and image are the
    contract's; ``tensors`` says what they are in the file where it is foreign, and ``types`` are the inputs' there. Where
    height and width are open, ``least`` and ``tile`` are the smallest and the largest side that the reader found to be right.
    ``alive`` are the values that lie in memory at once for one picture, 0 where that was not counted.

    >>> from cganx import runtime
    >>> from cganx.runtime import testing
    >>> file = runtime.read(testing.TINY)
    >>> file.inputs, file.outputs
    ({'latent': (8,), 'label': (2,)}, {'image': (1, 16, 16), 'pixels': (16, 16, 1)})
    """

    data: bytes = field(repr=False)
    card: GeneratorCard
    sha256: str
    inputs: Mapping[str, tuple[Dimension, ...]]
    outputs: Mapping[str, tuple[Dimension, ...]]
    path: str | None = None
    tensors: Tensors | None = None
    types: Mapping[str, np.dtype[Any]] = field(default_factory=dict)
    least: int | None = None
    tile: int | None = None
    alive: int = 0


def read(
    source: str | os.PathLike[str] | bytes,
    *,
    card: GeneratorCard | None = None,
    tensors: Tensors | None = None,
    limits: Limits = LIMITS,
) -> ModelFile:
    """Read a generator's file, by path or from its bytes, without onnxruntime.

    With ``card`` a file of another maker is adopted: the card is taken instead of the one in the file. With ``tensors`` too
    its tensors may have other names, and what is said there.

    Raises ModelNotFound, NotAGenerator, UnsafeModel, CardMismatch or NewerFormat, with ``model`` set to the path, and
    RequestError for tensors without a card.

    >>> from cganx import runtime
    >>> from cganx.runtime import testing
    >>> card = runtime.read(testing.TINY).card
    >>> card.classes, card.latent.size, (card.image.height, card.image.width, card.image.channels)
    (('disc', 'cross'), 8, (16, 16, 1))
    """
    if tensors is not None and card is None:
        raise RequestError("the names of foreign tensors need a card that says what they hold: give card=... too")
    if isinstance(source, (bytes, bytearray, memoryview)):
        _check_length(memoryview(source).nbytes, limits)
        return _read(bytes(source), None, card, tensors, limits)
    path = os.fspath(source)
    data = file_bytes(path, limits)
    try:
        return _read(data, path, card, tensors, limits)
    except ModelError as error:
        raise type(error)(error.message, model=path) from None


def follow(
    source: str | os.PathLike[str] | bytes,
    *,
    batch: int = _BATCH,
    latent: str = "latent",
    limits: Limits = LIMITS,
    space: tuple[int, int] | None = None,
) -> tuple[Graph, Mapping[str, Fact]]:
    """The graph of a file that passes the reader's rules, and what is known of every value in it at that batch.

    The card is not looked at. space: height and width of an image-to-image generator's source where they are open.

    Raises ModelNotFound, NotAGenerator, UnsafeModel or CardMismatch.
    """
    data = source if isinstance(source, bytes) else file_bytes(os.fspath(source), limits)
    _check_length(len(data), limits)
    model = parse(memoryview(data))
    _check_rules(model, limits)
    known = None if space is None else Space(*space)
    _check_at(model.graph, limits, latent, known)
    return model.graph, _Checked(model.graph, limits, batch, latent, known).facts


def file_bytes(path: str, limits: Limits = LIMITS) -> bytes:
    """What lies at the path. Raises ModelNotFound, and UnsafeModel where it is more than the limits allow."""
    try:
        _check_kind(os.stat(path).st_mode)  # before it is opened: some devices act on that
        with open(path, "rb", opener=_open_without_waiting) as file:
            about = os.fstat(file.fileno())
            _check_kind(about.st_mode)
            _check_length(about.st_size, limits)
            data = file.read(limits.file_bytes + 1)
        _check_length(len(data), limits)
    except ModelError as error:
        raise type(error)(error.message, model=path) from None
    except FileNotFoundError:
        raise ModelNotFound("there is no such file", model=path) from None
    except (OSError, ValueError) as error:
        raise ModelNotFound(f"the file cannot be read: {getattr(error, 'strerror', None) or error}", model=path) from None
    return data


def _open_without_waiting(path: str, flags: int) -> int:
    """A pipe that has taken the file's place since its kind was looked at has nobody to wait for."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _check_kind(mode: int) -> None:
    if stat.S_ISDIR(mode):
        raise ModelNotFound("it is a folder; of a run make a file first: cganx export RUN -o model.onnx")
    if not stat.S_ISREG(mode):
        raise ModelNotFound("it is a pipe, a device or a socket, not a file; copy what it gives into a file and load that")


def _check_length(length: int, limits: Limits) -> None:
    if length > limits.file_bytes:
        raise UnsafeModel(f"the file is larger than {limits.file_bytes // MiB} MiB{_MORE}")


def _read(data: bytes, path: str | None, card: GeneratorCard | None, tensors: Tensors | None, limits: Limits) -> ModelFile:
    model = parse(memoryview(data))
    text = model.metadata.get(CARD_KEY)
    if text is None and card is None:
        raise NotAGenerator(
            f"it is ONNX, but has no {CARD_KEY} in its metadata. For a file of another maker give runtime.load(..., card=...)"
        )
    digest = None
    if text is not None:
        digest = check_hash(model, text)
        card = card or GeneratorCard.from_json(text)
    assert card is not None
    _check_rules(model, limits)
    digest = digest or _hash(card.to_json(), model.graph_bytes)
    if card.source is not None and card.source.height is None:
        file = _open(card, card.source, model.graph, tensors, limits, adopted=text is None)
    else:
        graph = _check_at(model.graph, limits, (tensors or Tensors()).latent)
        file = described(card, Ends(graph.inputs, graph.outputs, graph.facts), tensors, adopted=text is None)
        file = replace(file, alive=graph.alive)
    return replace(file, data=data, sha256=digest, path=path)


def _open(
    card: GeneratorCard, source: Source, graph: Graph, tensors: Tensors | None, limits: Limits, *, adopted: bool
) -> ModelFile:
    """A generator of open height and width: held to the limits at the largest tile for which it keeps them, and followed
    at the smallest and at a mixture of both, so that no size in the file is taken for an open one."""
    tile, largest = _first_that_holds(
        ladder(source, limits.symbolic_size), lambda side: _check_at(graph, limits, space=Space(side, side)), source, limits
    )
    least, small = _first_that_holds(
        smallest(source, tile), lambda side: _Checked(graph, limits, space=Space(side, side)), source, limits
    )
    mixed = [_Checked(graph, limits, space=Space(*sides)) for sides in ((least, tile), (tile, least))]
    for checked in (largest, small, *mixed):
        ends = Ends(checked.inputs, checked.outputs, checked.facts, checked.space)
        file = described(card, ends, tensors, adopted=adopted)
    return replace(file, least=least, tile=tile, alive=largest.alive)


def _first_that_holds(
    sides: Iterator[int], check: Callable[[int], _Checked], source: Source, limits: Limits
) -> tuple[int, _Checked]:
    refused = UnsafeModel(f"its multiple of {source.multiple:,} is over {limits.symbolic_size:,} pixels, a tile's side{_MORE}")
    for side in sides:
        try:
            return side, check(side)
        except UnsafeModel as error:
            refused = error
    raise refused


class Ends(NamedTuple):
    """What goes in and out of a graph, and the types and shapes of these values at a batch of two.

    ``space`` is the source's where height and width are open and these facts hold for it.
    """

    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    facts: Mapping[str, Fact]
    space: Space | None = None


def described(card: GeneratorCard, ends: Ends, tensors: Tensors | None, *, adopted: bool) -> ModelFile:
    """What a card and a graph say together, without the bytes. Raises CardMismatch or NotAGenerator where they disagree."""
    known = tensors or Tensors()
    _check_card(card, ends, known, adopted=adopted, foreign=tensors is not None)
    inputs = _by_contract(ends.inputs, known)
    outputs = {value.name: tuple(ends.facts[value.name].shape[1:]) for value in ends.outputs}
    if tensors is not None:
        outputs = {"image": (card.image.channels, card.image.height, card.image.width)}
    return ModelFile(
        b"",
        card,
        "",
        {name: (value.shape or ())[1:] for name, value in inputs.items()},
        outputs,
        None,
        tensors,
        {name: value.dtype for name, value in inputs.items() if value.dtype is not None},
    )


def _by_contract(values: tuple[Value, ...], tensors: Tensors) -> dict[str, Value]:
    """The values by the contract's names."""
    known = {tensors.named(name): name for name in ("latent", "label", "image")}
    return {known.get(value.name, value.name): value for value in values}


def _check_rules(model: Model, limits: Limits) -> None:
    """What of a file depends on neither its card nor the sizes in it."""
    if "ort_config" in model.metadata:
        raise UnsafeModel("it brings options for onnxruntime, which are for who runs it to choose")
    if model.opset not in _OPSETS:
        raise UnsafeModel(f"it is of opset {model.opset}; generators are of {_OPSETS[0]} to {_OPSETS[-1]}")
    _check_graph(model.graph, limits)


def _check_at(graph: Graph, limits: Limits, latent: str = "latent", space: Space | None = None) -> _Checked:
    """What the graph makes and asks for, for sources of that space where height and width are open."""
    checked = _Checked(graph, limits, latent=latent, space=space)
    alone, many = (_Checked(graph, limits, batch, latent, space) for batch in _OTHER_BATCHES)
    # What is as large at any batch onnxruntime may compute while it builds a session, and it keeps all of that.
    fixed = {name for name, fact in alone.facts.items() if fact.elements == many.facts[name].elements}
    _check_folding(graph, alone.facts, fixed, limits)
    checked.alive = most_alive(graph, alone.facts, fixed)
    _check_run(graph, alone.facts, checked.alive, limits)
    return checked


def _check_run(graph: Graph, alone: Mapping[str, Fact], alive: int, limits: Limits) -> None:
    made = sum(alone[name].elements for node in graph.nodes for name in node.outputs)
    for asked, most, what in (
        (made, limits.made_elements, "values made"),
        (alive, limits.alive_elements, "values in memory at once"),
        (work(graph, alone), limits.work, "multiply-adds of work"),
    ):
        if asked > most:
            raise UnsafeModel(f"it asks for {asked:,} {what} for one picture, and a generator may ask for {most:,}{_MORE}")


def _check_folding(graph: Graph, alone: Mapping[str, Fact], fixed: Set[str], limits: Limits) -> None:
    if sum(alone[name].elements for name in fixed) > limits.constant_elements:
        raise UnsafeModel(f"its constants unfold to more than {limits.constant_elements:,} values{_MORE}")
    folded = [node for node in graph.nodes if node.operator != "Constant" and fixed >= set(node.outputs)]
    if len(folded) > limits.folded_nodes:
        raise UnsafeModel(f"more than {limits.folded_nodes} of its nodes compute constants; store what they compute{_MORE}")


def _hash(card: str, graph_bytes: memoryview) -> str:
    digest = sha256(card.encode())
    digest.update(graph_bytes)
    return digest.hexdigest()


def check_hash(model: Model, text: str) -> str:
    """The hash in the file, which is over its card's text and its graph. Raises CardMismatch where it is not so."""
    if HASH_KEY not in model.metadata:
        raise CardMismatch(f"it has a card but no {HASH_KEY}; export it again")
    digest = _hash(text, model.graph_bytes)
    if model.metadata[HASH_KEY] != digest:
        raise CardMismatch(f"its {HASH_KEY} does not fit its content: the file is damaged; fetch or export it again")
    return digest


def _check_graph(graph: Graph, limits: Limits) -> None:
    if len(graph.nodes) > limits.nodes:
        raise UnsafeModel(f"it has more than {limits.nodes} nodes")
    if sum(value.name not in graph.initializers for value in graph.inputs) > MOST_INPUTS:
        raise UnsafeModel(f"it has more than {MOST_INPUTS} inputs")
    for node in graph.nodes:
        if node.operator not in OPERATORS:
            raise UnsafeModel(f"it uses operator {node.operator}, which is not on the list of what generators may use")
    numbers = {name for node in graph.nodes if node.operator == "DequantizeLinear" for name in node.outputs}
    takers = Counter(name for node in graph.nodes for name in node.inputs if name in numbers)
    if takers and max(takers.values()) > MOST_TAKERS:
        raise UnsafeModel(f"more than {MOST_TAKERS} of its operators take the same dequantised value; let each take its own")


class _Checked:
    """Follows shapes through a graph once; ``facts`` holds what is known of every value."""

    def __init__(
        self, graph: Graph, limits: Limits, batch: int = _BATCH, latent: str = "latent", space: Space | None = None
    ) -> None:
        self.limits, self.batch, self.latent, self.space, self.alive = limits, batch, latent, space, 0
        self.facts: dict[str, Fact] = {name: stored(tensor.array) for name, tensor in graph.initializers.items()}
        for name, fact in self.facts.items():
            self._count(f"tensor {name!r}", fact)
        self.inputs = tuple(value for value in graph.inputs if value.name not in graph.initializers)
        self.outputs = graph.outputs
        for value in self.inputs:
            if value.name in self.facts:
                raise UnsafeModel(f"it declares input {value.name!r} twice")
            self.facts[value.name] = self._declared(value)
        for node in graph.nodes:
            self._follow(node)
        for value in (*graph.values, *graph.outputs):
            self._compare(value)
        if len({value.name for value in graph.outputs}) != len(graph.outputs):
            raise UnsafeModel("it declares the same output twice")
        drawn = sum(self.facts[value.name].elements for value in self.inputs if self._drawn(value)) // batch
        if drawn > limits.drawn_elements:
            raise UnsafeModel(f"its inputs take {drawn:,} random values for one picture, more than a generator may{_MORE}")

    def _declared(self, value: Value) -> Fact:
        dtype, shape = batched(value)
        sizes = None if self.space is None else shape_at(value.name, shape[1:], self.space)
        if sizes is None:
            sizes = tuple(size if isinstance(size, int) else self.limits.symbolic_size for size in shape[1:])
        if any(size < 1 for size in sizes):
            raise UnsafeModel(f"input {value.name!r} has an impossible shape {value.shape}")
        fact = Fact(dtype, (self.batch, *sizes))
        self._count(f"input {value.name!r}", fact)
        return fact

    def _drawn(self, value: Value) -> bool:
        return value.name == self.latent or value.name.startswith("noise.")

    def _follow(self, node: Node) -> None:
        if not node.outputs:
            raise UnsafeModel(f"operator {node.operator} (node {node.name!r}) has no outputs")
        inputs: list[Fact | None] = []
        for name in node.inputs:
            if name and name not in self.facts:
                raise UnsafeModel(f"operator {node.operator} takes {name!r}, which nothing before it makes")
            inputs.append(self.facts[name] if name else None)
        try:
            made = OPERATORS[node.operator](node, inputs)
        except (ArithmeticError, LookupError, TypeError, ValueError, RuntimeError, MemoryError) as error:
            raise UnsafeModel(f"operator {node.operator} (node {node.name!r}) cannot be followed: {error}") from None
        if len(node.outputs) > len(made):
            raise UnsafeModel(f"operator {node.operator} has more outputs than it can make")
        if node.operator != "Constant" and any(fact.elements == 0 for fact in made):
            raise UnsafeModel(f"operator {node.operator} (node {node.name!r}) makes a value without elements")
        for name, fact in zip(node.outputs, made, strict=False):
            if not name or name in self.facts:
                raise UnsafeModel(f"operator {node.operator} makes {name!r}, which is there already or has no name")
            self._count(f"operator {node.operator} (node {node.name!r})", fact)
            self.facts[name] = fact

    def _count(self, where: str, fact: Fact) -> None:
        if fact.elements > self.limits.tensor_elements * self.batch:
            raise UnsafeModel(
                f"{where} makes {fact.elements // self.batch:,} values for one picture, more than a generator may{_MORE}"
            )
        if len(fact.shape) > MOST_RANK:
            raise UnsafeModel(f"{where} makes a value of {len(fact.shape)} axes, and a generator's have at most {MOST_RANK}")

    def _compare(self, value: Value) -> None:
        fact = self.facts.get(value.name)
        if fact is None:
            raise UnsafeModel(f"it declares {value.name!r}, which nothing makes")
        if value.dtype is not None and value.dtype != fact.dtype:
            raise UnsafeModel(f"it declares {value.name!r} as {value.dtype}, but makes {fact.dtype}")
        if value.shape is None:
            return
        fits = len(value.shape) == len(fact.shape) and all(
            not isinstance(said, int) or said == made for said, made in zip(value.shape, fact.shape, strict=True)
        )
        if not fits:
            raise UnsafeModel(f"it declares {value.name!r} with shape {value.shape}, but makes {_said(fact.shape)}")


def batched(value: Value) -> tuple[np.dtype[Any], tuple[Dimension, ...]]:
    """The type and shape of an input. Raises NotAGenerator or CardMismatch where its batch is not symbolic."""
    if value.dtype is None or not value.shape:
        raise NotAGenerator(f"input {value.name!r} has no declared shape with a batch")
    if isinstance(value.shape[0], int):
        raise CardMismatch(f"input {value.name!r} has a fixed batch of {value.shape[0]}; the batch must be symbolic")
    return value.dtype, value.shape


def _said(shape: tuple[int, ...]) -> tuple[int | str, ...]:
    return ("batch", *shape[1:])


def contract_inputs(card: GeneratorCard) -> dict[str, tuple[np.dtype[Any], tuple[int | None, ...]]]:
    """The inputs that a card asks a graph for: types, and shapes without the batch."""
    wanted: dict[str, tuple[np.dtype[Any], tuple[int | None, ...]]] = {}
    number = DTYPES[FLOAT]
    if card.latent is not None:
        wanted["latent"] = (number, (card.latent.size,))
    if card.label is not None:
        wanted["label"] = (number, (len(card.classes),)) if card.label.input == "weights" else (DTYPES[INT64], ())
    if card.codes:
        wanted["code"] = (number, (len(card.codes),))
    if card.truncates:
        wanted["truncation"] = (number, (1,))
    if card.source is not None:
        wanted["source"] = (number, (card.source.channels, card.source.height, card.source.width))
    return wanted


def _check_card(card: GeneratorCard, graph: Ends, tensors: Tensors, *, adopted: bool, foreign: bool) -> None:
    """Hold the card against the graph: names, types, ranks, sizes, class count. Only an adopted file may lack `pixels`."""
    wanted, number = contract_inputs(card), DTYPES[FLOAT]
    inputs = _by_contract(graph.inputs, tensors)
    for name, (dtype, sizes) in wanted.items():
        if name not in inputs:
            names = sorted(value.name for value in graph.inputs)
            raise CardMismatch(f"the card asks for an input {tensors.named(name)!r}, but the graph has {names}")
        _check_input(inputs[name], dtype, sizes, foreign=foreign)
    for name in inputs.keys() - wanted.keys():
        if name == "mask" and card.source is not None:
            _check_input(inputs[name], number, (1, card.source.height, card.source.width))
        elif _is_noise(name):
            _check_noise(inputs[name], graph, left_open=card.source is not None and card.source.height is None)
        else:
            raise CardMismatch(f"the graph has an input {inputs[name].name!r} that the card does not speak of")
    image = card.image
    open_size = card.source is not None and card.source.height is None and graph.space is None
    height, width = image.height, image.width
    if card.source is not None and graph.space is not None:
        height, width = (card.source.scale * side for side in graph.space)
    _check_output(graph, tensors.image, number, tensors.shape(image.channels, height, width), open_size)
    if foreign:  # what else it makes is never asked for
        return
    if any(value.name == "pixels" for value in graph.outputs):
        _check_output(graph, "pixels", DTYPES[UINT8], (height, width, image.channels), open_size)
    elif not adopted:
        raise CardMismatch("the graph has no output 'pixels'")
    extra = {value.name for value in graph.outputs} - {"image", "pixels"}
    if extra:
        raise CardMismatch(f"the graph has outputs that the contract does not know: {sorted(extra)}")


def _is_noise(name: str) -> bool:
    number = name.removeprefix("noise.")
    return name != number and len(number) <= MOST_NOISE_DIGITS and number.isdecimal() and str(int(number)) == number


def _check_noise(value: Value, graph: Ends, *, left_open: bool) -> None:
    """Its sizes are its own; open ones follow the source's: ``height``, ``width/8``. A session leaves them to the first run."""
    sizes = tuple(graph.facts[value.name].shape[1:])
    said = (value.shape or ())[1:]
    if left_open and graph.space is None and value.dtype == DTYPES[FLOAT]:
        return
    if graph.space is None or all(isinstance(size, int) for size in said):
        _check_input(value, DTYPES[FLOAT], sizes)
    elif value.dtype != DTYPES[FLOAT] or shape_at(value.name, said, graph.space) != sizes:
        raise CardMismatch(
            f"the graph's input {value.name!r} is {value.dtype} {value.shape}; open sizes of noise are named after the "
            "source's: height, width, height/8, width*2"
        )


def _check_input(value: Value, dtype: np.dtype[Any], sizes: tuple[int | None, ...], *, foreign: bool = False) -> None:
    shape = (value.shape or ())[1:]
    fits = len(shape) == len(sizes) and all(
        said == size if size is not None else not isinstance(said, int) for said, size in zip(shape, sizes, strict=True)
    )
    same = value.dtype == dtype
    if foreign:  # axes of size 1 are no matter, nor how many bytes an index has
        fits = fits or [said for said in shape if said != 1] == [size for size in sizes if size != 1]
        same = same or (dtype == DTYPES[INT64] and value.dtype == DTYPES[INT32])
    if not same or not fits:
        asked = f"{dtype} {('batch', *sizes)}"
        raise CardMismatch(f"the graph's input {value.name!r} is {value.dtype} {value.shape}, but the card asks for {asked}")


def _check_output(graph: Ends, name: str, dtype: np.dtype[Any], sizes: tuple[int, ...], open_size: bool) -> None:
    value = next((value for value in graph.outputs if value.name == name), None)
    if value is None:
        raise NotAGenerator(f"it has no output {name!r}")
    fact = graph.facts[name]
    fits = len(fact.shape) == len(sizes) + 1 and (open_size or fact.shape[1:] == sizes)
    if fact.dtype != dtype or not fits or fact.shape[0] != _BATCH:
        asked = f"{dtype} {('batch', *sizes)}"
        raise CardMismatch(f"the graph's output {name!r} is {fact.dtype} {_said(fact.shape)}, but the card asks for {asked}")
