"""Protobuf's wire format, written by hand, so that a file can be made that no serialiser would write."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import NamedTuple

from cganx.card import CARD_KEY, HASH_KEY

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5
# Fields of onnx.ModelProto.
IR_VERSION, GRAPH, OPSET, METADATA = 1, 7, 8, 14


class Field(NamedTuple):
    """One field of a message: its number, wire type, value, and the bytes from ``start`` to ``end`` that it lies in."""

    number: int
    wire: int
    value: int | bytes
    start: int
    end: int


def varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def field(number: int, value: int | bytes) -> bytes:
    """A varint or a field with a length."""
    if isinstance(value, int):
        return varint(number << 3 | VARINT) + varint(value % (1 << 64))
    return varint(number << 3 | LENGTH) + varint(len(value)) + value


def raw_field(number: int, wire: int, value: int | bytes) -> bytes:
    """A field of any wire type; those of fixed size come as bytes."""
    if wire in (VARINT, LENGTH):
        return field(number, value)
    assert isinstance(value, bytes)
    return varint(number << 3 | wire) + value


def fields(data: bytes) -> Iterator[Field]:
    """The fields of a message. Raises ValueError where it is none."""
    at = 0
    while at < len(data):
        start = at
        key, at = _read_varint(data, at)
        number, wire = key >> 3, key & 7
        value: int | bytes
        if wire == VARINT:
            value, at = _read_varint(data, at)
        elif wire in (LENGTH, FIXED32, FIXED64):
            length = 4 if wire == FIXED32 else 8
            if wire == LENGTH:
                length, at = _read_varint(data, at)
            value, at = data[at : at + length], at + length
        else:
            raise ValueError("a group")
        if not number or at > len(data):
            raise ValueError("cut short")
        yield Field(number, wire, value, start, at)


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while at < len(data) and shift < 70:
        number |= (data[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if data[at - 1] < 0x80:
            return number, at
    raise ValueError("cut short")


def entry(key: str, value: str | bytes) -> bytes:
    """One of the model's metadata."""
    text = value if isinstance(value, bytes) else value.encode()
    return field(METADATA, field(1, key.encode()) + field(2, text))


def digest(card: bytes, graph: bytes) -> str:
    return sha256(card + graph).hexdigest()


def model(graph: bytes, card: str | bytes, *, opset: int = 18, sha: str | None = None, more: bytes = b"") -> bytes:
    """A file with that graph and card, and the hash that fits them unless another is given."""
    text = card if isinstance(card, bytes) else card.encode()
    head = field(IR_VERSION, 9) + field(OPSET, field(2, opset)) + field(GRAPH, graph)
    return head + more + entry(CARD_KEY, text) + entry(HASH_KEY, digest(text, graph) if sha is None else sha)


def parts(data: bytes) -> tuple[bytes, bytes]:
    """The graph's bytes and the card's of a good file."""
    found = list(fields(data))
    graph = next(one.value for one in found if one.number == GRAPH)
    entries = [{part.number: part.value for part in fields(bytes(one.value))} for one in found if one.number == METADATA]
    card = next(one[2] for one in entries if one[1] == CARD_KEY.encode())
    return bytes(graph), bytes(card)
