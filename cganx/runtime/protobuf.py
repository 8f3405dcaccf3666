"""A read-only protobuf walker: no schema, no recursion, every length held against the bytes that are there.

Wire format: https://protobuf.dev/programming-guides/encoding/. Groups, which ONNX never uses, are refused.
"""

from __future__ import annotations

from collections.abc import Iterator

from cganx.errors import NotAGenerator

__all__ = ["FIXED32", "FIXED64", "LENGTH", "VARINT", "packed_varints", "signed", "walk"]

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5
_DAMAGED = "it is not an ONNX file, or it is cut short"


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise NotAGenerator(_DAMAGED)
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            if value >> 64:
                raise NotAGenerator(_DAMAGED)
            return value, at
        shift += 7


def _short(data: memoryview, at: int) -> tuple[int, int]:
    """A varint, mostly of one byte."""
    if at < len(data) and data[at] < 0x80:
        return data[at], at + 1
    return _varint(data, at)


def walk(data: memoryview) -> Iterator[tuple[int, int, int | memoryview]]:
    """Yield (field number, wire type, value) in file order; the value is an int for varints, else the field's bytes."""
    at = 0
    while at < len(data):
        key, at = _short(data, at)
        field, wire = key >> 3, key & 7
        if field == 0:
            raise NotAGenerator(_DAMAGED)
        if wire == VARINT:
            value, at = _short(data, at)
            yield field, wire, value
            continue
        if wire == LENGTH:
            length, at = _short(data, at)
        elif wire in (FIXED32, FIXED64):
            length = 4 if wire == FIXED32 else 8
        else:
            raise NotAGenerator(_DAMAGED)
        if length > len(data) - at:
            raise NotAGenerator(_DAMAGED)
        yield field, wire, data[at : at + length]
        at += length


def packed_varints(data: memoryview, most: int) -> list[int]:
    """The varints of a packed field; one more than ``most`` where there are more."""
    values: list[int] = []
    at = 0
    while at < len(data) and len(values) <= most:
        value, at = _varint(data, at)
        values.append(value)
    return values


def signed(value: int) -> int:
    """A varint read as a two's complement int64."""
    return value - (1 << 64) if value >> 63 else value
