"""Many pictures in one file: WebDataset tars and Parquet, cut by seeds, the same bytes each time."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from types import MappingProxyType
from typing import Any, BinaryIO, Protocol

import numpy as np

from cganx.card import GeneratorCard
from cganx_cli.names import file_names
from cganx_cli.parquet import ParquetShards, Row
from cganx_cli.pictures import Finish
from cganx_cli.png import encode_png
from cganx_cli.requests import Plan, Request
from cganx_cli.sinks import Sink

__all__ = ["SHARDS", "ShardFormat", "Shards", "TarShards"]

BLOCK = 512
RECORD = 20 * BLOCK
DESCRIPTION = "cganx.shard"
_JSON = json.JSONEncoder(ensure_ascii=False)  # json.dumps would make one for each picture
Array = np.ndarray[Any, Any]


class ShardFormat(Protocol):
    """A kind of file that holds many pictures."""

    suffix: str
    package: str | None
    """What must be installed for it."""

    def encode(self, rows: Sequence[Row]) -> Any:
        """What :meth:`writer` takes of some pictures. May run in many threads at once."""

    def writer(self, file: BinaryIO, description: str, card: GeneratorCard) -> AbstractContextManager[Any]:
        """``writer.add(encoded)`` writes; at its end the file is whole, and has ``description`` in it."""

    def described(self, sink: Sink, name: str) -> str | None:
        """The description in a file; None where there is no such file, "" where it is not whole."""


class TarShards:
    """A tar of the ``webdataset`` package's form: KEY.png, KEY.cls and KEY.json for each picture, KEY its place among all."""

    suffix = ".tar"
    package: str | None = None

    def encode(self, rows: Sequence[Row]) -> bytes:
        """Headers and contents, all of a time and owner that never change."""
        return b"".join(part for row in rows for part in self._members(row))

    def _members(self, row: Row) -> Iterator[bytes]:
        yield from _member(f"{row.key}.png", row.png)
        if row.label is not None:
            yield from _member(f"{row.key}.cls", str(row.label).encode())
        texts = _JSON.encode(dict(row.provenance.texts())).encode("utf-8", "surrogatepass")
        yield from _member(f"{row.key}.json", texts)

    @contextmanager
    def writer(self, file: BinaryIO, description: str, card: GeneratorCard) -> Iterator[_TarWriter]:
        """The description is in a global header, which readers pass over."""
        del card
        begin = tarfile.TarInfo.create_pax_global_header({DESCRIPTION: description})
        writer = _TarWriter(file)
        writer.add(begin)
        yield writer
        writer.add(bytes(2 * BLOCK + -(writer.size + 2 * BLOCK) % RECORD))

    def described(self, sink: Sink, name: str) -> str | None:
        """From the head and the end of the file: it took its name when it was whole."""
        head = sink.read(name, 0, 4 * RECORD)
        if head is None:
            return None
        tail = sink.read(name, -2 * BLOCK) or b""
        try:
            header = tarfile.TarInfo.frombuf(head[:BLOCK], "utf-8", "surrogateescape")
            if header.type != tarfile.XGLTYPE or any(tail) or len(tail) < 2 * BLOCK:
                return ""
            return _pax_value(head[BLOCK : BLOCK + header.size], DESCRIPTION)
        except (tarfile.HeaderError, ValueError):
            return ""


class _TarWriter:
    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.size = 0

    def add(self, data: bytes) -> None:
        self._file.write(data)
        self.size += len(data)


def _member(name: str, content: bytes) -> Iterator[bytes]:
    yield _header(name, len(content))
    yield content
    yield bytes(-len(content) % BLOCK)


def _header(name: str, size: int) -> bytes:
    """A regular file's, of 1970 and nobody. tarfile makes the same in thirty times as long."""
    start = b"%s\x000000644\x000000000\x000000000\x00%011o\x0000000000000\x00" % (name.encode().ljust(99, b"\0"), size)
    end = b"0" + bytes(100) + b"ustar\x0000" + bytes(64 + 16 + 167)
    return b"%s%06o\x00 %s" % (start, sum(start) + 8 * 32 + sum(end), end)


def _pax_value(data: bytes, key: str) -> str:
    length = int(data.partition(b" ")[0])
    name, _, value = data[:length].partition(b" ")[2].partition(b"=")
    return value.rstrip(b"\n").decode() if name.decode() == key else ""


SHARDS: Mapping[str, ShardFormat] = MappingProxyType({"webdataset": TarShards(), "parquet": ParquetShards()})


@dataclass(frozen=True)
class Shards:
    """A plan's pictures in ``count`` files. Each rests on the plan and its own number alone, wherever it is made."""

    format: ShardFormat
    card: GeneratorCard
    plan: Plan
    finish: Finish
    count: int

    def name(self, number: int) -> str:
        """``fashion-00003-of-00010.tar``."""
        return f"{file_names([self.card.name])[self.card.name]}-{number:05d}-of-{self.count:05d}{self.format.suffix}"

    def part(self, number: int) -> Plan:
        """What is in a shard."""
        return self.plan.part(number, self.count)

    def description(self, number: int) -> str:
        """A hash of all that decides a shard's pictures, whichever cganx made them."""
        of = {"model": self.finish.sha256, "plan": self.part(number).describe(), "mirror": self.finish.mirror}
        of |= {"size": self.finish.size, "filter": self.finish.filter, "format": self.format.suffix}
        return sha256(json.dumps(of, sort_keys=True).encode()).hexdigest()

    def encode(self, requests: Sequence[Request], pixels: Array) -> tuple[int, Any]:
        """How many, and what the format's writer takes."""
        provenances = self.finish.provenances(requests)
        pngs = self.finish.encoded(encode_png, requests, pixels, provenances)
        rows = [
            Row(f"{request.index:012d}", png, self._label(request), request.choice.text, provenance)
            for request, png, provenance in zip(requests, pngs, provenances, strict=True)
        ]
        return len(rows), self.format.encode(rows)

    def _label(self, request: Request) -> int | None:
        label = request.choice.label
        return self.card.classes.index(label) if self.card.kind == "class" and isinstance(label, str) else None
