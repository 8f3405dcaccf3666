"""``manifest.jsonl``: a line a file, of what made it. It is put in place when a command ends, however it ends."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from typing import IO

import click

from cganx_cli.names import MANIFEST
from cganx_cli.provenance import Provenance
from cganx_cli.sinks import Sink

__all__ = ["MANIFEST", "Manifest", "manifest_line"]

_BLOCK = 2**20
_JSON = json.JSONEncoder(ensure_ascii=False)  # json.dumps would make one for each line


def manifest_line(name: str, provenance: Provenance) -> str:
    """The line of a file."""
    return _JSON.encode({"file": name, **dict(provenance.texts())}) + "\n"


class Manifest:
    """The lines of this command's files, in a temporary file; with what others wrote before, they become the manifest."""

    def __init__(self, sink: Sink, ours: Callable[[str], bool]) -> None:
        """``ours`` says whether a file is one of this command's, so that its older line is dropped."""
        self._sink = sink
        self._ours = ours
        self._lines: IO[str] = tempfile.TemporaryFile("w+", encoding="utf-8", errors="surrogatepass")  # noqa: SIM115

    def check(self, sha256: str | None) -> None:
        """Whether what is there is a manifest, and, where ``sha256`` is given, none that has these pictures of another model.

        Raises click.ClickException.
        """
        for line in self._before():
            if _decoded(line) is None:
                raise click.ClickException(
                    f"{self._sink.place(MANIFEST)} is there and is no list of files, but something else: it was left as it is; "
                    "choose another folder, or say --existing overwrite"
                )
            name, other = _file(line), _sha256(line)
            if sha256 is not None and name is not None and other is not None and other != sha256 and self._ours(name):
                raise click.ClickException(
                    f"{self._sink.place(MANIFEST)} says that {name} is of another model (cganx.sha256 {other[:12]}..., this is "
                    f"{sha256[:12]}...): choose another folder, or say --existing overwrite"
                )

    def add(self, lines: str) -> None:
        """Lines of files that are there."""
        self._lines.write(lines)

    def put(self) -> None:
        """Older lines of other files, then these."""
        if not self._lines.tell():
            return
        with self._sink.stream(MANIFEST) as out:
            for line in self._before():
                name = _file(line)
                if name is not None and not self._ours(name):
                    out.write(line + b"\n")
            self._lines.seek(0)
            while block := self._lines.read(_BLOCK):
                out.write(block.encode("utf-8", "surrogatepass"))

    def close(self) -> None:
        """Give the temporary file back."""
        self._lines.close()

    def _before(self) -> Iterator[bytes]:
        start, rest = 0, b""
        while block := self._sink.read(MANIFEST, start, _BLOCK):
            start += len(block)
            *lines, rest = (rest + block).split(b"\n")
            yield from lines


def _decoded(line: bytes) -> str | None:
    try:
        return line.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return None


def _file(line: bytes) -> str | None:
    return _text(line, "file")


def _sha256(line: bytes) -> str | None:
    return _text(line, "cganx.sha256")


def _text(line: bytes, key: str) -> str | None:
    try:
        row = json.loads(_decoded(line) or "")
    except (ValueError, RecursionError):
        return None
    value = row.get(key) if isinstance(row, dict) else None
    return value if isinstance(value, str) else None
