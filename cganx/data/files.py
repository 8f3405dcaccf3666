"""Pictures that lie in files of their own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cganx.data.picture import Header, Unusable, decode, header, pillow
from cganx.data.sources import Contents, Failure, Filled, Form, Part, Progress, Source, Survey, held_out
from cganx.data.workers import in_threads

__all__ = ["Entries", "FilePictures", "divide", "file_source"]

Entries = Sequence[tuple[Path, int]]
"""Picture files, each with its label."""


@dataclass(frozen=True)
class FilePictures:
    """One picture a file."""

    paths: Sequence[Path] = field(repr=False)

    def __len__(self) -> int:
        return len(self.paths)

    def survey(self, progress: Progress) -> Survey:
        """Read the headers."""

        def look(start: int, stop: int) -> tuple[list[Header], list[Failure]]:
            headers, failures = [], []
            for index in range(start, stop):
                try:
                    headers.append(header(self.paths[index]))
                except Unusable as error:
                    failures.append(Failure(index, str(self.paths[index]), str(error)))
            return headers, failures

        with pillow():
            looks = in_threads(look, len(self), "reading headers", progress)
        headers = [each for found, _ in looks for each in found]
        sizes = Counter((each.height, each.width) for each in headers)
        failures = tuple(failure for _, failed in looks for failure in failed)
        return Survey(sizes, all(each.grey for each in headers), failures)

    def ready(self, form: Form) -> NDArray[np.uint8] | None:  # noqa: ARG002
        """None: files always have to be decoded."""
        return None

    def fill(self, target: NDArray[np.uint8], chosen: NDArray[np.int64], form: Form, progress: Progress) -> Filled:
        """Decode picture ``chosen[i]`` into ``target[i]``."""

        def write(start: int, stop: int) -> tuple[bool, list[Failure]]:
            grey, failures = True, []
            for index in range(start, stop):
                path = self.paths[chosen[index]]
                try:
                    pixels = decode(path, form)
                except Unusable as error:
                    failures.append(Failure(index, str(path), str(error)))
                    continue
                target[index] = pixels
                grey = grey and bool((pixels == pixels[..., :1]).all())
            return grey, failures

        with pillow():
            written = in_threads(write, len(chosen), "decoding pictures", progress)
        return Filled(all(grey for grey, _ in written), tuple(failure for _, failures in written for failure in failures))


def divide(found: Mapping[str, Sequence[Path]]) -> tuple[Entries, Entries]:
    """Training and test files of classes without a test part of their own.

    One picture in ten of every class is held out, by its file name; none of a class that would have no other left.
    """
    train: list[tuple[Path, int]] = []
    test: list[tuple[Path, int]] = []
    for label, paths in enumerate(found.values()):
        out = held_out(path.name for path in paths)
        if out.all():
            out[:] = False
        for path, is_out in zip(paths, out, strict=True):
            (test if is_out else train).append((path, label))
    return train, test


def _part(entries: Entries) -> Part:
    return Part(FilePictures([path for path, _ in entries]), np.array([label for _, label in entries], dtype=np.int64))


def file_source(name: str, classes: tuple[str, ...], train: Entries, test: Entries, *also: Path) -> Source:
    """The source made of these picture files, and of the files ``also`` that say which they are."""
    contents = Contents(classes, _part(train), _part(test))
    return Source(name=name, files=[*also, *(path for path, _ in (*train, *test))], open=lambda _: contents)
