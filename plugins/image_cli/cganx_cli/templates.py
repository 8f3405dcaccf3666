"""``--name "{class}/{seed:06d}.png"``: a name for every picture, and the proof that no two share one."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePosixPath
from string import Formatter

from cganx.errors import RequestError
from cganx_cli.names import MANIFEST, RESERVED, folded

__all__ = ["FIELDS", "NUMBERS", "Template"]

NUMBERS = ("seed", "index")
FIELDS = ("class", *NUMBERS, "model")
MOST_BYTES = 255  # of one name in a path, on every common file system
MOST_PATH = 1000
_SPEC = re.compile(r"(0[0-9]{1,2})?[dxX]?")
_FORBIDDEN = re.compile(r'[\\:*?"<>|\x00-\x1f\x7f]')


@dataclass(frozen=True)
class _Field:
    """A field with its format: ``{seed:06d}``."""

    name: str
    spec: str

    @property
    def base(self) -> int:
        return 16 if self.spec[-1:] in ("x", "X") else 10

    @property
    def pattern(self) -> str:
        if self.name not in NUMBERS:
            return ".+"
        return "[0-9a-f]{1,60}" if self.base == 16 else "[0-9]{1,60}"

    def takes(self, character: str) -> bool:
        """Whether a number may end or begin with this character."""
        return self.name in NUMBERS and character.lower() in "0123456789abcdef"[: self.base]


@dataclass(frozen=True)
class Template:
    """A checked template. ``parts`` are its literal texts and its fields, in turn; ``text`` is what :meth:`name` formats."""

    text: str
    parts: tuple[str | _Field, ...] = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> Template:
        """Read a template. Raises RequestError that says what is wrong with it."""
        try:
            pieces = list(Formatter().parse(text))
        except ValueError as error:
            raise RequestError(f"the name {text!r} is no template ({error}); a brace itself is written twice") from None
        parts: list[str | _Field] = []
        for literal, name, spec, conversion in pieces:
            if literal:
                parts.append(_checked_literal(literal, text))
            if name is not None:
                if conversion:
                    raise RequestError(
                        f"the name {text!r} has !{conversion} behind a field, which means nothing here; leave it out"
                    )
                parts.append(_checked_field(name, spec or "", text))
        template = cls(text, tuple(parts))
        _check_path("".join(one if isinstance(one, str) else "x" for one in parts), text)
        if isinstance(parts[-1], _Field):
            raise RequestError(f"the name {text!r} must end in its suffix, such as .png")
        return template

    @property
    def suffix(self) -> str:
        """The suffix, with its point."""
        return PurePosixPath("x" + self.parts[-1] if isinstance(self.parts[-1], str) else "").suffix

    @property
    def fields(self) -> frozenset[str]:
        """The names of its fields."""
        return frozenset(one.name for one in self.parts if isinstance(one, _Field))

    def name(self, values: Mapping[str, str | int]) -> str:
        """The name for these values."""
        return self.text.format_map(values)

    def values(self, name: str) -> dict[str, str | int] | None:
        """What :meth:`name` may have made this name of; None where it did not."""
        match = self._pattern.fullmatch(folded(name))
        if match is None:
            return None
        bases = {one.name: one.base for one in self.parts if isinstance(one, _Field)}
        return {key: int(text, bases[key]) if key in NUMBERS else text for key, text in match.groupdict().items()}

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        seen: set[str] = set()
        pattern = ""
        for one in self.parts:
            if isinstance(one, str):
                pattern += re.escape(folded(one))
            else:
                pattern += one.pattern if one.name in seen else f"(?P<{one.name}>{one.pattern})"
                seen.add(one.name)
        return re.compile(pattern, re.DOTALL)

    def _neighbours(self) -> Iterator[tuple[_Field, str, _Field]]:
        """(field, the text between, the next field)."""
        before, between = None, ""
        for one in self.parts:
            if isinstance(one, str):
                between = one
            else:
                if before is not None:
                    yield before, between, one
                before, between = one, ""

    @property
    def counts(self) -> bool:
        """Whether no two pictures can share a name, whatever they are of: it has {index}, told from what stands beside it."""
        try:
            self.check_fields(classes=1, seeds=1)
        except RequestError:
            return False
        return "index" in self.fields

    def check_fields(self, *, classes: int, seeds: int) -> None:
        """Prove that every class with every seed has a name of its own, also where case does not count.

        Numbers are told from what stands beside them by a character that is none of theirs, and class names are distinct as
        folders already. Raises RequestError with the field that is missing, or the place where a character is.
        """
        for before, between, after in self._neighbours():
            numbers = [one for one in (before, after) if one.name in NUMBERS]
            if numbers and (not between or before.takes(between[0]) or after.takes(between[-1])):
                raise RequestError(
                    f"the name {self.text!r} cannot keep {{{before.name}}} and {{{after.name}}} apart; put a - or the like "
                    "between them"
                )
        if "index" in self.fields:
            return
        for name, count, each in (("class", classes, "class"), ("seed", seeds, "seed")):
            if count > 1 and name not in self.fields:
                raise RequestError(
                    f"with the name {self.text!r} every {each} would be the same file; put {{{name}}} or {{index}} in it"
                )

    def check_values(self, values: Mapping[str, str | int]) -> None:
        """Whether the name for these values is one that every file system takes. Raises RequestError."""
        _check_path(self.name(values), self.text)


def _checked_literal(literal: str, text: str) -> str:
    bad = _FORBIDDEN.search(literal)
    if bad is not None:
        hint = "folders are set off by /" if bad[0] == "\\" else "some file system does not take it"
        raise RequestError(f"the name {text!r} holds {bad[0]!r}; {hint}")
    return literal


def _checked_field(name: str, spec: str, text: str) -> _Field:
    if name not in FIELDS:
        near = difflib.get_close_matches(name, FIELDS, n=1)
        hint = f"did you mean {{{near[0]}}}?" if near else f"the fields are {', '.join(f'{{{one}}}' for one in FIELDS)}"
        raise RequestError(f"the name {text!r} has the field {{{name}}}, which there is not; {hint}")
    if name in NUMBERS and not _SPEC.fullmatch(spec):
        raise RequestError(
            f"the name {text!r} formats {{{name}}} by {spec!r}; write it as {{{name}:06d}}, {{{name}:x}} or {{{name}}}"
        )
    if name not in NUMBERS and spec:
        raise RequestError(f"the name {text!r} formats {{{name}}} by {spec!r}; a text has no format, write {{{name}}}")
    return _Field(name, spec)


def _check_path(path: str, text: str) -> None:
    if path.startswith("/"):
        raise RequestError(f"the name {text!r} begins with /; names are below the output folder, which -o gives")
    if len(path.encode("utf-8", "surrogatepass")) > MOST_PATH:
        raise RequestError(f"the name {text!r} makes paths of more than {MOST_PATH} bytes; make it shorter")
    first, *below = path.split("/")
    if below and folded(first) == MANIFEST:
        raise RequestError(f"the name {text!r} makes a folder {first!r}, where the list of the files goes; take another")
    for one in (first, *below):
        if one in (".", ".."):
            raise RequestError(f"the name {text!r} leads out of the output folder by {one!r}; leave it out")
        if not one:
            raise RequestError(f"the name {text!r} has an empty part; write one / between folders and none at the end")
        if one.startswith(".") or one[0] == " " or one[-1] in ". ":
            raise RequestError(
                f"the name {text!r} makes {one!r}: a name that starts or ends with a point or space is hidden or lost"
            )
        if RESERVED.match(one):
            raise RequestError(
                f"the name {text!r} makes {one!r}, which Windows reserves for a device; put a character before it"
            )
        if len(one.encode("utf-8", "surrogatepass")) > MOST_BYTES:
            raise RequestError(f"the name {text!r} makes a name of more than {MOST_BYTES} bytes; make it shorter")
