"""Class names -> file names, and back.

A class may be called ``T-shirt/top``, ``CON`` or ``end.``, and one data set may hold ``cat``, ``Cat`` and ``CAT``. The rule:

- What some file system does not take or hides (separators, reserved characters, control characters, a leading dot, a
  leading or trailing space, a trailing dot, the first letter of a name that Windows reserves), and ``%`` and ``=``
  themselves, become ``%XX``, the UTF-8 bytes in hexadecimal. So :func:`decode` is ``%XX`` undone.
- Where two names of one generator differ only in what a file system may ignore (case, the Unicode form), every character
  of them that is not plain under that comparison becomes ``%XX`` too: ``cat``, ``%43at``, ``%43%41%54``.
- A name that would be longer than a file name may be is cut, and ends in ``%~`` and its hash; only those cannot be undone.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable
from hashlib import sha256
from urllib.parse import unquote_to_bytes

__all__ = ["MANIFEST", "decode", "file_names", "folded"]

MANIFEST = "manifest.jsonl"  # beside files, of what made them
RESERVED = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])\s*(\.|$)", re.IGNORECASE)
ALWAYS = frozenset('%=/\\:*?"<>|')
LONGEST = 160  # bytes, of the 255 that file systems take: a blend joins several names
DIGEST = 32


def file_names(names: Iterable[str]) -> dict[str, str]:
    """name -> file name, distinct for distinct names on every file system. ``names`` are all that share a folder."""
    each = list(dict.fromkeys(names))
    alike = Counter(folded(name) for name in each)
    return {name: _encode(name, _is_bare if alike[folded(name)] > 1 else _is_allowed) for name in each}


def decode(file_name: str) -> str:
    """The class name that :func:`file_names` made this of. Raises ValueError where it was cut."""
    if "%~" in file_name:
        raise ValueError(f"{file_name!r} was cut, and holds a hash in place of the rest of the name")
    return unquote_to_bytes(file_name.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")


def folded(name: str) -> str:
    """What is left of a name where case and Unicode form do not count; coarser than any file system's own comparison."""
    for _ in range(2):  # folding once can give characters that fold on
        name = unicodedata.normalize("NFKD", name.upper().casefold())
    return name


def _is_allowed(character: str) -> bool:
    return character not in ALWAYS and (character == " " or unicodedata.category(character)[0] not in "CZ")


def _is_bare(character: str) -> bool:
    return _is_allowed(character) and folded(character) == character and unicodedata.category(character)[0] != "M"


def _encode(name: str, keeps: Callable[[str], bool]) -> str:
    edge = len(name) - 1
    reserved = RESERVED.match(name) is not None
    parts = [
        _escaped(character)
        if not keeps(character) or (index == 0 and (reserved or character in ". ")) or (index == edge and character in ". ")
        else character
        for index, character in enumerate(name)
    ]
    text = "".join(parts)
    if len(text.encode()) <= LONGEST:
        return text
    digest = sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:DIGEST]
    while len("".join(parts).encode()) > LONGEST - DIGEST - 2:
        parts.pop()
    return f"{''.join(parts)}%~{digest}"


def _escaped(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "surrogatepass"))
