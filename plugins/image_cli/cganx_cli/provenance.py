"""What decided a picture, and what every file that holds one says of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["Provenance"]


@dataclass(frozen=True)
class Provenance:
    """What decided a picture. The keys of :meth:`texts` are those of every host: PNG text, manifests, Blender.

    ``mirror`` is ``horizontal`` for a mirrored picture, ``resize`` the height, width and filter that it was resized to and by,
    ``quality`` that of a lossy format, ``version`` the cganx that made it. Of a picture that was made of
    another, ``source`` is that file's name and ``source_sha256`` its bytes' hash; ``mask`` is ``alpha`` or the hash of the
    mask's file, ``tile`` the side of the tiles that were asked for.
    """

    model: str
    sha256: str
    label: str | None = None
    seed: int | None = None
    truncation: float | None = None
    code: str | None = None
    mirror: str | None = None
    resize: str | None = None
    quality: int | None = None
    version: str | None = None
    source: str | None = None
    source_sha256: str | None = None
    mask: str | None = None
    tile: int | None = None

    def texts(self) -> Iterator[tuple[str, str]]:
        """(``cganx.model``, ...), for what is known."""
        for name, value in vars(self).items():
            if value is not None:
                yield f"cganx.{name}", str(value)
