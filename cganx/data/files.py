"""Pictures that lie in files of their own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cganx.data.picture import Header, Unusable, decode, header, pillow
from cganx.data.sources import Failure, Filled, Form, Progress, Survey
from cganx.data.workers import in_threads

__all__ = ["FilePictures"]


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
