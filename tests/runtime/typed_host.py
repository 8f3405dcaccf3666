"""A host as mypy sees it: test_runtime_typing.py holds it to --strict, where an ignore that is not needed fails too."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cganx import runtime
from cganx.runtime import testing

Array = np.ndarray[Any, Any]


def sheet(model: Path, labels: Sequence[str], device: str = "auto") -> tuple[Array, tuple[int, ...]]:
    with runtime.load(model, device, threads=2, spin=True, precise=True, cuda_graphs=False, cuda_batch=32) as generator:
        generator.warm_up(len(labels))
        pictures: runtime.Pictures = generator.generate(labels, seeds=range(len(labels)), truncation=0.7)
        height, width, channels = generator.picture_shape
        return pictures.reshape(-1, width, channels), pictures.seeds or (height,)


def names(generator: runtime.Generator) -> Iterator[str]:
    requests: list[tuple[str | dict[str, float], int]] = [("bag", 1), ({"bag": 0.5, "coat": 0.5}, 2)]
    for picture in generator.stream(requests, batch_size=16, prefetch=True):
        label: str | None = picture.label
        pixels: Array = picture.pixels
        yield f"{label} {picture.seed} {pixels.shape}"


class Halved:
    """A backend of a host's own."""

    def __init__(self, inner: runtime.Backend) -> None:
        self.inner = inner

    def open(self, file: runtime.ModelFile, device: str, options: runtime.Options, /) -> tuple[runtime.Session, runtime.Device]:
        session, active = self.inner.open(file, device, options)
        return Darker(session), active


class Darker:
    def __init__(self, session: runtime.Session) -> None:
        self.session = session

    def run(self, names: Sequence[str], feed: Mapping[str, Array], /) -> Sequence[Array]:
        return [(made / 2).astype(made.dtype) for made in self.session.run(names, feed)]


def hosts() -> list[runtime.Generator]:
    card: runtime.GeneratorCard = testing.tiny().card
    classes: tuple[str, ...] = card.classes
    try:
        mine = runtime.load("fashion", backend=Halved(testing.FakeBackend()))
    except runtime.DeviceUnavailable as error:
        raise SystemExit(f"{error.requested}: {error.fix}, {classes}") from error
    return [mine, testing.fake(card), runtime.Generator.from_session(object(), file=testing.TINY)]


def wrong(generator: runtime.Generator) -> None:
    runtime.load(7)  # type: ignore[arg-type]
    runtime.load("fashion", backend=object())  # type: ignore[arg-type]
    generator.generate("bag", seeds="7")  # type: ignore[arg-type]
    generator.stream([("bag", "7")])  # type: ignore[list-item]
    generator.card.classes = ()  # type: ignore[misc]
    generator.render()  # type: ignore[attr-defined]
