"""The user's model folder, filled: each generator is ``NAME.onnx``, and ``NAME.json`` beside it says where it came from."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit, urlunsplit

import click

from cganx import runtime
from cganx.errors import CganxError, ModelError
from cganx.runtime.reader import file_bytes
from cganx.whole_file import whole_file
from cganx_cli.fetching import fetched, is_url
from cganx_cli.names import RESERVED, folded

__all__ = ["Source", "add", "came_from", "name_for", "remove"]

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


@dataclass(frozen=True)
class Source:
    """Where a file came from, and the hash of all its bytes when it did."""

    source: str
    file_sha256: str


def name_for(source: str, given: str | None) -> str:
    """The name to add a file under: the given one, else that of the file.

    Raises click.UsageError for what is no name on every file system, or is a bundled generator's.
    """
    name = PurePosixPath(unquote(urlsplit(source).path)).stem if is_url(source) else Path(source).stem
    name = name if given is None else given
    if not NAME.fullmatch(name) or RESERVED.match(name):
        raise click.UsageError(f"{name!r} cannot be a model's name: give one of A-Z, a-z, 0-9, _ and - by --name")
    if any(folded(name) == folded(one) for one in runtime.bundled()):
        raise click.UsageError(f"{name!r} is a bundled generator, whose name stays its own: give another by --name")
    return name


def add(
    source: str, name: str, *, expected: str | None, offline: bool, replace: bool, shown: Callable[[int, int], object]
) -> tuple[Path, runtime.ModelFile, bool]:
    """Put a file, or what lies at a URL, into the folder as ``name``, once it has passed all checks.

    Returns (its file, what it holds, whether it is new). Raises CganxError or click.ClickException; nothing is written then.
    """
    before = _alike(name)
    if is_url(source):
        data = fetched(source, offline=offline, pinned=expected is not None, most=runtime.LIMITS.file_bytes, shown=shown)
    else:
        data = file_bytes(source)
    digest = sha256(data).hexdigest()
    if expected is not None and digest != expected:
        raise click.ClickException(f"{source} has the sha256 {digest}, not {expected}; nothing was added")
    try:
        file = runtime.read(data)
    except ModelError as error:
        raise type(error)(f"{error.message}; nothing was added", model=source) from None
    if before is not None and sha256(file_bytes(str(before))).hexdigest() == digest:
        return before, file, False
    if before is not None and not replace:
        raise click.ClickException(f"{before.stem} is there already and is another file: say --replace, or another --name")
    path = before or Path(runtime.models_folder()) / f"{name}.onnx"
    origin = _without_secrets(source) if is_url(source) else str(Path(source).absolute())
    try:
        with whole_file(path) as out:
            out.write(data)
        with whole_file(path.with_suffix(".json")) as out:
            out.write(json.dumps(asdict(Source(origin, digest)), ensure_ascii=False).encode("utf-8", "surrogateescape"))
    except OSError as error:
        raise click.ClickException(
            f"cannot write {path}: {error.strerror or error}; CGANX_MODELS names another folder"
        ) from None
    return path, file, True


def _without_secrets(url: str) -> str:
    """A URL without its query, which may be a key."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))


def _alike(name: str) -> Path | None:
    """The file of that name, also where it differs in case alone, which some file systems do not tell apart."""
    return next((path for one, path in runtime.added().items() if folded(one) == folded(name)), None)


def came_from(path: Path) -> Source | None:
    """What was written down when a file was added; None where nothing was, or not by this program."""
    try:
        found = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        return Source(str(found["source"]), str(found["file_sha256"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def remove(name: str) -> Path:
    """Remove a generator that was added. Raises CganxError where there is none of that name."""
    if name in runtime.bundled():
        raise click.ClickException(f"{name} is bundled with cganx and stays; only what was added can be removed")
    path = runtime.added().get(name)
    if path is None:
        raise click.ClickException(f"no generator of the name {name!r} was added{_others()}")
    try:
        path.unlink()
        if came_from(path) is not None:
            path.with_suffix(".json").unlink()
    except OSError as error:
        raise click.ClickException(f"cannot remove {path}: {error.strerror or error}") from None
    return path


def _others() -> str:
    try:
        return f"; there are {', '.join(runtime.added()) or 'none'} in {runtime.models_folder()}"
    except CganxError:
        return ""
