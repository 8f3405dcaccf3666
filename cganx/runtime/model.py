"""ONNX messages as plain named tuples: what of a model file the runtime allows to exist at all.

Not dataclasses, whose making costs a host ten times as much at start.

Field numbers are those of onnx.proto. A field that is not listed in a message's table refuses the file: what this reader
does not know, it does not let onnxruntime believe. So do repeated singular fields, which parsers merge.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from typing import Any, NamedTuple

import numpy as np

from cganx.errors import NotAGenerator, UnsafeModel
from cganx.runtime.protobuf import FIXED32, FIXED64, LENGTH, VARINT, packed_varints, signed, walk

__all__ = ["DTYPES", "Dimension", "Graph", "Model", "Node", "Tensor", "Value", "parse"]

FLOAT, UINT8, INT8, INT32, INT64, BOOL, FLOAT16, DOUBLE = 1, 2, 3, 6, 7, 9, 10, 11
DTYPES: Mapping[int, np.dtype[Any]] = {
    FLOAT: np.dtype("<f4"),
    UINT8: np.dtype("u1"),
    INT8: np.dtype("i1"),
    INT32: np.dtype("<i4"),
    INT64: np.dtype("<i8"),
    BOOL: np.dtype("?"),
    FLOAT16: np.dtype("<f2"),
    DOUBLE: np.dtype("<f8"),
}
MOST_RANK = 8
FORMS = range(3, 64)  # IR versions; which of the newer ones it reads is onnxruntime's to say
MOST_PIECES = 1 << 17  # fields of a whole file, each of which takes some microseconds
NUMBERS_A_PIECE = 4  # that are packed, but not stored as raw data
Dimension = int | str | None
_Field = int | memoryview


class Tensor(NamedTuple):
    """A constant stored in the file."""

    name: str
    array: np.ndarray[Any, Any]


class Value(NamedTuple):
    """A declared input, output or inner value; ``shape`` is None where the file declares none."""

    name: str
    dtype: np.dtype[Any] | None
    shape: tuple[Dimension, ...] | None


class Node(NamedTuple):
    """One operator call. Attribute values: int, float, bytes, Tensor, or a tuple of ints or floats."""

    operator: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]


class Graph(NamedTuple):
    """The nodes in file order, with what goes in, out and what is stored."""

    nodes: tuple[Node, ...]
    initializers: Mapping[str, Tensor]
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    values: tuple[Value, ...]


class Model(NamedTuple):
    """A whole file: the graph, the bytes it lies in, the default domain's opset, and the metadata."""

    graph: Graph
    graph_bytes: memoryview
    opset: int
    metadata: Mapping[str, str]


class _Pieces:
    """Counts what a file is made of, so that none takes long to take apart, however its messages are nested."""

    def __init__(self) -> None:
        self.left = MOST_PIECES

    def take(self, number: int) -> None:
        self.left -= number
        if self.left < 0:
            raise UnsafeModel(f"it is made of more than {MOST_PIECES:,} pieces; store the values of tensors as raw data")


class _Found(dict[int, list[_Field]]):
    """The fields of one message by number, and the count that the messages in them go on with."""

    def __init__(self, pieces: _Pieces) -> None:
        self.pieces = pieces


class _Message(NamedTuple):
    """The fields of one message: (wire types, repeated) by number, what to ignore, and why others are refused."""

    name: str
    fields: Mapping[int, tuple[tuple[int, ...], bool]]
    refused: Mapping[int, str]

    def read(self, data: memoryview, pieces: _Pieces) -> _Found:
        found = _Found(pieces)
        for number, wire, value in walk(data):
            known = self.fields.get(number)
            if known is None or wire not in known[0]:
                raise self._refusal(number)
            if number not in found:
                found[number] = [value]
            elif known[1]:
                found[number].append(value)
            else:
                raise UnsafeModel(f"its {self.name} holds field {number} twice")
            pieces.take(1)
        return found

    def _refusal(self, number: int) -> UnsafeModel:
        if number in self.refused:
            return UnsafeModel(f"it holds {self.refused[number]}, which a generator does not need")
        return UnsafeModel(f"its {self.name} holds a field ({number}) that this reader does not know")


_ONE_INT, _ONE, _MANY, _MANY_INTS = ((VARINT,), False), ((LENGTH,), False), ((LENGTH,), True), ((VARINT, LENGTH), True)
_MANY_FLOATS = ((FIXED32, LENGTH), True)

_MODEL = _Message(
    "model",
    {1: _ONE_INT, 2: _ONE, 3: _ONE, 4: _ONE, 5: _ONE_INT, 6: _ONE, 7: _ONE, 8: _MANY, 14: _MANY},
    {20: "training information", 25: "functions"},
)
_GRAPH = _Message(
    "graph",
    {1: _MANY, 2: _ONE, 5: _MANY, 10: _ONE, 11: _MANY, 12: _MANY, 13: _MANY, 16: _MANY},
    {14: "quantisation annotations", 15: "sparse tensors"},
)
_NODE = _Message(
    "node", {1: _MANY, 2: _MANY, 3: _ONE, 4: _ONE, 5: _MANY, 6: _ONE, 7: _ONE, 9: _MANY}, {8: "overloads of functions"}
)
_ATTRIBUTE = _Message(
    "attribute",
    {
        1: _ONE,
        2: ((FIXED32,), False),
        3: _ONE_INT,
        4: _ONE,
        5: _ONE,
        7: _MANY_FLOATS,
        8: _MANY_INTS,
        13: _ONE,
        20: _ONE_INT,
    },
    {
        6: "a subgraph",
        11: "subgraphs",
        9: "lists of texts",
        10: "lists of tensors",
        21: "attribute references",
        22: "sparse tensors",
        23: "sparse tensors",
    },
)
_TENSOR = _Message(
    "tensor",
    {
        1: _MANY_INTS,
        2: _ONE_INT,
        4: _MANY_FLOATS,
        5: _MANY_INTS,
        7: _MANY_INTS,
        8: _ONE,
        9: _ONE,
        10: ((FIXED64, LENGTH), True),
        12: _ONE,
        14: _ONE_INT,
        16: _MANY,
    },
    {3: "segmented tensors", 6: "texts as tensors", 11: "unsigned 64-bit tensors", 13: "external data"},
)
_VALUE = _Message("value", {1: _ONE, 2: _ONE, 3: _ONE, 4: _MANY}, {})
_TYPE = _Message("type", {1: _ONE, 6: _ONE}, {4: "sequences", 5: "maps", 8: "sparse tensors", 9: "optional values"})
_TENSOR_TYPE = _Message("tensor type", {1: _ONE_INT, 2: _ONE}, {})
_SHAPE = _Message("shape", {1: _MANY}, {})
_DIMENSION = _Message("dimension", {1: _ONE_INT, 2: _ONE, 3: _ONE}, {})
_ENTRY = _Message("metadata", {1: _ONE, 2: _ONE}, {})
_OPSET = _Message("opset import", {1: _ONE, 2: _ONE_INT}, {})


def _text(found: _Found, number: int) -> str:
    return _texts(found, number)[0] if number in found else ""


def _texts(found: _Found, number: int) -> list[str]:
    try:
        return [bytes(_bytes(value)).decode() for value in found.get(number, [])]
    except UnicodeDecodeError:
        raise NotAGenerator("it is not an ONNX file: a name in it is not UTF-8") from None


def _bytes(value: _Field) -> memoryview:
    if isinstance(value, int):  # the wire type was checked by _Message.read
        raise NotAGenerator("it is not an ONNX file")
    return value


def _integer(found: _Found, number: int, default: int = 0) -> int:
    value = found.get(number, [default])[0]
    return signed(value) if isinstance(value, int) else default


def _integers(found: _Found, number: int) -> list[int]:
    values: list[int] = []
    for value in found.get(number, []):
        if isinstance(value, int):
            values.append(value)
            continue
        packed = packed_varints(value, NUMBERS_A_PIECE * (found.pieces.left + 1))
        found.pieces.take(len(packed) // NUMBERS_A_PIECE)
        values += packed
    return [signed(value) for value in values]


def _reals(found: _Found, number: int, dtype: str) -> np.ndarray[Any, Any]:
    data = b"".join(_bytes(value) for value in found.get(number, []))
    if len(data) % np.dtype(dtype).itemsize:
        raise NotAGenerator("it is not an ONNX file: a list of numbers is cut short")
    return np.frombuffer(data, dtype)


def _tensor(data: memoryview, pieces: _Pieces) -> Tensor:
    found = _TENSOR.read(data, pieces)
    name = _text(found, 8)
    if _integer(found, 14):
        raise UnsafeModel(f"tensor {name!r} is kept in another file; a generator is one file")
    kind, shape = _integer(found, 2), tuple(_integers(found, 1))
    dtype = DTYPES.get(kind)
    if dtype is None:
        raise UnsafeModel(f"tensor {name!r} has an element type (number {kind}) that generators do not use")
    if len(shape) > MOST_RANK or any(size < 0 for size in shape) or (0 in shape and len(shape) > 1):
        raise UnsafeModel(f"tensor {name!r} has the impossible shape {shape[:MOST_RANK]}")
    if 9 in found:
        raw = _bytes(found[9][0])
        if any(number in found for number in (4, 5, 7, 10)) or len(raw) != prod(shape) * dtype.itemsize:
            raise UnsafeModel(f"tensor {name!r} does not hold the {prod(shape)} values that its shape {shape} says")
        array = np.frombuffer(raw, dtype)
    else:
        array = _typed_values(found, kind, dtype)
        if array.size != prod(shape):
            raise UnsafeModel(f"tensor {name!r} does not hold the {prod(shape)} values that its shape {shape} says")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise UnsafeModel(f"tensor {name!r} holds a value that is not finite")
    return Tensor(name, array.reshape(shape))


def _typed_values(found: _Found, kind: int, dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    if kind == FLOAT:
        return _reals(found, 4, "<f4")
    if kind == DOUBLE:
        return _reals(found, 10, "<f8")
    values = np.array(_integers(found, 7 if kind == INT64 else 5), np.int64)
    # Compared, for numpy before 2 wraps round in silence. Of a half its 16 bits are the number.
    held = values.astype(np.uint16 if kind == FLOAT16 else dtype)
    if not np.array_equal(held, values):
        raise UnsafeModel("a tensor holds a number that its element type cannot hold")
    return held.view(dtype)


def _value(data: memoryview, pieces: _Pieces) -> Value:
    found = _VALUE.read(data, pieces)
    name = _text(found, 1)
    if 2 not in found:
        return Value(name, None, None)
    kind = _TYPE.read(_bytes(found[2][0]), pieces)
    if 1 not in kind:
        raise UnsafeModel(f"value {name!r} is not a tensor")
    tensor = _TENSOR_TYPE.read(_bytes(kind[1][0]), pieces)
    dtype = DTYPES.get(_integer(tensor, 1))
    if dtype is None:
        raise UnsafeModel(f"value {name!r} has an element type that generators do not use")
    if 2 not in tensor:
        return Value(name, dtype, None)
    sizes = _SHAPE.read(_bytes(tensor[2][0]), pieces).get(1, [])
    if len(sizes) > MOST_RANK:
        raise UnsafeModel(f"value {name!r} has more than {MOST_RANK} dimensions")
    return Value(name, dtype, tuple(_dimension(_bytes(size), pieces) for size in sizes))


def _dimension(data: memoryview, pieces: _Pieces) -> Dimension:
    found = _DIMENSION.read(data, pieces)
    if 1 in found and 2 in found:
        raise UnsafeModel("a dimension has both a size and a name")
    return _integer(found, 1) if 1 in found else (_text(found, 2) or None)


def _attribute_reals(found: _Found, number: int) -> tuple[float, ...]:
    values = _reals(found, number, "<f4")
    if not np.isfinite(values).all():
        raise UnsafeModel(f"attribute {_text(found, 1)!r} holds a value that is not finite")
    return tuple(values.tolist())


# type number: (field, how it is read). Types that stand in no row are refused by the message's table or here.
_ATTRIBUTE_READERS: Mapping[int, tuple[int, Callable[[_Found, int], Any]]] = {
    1: (2, lambda found, number: _attribute_reals(found, number)[0]),
    2: (3, _integer),
    3: (4, lambda found, number: bytes(_bytes(found[number][0]))),
    4: (5, lambda found, number: _tensor(_bytes(found[number][0]), found.pieces)),
    6: (7, _attribute_reals),
    7: (8, lambda found, number: tuple(_integers(found, number))),
}


def _attribute(data: memoryview, pieces: _Pieces) -> tuple[str, Any]:
    found = _ATTRIBUTE.read(data, pieces)
    name = _text(found, 1)
    field, read = _ATTRIBUTE_READERS.get(_integer(found, 20), (0, None))
    if read is None or any(number in found for number in {2, 3, 4, 5, 7, 8} - {field}):
        raise UnsafeModel(f"attribute {name!r} has a type that generators do not use")
    if field in (2, 4, 5) and field not in found:
        raise UnsafeModel(f"attribute {name!r} has no value")
    return name, read(found, field)


def _node(data: memoryview, pieces: _Pieces) -> Node:
    found = _NODE.read(data, pieces)
    operator, domain = _text(found, 4), _text(found, 7)
    if domain not in ("", "ai.onnx"):
        raise UnsafeModel(f"operator {operator} is of the foreign domain {domain!r}")
    attributes = dict(_attribute(_bytes(one), pieces) for one in found.get(5, []))
    if len(attributes) != len(found.get(5, [])):
        raise UnsafeModel(f"a node of operator {operator} holds the same attribute twice")
    return Node(operator, _text(found, 3), tuple(_texts(found, 1)), tuple(_texts(found, 2)), attributes)


def _graph(data: memoryview, pieces: _Pieces) -> Graph:
    found = _GRAPH.read(data, pieces)
    tensors = [_tensor(_bytes(one), pieces) for one in found.get(5, [])]
    initializers = {tensor.name: tensor for tensor in tensors}
    if len(initializers) != len(tensors) or "" in initializers:
        raise UnsafeModel("two of its tensors have the same name, or one has none")
    values = [tuple(_value(_bytes(one), pieces) for one in found.get(number, [])) for number in (11, 12, 13)]
    return Graph(tuple(_node(_bytes(one), pieces) for one in found.get(1, [])), initializers, *values)


def parse(data: memoryview) -> Model:
    """The model in ``data``. Raises NotAGenerator where it is no ONNX, UnsafeModel where it holds what is not allowed."""
    pieces = _Pieces()
    found = _MODEL.read(data, pieces)
    if 7 not in found or 1 not in found:
        raise NotAGenerator("it is not an ONNX file")
    version = _integer(found, 1)
    if version not in FORMS:
        raise NotAGenerator(f"it is of version {version} of ONNX's own format; {FORMS[0]} to {FORMS[-1]} are read")
    opsets = [_OPSET.read(_bytes(one), pieces) for one in found.get(8, [])]
    for one in opsets:
        if _text(one, 1) not in ("", "ai.onnx"):
            raise UnsafeModel(f"it uses operators of the foreign domain {_text(one, 1)!r}")
    if len(opsets) != 1:
        raise UnsafeModel("it does not import exactly one set of operators")
    metadata: dict[str, str] = {}
    for entry in (_ENTRY.read(_bytes(one), pieces) for one in found.get(14, [])):
        if _text(entry, 1) in metadata:
            raise UnsafeModel(f"its metadata holds {_text(entry, 1)!r} twice")
        metadata[_text(entry, 1)] = _text(entry, 2)
    graph_bytes = _bytes(found[7][0])
    return Model(_graph(graph_bytes, pieces), graph_bytes, _integer(opsets[0], 2), metadata)
