"""An evaluation written into the card of the file that it is of: a new hash, and the graph's bytes as they were."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from cganx.card import CARD_KEY, HASH_KEY
from cganx.errors import CganxError, ModelError
from cganx.runtime import read
from cganx.runtime.model import parse
from cganx.runtime.protobuf import LENGTH, VARINT, walk
from cganx.whole_file import whole_file

__all__ = ["EVALUATION", "Rewritten", "Written", "write_into_card"]

EVALUATION = "evaluation"
"""The key in the card's ``metrics``, beside what training wrote there."""

JUDGED_BY = ("fingerprint", "judge", "task")
"""What of an evaluation has to be the same, for its figures to stand beside another's."""

AGREEMENT, BY_CLASS = "label-agreement", "agreement_by_class"
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


@dataclass(frozen=True)
class Rewritten:
    """The file's new hash; ``replaced`` names the data of earlier figures that are gone, None where none are."""

    sha256: str
    replaced: str | None = None


def write_into_card(path: Path, evaluation: Written) -> Rewritten:
    """Put the figures into the file's card, by rename.

    Earlier figures of the same data and judge stay, but for those that were judged again; all others go. The new file is read
    as any other before it takes the old one's place.

    Raises ModelError where the file is not the one that was evaluated or has no card, CganxError where it cannot be written.
    """
    file = read(path)
    if file.sha256 != evaluation.sha256:
        raise ModelError("it is not the file that was evaluated: it has changed since; evaluate it again", model=str(path))
    old, new = file.card.metrics.get(EVALUATION), _as_json(evaluation.for_card())
    together = _together(old, new)
    card = replace(file.card, metrics={**file.card.metrics, EVALUATION: new if together is None else together})
    data = _with_card(file.data, card.to_json())
    made = read(data)
    try:
        with whole_file(path) as out:
            out.write(data)
    except OSError as error:
        raise CganxError(
            f"{path} cannot be written: {error.strerror or error}; copy the file to another place first"
        ) from error
    gone = old if isinstance(old, Mapping) and together is None else None
    return Rewritten(made.sha256, None if gone is None else str(gone.get("data", "other data")))


def _as_json(written: Mapping[str, Any]) -> dict[str, Any]:
    """As a card gives it back."""
    found: dict[str, Any] = json.loads(json.dumps(written, allow_nan=False))
    return found


def _together(old: Any, new: dict[str, Any]) -> dict[str, Any] | None:
    """Both, figure by figure the newer one; None where they were not judged by the same data and judge."""
    if not isinstance(old, Mapping) or "fingerprint" not in old or not isinstance(old.get("figures"), Mapping):
        return None
    if any(old.get(name) != new.get(name) for name in JUDGED_BY):
        return None
    both = {**old, **new, "figures": {**old["figures"], **new["figures"]}}
    if BY_CLASS in old and AGREEMENT in old["figures"] and AGREEMENT not in new["figures"]:
        both[BY_CLASS] = old[BY_CLASS]  # as many pictures as the figure that it belongs to
    return both


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
