"""PNG files that say what made them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cganx_cli.files import write_whole

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["Provenance", "write_png"]


@dataclass(frozen=True)
class Provenance:
    """What decided a picture. The keys of :meth:`texts` are those of every host: PNG text, manifests, Blender."""

    model: str
    sha256: str
    label: str | None = None
    seed: int | None = None
    truncation: float | None = None
    code: str | None = None

    def texts(self) -> Iterator[tuple[str, str]]:
        """(``cganx.model``, ...), for what is known."""
        for name, value in vars(self).items():
            if value is not None:
                yield f"cganx.{name}", str(value)


def write_png(path: Path, image: Image.Image, provenance: Provenance) -> None:
    """Write a PNG with its provenance as text, whole or not at all."""
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    for key, text in provenance.texts():
        info.add_text(key, text)
    write_whole(path, lambda file: image.save(file, format="PNG", pnginfo=info))
