"""Files that try to harm whoever loads them: what each tries, how it is made, and the error that must meet it.

    python tests/attacks/corpus.py FOLDER

writes those that are bytes into a folder, with an index, for other hosts. Files of graphs and cards carry the right hash:
whoever can write a file can write its hash. The rest of the corpus are places that are no files; see ``PLACES``.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from wire import FIXED32, GRAPH, LENGTH, METADATA, Field, entry, field, fields, model, parts, raw_field, varint

from cganx.errors import CardMismatch, ModelError, ModelNotFound, NewerFormat, NotAGenerator, UnsafeModel
from cganx.runtime.testing import TINY

DATA = TINY.read_bytes()
GRAPH_BYTES, CARD_BYTES = parts(DATA)
CARD: dict[str, Any] = json.loads(CARD_BYTES)
LONG = 10_000_000
BAIT = "bait.bin"  # what a file that reaches for another finds beside it: the very bytes that it asks for


@dataclass(frozen=True, kw_only=True)
class Attack:
    """What it tries, the files (one, or many of a kind), the error and a word of its sentence.

    ``foreign`` says that the graph alone must be refused too: without a card, adopted as a file of another maker. ``late``
    says that only a run shows what is wrong.
    """

    group: str
    name: str
    tries: str
    error: type[ModelError]
    word: str
    files: Callable[[], list[bytes]]
    foreign: bool = False
    late: bool = False


@dataclass(frozen=True, kw_only=True)
class Place:
    """What is no file, made in a folder; its path, or None where this machine has no such thing."""

    group: str
    name: str
    tries: str
    error: type[ModelError]
    word: str
    path: Callable[[Path], str | None]


ATTACKS: list[Attack] = []
PLACES: list[Place] = []
GROUPS: list[str] = []

Graph = Any


def section(title: str) -> None:
    """What follows is of this group."""
    GROUPS.append(title)


def raw(tries: str, word: str, error: type[ModelError] = NotAGenerator) -> Callable[[Callable[[], bytes | list[bytes]]], None]:
    """A file that is made byte by byte."""

    def add(make: Callable[[], bytes | list[bytes]]) -> None:
        def files() -> list[bytes]:
            made = make()
            return made if isinstance(made, list) else [made]

        ATTACKS.append(Attack(group=GROUPS[-1], name=make.__name__, tries=tries, error=error, word=word, files=files))

    return add


def graph(
    tries: str, word: str, error: type[ModelError] = UnsafeModel, *, late: bool = False
) -> Callable[[Callable[[Any], None]], None]:
    """The tiny generator with a change in its ModelProto, sealed again."""

    def add(change: Callable[[Any], None]) -> None:
        def files() -> list[bytes]:
            changed = onnx.load_model_from_string(DATA)
            change(changed)
            return [sealed(changed, CARD_BYTES)]

        foreign = error is UnsafeModel or late
        about = {"group": GROUPS[-1], "name": change.__name__, "tries": tries}
        ATTACKS.append(Attack(**about, error=error, word=word, files=files, foreign=foreign, late=late))

    return add


def card(
    tries: str, word: str, error: type[ModelError] = CardMismatch
) -> Callable[[Callable[[], str | bytes | dict[str, Any]]], None]:
    """The tiny generator's graph with another card, sealed again. A dict is the changes to the card that fits."""

    def add(make: Callable[[], str | bytes | dict[str, Any]]) -> None:
        def files() -> list[bytes]:
            made = make()
            return [model(GRAPH_BYTES, json.dumps(CARD | made) if isinstance(made, dict) else made)]

        ATTACKS.append(Attack(group=GROUPS[-1], name=make.__name__, tries=tries, error=error, word=word, files=files))

    return add


def place(tries: str, word: str, error: type[ModelError] = ModelNotFound) -> Callable[[Callable[[Path], str | None]], None]:
    def add(make: Callable[[Path], str | None]) -> None:
        PLACES.append(Place(group=GROUPS[-1], name=make.__name__, tries=tries, error=error, word=word, path=make))

    return add


def sealed(changed: Any, text: bytes) -> bytes:
    """A ModelProto's bytes with that card and its hash."""
    del changed.metadata_props[:]
    graph_bytes = changed.graph.SerializeToString()
    ours = list(fields(model(graph_bytes, text)))
    entries = b"".join(field(METADATA, bytes(one.value)) for one in ours if one.number == METADATA)
    return bytes(changed.SerializeToString()) + entries


def unsealed(data: bytes) -> bytes:
    """The same file with another hash, where it has one."""
    at = data.rfind(b"cganx.sha256\x12\x40")
    return data if at < 0 else data[: at + 14] + (b"0" if data[at + 14 : at + 15] != b"0" else b"1") + data[at + 15 :]


def without_card(data: bytes) -> bytes:
    """The same file as another maker's: without metadata."""
    return b"".join(raw_field(*one[:3]) for one in fields(data) if one.number != METADATA)


# ----------------------------------------------------------------------------------------------------------------------
# Small words for the changes below


def node(changed: Any, operator: str, inputs: list[str], outputs: list[str], *, first: bool = False, **attributes: Any) -> Any:
    at = 0 if first else len(changed.graph.node)
    changed.graph.node.insert(at, helper.make_node(operator, inputs, outputs, **attributes))
    return changed.graph.node[at]


def constant(changed: Any, name: str, values: Any, kind: Any = np.int64) -> str:
    changed.graph.initializer.append(numpy_helper.from_array(np.array(values, kind), name))
    return name


def declare(changed: Any, where: str, name: str, shape: Any, kind: int = TensorProto.FLOAT) -> None:
    getattr(changed.graph, where).append(helper.make_tensor_value_info(name, kind, shape))


def weights(changed: Any) -> Any:
    return next(one for one in changed.graph.initializer if one.name == "shades")


def by_hand(tensor: bytes) -> bytes:
    """A file whose graph holds one more tensor, written byte by byte; sealed."""
    return model(GRAPH_BYTES + field(5, tensor), CARD_BYTES)


def in_the_image(changed: Any, name: str) -> None:
    """Adds a value, of one element, to the image, so that no optimiser drops what makes it."""
    tanh = next(one for one in changed.graph.node if one.op_type == "Tanh")
    tanh.output[0] = "before"
    place_of = list(changed.graph.node).index(tanh) + 1
    changed.graph.node.insert(place_of, helper.make_node("Add", ["before", name], ["image"]))


def zero_times(changed: Any, name: str, rank: int) -> None:
    """The sum of a value, clipped to nothing, goes into the image: what makes the value must run."""
    constant(changed, "all.axes", list(range(rank)))
    constant(changed, "nothing", 0, np.float32)
    nodes = [
        helper.make_node("ReduceMax", [name, "all.axes"], ["whole"], keepdims=0),
        helper.make_node("Clip", ["whole", "nothing", "nothing"], ["none"]),
    ]
    at = next(index for index, one in enumerate(changed.graph.node) if one.op_type == "Tanh")
    for offset, one in enumerate(nodes):
        changed.graph.node.insert(at + offset, one)
    in_the_image(changed, "none")


# ----------------------------------------------------------------------------------------------------------------------
section("The wire format")


def _starts(data: bytes, at: int, graph_too: bool) -> list[int]:
    """Where the fields of a message, and of those in it, begin."""
    found: list[int] = []
    for one in fields(data):
        found.append(at + one.start)
        if one.wire == LENGTH and graph_too and len(bytes(one.value)) > 4:
            inner = bytes(one.value)
            try:
                list(fields(inner))
            except ValueError:
                continue
            found += _starts(inner, at + one.end - len(inner), graph_too)
    return found


@raw("is empty", "not an ONNX file")
def empty() -> bytes:
    return b""


@raw("is cut short at the start of every field, of nested ones too, and one byte later", "", ModelError)
def cut_at_every_field() -> list[bytes]:
    end = DATA.index(b"cganx.sha256\x12\x40") + 14 + 64  # what follows is for others, and may be missing
    starts = sorted(start for start in set(_starts(DATA, 0, True)) if start < end - 1)
    return [DATA[: start + extra] for start in starts for extra in (0, 1)]


@raw("has a graph that is cut short at every field and sealed again", "", ModelError)
def sealed_after_the_cut() -> list[bytes]:
    starts = sorted({one.start + extra for one in fields(GRAPH_BYTES) for extra in (0, 1, 2)})
    return [model(GRAPH_BYTES[:start], CARD_BYTES) for start in starts]


@raw("holds a varint that never ends", "not an ONNX file")
def endless_varint() -> bytes:
    return b"\x08" + b"\x80" * LONG


@raw("holds varints over 64 bits", "not an ONNX file")
def wide_varint() -> list[bytes]:
    return [b"\x08" + b"\xff" * 9 + b"\x02", b"\x08" + b"\xff" * 10 + b"\x01", b"\xff" * 9 + b"\x7f\x01"]


@raw("says lengths of 2 GiB, 2**63 and one byte too many", "cut short")
def lengths_that_lie() -> list[bytes]:
    return [b"\x3a" + varint(length) + b"x" * 100 for length in (1 << 31, (1 << 63) - 1, (1 << 64) - 1, 101)]


@raw("has a node that reaches beyond its graph, sealed", "cut short")
def length_beyond_its_message() -> bytes:
    return model(b"\x0a" + varint(1 << 20) + GRAPH_BYTES, CARD_BYTES)


@raw("uses field number 0", "not an ONNX file")
def field_zero() -> bytes:
    return b"\x00\x00" + DATA


@raw("nests ten million groups, which parsers follow on their stack", "not an ONNX file")
def nested_groups() -> bytes:
    return b"\x0b" * LONG


@raw("uses wire types that do not exist", "not an ONNX file")
def wire_types() -> list[bytes]:
    return [bytes([1 << 3 | wire]) + DATA for wire in (3, 4, 6, 7)]


def _nested(number: int, inner: bytes, times: int) -> bytes:
    """A message in itself; built from the inside, with lengths known."""
    layers = [inner]
    length = len(inner)
    for _ in range(times):
        head = varint(number << 3 | LENGTH) + varint(length)
        layers.append(head)
        length += len(head)
    return b"".join(reversed(layers))


@raw("nests 100,000 types of sequences", "sequences", UnsafeModel)
def nested_types() -> bytes:
    layers = b"\x08\x01"
    value = field(1, b"x") + field(2, _nested(4, layers, 100_000))
    return model(GRAPH_BYTES + field(13, value), CARD_BYTES)


@raw("nests 100,000 messages in a field that nobody reads", "does not know", UnsafeModel)
def nested_unknown() -> bytes:
    return model(GRAPH_BYTES + _nested(77, b"", 100_000), CARD_BYTES)


@raw("holds four million empty nodes", "pieces", UnsafeModel)
def empty_nodes() -> bytes:
    return model(field(1, b"") * (4 << 20), CARD_BYTES)


@raw("spreads ten million empty names over many nodes", "pieces", UnsafeModel)
def names_in_many_nodes() -> bytes:
    return model(field(1, field(1, b"") * 5000) * 2000, CARD_BYTES)


@raw("stores 20 million numbers as varints in one tensor", "raw data", UnsafeModel)
def varints_in_one_tensor() -> bytes:
    return by_hand(field(1, 20_000_000) + field(2, 7) + field(8, b"many") + field(7, b"\1" * 20_000_000))


@raw("stores 20 million numbers as varints in 2,000 tensors", "raw data", UnsafeModel)
def varints_in_many_tensors() -> bytes:
    one = field(1, 10_000) + field(2, 7) + field(7, b"\1" * 10_000)
    return model(b"".join(field(5, one + field(8, b"%d" % index)) for index in range(2000)), CARD_BYTES)


@raw("stores three million numbers that are not packed", "raw data", UnsafeModel)
def varints_not_packed() -> bytes:
    return by_hand(field(2, 7) + field(8, b"many") + field(7, 1) * 3_000_000)


@raw("stores three million floats that are not packed", "raw data", UnsafeModel)
def floats_not_packed() -> bytes:
    return by_hand(field(2, 1) + field(8, b"many") + raw_field(4, FIXED32, b"\0\0\0\0") * 3_000_000)


@raw("gives a tensor ten million dimensions", "raw data", UnsafeModel)
def endless_shape() -> bytes:
    return by_hand(field(1, b"\1" * LONG) + field(2, 1) + field(8, b"deep"))


@raw("gives an attribute ten million numbers", "raw data", UnsafeModel)
def endless_attribute() -> bytes:
    attribute = field(1, b"perm") + field(8, b"\0" * LONG) + field(20, 7)
    return model(field(1, field(4, b"Transpose") + field(5, attribute)), CARD_BYTES)


@raw("has a name that is not UTF-8", "UTF-8")
def name_in_no_encoding() -> bytes:
    return model(GRAPH_BYTES + field(1, field(4, b"\xff\xfe")), CARD_BYTES)


@raw("hides a second graph, card, set of operators or hash behind the first", "", UnsafeModel)
def twice() -> list[bytes]:
    good = model(GRAPH_BYTES, CARD_BYTES)
    more = [field(GRAPH, GRAPH_BYTES), entry("cganx.card", CARD_BYTES), entry("cganx.sha256", "0" * 64), field(8, field(2, 18))]
    return [good + one for one in more]


@raw("writes a singular field twice, which parsers merge", "twice", UnsafeModel)
def merged() -> bytes:
    return by_hand(field(2, 1) + field(2, 7) + field(8, b"one"))


@raw("has opsets from another age, or none", "", ModelError)
def opsets() -> list[bytes]:
    none = field(1, 9) + field(GRAPH, GRAPH_BYTES)
    return [none, *(model(GRAPH_BYTES, CARD_BYTES, opset=opset) for opset in (0, 1, 12, 99, (1 << 63) - 1, -1))]


@raw("is of versions of ONNX's own format that are not there", "version|not an ONNX file")
def ir_versions() -> list[bytes]:
    rest = b"".join(raw_field(*one[:3]) for one in fields(DATA) if one.number != 1)
    return [field(1, version) + rest for version in (0, 2, 99, (1 << 31), (1 << 63) - 1, -1)] + [rest]


# ----------------------------------------------------------------------------------------------------------------------
section("Polyglots")


def _zip() -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("data.pkl", b"cos\nsystem\n(S'true'\ntR.")
    return file.getvalue()


@raw("begins as a picture, program, page, archive, pickle or tensor file and goes on as a generator", "", ModelError)
def other_heads() -> list[bytes]:
    heads = (
        b"\x89PNG\r\n\x1a\n",
        b"GIF89a",
        b"\x7fELF\x02\x01\x01" + b"\0" * 9,
        b"MZ\x90\0",
        b"#!/bin/sh\nexit\n",
        b"<!DOCTYPE html><script>alert(1)</script>",
        b"%PDF-1.7\n",
        b"\x1f\x8b\x08\0\0\0\0\0",
        b"\x80\x04cos\nsystem\n(S'true'\ntR.",
        (2).to_bytes(8, "little") + b"{}",
        _zip(),
    )
    return [head + DATA for head in heads]


@raw("is a whole generator with a zip, pickle or program behind it", "", ModelError)
def other_tails() -> list[bytes]:
    return [DATA + tail for tail in (_zip(), b"\x80\x04cos\nsystem\n(S'true'\ntR.", b"\x7fELF\x02\x01\x01" + b"\0" * 64, b"\0")]


@raw("is an archive that holds a generator", "", ModelError)
def generator_in_a_zip() -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("generator.onnx", DATA)
    return file.getvalue()


# ----------------------------------------------------------------------------------------------------------------------
section("Other files, foreign code")


def _outside(tensor: Any, location: str) -> None:
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", "0"), ("length", "8192")):
        one = tensor.external_data.add()
        one.key, one.value = key, value


@graph("has its weights in a file beside it", "external data")
def external_weights(changed: Any) -> None:
    _outside(weights(changed), BAIT)


@graph("has its weights in a system file", "external data")
def external_system_file(changed: Any) -> None:
    _outside(weights(changed), "../../../../../../../../etc/passwd")


@graph("has its weights at an address in memory, by onnxruntime's own marker", "external data")
def external_memory(changed: Any) -> None:
    _outside(weights(changed), "*/_ORT_MEM_ADDR_/*")


@graph("has a Constant whose attribute lies in another file", "external data")
def external_attribute(changed: Any) -> None:
    made = node(changed, "Constant", [], ["outside"], value=numpy_helper.from_array(np.zeros(2048, np.float32)), first=True)
    _outside(made.attribute[0].t, BAIT)


@graph("has sparse weights whose values lie in another file", "sparse")
def external_sparse(changed: Any) -> None:
    one = changed.graph.sparse_initializer.add()
    one.dims.append(1 << 40)
    one.values.name, one.values.data_type = "outside", 1
    one.values.dims.append(2048)
    _outside(one.values, BAIT)


@graph("says that its weights lie elsewhere, and not where", "another file")
def external_nowhere(changed: Any) -> None:
    weights(changed).data_location = TensorProto.EXTERNAL


@graph("has a sparse Constant that unfolds to a terabyte", "sparse")
def sparse_attribute(changed: Any) -> None:
    made = node(changed, "Constant", [], ["wide"], first=True)
    attribute = made.attribute.add()
    attribute.name, attribute.type = "sparse_value", onnx.AttributeProto.SPARSE_TENSOR
    attribute.sparse_tensor.dims.append(1 << 38)


@graph("imports operators of a foreign domain", "foreign domain")
def foreign_import(changed: Any) -> None:
    changed.opset_import.append(helper.make_opsetid("com.microsoft", 1))


@graph("uses an operator of a foreign domain that it does not import", "foreign domain")
def foreign_operator(changed: Any) -> None:
    node(changed, "Tokenizer", ["image"], ["words"], domain="ai.onnx.contrib")


@graph("has a compiled context in which an accelerator finds machine code", "foreign domain")
def ep_context(changed: Any) -> None:
    node(changed, "EPContext", [], ["context"], domain="com.microsoft", embed_mode=0, ep_cache_context="/tmp/context.bin")


@graph("calls an operator like a foreign one by its full name", "not on the list")
def dotted_operator(changed: Any) -> None:
    node(changed, "com.microsoft.EPContext", ["image"], ["context"])


@graph("defines a function that calls itself", "functions")
def function(changed: Any) -> None:
    inner = helper.make_node("Tanh", ["x"], ["y"], domain="own")
    changed.functions.append(helper.make_function("own", "Tanh", ["x"], ["y"], [inner], [helper.make_opsetid("own", 1)]))


@graph("calls an overload of a function", "functions")
def overload(changed: Any) -> None:
    changed.graph.node[0].overload = "other"


@graph("brings training information", "training")
def training_information(changed: Any) -> None:
    changed.training_info.add().algorithm.name = "step"


@raw("holds options for onnxruntime's session in its metadata: to write a profile", "options for onnxruntime", UnsafeModel)
def session_options() -> bytes:
    return DATA + entry("ort_config", '{"session_options": {"enable_profiling": 1}}')


# ----------------------------------------------------------------------------------------------------------------------
section("Subgraphs and operators that are not on the list")


def _body(name: str) -> Any:
    value = helper.make_tensor_value_info
    return helper.make_graph(
        [helper.make_node("Identity", ["on"], ["on.out"]), helper.make_node("Identity", ["x"], ["x.out"])],
        name,
        [value("i", TensorProto.INT64, []), value("on", TensorProto.BOOL, []), value("x", TensorProto.FLOAT, None)],
        [value("on.out", TensorProto.BOOL, []), value("x.out", TensorProto.FLOAT, None)],
    )


@graph("loops 2**62 times while its constants are folded", "subgraph")
def loop(changed: Any) -> None:
    constant(changed, "trips", 1 << 62)
    node(changed, "Loop", ["trips", "", "shades"], ["looped"], body=_body("body"), first=True)


@graph("scans with a subgraph", "subgraph")
def scan(changed: Any) -> None:
    node(changed, "Scan", ["shades", "templates"], ["scanned", "all"], body=_body("body"), num_scan_inputs=1, first=True)


@raw("nests 10,000 subgraphs, deeper than a stack", "subgraph", UnsafeModel)
def deep_subgraphs() -> bytes:
    inner = b""
    for _ in range(10_000):
        branch = field(1, b"then_branch") + field(6, inner) + field(20, 5)
        inner = field(1, field(4, b"If") + field(5, branch))
    return model(inner, CARD_BYTES)


@graph("makes a constant of 2**40 values by its shape", "ConstantOfShape")
def constant_of_shape(changed: Any) -> None:
    node(changed, "ConstantOfShape", [constant(changed, "huge", [1 << 20, 1 << 20])], ["bomb"], first=True)


@graph("tiles its weights 2**40 times", "Tile")
def tile(changed: Any) -> None:
    node(changed, "Tile", ["shades", constant(changed, "huge", [1 << 20, 1 << 20])], ["bomb"], first=True)


@graph("makes a range of 2**62 values", "Range")
def range_bomb(changed: Any) -> None:
    names = [constant(changed, name, value) for name, value in (("from", 0), ("to", 1 << 62), ("by", 1))]
    node(changed, "Range", names, ["bomb"], first=True)


@graph("makes a one-hot matrix of 2**40 columns", "OneHot")
def one_hot(changed: Any) -> None:
    names = [constant(changed, "which", [0] * 1024), constant(changed, "columns", 1 << 40), constant(changed, "off.on", [0, 1])]
    node(changed, "OneHot", names, ["bomb"], first=True)


@graph("asks for an identity matrix, indices, sums, permutations and texts of its own", "not on the list")
def eye(changed: Any) -> None:
    node(changed, "EyeLike", ["shades"], ["eye"], first=True)


@graph("draws random numbers of its own, so that a seed means nothing", "RandomNormalLike")
def random_numbers(changed: Any) -> None:
    node(changed, "RandomNormalLike", ["latent"], ["random"], first=True)


@graph("decodes a picture that it carries, by a library with bugs of its own", "ImageDecoder")
def image_decoder(changed: Any) -> None:
    node(changed, "ImageDecoder", [constant(changed, "jpeg", [255, 216], np.uint8)], ["picture"], first=True)


@graph("makes sequences, which no size is known of", "SequenceEmpty")
def sequences(changed: Any) -> None:
    node(changed, "SequenceEmpty", [], ["sequence"], first=True)


@graph("computes in integers by an operator of onnxruntime's own domain", "com.microsoft")
def integers_of_another_domain(changed: Any) -> None:
    made = node(changed, "QuantizeLinear", ["shades", constant(changed, "step", 0.1, np.float32)], ["steps"], first=True)
    made.domain = "com.microsoft"
    changed.opset_import.append(helper.make_opsetid("com.microsoft", 1))


# ----------------------------------------------------------------------------------------------------------------------
section("Quantised tensors: scales and zero points that are read beside a weight, one a channel")


def behind_a_step(changed: Any, scales: Any, zeros: Any, kind: Any = np.int8, **attributes: Any) -> None:
    """The weights as bytes behind a DequantizeLinear."""
    weight = weights(changed)
    constant(changed, "shades.bytes", np.ones(tuple(weight.dims)), kind)
    steps, middles = constant(changed, "steps", scales, np.float32), constant(changed, "middles", zeros, kind)
    changed.graph.initializer.remove(weight)
    node(changed, "DequantizeLinear", ["shades.bytes", steps, middles], ["shades"], first=True, **attributes)


@graph("has one scale too few, so that the last is read beyond its end", "do not fit axis")
def one_scale_too_few(changed: Any) -> None:
    last = weights(changed).dims[-1] - 1
    behind_a_step(changed, np.ones(last), np.zeros(last), axis=-1)


@graph("has scales for every channel and a zero point for one", "zero points")
def one_zero_point_for_all(changed: Any) -> None:
    last = weights(changed).dims[-1]
    behind_a_step(changed, np.ones(last), [0], axis=-1)


@graph("takes one dequantised value 3,900 times, for each of which onnxruntime makes it again", "dequantised")
def one_step_for_all(changed: Any) -> None:
    constant(changed, "step", 0.1, np.float32)
    node(changed, "QuantizeLinear", ["logits", "step"], ["stepped"])
    node(changed, "DequantizeLinear", ["stepped", "step"], ["numbers"])
    for index in range(3900):
        node(changed, "Transpose", ["numbers"], [f"turned.{index}"], perm=[0, 1, 3, 2])


@graph("has a scale of 0, by which values are divided", "over 0")
def scale_of_nothing(changed: Any) -> None:
    behind_a_step(changed, 0.0, 0)


@graph("has a scale that is not a number", "not finite")
def scale_of_no_number(changed: Any) -> None:
    behind_a_step(changed, np.nan, 0)


@graph("quantises by blocks of a size that divides nothing", "blocks")
def blocks_of_steps(changed: Any) -> None:
    behind_a_step(changed, 1.0, 0, block_size=3)


@graph("takes its scale from the latent, so that pictures decide what is divided by what", "not a constant")
def scale_from_the_latent(changed: Any) -> None:
    node(changed, "QuantizeLinear", ["latent", "largest"], ["steps"], first=True)
    node(changed, "ReduceMax", ["latent"], ["largest"], first=True, keepdims=0)


@graph("turns a row of bytes into a gigabyte of numbers while constants are folded", "more than a generator may")
def bytes_unfolded(changed: Any) -> None:
    constant(changed, "row", np.zeros((1, 1 << 14)), np.int8)
    constant(changed, "large", [1 << 14, 1 << 14])
    node(changed, "Expand", ["row", "large"], ["many"])
    node(changed, "DequantizeLinear", ["many", constant(changed, "step", 0.1, np.float32)], ["bomb"])


# ----------------------------------------------------------------------------------------------------------------------
section("Folding bombs of operators that are on the list")


@graph("expands one number to 2**40 while constants are folded", "more than a generator may")
def expand(changed: Any) -> None:
    constant(changed, "one.number", [[0.5]], np.float32)
    node(changed, "Expand", ["one.number", constant(changed, "huge", [1 << 20, 1 << 20])], ["bomb"], first=True)
    zero_times(changed, "bomb", 2)


@graph("expands one number to just under what one tensor may hold, eight times", "unfold")
def expand_many(changed: Any) -> None:
    constant(changed, "one.number", [[0.5]], np.float32)
    constant(changed, "large", [1 << 13, 1 << 12])
    for index in range(8):
        node(changed, "Expand", ["one.number", "large"], [f"bomb.{index}"], first=True)
    changed.graph.node.insert(8, helper.make_node("Max", [f"bomb.{index}" for index in range(8)], ["bomb"]))
    zero_times(changed, "bomb", 2)


@graph("takes the size of a folding bomb from the shape of a constant", "unfold")
def expand_by_shape_of_constant(changed: Any) -> None:
    constant(changed, "one.number", [[0.5]], np.float32)
    constant(changed, "long", np.zeros(8192), np.uint8)
    nodes = [helper.make_node("Shape", ["long"], ["side"]), helper.make_node("Concat", ["side", "side"], ["sides"], axis=0)]
    nodes += [helper.make_node("Expand", ["one.number", "sides"], [f"bomb.{index}"]) for index in range(6)]
    nodes.append(helper.make_node("Max", [f"bomb.{index}" for index in range(6)], ["bomb"]))
    for index, one in enumerate(nodes):
        changed.graph.node.insert(index, one)
    zero_times(changed, "bomb", 2)


@graph("takes the size of a folding bomb from the part of an input's shape that is always the same", "unfold")
def expand_by_shape_of_input(changed: Any) -> None:
    constant(changed, "one.number", [[0.5]], np.float32)
    constant(changed, "thousand", [1024])
    nodes = [
        helper.make_node("Shape", ["latent"], ["eight"], start=1, end=2),
        helper.make_node("Mul", ["eight", "thousand"], ["side"]),
        helper.make_node("Concat", ["side", "side"], ["sides"], axis=0),
        *(helper.make_node("Expand", ["one.number", "sides"], [f"bomb.{index}"]) for index in range(6)),
        helper.make_node("Max", [f"bomb.{index}" for index in range(6)], ["bomb"]),
    ]
    for index, one in enumerate(nodes):
        changed.graph.node.insert(index, one)
    zero_times(changed, "bomb", 2)


@graph("doubles a constant forty times", "more than a generator may")
def doubling(changed: Any) -> None:
    last = constant(changed, "bomb", [0.0, 0.0], np.float32)
    for index in range(40):
        node(changed, "Concat", [last, last], [f"bomb.{index}"], axis=0)
        last = f"bomb.{index}"


@graph("adds a column to a row of a million each", "more than a generator may")
def outer_sum(changed: Any) -> None:
    constant(changed, "column", np.zeros((1 << 18, 1)), np.int8)
    constant(changed, "row", np.zeros((1, 1 << 18)), np.int8)
    node(changed, "Cast", ["column"], ["tall"], to=TensorProto.FLOAT)
    node(changed, "Cast", ["row"], ["wide"], to=TensorProto.FLOAT)
    node(changed, "Add", ["tall", "wide"], ["bomb"])


@graph("multiplies a column by a row of a million each", "more than a generator may")
def outer_product(changed: Any) -> None:
    constant(changed, "column", np.zeros((1 << 18, 1)), np.float32)
    constant(changed, "row", np.zeros((1, 1 << 18)), np.float32)
    node(changed, "MatMul", ["column", "row"], ["bomb"])


@graph("looks its constants up again and again, each time as often squared", "more than a generator may")
def gather_squared(changed: Any) -> None:
    constant(changed, "index", np.zeros((64, 64)), np.int64)
    last = "index"
    for step in range(5):
        node(changed, "Gather", [last, "index"], [f"bomb.{step}"], axis=0)
        last = f"bomb.{step}"


@graph("resizes the picture a million times", "more than a generator may")
def resize(changed: Any) -> None:
    node(changed, "Resize", ["image", "", constant(changed, "up", [1, 1, 1000, 1000], np.float32)], ["bomb"])
    node(changed, "Resize", ["bomb", "", "up"], ["bomb.2"])


@graph("resizes by scales of nothing, less than nothing and 3e38", "scales out of range")
def resize_scales(changed: Any) -> None:
    node(changed, "Resize", ["image", "", constant(changed, "up", [1, 0, -1, 3e38], np.float32)], ["bomb"])


@graph("resizes to sizes of 2**40", "more than a generator may")
def resize_sizes(changed: Any) -> None:
    node(changed, "Resize", ["image", "", "", constant(changed, "sizes", [2, 1, 1 << 40, 1 << 40])], ["bomb"])


@graph("pads the picture to 2**40", "pads an axis")
def pad(changed: Any) -> None:
    node(changed, "Pad", ["image", constant(changed, "pads", [0, 0, 0, 0, 0, 0, 1 << 40, 1 << 40])], ["bomb"])


@graph("unfolds a transposed convolution to 2**34", "unfolds to")
def columns(changed: Any) -> None:
    constant(changed, "kernel", np.zeros((1, 1, 1024, 1024)), np.float32)
    node(changed, "ConvTranspose", ["image", "kernel"], ["bomb"], pads=[500] * 4)


@graph("spaces a transposed convolution out by strides and dilations of 2**40", "out of range")
def strides(changed: Any) -> None:
    constant(changed, "kernel", np.zeros((1, 1, 2, 2)), np.float32)
    node(changed, "ConvTranspose", ["image", "kernel"], ["bomb"], strides=[1 << 40, 1 << 40], dilations=[1 << 40, 1 << 40])


@graph("has the batch's square as a size", "more than a generator may")
def batch_squared(changed: Any) -> None:
    constant(changed, "one.number", [[0.0]], np.float32)
    node(changed, "Shape", ["latent"], ["batch.size"], start=0, end=1)
    node(changed, "Mul", ["batch.size", constant(changed, "many", [1 << 12])], ["side"])
    node(changed, "Concat", ["side", "side"], ["sides"], axis=0)
    node(changed, "Expand", ["one.number", "sides"], ["bomb"])


@graph("takes a size from the latent", "computed from more")
def size_from_the_latent(changed: Any) -> None:
    node(changed, "Cast", ["latent"], ["sizes"], to=TensorProto.INT64)
    node(changed, "Expand", ["one", "sizes"], ["bomb"])


@graph("has 20,000 nodes", "nodes")
def many_nodes(changed: Any) -> None:
    changed.graph.node.extend([helper.make_node("Tanh", ["latent"], [f"t{index}"]) for index in range(20_000)])


@graph("folds 4,000 small constants, which takes onnxruntime minutes", "compute constants")
def many_foldings(changed: Any) -> None:
    last = constant(changed, "bomb", np.ones(4096), np.int64)
    for index in range(4000):
        node(changed, "Add", [last, last], [f"bomb.{index}"])
        last = f"bomb.{index}"


# ----------------------------------------------------------------------------------------------------------------------
section("Work and memory while it runs")


@graph("multiplies matrices for hours", "multiply-adds")
def endless_products(changed: Any) -> None:
    node(changed, "Gemm", ["latent", constant(changed, "wide", np.zeros((8, 1 << 16)), np.float32)], ["flat.bomb"])
    node(changed, "Reshape", ["flat.bomb", constant(changed, "square", [-1, 256, 256])], ["bomb"])
    node(changed, "Expand", ["bomb", constant(changed, "rows", [1, 256, 256])], ["bomb.0"])
    node(changed, "Resize", ["bomb.0", "", constant(changed, "up", [1, 8, 8], np.float32)], ["bomb.1"])
    for index in range(1, 33):
        node(changed, "MatMul", [f"bomb.{index}"] * 2, [f"bomb.{index + 1}"])


@graph("convolves with kernels that are larger than its pictures", "multiply-adds")
def endless_convolution(changed: Any) -> None:
    constant(changed, "kernel", np.zeros((1, 1, 1001, 1001)), np.float32)
    node(changed, "Resize", ["image", "", constant(changed, "up", [1, 1, 64, 64], np.float32)], ["large"])
    node(changed, "Conv", ["large", "kernel"], ["bomb"], pads=[500] * 4)


@graph("pools over windows as large as its pictures", "multiply-adds")
def endless_pooling(changed: Any) -> None:
    node(changed, "Resize", ["image", "", constant(changed, "up", [1, 1, 128, 128], np.float32)], ["large"])
    node(changed, "MaxPool", ["large"], ["bomb"], kernel_shape=[1023, 1023], pads=[511] * 4)


def _over_and_over(changed: Any, times: int, side: int, operator: str, *more: str, **attributes: Any) -> None:
    """One large picture that is read again and again; each time one small value is made of it, by other attributes."""
    factor = side / 16
    node(changed, "Resize", ["image", "", constant(changed, "up", [1, 1, factor, factor], np.float32)], ["large"])
    for index in range(times):
        differing = {"extrapolation_value": float(index)} if operator == "Resize" else {}
        node(changed, operator, ["large", *more], [f"small.{index}"], **attributes, **differing)
    node(changed, "Max", [f"small.{index}" for index in range(times)], ["bomb"])


@graph("adds a large picture up to one number, again and again", "multiply-adds")
def endless_sums(changed: Any) -> None:
    _over_and_over(changed, 96, 4096, "ReduceL2", constant(changed, "sides", [1, 3, 2]), keepdims=0)


@graph("averages a large picture again and again", "multiply-adds")
def endless_averages(changed: Any) -> None:
    _over_and_over(changed, 2000, 4096, "GlobalAveragePool")


@graph("makes a large picture one pixel by a filter that reads all of it, again and again", "multiply-adds")
def endless_filter(changed: Any) -> None:
    down = constant(changed, "down", [1, 1, 1 / 4096, 1 / 4096], np.float32)
    _over_and_over(changed, 100, 4096, "Resize", "", down, mode="linear", antialias=1)


@graph("makes a picture thin and wide by a filter, between whose two directions it is large", "multiply-adds")
def endless_filter_of_thin_pictures(changed: Any) -> None:
    thin = constant(changed, "thin", [1, 1, 1 / 1024, 16], np.float32)
    _over_and_over(changed, 50, 1024, "Resize", "", thin, mode="cubic", antialias=1)


@graph("resizes by cubics, which take onnxruntime half a microsecond for a value", "multiply-adds")
def endless_cubics(changed: Any) -> None:
    constant(changed, "up", [1, 1, 112.7, 112.7], np.float32)
    for index in range(20):
        node(changed, "Resize", ["image", "", "up"], [f"bomb.{index}"], mode="cubic", cubic_coeff_a=-0.5 - index / 100)


@graph("normalises across a large value's first axes, where its values lie far apart", "multiply-adds")
def endless_shares(changed: Any) -> None:
    node(changed, "Resize", ["image", "", constant(changed, "up", [1, 1, 256, 256], np.float32)], ["bomb.0"])
    for index in range(6):
        node(changed, "Softmax", [f"bomb.{index}"], [f"bomb.{index + 1}"], axis=1)


@graph("gives every column of a large picture a scale of its own", "multiply-adds")
def endless_scales(changed: Any) -> None:
    node(changed, "Resize", ["image", "", constant(changed, "up", [1, 1, 256, 256], np.float32)], ["large"])
    constant(changed, "steps", np.ones(4096), np.float32)
    for index in range(6):
        node(changed, "QuantizeLinear", ["large", "steps"], [f"bomb.{index}"], axis=3)


@graph("normalises millions of channels of one value each", "multiply-adds")
def endless_channels(changed: Any) -> None:
    node(changed, "Resize", ["image", "", constant(changed, "up", [1, 1, 256, 256], np.float32)], ["large"])
    node(changed, "Reshape", ["large", constant(changed, "planes", [-1, 1 << 24, 1])], ["bomb.0"])
    constant(changed, "gain", [1.0], np.float32)
    node(changed, "Expand", ["gain", constant(changed, "many", [1 << 24])], ["gains"])
    for index in range(5):
        node(changed, "InstanceNormalization", [f"bomb.{index}", "gains", "gains"], [f"bomb.{index + 1}"])


@graph("multiplies millions of matrices of one number each", "multiply-adds")
def endless_small_products(changed: Any) -> None:
    node(changed, "Resize", ["image", "", constant(changed, "up", [1, 1, 256, 256], np.float32)], ["large"])
    node(changed, "Reshape", ["large", constant(changed, "ones", [-1, 1 << 24, 1, 1])], ["small"])
    node(changed, "MatMul", ["small", "small"], ["bomb"])


@graph("multiplies millions of matrices of one number each, by an equation", "multiply-adds")
def endless_equations(changed: Any) -> None:
    node(changed, "Resize", ["image", "", constant(changed, "up", [1, 1, 256, 256], np.float32)], ["large"])
    node(changed, "Einsum", ["large", "large"], ["bomb"], equation="abcd,abcd->abcd")


@graph("takes one large value as 24 inputs of each of many comparisons", "multiply-adds")
def endless_inputs(changed: Any) -> None:
    constant(changed, "up", [1, 1, 128, 128], np.float32)
    node(changed, "Resize", ["image", "", "up"], ["large"])
    for index in range(60):
        node(changed, "Max", ["large"] * 24, [f"bomb.{index}"])


@graph("makes a thousand large values one after another", "values made")
def endless_values(changed: Any) -> None:
    node(changed, "Resize", ["image", "", constant(changed, "up", [1, 1, 256, 256], np.float32)], ["bomb.0"])
    for index in range(1000):
        node(changed, "Softplus", [f"bomb.{index}"], [f"bomb.{index + 1}"])


@graph("keeps many large values in memory at once", "in memory at once")
def memory(changed: Any) -> None:
    node(changed, "Resize", ["image", "", constant(changed, "up", [1, 1, 200, 200], np.float32)], ["large"])
    for index in range(10):
        node(changed, "Exp", ["large"], [f"bomb.{index}"])
    node(changed, "Max", [f"bomb.{index}" for index in range(10)], ["bomb"])


@graph("asks for random values without end, by many inputs", "random values")
def random_inputs(changed: Any) -> None:
    for index in range(30):
        declare(changed, "input", f"noise.{index}", ["batch", 1 << 20])


@graph("has 9,000 inputs of one value each, which takes onnxruntime seconds", "inputs")
def many_inputs(changed: Any) -> None:
    for index in range(9000):
        declare(changed, "input", f"noise.{index}", ["batch", 1])


@graph("asks for one latent of a hundred million values", "more than a generator may")
def random_latent(changed: Any) -> None:
    changed.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 100_000_000


# ----------------------------------------------------------------------------------------------------------------------
section("Shapes and types that lie")


@graph("stores a tensor of 2**30 values in few bytes", "does not hold")
def gigantic_initialiser(changed: Any) -> None:
    one = changed.graph.initializer.add()
    one.name, one.data_type, one.raw_data = "giant", 1, b"\0" * 64
    one.dims.extend([1 << 20, 1 << 10])


@raw("stores a tensor whose bytes are said to be 4 GiB", "cut short")
def gigantic_raw_data() -> bytes:
    tensor = field(1, 1 << 30) + field(2, 1) + field(8, b"giant") + varint(9 << 3 | LENGTH) + varint(1 << 32)
    return by_hand(tensor + b"\0" * 64)


@graph("has a shape whose product is 0 in 64 bits", "does not hold")
def product_overflow(changed: Any) -> None:
    one = changed.graph.initializer.add()
    one.name, one.data_type = "giant", 1
    one.dims.extend([1 << 32, 1 << 32])


@graph("has an empty tensor with axes of 2**62", "impossible shape")
def nothing_times_much(changed: Any) -> None:
    one = changed.graph.initializer.add()
    one.name, one.data_type = "giant", 1
    one.dims.extend([0, 1 << 62, 1 << 62])


@graph("has a negative dimension", "impossible shape")
def negative_dimension(changed: Any) -> None:
    weights(changed).dims[0] = -8


@graph("has a tensor of 64 axes", "impossible shape")
def many_axes(changed: Any) -> None:
    one = changed.graph.initializer.add()
    one.name, one.data_type, one.raw_data = "deep", 1, b"\0" * 4
    one.dims.extend([1] * 64)


@graph("gives a value a thousand axes", "numbers where")
def thousand_axes(changed: Any) -> None:
    node(changed, "Unsqueeze", ["image", constant(changed, "axes", list(range(1000)))], ["deep"])


@graph("gives a value nine axes", "axes")
def nine_axes(changed: Any) -> None:
    node(changed, "Unsqueeze", ["image", constant(changed, "axes", [0, 1, 2, 3, 4])], ["deep"])


@graph("makes a value without elements out of sizes of 2**62", "")
def empty_reshape(changed: Any) -> None:
    constant(changed, "nothing.at.all", [], np.float32)
    node(changed, "Reshape", ["nothing.at.all", constant(changed, "sizes", [0, 1 << 62, 1 << 62])], ["empty"], allowzero=1)


@graph("stores a tensor as raw data and as numbers too", "does not hold")
def stored_twice(changed: Any) -> None:
    weights(changed).float_data.append(0.0)


@graph("stores texts as a tensor", "texts as tensors")
def text_tensor(changed: Any) -> None:
    changed.graph.initializer.append(helper.make_tensor("texts", TensorProto.STRING, [1], [b"x" * 100]))


@graph("has a Constant that is a text", "does not use|do not use")
def text_constant(changed: Any) -> None:
    node(changed, "Constant", [], ["text"], value_string=b"x" * 1000, first=True)


@graph("has tensors of four bits, bfloat16 and complex numbers", "element type")
def odd_types(changed: Any) -> None:
    one = changed.graph.initializer.add()
    one.name, one.data_type, one.raw_data = "odd", TensorProto.COMPLEX128, b"\0" * 16
    one.dims.append(1)


@graph("stores a tensor in segments", "segmented")
def segments(changed: Any) -> None:
    weights(changed).segment.begin = 0


@graph("says how its tensors are quantised", "quantisation")
def quantised(changed: Any) -> None:
    changed.graph.quantization_annotation.add().tensor_name = "shades"


@graph("declares the logits smaller than they are, so that whoever believes it writes beyond", "declares 'logits'")
def lying_shape(changed: Any) -> None:
    declare(changed, "value_info", "logits", ["batch", 1, 1, 1])


@graph("declares the logits with another type", "declares 'logits'")
def lying_type(changed: Any) -> None:
    declare(changed, "value_info", "logits", ["batch", 1, 16, 16], TensorProto.INT64)


@graph("declares the logits with another rank", "declares 'logits'")
def lying_rank(changed: Any) -> None:
    declare(changed, "value_info", "logits", ["batch", 256])


@graph("declares what nothing makes", "which nothing makes")
def ghost(changed: Any) -> None:
    declare(changed, "value_info", "ghost", [1])


@graph("declares a value as a sequence", "sequences")
def declared_sequence(changed: Any) -> None:
    changed.graph.value_info.append(helper.make_tensor_sequence_value_info("list", TensorProto.FLOAT, None))


@graph("declares its picture smaller than it is", "declares 'image'")
def lying_output(changed: Any) -> None:
    next(one for one in changed.graph.output if one.name == "image").type.tensor_type.shape.dim[2].dim_value = 8


@graph("declares an input with 2**62 columns", "more than a generator may")
def wide_input(changed: Any) -> None:
    declare(changed, "input", "noise.0", ["batch", 1 << 62])


@graph("declares an input with less than no columns", "impossible shape")
def negative_input(changed: Any) -> None:
    declare(changed, "input", "noise.0", ["batch", -5])


@graph("declares an input whose axes all are open", "more than a generator may")
def open_input(changed: Any) -> None:
    declare(changed, "input", "noise.0", ["batch", "a", "b", "c"])


@graph("declares an input without shape", "no declared shape", NotAGenerator)
def shapeless_input(changed: Any) -> None:
    changed.graph.input[0].type.tensor_type.ClearField("shape")


@graph("fixes the batch at a billion", "fixed batch", CardMismatch)
def fixed_batch(changed: Any) -> None:
    changed.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1_000_000_000


@graph("makes another number of pictures than it is asked for", "", ModelError)
def frozen_batch(changed: Any) -> None:
    constant(changed, "frozen", [2, 1, 8, 16])
    next(one for one in changed.graph.node if one.op_type == "Reshape").input[1] = "frozen"


# ----------------------------------------------------------------------------------------------------------------------
section("Names")


@graph("has two tensors of one name", "same name")
def duplicate_tensors(changed: Any) -> None:
    changed.graph.initializer.append(weights(changed))


@graph("has a tensor without name", "has none")
def nameless_tensor(changed: Any) -> None:
    weights(changed).name = ""


@graph("makes one value twice", "there already")
def duplicate_values(changed: Any) -> None:
    node(changed, "Tanh", ["logits"], ["image"])


@graph("makes a value under the name of a weight", "there already")
def shadowed_weight(changed: Any) -> None:
    node(changed, "Tanh", ["logits"], ["shades"])


@graph("makes a value without name", "no name")
def nameless_value(changed: Any) -> None:
    node(changed, "Tanh", ["logits"], [""])


@graph("declares an input twice", "twice")
def duplicate_inputs(changed: Any) -> None:
    changed.graph.input.append(changed.graph.input[0])


@graph("declares an output twice", "twice")
def duplicate_outputs(changed: Any) -> None:
    changed.graph.output.append(changed.graph.output[0])


@graph("takes a value that nothing makes", "nothing before it makes")
def missing_value(changed: Any) -> None:
    changed.graph.node[0].input[0] = "ghost"


@graph("runs in a circle", "nothing before it makes")
def circle(changed: Any) -> None:
    changed.graph.node[0].input[0] = "pixels"


@graph("has a node that takes what it makes", "nothing before it makes")
def self_loop(changed: Any) -> None:
    node(changed, "Tanh", ["self"], ["self"])


@graph("has an operator whose name moves the cursor of a terminal and is ten million letters long", "not on the list")
def loud_operator(changed: Any) -> None:
    changed.graph.node[0].op_type = "\x1b[2J\x1b]0;owned\x07\r\n" + "x" * LONG


@graph("has a node whose name is ten million letters and lines long", "")
def loud_node(changed: Any) -> None:
    changed.graph.node[0].name = "\n\x1b[31m" * (LONG // 6)
    changed.graph.node[0].input[0] = "shape"


@graph("lacks its image", "no output", NotAGenerator)
def no_image(changed: Any) -> None:
    del changed.graph.output[0]


@graph("lacks its pixels", "no output 'pixels'", CardMismatch)
def no_pixels(changed: Any) -> None:
    del changed.graph.output[1]


@graph("has an output that nobody asked for", "does not know", CardMismatch)
def more_outputs(changed: Any) -> None:
    declare(changed, "output", "logits", ["batch", 1, 16, 16])


@graph("has no nodes at all", "which nothing makes")
def no_nodes(changed: Any) -> None:
    del changed.graph.node[:]


# ----------------------------------------------------------------------------------------------------------------------
section("Numbers")


def _poison(changed: Any, value: float) -> None:
    array = numpy_helper.to_array(weights(changed)).copy()
    array[3, 5] = value
    weights(changed).raw_data = array.tobytes()


@graph("has a weight that is no number", "not finite")
def nan_weight(changed: Any) -> None:
    _poison(changed, float("nan"))


@graph("has an infinite weight", "not finite")
def infinite_weight(changed: Any) -> None:
    _poison(changed, float("-inf"))


@graph("has an infinite weight in half precision, behind a cast", "not finite")
def infinite_half(changed: Any) -> None:
    array = numpy_helper.to_array(weights(changed)).astype(np.float16)
    array[0, 0] = np.inf
    weights(changed).CopyFrom(numpy_helper.from_array(array, "half"))
    node(changed, "Cast", ["half"], ["shades"], to=TensorProto.FLOAT, first=True)


@graph("has a NaN as a Constant's value", "not finite")
def nan_constant(changed: Any) -> None:
    node(changed, "Constant", [], ["poison"], value_float=float("nan"), first=True)
    in_the_image(changed, "poison")


@graph("has a NaN as an attribute", "not finite")
def nan_attribute(changed: Any) -> None:
    node(changed, "LeakyRelu", ["image"], ["leaky"], alpha=float("nan"))


@graph("makes a picture that is no number, of weights that all are finite", "not finite", NotAGenerator, late=True)
def nan_picture(changed: Any) -> None:
    constant(changed, "less.than.nothing", -1.0, np.float32)
    node(changed, "Log", ["less.than.nothing"], ["poison"], first=True)
    in_the_image(changed, "poison")


@graph("makes a picture far beyond white", "not within", NotAGenerator, late=True)
def bright_picture(changed: Any) -> None:
    in_the_image(changed, constant(changed, "bright", 1e30, np.float32))


# ----------------------------------------------------------------------------------------------------------------------
section("What ends a process, or might")


@graph("divides the smallest whole number by -1", "divides whole numbers")
def smallest_by_minus_one(changed: Any) -> None:
    constant(changed, "smallest", [-(1 << 63)])
    node(changed, "Div", ["smallest", constant(changed, "minus.one", [-1])], ["trap"], first=True)


@graph("divides a whole number by what the latent rounds to", "divides whole numbers")
def by_the_latent(changed: Any) -> None:
    node(changed, "Cast", ["latent"], ["whole"], to=TensorProto.INT64)
    node(changed, "Div", [constant(changed, "seven", [7]), "whole"], ["trap"])


@graph("divides channels into no groups", "groups")
def no_groups(changed: Any) -> None:
    constant(changed, "gain", [1.0], np.float32)
    constant(changed, "bias", [0.0], np.float32)
    node(changed, "GroupNormalization", ["image", "gain", "bias"], ["trap"], num_groups=0)


@graph("pads by 2**62 on one side and by -2**62 on the other", "pads an axis")
def pads_that_cancel(changed: Any) -> None:
    constant(changed, "pads", [0, 0, 1 << 62, 0, 0, 0, 1 - (1 << 62), 0])
    node(changed, "Pad", ["image", "pads"], ["trap"])


@graph("mirrors more of a picture than there is", "pads an axis")
def mirrored_beyond(changed: Any) -> None:
    node(changed, "Pad", ["image", constant(changed, "pads", [0, 0, 0, 0, 0, 0, 40, 40])], ["trap"], mode="reflect")


@graph("pads one axis twice", "same axis twice")
def padded_twice(changed: Any) -> None:
    constant(changed, "pads", [0, 3, -3, 0])
    node(changed, "Pad", ["image", "pads", "", constant(changed, "axes", [2, 2])], ["trap"])


@graph("has a dilation that overflows 64 bits", "out of range")
def dilation_overflow(changed: Any) -> None:
    constant(changed, "kernel", np.zeros((1, 1, 5, 5)), np.float32)
    node(changed, "Conv", ["image", "kernel"], ["trap"], dilations=[1 << 62, 1 << 62], pads=[1 << 61] * 4)


@graph("has a stride of 0", "out of range")
def no_stride(changed: Any) -> None:
    constant(changed, "kernel", np.zeros((1, 1, 3, 3)), np.float32)
    node(changed, "Conv", ["image", "kernel"], ["trap"], strides=[0, 0])


@graph("has an output padding of 2**62", "output padding")
def output_padding(changed: Any) -> None:
    constant(changed, "kernel", np.zeros((1, 1, 2, 2)), np.float32)
    node(changed, "ConvTranspose", ["image", "kernel"], ["trap"], output_padding=[1 << 62, 0])


@graph("pools by windows of 2**31", "out of range")
def wide_window(changed: Any) -> None:
    node(changed, "AveragePool", ["image"], ["trap"], kernel_shape=[1 << 31, 1 << 31], pads=[1 << 31] * 4)


@graph("spreads channels over blocks of 2**32, whose square is 0 in 64 bits", "blocks")
def wide_blocks(changed: Any) -> None:
    node(changed, "DepthToSpace", ["image"], ["trap"], blocksize=1 << 32)


@graph("takes a row that is not there, from a constant", "not there")
def row_beyond(changed: Any) -> None:
    node(changed, "Gather", ["shape", constant(changed, "row", [1 << 40])], ["trap"])


@graph("cuts from the smallest whole number on, by steps of it", "")
def slice_overflow(changed: Any) -> None:
    for name in ("starts", "ends", "steps"):
        constant(changed, name, [-(1 << 63)])
    node(changed, "Slice", ["image", "starts", "ends", constant(changed, "axes", [0]), "steps"], ["trap"])


@graph("splits an axis into parts of less than nothing", "splits")
def negative_split(changed: Any) -> None:
    node(changed, "Split", ["image", constant(changed, "parts", [-16, 32])], ["a", "b"], axis=2)


@graph("splits into three parts and names four, at which onnxruntime ends the process", "another number of parts")
def split_count(changed: Any) -> None:
    node(changed, "Split", ["image"], ["a", "b", "c", "d"], axis=2, num_outputs=3)


@graph("keeps the axes that it reduces by a 7, which is no yes to onnxruntime", "neither 0 nor 1")
def half_true(changed: Any) -> None:
    node(changed, "ReduceMean", ["image", constant(changed, "axes", [2])], ["mean"], keepdims=7)


@graph("orders axes that are none", "order of axes")
def false_order(changed: Any) -> None:
    node(changed, "Transpose", ["image"], ["trap"], perm=[0, 0, 9, -1])


@graph("normalises along axis 99", "axis")
def axis_beyond(changed: Any) -> None:
    node(changed, "Softmax", ["image"], ["trap"], axis=99)
    node(changed, "LayerNormalization", ["image", "half_range"], ["trap.2"], axis=99)


def _as_a_row(changed: Any) -> None:
    node(changed, "Flatten", ["logits"], ["row"])
    constant(changed, "gains", np.ones(256), np.float32)


@graph("names the bias of a layer normalisation as nothing, at which onnxruntime ends the process", "left out, not empty")
def empty_bias(changed: Any) -> None:
    _as_a_row(changed)
    node(changed, "LayerNormalization", ["row", "gains", ""], ["trap"])


@graph("names the scale of a layer normalisation as nothing, and a bias", "left out, not empty")
def empty_scale(changed: Any) -> None:
    _as_a_row(changed)
    node(changed, "LayerNormalization", ["row", "", "gains"], ["trap"])


@graph("has a bias of other axes than those that it normalises, which is read beyond its end", "do not fit the axes")
def bias_of_other_axes(changed: Any) -> None:
    _as_a_row(changed)
    node(changed, "LayerNormalization", ["row", "gains", constant(changed, "few", np.ones(4), np.float32)], ["trap"])


@graph("gives an operator of one input a second that is named as nothing", "too many")
def empty_second_input(changed: Any) -> None:
    node(changed, "Relu", ["image", ""], ["trap"])


@graph("has operators that make nothing", "no outputs")
def no_outputs(changed: Any) -> None:
    node(changed, "MatMul", ["image", "image"], [])


@graph("casts its picture to texts", "casts to")
def cast_to_text(changed: Any) -> None:
    node(changed, "Cast", ["image"], ["texts"], to=TensorProto.STRING)


@graph("gives an operator an attribute of another type", "")
def attribute_type(changed: Any) -> None:
    node(changed, "Transpose", ["image"], ["trap"], perm=1.5)


@graph("gives an operator the same attribute twice", "same attribute twice")
def attribute_twice(changed: Any) -> None:
    made = node(changed, "Softmax", ["image"], ["trap"], axis=1)
    made.attribute.append(made.attribute[0])


@graph("has attributes that operators of its opset do not have", "cannot load it", NotAGenerator, late=True)
def attribute_unknown(changed: Any) -> None:
    node(changed, "Tanh", ["logits"], ["trap"], evil=1)


@graph(
    "has a mode that is not UTF-8, so that onnxruntime's own error cannot be read", "cannot load it", NotAGenerator, late=True
)
def mode_in_no_encoding(changed: Any) -> None:
    constant(changed, "up", [1, 1, 2, 2], np.float32)
    node(changed, "Resize", ["image", "", "up"], ["trap"], mode=b"\x9b\xff")


# ----------------------------------------------------------------------------------------------------------------------
section("Cards")


@card("has one class more than the graph", "input 'label'")
def class_more() -> dict[str, Any]:
    return {"classes": ["disc", "cross", "star"]}


@card("has a million classes", "input 'label'")
def million_classes() -> str:
    return json.dumps(CARD | {"classes": [f"{index:x}" for index in range(100_000)]}, separators=(",", ":"))


@card("has no classes", "needs classes")
def no_classes() -> dict[str, Any]:
    return {"classes": []}


@card("says that nothing is chosen by label", "does not speak of")
def unconditional() -> dict[str, Any]:
    return {"kind": "unconditional", "classes": [], "label": None}


@card("asks for another latent", "input 'latent'")
def wider_latent() -> dict[str, Any]:
    return {"latent": {"size": 1 << 40}}


@card("says other sizes of the picture", "output 'image'")
def other_image() -> dict[str, Any]:
    return {"image": {"height": 1 << 30, "width": 1 << 30, "channels": 1}}


@card("says colour", "output 'image'")
def other_channels() -> dict[str, Any]:
    return {"image": {"height": 16, "width": 16, "channels": 3}}


@card("has a height with 4,000 digits", "output 'image'")
def endless_number() -> str:
    return json.dumps(CARD | {"image": {"height": 0, "width": 16, "channels": 1}}).replace(": 0,", ": 1" + "0" * 4000 + ",")


@card("has a number with ten million digits", "not valid JSON|characters")
def endless_digits() -> str:
    return '{"format": ' + "9" * LONG + "}"


@card("has sizes that are no whole numbers", "not a positive whole number")
def broken_size() -> dict[str, Any]:
    return {"latent": {"size": 8.5}}


@card("has sizes that are true", "not a positive whole number")
def true_size() -> dict[str, Any]:
    return {"image": {"height": True, "width": 16, "channels": 1}}


@card("has texts where lists, objects and numbers are meant", "not a list of names")
def other_types() -> dict[str, Any]:
    return {"classes": "ab"}


@card("has a list where a kind is meant", "kind is")
def kind_list() -> dict[str, Any]:
    return {"kind": [["class"]]}


@card("is an image-to-image generator without source", "source belongs")
def no_source() -> dict[str, Any]:
    return {"kind": "image-to-image"}


@card("takes its label as a number, which the graph does not", "input 'label'")
def label_index() -> dict[str, Any]:
    return {"label": {"input": "index"}}


@card("speaks of codes and truncation that the graph does not take", "input 'code'")
def codes() -> dict[str, Any]:
    return {"codes": ["tilt"], "truncation": {"input": True}}


@card("has two classes of one name", "same name twice")
def duplicate_names() -> dict[str, Any]:
    return {"classes": ["disc", "disc"]}


@card("has a class whose name is ten million letters long", "characters")
def endless_class() -> dict[str, Any]:
    return {"classes": ["disc", "x" * LONG]}


@card("has a class whose name is 10,000 letters long", "characters")
def long_class() -> dict[str, Any]:
    return {"classes": ["disc", "x" * 10_000]}


@card("has a name of 10,000 letters", "characters")
def long_name() -> dict[str, Any]:
    return {"name": "x" * 10_000}


@card("has control characters in a class, which clear a terminal", "control characters")
def control_characters() -> dict[str, Any]:
    return {"classes": ["disc", "\x1b[2J\x07\0"]}


@card("has a line's end in its name, which forges a line of a log", "control")
def line_in_the_name() -> dict[str, Any]:
    return {"name": "tiny\nINFO all is well"}


@card("has a class that reads from right to left over its neighbours", "control characters")
def changed_direction() -> dict[str, Any]:
    return {"classes": ["disc", "\u202egnp.exe"]}


@card("has half of a surrogate pair as a name, which no file can be written with", "half of a surrogate pair")
def surrogate() -> str:
    return json.dumps(CARD).replace('"cross"', '"\\ud800"')


@card("nests 100,000 lists", "not valid JSON|nests")
def deep_json() -> str:
    return json.dumps(CARD)[:-1] + ', "deep": ' + "[" * 100_000 + "]" * 100_000 + "}"


@card("nests 500 objects, which can be read but not be written again from deep in a program", "nests")
def nested_json() -> str:
    return json.dumps(CARD)[:-1] + ', "deep": ' + '{"a":' * 500 + "1" + "}" * 500 + "}"


@card("holds NaN, which is no JSON", "NaN")
def nan_in_json() -> str:
    return json.dumps(CARD | {"metrics": {"frechet": float("nan")}})


@card("holds 1e999, which reads as infinity", "out of range")
def infinity_in_json() -> str:
    return json.dumps(CARD | {"metrics": {"frechet": 0}}).replace('"frechet": 0', '"frechet": 1e999')


@card("holds one key twice", "same key twice")
def duplicate_keys() -> str:
    return json.dumps(CARD)[:-1] + ', "name": "other"}'


@card("is 50 MB long", "characters")
def endless_card() -> str:
    return json.dumps(CARD | {"method": {"text": "x" * 50_000_000}})


@card("is no object, no JSON, or nothing", "")
def no_object() -> str:
    return "[1, 2, 3]"


@card("is empty", "not valid JSON")
def empty_card() -> str:
    return ""


@card("is not UTF-8", "UTF-8", NotAGenerator)
def binary_card() -> bytes:
    return b"\xff\xfe{}"


@card("is of a newer format", "format 2", NewerFormat)
def newer_format() -> dict[str, Any]:
    return {"format": 2}


@card("is of a format with 4,000 digits", "format 1000", NewerFormat)
def newest_format() -> str:
    return json.dumps(CARD | {"format": 7}).replace('"format": 7', '"format": 1' + "0" * 4000)


@card("is of format 0, true, or a text", "format is")
def older_format() -> dict[str, Any]:
    return {"format": True}


@card("lacks its image", "image is missing")
def imageless() -> str:
    return json.dumps({name: value for name, value in CARD.items() if name != "image"})


@raw("has no card", "no cganx.card")
def no_card() -> bytes:
    return without_card(DATA)


@raw("has a card and no hash", "no cganx.sha256", CardMismatch)
def no_hash() -> bytes:
    return without_card(DATA) + entry("cganx.card", CARD_BYTES)


@raw("has the hash of another card, no text, or in capitals", "cganx.sha256", CardMismatch)
def wrong_hash() -> list[bytes]:
    good = next(one for one in _entries(DATA) if one[0] == b"cganx.sha256")[1]
    other = [good.upper(), good[:-1], b"", good[::-1], good + b"\n"]
    return [model(GRAPH_BYTES, CARD_BYTES, sha=one.decode()) for one in other]


@raw("has one weight changed after it was sealed", "damaged", CardMismatch)
def damaged() -> bytes:
    at = DATA.find(b"shades") + 100
    return DATA[:at] + bytes([DATA[at] ^ 1]) + DATA[at + 1 :]


TURNER = {
    "format": 1,
    "name": "turner",
    "kind": "image-to-image",
    "classes": [],
    "image": {"height": 8, "width": 8, "channels": 3},
    "licences": {"code": "Apache-2.0"},
}


def _turner(operator: str = "Tanh", **source: int) -> bytes:
    """source [batch, 3, height, width] through one operator, with a card that says so and what is given."""
    value, sides = helper.make_tensor_value_info, ["height", "width"]
    nodes = [helper.make_node(operator, ["source"], ["turned"]), helper.make_node("Tanh", ["turned"], ["image"])]
    ends = [value(name, TensorProto.FLOAT, ["batch", 3, *sides]) for name in ("source", "image")]
    graph_ = helper.make_graph(nodes, "turner", ends[:1], ends[1:])
    made = helper.make_model(graph_, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    card_ = TURNER | {"source": {"channels": 3, "multiple": 1, "scale": 1} | source}
    return sealed(made, json.dumps(card_).encode())


@raw("makes one pixel of every source, and says that sizes are open", "output 'image' is", CardMismatch)
def lying_open_sizes() -> bytes:
    return _turner("GlobalAveragePool")


@raw("has every picture padded to a multiple of a billion", "source.multiple is 1000000000", CardMismatch)
def huge_multiple() -> bytes:
    return _turner(multiple=10**9)


@raw("makes pictures of no size, or a million times as large", "source.scale is", CardMismatch)
def scales_out_of_range() -> list[bytes]:
    return [_turner(scale=0), _turner(scale=10**6), _turner(scale=-4)]


@raw("says four times as large, and its graph keeps the size", "output 'image' is", CardMismatch)
def size_that_does_not_follow_the_scale() -> bytes:
    return _turner(scale=4)


@graph("takes a mask, and no source to fill", "mask", CardMismatch)
def mask_without_source(made: Graph) -> None:
    made.graph.input.append(helper.make_tensor_value_info("mask", TensorProto.FLOAT, ["batch", 1, 8, 8]))


def _entries(data: bytes) -> list[tuple[bytes, bytes]]:
    found: list[tuple[bytes, bytes]] = []
    one: Field
    for one in fields(data):
        if one.number == METADATA:
            inner = {part.number: bytes(part.value) for part in fields(bytes(one.value))}  # type: ignore[arg-type]
            found.append((inner[1], inner[2]))
    return found


# ----------------------------------------------------------------------------------------------------------------------
section("Places that are no files")


@place("is a folder", "folder")
def folder(at: Path) -> str:
    (at / "folder.onnx").mkdir()
    return os.fspath(at / "folder.onnx")


@place("is a pipe that nobody writes into, which hangs whoever opens it", "pipe")
def pipe(at: Path) -> str | None:
    if not hasattr(os, "mkfifo"):
        return None
    os.mkfifo(at / "pipe.onnx")
    return os.fspath(at / "pipe.onnx")


@place("is a device that never ends", "device")
def endless_device(_: Path) -> str | None:
    return "/dev/zero" if Path("/dev/zero").exists() else None


@place("is a link to a device", "device")
def linked_device(at: Path) -> str | None:
    if not Path("/dev/zero").exists():
        return None
    (at / "device.onnx").symlink_to("/dev/zero")
    return os.fspath(at / "device.onnx")


@place("is a terminal or what stands for one", "device|no such file|cannot be read|pipe|not an ONNX")
def standard_input(_: Path) -> str | None:
    return "/dev/tty" if Path("/dev/tty").exists() else None


@place("is a socket", "socket")
def unix_socket(at: Path) -> str | None:
    if not hasattr(socket, "AF_UNIX") or len(os.fspath(at)) > 80:
        return None
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(os.fspath(at / "s.onnx"))
    return os.fspath(at / "s.onnx")


@place("is a link to itself", "cannot be read")
def link_loop(at: Path) -> str:
    (at / "loop.onnx").symlink_to(at / "loop.onnx")
    return os.fspath(at / "loop.onnx")


@place("is a link to nothing", "no such file")
def dangling_link(at: Path) -> str:
    (at / "gone.onnx").symlink_to(at / "nowhere")
    return os.fspath(at / "gone.onnx")


@place("is a file of a terabyte, all of it a hole", "larger than", UnsafeModel)
def huge_hole(at: Path) -> str | None:
    try:
        return _hole(at / "hole.onnx", 1 << 40)
    except OSError:  # this file system has no such
        return _hole(at / "hole.onnx", 2 << 30)


@place("is a hole just as large as a file may be", "not an ONNX file", NotAGenerator)
def large_hole(at: Path) -> str:
    return _hole(at / "hole.onnx", 256 << 20)


def _hole(path: Path, length: int) -> str:
    with path.open("wb") as file:
        os.truncate(file.fileno(), length)
    return os.fspath(path)


@place("is the memory of the process itself", "cannot be read|not an ONNX")
def own_memory(_: Path) -> str | None:
    return "/proc/self/mem" if Path("/proc/self/mem").exists() else None


@place("has a name that ends in the middle for whoever is written in C", "cannot be read")
def null_in_the_name(at: Path) -> str:
    return os.fspath(at / "good.onnx\0.onnx")


@place("has a name that no file system takes", "cannot be read|no such file")
def endless_name(at: Path) -> str:
    return os.fspath(at / ("x" * 100_000 + ".onnx"))


@place("has an address on the net", "no such file|cannot be read")
def address(_: Path) -> str:
    return "https://localhost:1/generator.onnx"


@place("has a name that a terminal would obey", "no such file")
def loud_name(at: Path) -> str:
    return os.fspath(at / "\x1b[2J\n.onnx")


def main() -> int:
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    folder_ = Path(sys.argv[1])
    folder_.mkdir(parents=True, exist_ok=True)
    rows = []
    for attack in ATTACKS:
        made = attack.files()
        for index, data in enumerate(made):
            name = attack.name if len(made) == 1 else f"{attack.name}-{index}"
            (folder_ / f"{name}.onnx").write_bytes(data)
            rows.append(f"{name}.onnx\t{attack.error.__name__}\t{attack.tries}")
    (folder_ / "index.tsv").write_text("file\terror\ttries to\n" + "\n".join(rows) + "\n", encoding="utf-8")
    print(f"{len(rows)} files of {len(ATTACKS)} attacks in {folder_}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
