# SPDX-License-Identifier: GPL-3.0-or-later
"""The generators that there are: bundled with the library, bundled with the extension, and in the user's folders."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from cganx import runtime
from cganx.runtime import Generator, GeneratorCard, ModelError
from cganx.runtime.processors import threads_here

from .files import write_whole
from .refusal import Refusal, sentence

LOADED = 4  # generators that stay loaded
FRESH = 2.0  # seconds that a listing of the folders counts as true


@dataclass(frozen=True)
class Model:
    """A generator's file that the runtime's reader has accepted."""

    name: str
    path: Path
    sha256: str
    card: GeneratorCard
    inputs: tuple[str, ...] = ()
    tile: int | None = None

    @property
    def from_seeds(self) -> bool:
        """Whether it makes pictures from seeds, not from other pictures."""
        return self.card.source is None

    @property
    def scale(self) -> int:
        """How many times as large as its sources what it makes of them is."""
        return 1 if self.card.source is None else self.card.source.scale

    @property
    def fills(self) -> bool:
        """Whether it fills what a mask marks."""
        return "mask" in self.inputs

    @property
    def draws(self) -> bool:
        """Whether its pictures depend on a seed."""
        return self.from_seeds or any(name.startswith("noise.") for name in self.inputs)

    @property
    def blends(self) -> bool:
        """Whether it makes pictures between two classes."""
        return self.card.label is not None and self.card.label.input == "weights"

    @property
    def truncates(self) -> bool:
        """Whether a truncation means anything to it."""
        latent = self.card.latent
        return self.card.truncates or (latent is not None and latent.distribution == "normal")


@dataclass(frozen=True)
class Running:
    """How generators are run: the device that is asked for, and threads (0: one fewer than there are processors)."""

    device: str = "auto"
    threads: int = 0

    @property
    def so_many(self) -> int:
        """The threads of a run. One processor is left for Blender's interface, which draws meanwhile."""
        return self.threads or max(1, threads_here() - 1)


class Models:
    """The generators by name, and those that are loaded. Safe to share between threads.

    ``folders`` gives the folders to look into after the library's own, asked for at each look.
    """

    def __init__(self, folders: Callable[[], Iterable[Path]]) -> None:
        self._folders = folders
        self._read: dict[tuple[str, int, int], Model | str] = {}
        self._listed: dict[str, Model] = {}
        self._looked = -FRESH
        self._loaded: OrderedDict[tuple[str, str, Running], Generator] = OrderedDict()
        self._lock = threading.RLock()
        self._loading = threading.Lock()  # another one: the panel lists generators while one is loaded
        self.faults: dict[Path, str] = {}
        self.device: runtime.Device | None = None

    def all(self) -> dict[str, Model]:
        """Every generator by name. Files that are none are left out, and their fault is in ``faults``."""
        with self._lock:
            if time.monotonic() - self._looked >= FRESH:
                self.look()
            return self._listed

    def look(self) -> None:
        """Look into the folders again."""
        with self._lock:
            listed: dict[str, Model] = {}
            faults: dict[Path, str] = {}
            for path in self._files():
                found = self._model(path)
                if isinstance(found, str):
                    faults[path] = found
                else:
                    listed.setdefault(found.name, found)
            self._listed, self.faults, self._looked = listed, faults, time.monotonic()

    def get(self, name: str) -> Model:
        """The generator of that name. Raises Refusal."""
        found = self.all().get(name)
        if found is None:
            raise Refusal(f"The generator {name!r} is not there: add its file, or choose another")
        return found

    def load(self, name: str, running: Running) -> Generator:
        """The generator, loaded; the last few that were asked for stay so. Raises Refusal, CganxError."""
        model = self.get(name)
        key = (name, model.sha256, running)
        with self._loading:
            generator = self._loaded.pop(key, None)
            if generator is None:
                generator = runtime.load(model.path, running.device, threads=running.so_many)
                if generator.sha256 != model.sha256:
                    self.look()
                    raise Refusal(f"The file of {name!r} has just changed: try again")
            self._loaded[key] = generator
            while len(self._loaded) > LOADED:
                self._loaded.popitem(last=False)[1].close()
            self.device = generator.device
            return generator

    def add(self, path: Path, folder: Path) -> Model:
        """Copy a generator's file into ``folder`` once the runtime's reader has accepted it. Raises CganxError, Refusal."""
        data = _bytes(path)
        runtime.read(data)
        before = self.all().get(path.stem)
        if before is not None and before.path.parent != folder:
            raise Refusal(f"There is a generator {path.stem!r} already: give the file another name")
        write_whole(folder / f"{path.stem}.onnx", data)
        self.look()
        return self.get(path.stem)

    def close(self) -> None:
        """Let go of all that is loaded."""
        with self._loading:
            for generator in self._loaded.values():
                generator.close()
            self._loaded.clear()
            self.device = None

    def _files(self) -> Iterable[Path]:
        yield from runtime.bundled().values()
        for folder in self._folders():
            try:
                yield from sorted(path for path in folder.glob("*.onnx") if path.is_file())
            except OSError:
                continue
        yield from runtime.added().values()

    def _model(self, path: Path) -> Model | str:
        try:
            about = path.stat()
            key = (str(path), about.st_mtime_ns, about.st_size)
            if key not in self._read:
                self._read[key] = self._checked(path)
            return self._read[key]
        except OSError as error:
            return sentence(error)

    def _checked(self, path: Path) -> Model | str:
        try:
            file = runtime.read(path)
        except ModelError as error:
            return error.message  # without the path, which a panel has no room for
        return Model(path.stem, path, file.sha256, file.card, tuple(file.inputs), file.tile)


def _bytes(path: Path) -> bytes:
    try:
        if path.stat().st_size > runtime.LIMITS.file_bytes:
            raise Refusal(f"{path.name} is larger than a generator may be")
        return path.read_bytes()
    except OSError as error:
        raise Refusal(f"Cannot read {path}: {error.strerror or error}") from None
