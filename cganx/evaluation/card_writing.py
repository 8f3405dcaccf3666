"""An evaluation written into the card of the file that it is of: a new hash, and the graph's bytes as they were."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from cganx.card import CARD_KEY, HASH_KEY
from cganx.errors import CganxError, ModelError
from cganx.runtime import read
from cganx.runtime.model import parse
from cganx.runtime.protobuf import LENGTH, VARINT, walk
from cganx.whole_file import whole_file

__all__ = ["EVALUATION", "Written", "write_into_card"]

EVALUATION = "evaluation"
"""The key in the card's ``metrics``, beside what training wrote there."""

METADATA, KEY, VALUE = 14, 1, 2  # field numbers of onnx.proto


class Written(Protocol):
    """What any evaluation of a file says."""

    @property
    def sha256(self) -> str:
        """Of the file that was evaluated."""

    def for_card(self) -> Mapping[str, Any]:
        """What the card keeps."""

    def to_dict(self) -> dict[str, Any]:
        """All of it, as JSON takes it."""


def write_into_card(path: Path, evaluation: Written) -> str:
    """Put the figures into the file's card, by rename, and return its new hash.

    The new file is read as any other before it takes the old one's place.

    Raises ModelError where the file is not the one that was evaluated or has no card, CganxError where it cannot be written.
    """
    file = read(path)
    if file.sha256 != evaluation.sha256:
        raise ModelError("it is not the file that was evaluated: it has changed since; evaluate it again", model=str(path))
    card = replace(file.card, metrics={**file.card.metrics, EVALUATION: evaluation.for_card()})
    data = _with_card(file.data, card.to_json())
    made = read(data)
    try:
        with whole_file(path) as out:
            out.write(data)
    except OSError as error:
        raise CganxError(
            f"{path} cannot be written: {error.strerror or error}; copy the file to another place first"
        ) from error
    return made.sha256


def _with_card(data: bytes, text: str) -> bytes:
    """The file with another card and its hash, and every other field as it was."""
    digest = hashlib.sha256(text.encode())
    digest.update(parse(memoryview(data)).graph_bytes)
    kept = b"".join(_fields(data))
    return kept + _entry(CARD_KEY, text) + _entry(HASH_KEY, digest.hexdigest())


def _fields(data: bytes) -> Iterator[bytes]:
    """The fields of a model that the reader has accepted, but for the card and its hash."""
    for number, wire, value in walk(memoryview(data)):
        if isinstance(value, int):
            yield _varint(number << 3 | VARINT) + _varint(value)
            continue
        if number == METADATA and _key(value) in (CARD_KEY, HASH_KEY):
            continue
        assert wire == LENGTH  # no field of a model is of a fixed size
        yield _field(number, bytes(value))


def _key(entry: memoryview) -> str:
    return next((bytes(value).decode() for number, _, value in walk(entry) if number == KEY and not isinstance(value, int)), "")


def _entry(key: str, text: str) -> bytes:
    return _field(METADATA, _field(KEY, key.encode()) + _field(VALUE, text.encode()))


def _field(number: int, value: bytes) -> bytes:
    return _varint(number << 3 | LENGTH) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])
