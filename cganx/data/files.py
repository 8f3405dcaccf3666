"""Pictures that lie in files of their own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cganx.data.paths import Paths
from cganx.data.picture import Half, Unusable, decode, header, pillow
from cganx.data.sources import Contents, Failure, Filled, Form, Part, Progress, Source, Survey, held_out
from cganx.data.workers import in_threads

__all__ = ["FilePictures", "divided", "file_source"]


@dataclass(frozen=True, eq=False)
class FilePictures:
    """One picture a file, or one half of it: those at the places ``rows`` of ``paths``."""

    paths: Paths = field(repr=False)
    rows: NDArray[np.int64] = field(repr=False)
    half: Half | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def survey(self, progress: Progress) -> Survey:
        """Read the headers."""

        def look(start: int, stop: int) -> Survey:
            sizes: Counter[tuple[int, int]] = Counter()
            grey, failures = True, []
            for index in range(start, stop):
                path = self.paths[self.rows[index]]
                try:
                    found = header(path, self.half)
                except Unusable as error:
                    failures.append(Failure(index, str(path), str(error)))
                    continue
                sizes[found.height, found.width] += 1
                grey = grey and found.grey
            return Survey(sizes, grey, tuple(failures))

        with pillow():
            surveys = in_threads(look, len(self), "reading headers", progress)
        sizes: Counter[tuple[int, int]] = Counter()
        for survey in surveys:
            sizes.update(survey.sizes)
        failures = tuple(chain.from_iterable(survey.failures for survey in surveys))
        return Survey(sizes, all(survey.grey for survey in surveys), failures)

    def ready(self, form: Form) -> NDArray[np.uint8] | None:  # noqa: ARG002
        """None: files always have to be decoded."""
        return None

    def fill(self, target: NDArray[np.uint8], chosen: NDArray[np.int64], form: Form, progress: Progress) -> Filled:
        """Decode picture ``chosen[i]`` into ``target[i]``."""

        def write(start: int, stop: int) -> tuple[bool, list[Failure]]:
            grey, failures = True, []
            for index in range(start, stop):
                path = self.paths[self.rows[chosen[index]]]
                try:
                    pixels = decode(path, form, self.half)
                except Unusable as error:
                    failures.append(Failure(index, str(path), str(error)))
                    continue
                target[index] = pixels
                grey = grey and bool((pixels == pixels[..., :1]).all())
            return grey, failures

        with pillow():
            written = in_threads(write, len(chosen), "decoding pictures", progress)
        return Filled(all(grey for grey, _ in written), tuple(failure for _, failures in written for failure in failures))


def divided(found: Mapping[str, Sequence[Path]]) -> NDArray[np.bool_]:
    """Which of the pictures, class after class, are held out for a test part where there is none.

    One picture in ten of every class, by its file name; none of a class that would have no other left.
    """
    parts = [np.zeros(0, dtype=np.bool_)]
    for paths in found.values():
        out = held_out(path.name for path in paths)
        parts.append(np.zeros_like(out) if out.all() else out)
    return np.concatenate(parts)


def file_source(
    name: str,
    classes: tuple[str, ...],
    found: Mapping[str, Sequence[Path]],
    test: NDArray[np.bool_] | Mapping[str, Sequence[Path]],
    also: Iterable[Path] = (),
    licence: str = "",
) -> Source:
    """The source made of picture files.

    ``found`` are those of each class, ``test`` says which of them are of the test part, or are the files of that part;
    its classes are among ``classes``. ``also`` are files that say which the pictures are.
    """
    groups = [*found.items(), *(test.items() if isinstance(test, Mapping) else ())]
    paths = Paths(chain(chain.from_iterable(files for _, files in groups), also))
    labels = np.repeat([classes.index(one) for one, _ in groups], [len(files) for _, files in groups]).astype(np.int64)
    if isinstance(test, Mapping):
        test = np.arange(len(labels)) >= sum(map(len, found.values()))
    train_rows, test_rows = np.flatnonzero(~test), np.flatnonzero(test)
    contents = Contents(
        classes,
        Part(FilePictures(paths, train_rows), labels[train_rows]),
        Part(FilePictures(paths, test_rows), labels[test_rows]),
    )
    return Source(name=name, files=paths, open=lambda _: contents, licence=licence)
