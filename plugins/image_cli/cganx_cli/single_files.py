"""A file a picture: written where none is, left where it is whole and the same, refused where it is another's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import click
import numpy as np

from cganx_cli.formats import Format
from cganx_cli.layouts import DataSet, Layout
from cganx_cli.manifest import manifest_line
from cganx_cli.pictures import Finish
from cganx_cli.provenance import Provenance
from cganx_cli.requests import Naming, Request
from cganx_cli.sinks import Sink

__all__ = ["Done", "SingleFiles"]

UNCOMPARED = frozenset({"cganx.version", "cganx.model"})  # another release makes the same picture; the hash says which model
Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Done:
    """What became of some pictures: how many were written, were there, and were there but not whole; and their lines."""

    written: int = 0
    skipped: int = 0
    mended: int = 0
    lines: str = ""


@dataclass(frozen=True)
class SingleFiles:
    """Pictures as files of a format in a sink. Both methods may run in many threads at once.

    ``again`` makes the pixels of requests, for formats that hold no provenance. ``overwrite`` allows to write over what is
    another's, ``new`` holds that no file was there.
    """

    sink: Sink
    format: Format
    naming: Naming
    finish: Finish
    layout: Layout
    data: DataSet | None
    again: Callable[[Sequence[Request]], Array]
    overwrite: bool
    new: bool

    def write(self, requests: Sequence[Request], pixels: Array) -> Done:
        """Encode and write. Raises click.ClickException."""
        provenances, names = self.finish.provenances(requests), [self.naming.name(one) for one in requests]
        encoded = self.finish.encoded(self.format.encode, requests, pixels, provenances)
        for request, name, data in zip(requests, names, encoded, strict=True):
            self._put_beside(request, name)
            self.sink.write(name, data, new=self.new)
        return Done(written=len(names), lines="".join(map(manifest_line, names, provenances)))

    def there(self, requests: Sequence[Request]) -> tuple[Done, Sequence[Request]]:
        """What is there already, and what is not. Raises click.ClickException for a file that is another's."""
        names, provenances = [self.naming.name(one) for one in requests], self.finish.provenances(requests)
        found = [self.sink.read(name) for name in names]
        if self.format.texts is None:
            fits = self._fits_bytes(requests, names, found)
        else:
            fits = [
                data is not None and self._fits(name, data, one)
                for name, data, one in zip(names, found, provenances, strict=True)
            ]
        rows = list(zip(requests, names, provenances, fits, strict=True))
        for request, name, _, fit in rows:
            if fit:
                self._put_beside(request, name)
        lines = "".join(manifest_line(name, one) for _, name, one, fit in rows if fit)
        missing = [request for request, _, _, fit in rows if not fit]
        mended = sum(data is not None and not fit for data, fit in zip(found, fits, strict=True))
        return Done(skipped=len(requests) - len(missing), mended=mended, lines=lines), missing

    def _fits(self, name: str, data: bytes, provenance: Provenance) -> bool:
        """Whether a file is whole and of this picture; a part of a file is not."""
        assert self.format.texts is not None
        texts = self.format.texts(data)
        if texts is None:
            if self.format.magic.startswith(data[: len(self.format.magic)]):
                return False
            raise self._refusal(name, f"is no whole {name.rpartition('.')[2].upper()}")
        wanted = dict(provenance.texts())
        keys = sorted(key for key in {*wanted, *texts} - UNCOMPARED if key.startswith("cganx."))
        for key in keys:
            if texts.get(key) != wanted.get(key):
                raise self._refusal(name, f"has {key} {_short(texts.get(key))}, this picture {_short(wanted.get(key))}")
        return True

    def _fits_bytes(self, requests: Sequence[Request], names: Sequence[str], found: Sequence[bytes | None]) -> list[bool]:
        """The same for files that cannot say what they are of: the picture is made again and compared."""
        asked = [number for number, data in enumerate(found) if data is not None]
        fits = [False] * len(names)
        if not asked:
            return fits
        wanted = [requests[number] for number in asked]
        provenances = self.finish.provenances(wanted)
        encoded = self.finish.encoded(self.format.encode, wanted, self.again(wanted), provenances)
        for number, data in zip(asked, encoded, strict=True):
            there = found[number]
            assert there is not None
            fits[number] = there == data
            if not data.startswith(there):
                raise self._refusal(names[number], "holds another picture")
        return fits

    def _put_beside(self, request: Request, name: str) -> None:
        if self.layout.beside is None:
            return
        assert self.data is not None
        label, data = self.layout.beside(self.data, request, name)
        there = self.sink.read(label)
        if there != data:
            if there and not self.overwrite:
                raise self._refusal(label, "says something else")
            self.sink.write(label, data)

    def _refusal(self, name: str, why: str) -> click.ClickException:
        return click.ClickException(
            f"{self.sink.place(name)} is there and {why}: it was left as it is; choose another folder or --existing overwrite"
        )


def _short(text: str | None) -> str:
    return "none" if text is None else text if len(text) <= 16 else f"{text[:12]}..."
