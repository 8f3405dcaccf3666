"""Pictures as rows of a Parquet file, which Hugging Face's datasets opens as pictures with class names, and pandas as it is."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

from cganx.card import GeneratorCard
from cganx_cli.provenance import Provenance
from cganx_cli.sinks import Sink

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["ParquetShards", "Row"]

ROWS = 1000  # of a group: what a reader takes at once, whatever the batches were
DESCRIPTION = b"cganx.shard"
END = 8  # bytes: the footer's length, and a magic word


@dataclass(frozen=True)
class Row:
    """A picture of a shard: its key, its PNG, its class's id where it is of one class, the label's text, and what made it."""

    key: str
    png: bytes
    label: int | None
    text: str
    provenance: Provenance


class ParquetShards:
    """Columns image {bytes, path}, label, class, seed, truncation, code, model, sha256."""

    suffix = ".parquet"
    package: str | None = "pyarrow"

    def encode(self, rows: Sequence[Row]) -> Sequence[Row]:
        """As they are: columns are made of a thousand."""
        return rows

    @contextmanager
    def writer(self, file: BinaryIO, description: str, card: GeneratorCard) -> Iterator[_ParquetWriter]:
        """The description is in the schema's metadata, beside what Hugging Face's datasets reads there."""
        import pyarrow.parquet as pq

        schema = _schema(description, card)
        with pq.ParquetWriter(file, schema, compression="zstd", use_dictionary=["class", "model", "sha256"]) as out:
            writer = _ParquetWriter(out, schema)
            yield writer
            writer.end()

    def described(self, sink: Sink, name: str) -> str | None:
        """From the footer, which is at the end of the file."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        end = sink.read(name, -END)
        if end is None:
            return None
        footer = sink.read(name, -END - int.from_bytes(end[:4], "little")) if len(end) == END else b""
        try:
            # A footer says where columns are, which nobody asks here, so the end of a file will do for it.
            metadata = pq.read_metadata(io.BytesIO(footer or b"")).metadata or {}
        except (pa.ArrowException, OSError, ValueError):
            return ""
        return bytes(metadata.get(DESCRIPTION, b"")).decode()


class _ParquetWriter:
    """Gathers rows until a group is full."""

    def __init__(self, out: Any, schema: pa.Schema) -> None:
        self._out, self._schema = out, schema
        self._rows: list[Row] = []

    def add(self, rows: Sequence[Row]) -> None:
        self._rows += rows
        while len(self._rows) >= ROWS:
            self._write(self._rows[:ROWS])
            del self._rows[:ROWS]

    def end(self) -> None:
        if self._rows:
            self._write(self._rows)

    def _write(self, rows: Sequence[Row]) -> None:
        import pyarrow as pa

        made = [row.provenance for row in rows]
        columns = {
            "image": [{"bytes": row.png, "path": f"{row.key}.png"} for row in rows],
            "label": [row.label for row in rows],
            "class": [row.text for row in rows],
            "seed": [one.seed for one in made],
            "truncation": [one.truncation for one in made],
            "code": [one.code for one in made],
            "model": [one.model for one in made],
            "sha256": [one.sha256 for one in made],
        }
        self._out.write_table(pa.table(columns, schema=self._schema), row_group_size=ROWS)


def _schema(description: str, card: GeneratorCard) -> pa.Schema:
    import pyarrow as pa

    types = {
        "image": pa.struct({"bytes": pa.binary(), "path": pa.string()}),
        "label": pa.int64(),
        "class": pa.string(),
        "seed": pa.uint64(),
        "truncation": pa.float64(),
        "code": pa.string(),
        "model": pa.string(),
        "sha256": pa.string(),
    }
    values = {"seed": "uint64", "truncation": "float64", **dict.fromkeys(("class", "code", "model", "sha256"), "string")}
    features: dict[str, Any] = {name: {"dtype": kind, "_type": "Value"} for name, kind in values.items()}
    features["image"] = {"_type": "Image"}
    single = card.kind == "class" and card.classes
    features["label"] = {"names": list(card.classes), "_type": "ClassLabel"} if single else {"dtype": "int64", "_type": "Value"}
    facts = json.dumps({"info": {"features": {name: features[name] for name in types}}})
    return pa.schema(types, metadata={"huggingface": facts, DESCRIPTION: description})
