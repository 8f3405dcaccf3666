"""What is to be made: every class with every seed, the rows of a file, or lines as they come."""

from __future__ import annotations

import csv
import json
import math
import os
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cached_property, lru_cache, partial
from hashlib import blake2b, sha256
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TextIO

import numpy as np

from cganx.card import GeneratorCard
from cganx.errors import CganxError, RequestError
from cganx.runtime.latents import SMALLEST_TRUNCATION
from cganx_cli.choices import Choice, Chooser, Codes, codes_of
from cganx_cli.names import file_names, folded
from cganx_cli.seeds import LIMIT, Seeds
from cganx_cli.templates import Template

__all__ = ["Naming", "Plan", "Product", "Request", "Rows", "Table", "Unread"]

COLUMNS = ("label", "seed", "codes", "truncation")
MARKED = 1000  # rows from one place of a file that is remembered to the next


@dataclass(frozen=True)
class Request:
    """One picture: its place among all, its label, its seed, and what else decides it."""

    index: int
    choice: Choice
    seed: int
    codes: Codes | None = None
    truncation: float | None = None


@dataclass(frozen=True)
class Naming:
    """A template and the one model whose pictures it names."""

    template: Template
    model: str

    @classmethod
    def of(cls, template: Template, card: GeneratorCard) -> Naming:
        """The naming of a generator's pictures."""
        return cls(template, file_names([card.name])[card.name])

    def values(self, request: Request) -> dict[str, str | int]:
        """What the template's fields stand for."""
        return {"class": request.choice.folder, "seed": request.seed, "index": request.index, "model": self.model}

    def name(self, request: Request) -> str:
        """The picture's name below the output folder, with / between folders."""
        return self.template.name(self.values(request))

    def check(self, request: Request, where: str) -> None:
        """Whether every file system takes the name. Raises RequestError that begins with ``where``."""
        try:
            self.template.check_values(self.values(request))
        except RequestError as error:
            raise RequestError(f"{where}: {error}") from None


class Plan(Protocol):
    """Requests that can be counted, gone through again and cut into parts before any is made."""

    @property
    def count(self) -> int:
        """How many pictures."""

    @property
    def units(self) -> tuple[int, str]:
        """What parts are cut by: how many, and what they are called."""

    def __iter__(self) -> Iterator[Request]: ...

    def labels(self) -> Iterable[Choice]:
        """Every label that comes, at least once."""

    def part(self, number: int, of: int) -> Plan:
        """Part ``number`` of ``of``, which together are the whole and differ by one unit in size at most."""

    def holds(self, name: str, naming: Naming) -> bool:
        """Whether one of the pictures has this name, or one that differs in case alone."""

    def describe(self) -> Mapping[str, Any]:
        """What decides the pictures, short, for those who ask later whether they are the same."""


# ----------------------------------------------------------------------------------------------------------------------
# Every class with every seed


@dataclass(frozen=True)
class Product:
    """Every choice with every seed, all of a seed side by side: a part of the seeds is even in its classes."""

    choices: tuple[Choice, ...]
    seeds: Seeds
    codes: Codes | None = None
    truncation: float | None = None
    start: int = 0

    @property
    def count(self) -> int:
        """How many pictures."""
        return len(self.choices) * self.seeds.count

    def __iter__(self) -> Iterator[Request]:
        index = self.start
        for seed in self.seeds:
            for choice in self.choices:
                yield Request(index, choice, seed, self.codes, self.truncation)
                index += 1

    @property
    def units(self) -> tuple[int, str]:
        """Seeds."""
        return self.seeds.count, "seeds"

    def labels(self) -> Iterable[Choice]:
        """The choices."""
        return self.choices

    def part(self, number: int, of: int) -> Product:
        """By ranges of seeds."""
        first, last = number * self.seeds.count // of, (number + 1) * self.seeds.count // of
        return replace(self, seeds=self.seeds.part(first, last), start=self.start + first * len(self.choices))

    def holds(self, name: str, naming: Naming) -> bool:
        """Found from what the name says, so that a billion seeds cost what one does."""
        values = naming.template.values(name)
        found = None if values is None else self._find(values)
        return found is not None and folded(naming.name(found)) == folded(name)

    def _find(self, values: Mapping[str, str | int]) -> Request | None:
        if "index" in values:
            place = int(values["index"]) - self.start
            return self._at(place) if 0 <= place < self.count else None
        seed = int(values["seed"]) if "seed" in values else self.seeds[0]
        choice = self._folders.get(str(values["class"])) if "class" in values else self.choices[0]
        return None if choice is None or seed not in self.seeds else Request(0, choice, seed)

    def _at(self, place: int) -> Request:
        seed, choice = divmod(place, len(self.choices))
        return Request(self.start + place, self.choices[choice], self.seeds[seed])

    @cached_property
    def _folders(self) -> Mapping[str, Choice]:
        return {folded(choice.folder): choice for choice in self.choices}

    def check(self, naming: Naming) -> None:
        """Whether each picture has a name of its own that file systems take, by the template alone. Raises RequestError."""
        naming.template.check_fields(classes=len(self.choices), seeds=self.seeds.count)
        few = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, self.seeds.count - 1}  # COM1 to COM9 are reserved, and the last is the longest
        for place in sorted(place for place in few if place < self.seeds.count):
            for number, choice in enumerate(self.choices):
                index = self.start + place * len(self.choices) + number
                naming.template.check_values(naming.values(Request(index, choice, self.seeds[place])))

    def describe(self) -> Mapping[str, Any]:
        """Labels and seeds."""
        return {
            "labels": [choice.text for choice in self.choices],
            "seeds": str(self.seeds),
            "codes": None if self.codes is None else self.codes.text,
            "truncation": self.truncation,
        }


# ----------------------------------------------------------------------------------------------------------------------
# Rows of a file, or of what comes on stdin


class Mark(NamedTuple):
    """A place in a file between two rows: how many rows and lines are before it, and what ``seek`` takes."""

    rows: int = 0
    lines: int = 0
    place: int = 0


BEGIN = Mark()


@dataclass(frozen=True)
class Rows:
    """CSV or JSON lines of label, seed, codes and truncation -> requests.

    ``codes`` and ``truncation`` hold for rows that have none of their own.
    """

    card: GeneratorCard
    codes: Codes | None = None
    truncation: float | None = None

    def read(self, file: TextIO, called: str, mark: Mark = BEGIN) -> Iterator[tuple[int, Request]]:
        """(line, request) for each row behind ``mark``, as they come; ``file.tell()`` is the place behind that row.

        Raises RequestError with the line of a row that is none.
        """
        chooser = Chooser(self.card)
        codes = lru_cache(maxsize=1024)(lambda given: codes_of(self.card, given))
        line = mark.lines
        try:
            for index, (line, row) in enumerate(_rows(file, mark), mark.rows):
                yield line, self._request(index, row, chooser, codes)
        except UnicodeDecodeError:
            raise RequestError(f"{called}, after line {line}: this is no UTF-8 text; save it as UTF-8") from None
        except _BadRow as error:
            raise RequestError(f"{called}, line {error.line}: {error}") from None
        except CganxError as error:
            raise RequestError(f"{called}, line {line}: {error}") from None

    def _request(
        self, index: int, row: Mapping[str, Any], chooser: Chooser, codes: Callable[[tuple[str, ...]], Codes | None]
    ) -> Request:
        label = row.get("label")
        if label == "" and not self.card.classes:
            label = None
        if not isinstance(label, (str, int, dict, type(None))) or isinstance(label, bool):
            raise RequestError(f"the label {label!r} is neither a name, nor an id, nor names with weights")
        given, truncation = _codes(row.get("codes")), _truncation(row.get("truncation"))
        return Request(
            index,
            chooser.one(label),
            _seed(row.get("seed")),
            codes(given) if given else self.codes,
            self.truncation if truncation is None else truncation,
        )


class _BadRow(Exception):
    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


def _rows(file: TextIO, mark: Mark) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """JSON lines where the first begins with a brace, else CSV with a header. The first line is read for that in any case."""
    lines = iter(file.readline, "")  # the file as an iterator would not tell where it is
    for blank, first in enumerate(lines):
        if first.strip() and not first.lstrip().startswith("{"):
            return _csv_rows(lines, first, blank, partial(_go, file, mark))
        if first.strip():
            before = _go(file, mark)
            return _json_rows(chain([first], lines), blank) if before is None else _json_rows(lines, before)
    return iter(())


def _go(file: TextIO, mark: Mark) -> int | None:
    """Go to a mark, unless it is the file's beginning. Returns the lines before it."""
    if not mark.rows:
        return None
    file.seek(mark.place)
    return mark.lines


def _json_rows(lines: Iterable[str], before: int) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for line, text in enumerate(lines, before + 1):
        if not text.strip():
            continue
        try:
            row = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise _BadRow(line, f"this is no JSON ({error})") from None
        if not isinstance(row, dict):
            raise _BadRow(line, 'a row is an object such as {"label": "cat", "seed": 7}')
        _check_columns(row, line)
        yield line, row


def _csv_rows(
    lines: Iterator[str], first: str, before: int, go: Callable[[], int | None]
) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """``go`` is called behind the header, and says how many lines are before the next where that is elsewhere."""
    reader = csv.reader(chain([first], lines), strict=True)
    try:
        header = [name.strip().lower() for name in next(reader)]
        _check_columns(header, before + 1)
        if len(set(header)) < len(header):
            raise _BadRow(before + 1, "a column is there twice")
        elsewhere = go()
        if elsewhere is not None:
            reader, before = csv.reader(lines, strict=True), elsewhere
        for cells in reader:
            line = before + reader.line_num
            if not cells:
                continue
            if len(cells) != len(header):
                raise _BadRow(line, f"{len(cells)} cells where the header has {len(header)}; quote a cell that holds a comma")
            yield line, dict(zip(header, cells, strict=True))
    except csv.Error as error:
        raise _BadRow(before + reader.line_num, f"this is no CSV ({error})") from None


def _check_columns(names: Iterable[str], line: int) -> None:
    known = list(names)
    for name in known:
        if name not in COLUMNS:
            near = get_close_matches(name, COLUMNS, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(COLUMNS)}"
            raise _BadRow(line, f"{name!r} is nothing that a request has; {hint}")
    if "seed" not in known:
        raise _BadRow(line, "a request needs a seed; the columns of a CSV are named in its first line: label,seed")


def _seed(value: Any) -> int:
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdecimal() and len(value) < 100:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < LIMIT:
        raise RequestError(f"{value!r} is no seed: seeds are 0 to {LIMIT - 1}")
    return value


def _codes(value: Any) -> tuple[str, ...]:
    if isinstance(value, dict):
        return tuple(f"{name}={number}" for name, number in value.items())
    if not isinstance(value, (str, type(None))):
        raise RequestError(f"the codes {value!r} are no NAME=VALUE")
    return tuple(one.strip() for one in (value or "").split(",") if one.strip())


def _truncation(value: Any) -> float | None:
    if value is None or value == "":
        return None
    try:
        number = float(value) if isinstance(value, (str, int, float)) and not isinstance(value, bool) else math.nan
    except (ValueError, OverflowError):
        number = math.nan
    if not SMALLEST_TRUNCATION <= number < math.inf:
        raise RequestError(f"the truncation {value!r} is no number of at least {SMALLEST_TRUNCATION}")
    return number


@dataclass(frozen=True)
class Table:
    """The rows of a file, which has been read once to its end: all are right.

    ``taken`` are hashes of their names, sorted. ``marks`` are places in the file, so that a part costs no more than its own
    rows; ``size`` is that of the file then.
    """

    rows: Rows
    path: Path
    start: int
    stop: int
    taken: np.ndarray[Any, np.dtype[np.uint64]]
    marks: tuple[Mark, ...] = (BEGIN,)
    size: int | None = None

    @classmethod
    def read(cls, rows: Rows, path: Path, naming: Naming | None) -> Table:
        """Read a whole file. Raises RequestError with the line of the first row that is wrong, or whose name is taken."""
        table = cls(rows, path, 0, 0, np.zeros(0, np.uint64))
        hashes, marks, count = array("Q"), [BEGIN], 0
        with table._opened() as file:
            size = os.fstat(file.fileno()).st_size
            for line, request in rows.read(file, str(path)):
                count += 1
                if count % MARKED == 0:
                    marks.append(Mark(count, line, file.tell()))
                if naming is not None:
                    naming.check(request, f"{path}, line {line}")
                    hashes.append(_hash(naming.name(request)))
        if not count:
            raise RequestError(f"{path} holds no request; write lines of label,seed")
        taken = np.sort(np.frombuffer(hashes, np.uint64)) if hashes else table.taken
        twice = {int(one) for one in taken[1:][taken[1:] == taken[:-1]]}
        if naming is not None and twice:
            table._refuse_twice(naming, twice)
        return replace(table, stop=count, taken=taken, marks=tuple(marks), size=size)

    @contextmanager
    def _opened(self) -> Iterator[TextIO]:
        try:
            with self.path.open(encoding="utf-8-sig", newline="") as file:
                if not file.seekable():
                    raise RequestError(f"{self.path} can be read only once: give its rows to --requests -")
                if self.size not in (None, os.fstat(file.fileno()).st_size):
                    raise RequestError(f"{self.path} has changed since it was read: begin again")
                yield file
        except OSError as error:
            raise RequestError(f"{self.path} cannot be read: {error.strerror or error}") from None

    def _lines(self, mark: Mark = BEGIN) -> Iterator[tuple[int, Request]]:
        with self._opened() as file:
            yield from self.rows.read(file, str(self.path), mark)

    @property
    def count(self) -> int:
        """How many pictures."""
        return self.stop - self.start

    def __iter__(self) -> Iterator[Request]:
        mark = self.marks[self.start // MARKED]
        return (request for _, request in islice(self._lines(mark), self.start - mark.rows, self.stop - mark.rows))

    @property
    def units(self) -> tuple[int, str]:
        """Rows."""
        return self.count, "rows"

    def labels(self) -> Iterable[Choice]:
        """That of each row."""
        return (request.choice for request in self)

    def part(self, number: int, of: int) -> Table:
        """By ranges of rows."""
        first, last = (self.start + place * self.count // of for place in (number, number + 1))
        return replace(self, start=first, stop=last)

    def _refuse_twice(self, naming: Naming, twice: set[int]) -> None:
        seen: dict[str, int] = {}
        for line, request in self._lines():
            name = folded(naming.name(request))
            if _hash(name) in twice and seen.setdefault(name, line) != line:
                raise RequestError(
                    f"{self.path}, lines {seen[name]} and {line}: both would be written as {naming.name(request)}; "
                    "put {index} in --name"
                )

    def holds(self, name: str, naming: Naming) -> bool:
        """By hashes of the names."""
        del naming
        at = int(np.searchsorted(self.taken, np.uint64(_hash(name))))
        return at < len(self.taken) and int(self.taken[at]) == _hash(name)

    def describe(self) -> Mapping[str, Any]:
        """A hash of the rows, and which."""
        digest = sha256()
        for one in self:
            digest.update(json.dumps(_decided(one)).encode())
        return {"rows": f"{self.start}-{self.stop - 1}", "hash": digest.hexdigest()}


def _decided(request: Request) -> tuple[str, int, str | None, float | None]:
    """What decides a picture."""
    code = None if request.codes is None else request.codes.text
    return request.choice.text, request.seed, code, request.truncation


def _hash(name: str) -> int:
    return int.from_bytes(blake2b(folded(name).encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")


@dataclass(frozen=True)
class Unread:
    """Requests that come line by line, of which nothing is known before. Their names are checked as they come.

    ``existing`` is what to do where a file is there: ``error`` takes no name twice, ``skip`` one twice for the same picture
    alone, ``overwrite`` takes all. Hashes of what was taken are kept, but for templates that cannot repeat a name.
    """

    rows: Rows
    file: TextIO
    naming: Naming
    existing: str = "error"

    def __iter__(self) -> Iterator[Request]:
        forgets = self.existing == "overwrite" or self.naming.template.counts
        taken: dict[int, int] = {}
        for line, request in self.rows.read(self.file, "stdin"):
            where = f"stdin, line {line}"
            self.naming.check(request, where)
            if not forgets:
                name = self.naming.name(request)
                key, picture = _hash(name), hash(_decided(request))
                if key in taken and (self.existing == "error" or taken[key] != picture):
                    raise RequestError(f"{where}: an earlier line was written as {name} too; put {{index}} in --name")
                taken[key] = picture
            yield request
