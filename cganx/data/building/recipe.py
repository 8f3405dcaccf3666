"""What a recipe for a data set is, and what it gathers."""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from cganx.errors import DataError

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["CLASSES", "DIVIDED_SIDES", "PLAIN", "SIDES", "Gathered", "Item", "NpmPackage", "Places", "Recipe"]

CLASSES, SIDES = "{part}/{label}/{name}.png", "{label}/{name}.png"
DIVIDED_SIDES, PLAIN = "{label}/{part}/{name}.png", "{part}/{name}.png"
"""Where a picture lies in a set: by its part, ``train`` or ``test``, and its class, or the side of a pair that it is."""

NODE_MODULES = ("usr/local/lib/node_modules", "usr/lib/node_modules", "usr/share/nodejs")


@dataclass(frozen=True)
class Item:
    """One picture to be made: its class, a name, whether it is held out for the test part, and how it is drawn.

    ``draw`` takes the side in pixels and gives an L or RGB picture of that side; it raises
    `cganx.data.picture.Unusable` where nothing can be made of it.
    """

    label: str
    name: str
    test: bool
    draw: Callable[[int], Image] = field(repr=False)

    @property
    def place(self) -> bytes:
        """Where it stands when a few of a class are chosen: a hash of its name, so that a larger choice keeps a smaller one."""
        return hashlib.sha256(f"{self.label}/{self.name}".encode()).digest()


@dataclass(frozen=True)
class Gathered:
    """What was found: class names, the pictures to be, and a line a source on its licence."""

    classes: tuple[str, ...]
    items: Sequence[Item]
    licences: tuple[str, ...]


@dataclass(frozen=True)
class Places:
    """Where packages are looked for, in this order.

    ``source`` holds unpacked Debian packages (``usr/share/...``) or npm's: archives as ``npm pack`` leaves them, or
    ``node_modules``. Then the folder that the command was called in, for npm's, and ``root``, where they are installed.
    """

    source: Path | None = None
    here: Path = field(default_factory=Path)
    root: Path = Path("/")

    def debian(self, *folders: str) -> Iterator[Path]:
        """Those of the folders, given without the leading slash, that are there."""
        tops = [self.root] if self.source is None else [self.source, self.root]
        for folder in folders:
            found = next((top / folder for top in tops if (top / folder).is_dir()), None)
            if found is not None:
                yield found

    def npm(self, package: str) -> NpmPackage | None:
        """An npm package, in a ``node_modules`` or as the archive that ``npm pack`` leaves."""
        tops = [self.here] if self.source is None else [self.source, self.here]
        folders = [top / "node_modules" / package for top in tops] + [self.root / top / package for top in NODE_MODULES]
        archives = [path for top in tops for path in _archives(top, package)]
        for path in (*folders[: len(tops)], *archives, *folders[len(tops) :]):
            if path.exists():
                return NpmPackage(package, path)
        return None


def _archives(folder: Path, package: str) -> list[Path]:
    """The archives of a package, the newest version by name last looked at first."""
    stem = package.removeprefix("@").replace("/", "-")
    return sorted(folder.glob(f"{stem}-[0-9]*.tgz"), reverse=True)


@dataclass(frozen=True)
class NpmPackage:
    """An npm package: a folder, or an archive in which everything lies under ``package/``."""

    name: str
    path: Path

    def read(self, *names: str) -> list[bytes]:
        """The bytes of files in it. DataError where one is missing or the archive is damaged."""
        try:
            if self.path.is_dir():
                return [(self.path / name).read_bytes() for name in names]
            with tarfile.open(self.path) as archive:
                found = self._members(archive, {f"package/{name}" for name in names})
                return [found[f"package/{name}"] for name in names]
        except (OSError, EOFError, KeyError, tarfile.TarError) as error:
            raise DataError(f"{self.path}: not the npm package {self.name} ({error}): fetch it again") from error

    @staticmethod
    def _members(archive: tarfile.TarFile, names: set[str]) -> dict[str, bytes]:
        """In the archive's own order: going back means to unpack it from the start."""
        files = ((one.name, archive.extractfile(one)) for one in archive if one.name in names)
        return {name: file.read() for name, file in files if file is not None}


@dataclass(frozen=True)
class Recipe:
    """How a named data set is made.

    ``size`` is the default side in pixels, ``needs`` what has to be installed and ``command`` the line that installs it.
    ``look`` is quick: it says which optional parts are not there, and raises DataError with one sentence where nothing can
    be made. ``gather`` finds all there is to draw, and raises the same. ``layout`` is where a picture lies; where that is not
    by part and class, labels are sides of subjects, and of a subject all sides are made or none. ``train`` is what `cganx
    train` is told of the set at ``{out}``.
    """

    summary: str
    size: int
    channels: int
    needs: str
    command: str
    look: Callable[[Places], str]
    gather: Callable[[Places], Gathered]
    layout: str = CLASSES
    train: str = "--data {out}"


def missing(what: str, command: str) -> DataError:
    """The error for a package that is not there."""
    return DataError(f"{what}: install it with `{command}`, or say with --source where it lies")


def unique_names(names: Iterable[str]) -> Iterator[str]:
    """File names of lower-case letters, digits and hyphens, each once."""
    seen: dict[str, int] = {}
    for name in names:
        plain = "-".join("".join(one if one.isascii() and one.isalnum() else " " for one in name.lower()).split()) or "picture"
        count = seen[plain] = seen.get(plain, 0) + 1
        while count > 1 and f"{plain}-{count}" in seen:
            count += 1
        made = plain if count == 1 else f"{plain}-{count}"
        seen[made] = max(seen.get(made, 0), 1)
        yield made
