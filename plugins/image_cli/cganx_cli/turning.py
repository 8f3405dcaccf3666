"""What is done to a picture of people's own: read, turned by a generator, and packed with what decided it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from cganx import __version__, runtime
from cganx.data.picture import SUFFIXES, Unusable
from cganx_cli.fill_folder import QUALITY
from cganx_cli.formats import Format
from cganx_cli.provenance import Provenance
from cganx_cli.sources import Given, encoded, marked, read_source, unpacked

__all__ = ["Turning"]

MOST_MADE = 1 << 29  # pixels of one picture
Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Turned:
    """A picture that was made of one: uint8 [height, width, channels], and the source's alpha where it keeps that."""

    pixels: Array
    alpha: Array | None
    scale: int

    def packed(self, format_: Format, provenance: Provenance) -> bytes:
        """A file's bytes. Raises Unusable."""
        try:
            return encoded(format_, self.pixels, self.alpha, self.scale, provenance)
        except (OSError, ValueError, SystemError) as error:  # a format has a largest size of its own
            raise Unusable(f"what was made of it cannot be packed: {error}") from None


@dataclass(frozen=True)
class Turning:
    """What is done to every picture."""

    generator: runtime.Generator
    label: Any
    text: str | None
    seed: int | None
    mask: Path | None
    mask_alpha: bool
    tile: int | None
    quality: int | None

    def made(self, one: Given, data: bytes, format_: Format) -> tuple[Provenance, Callable[[], bytes]]:
        """What the file will say of itself, and its bytes when they are wanted. Raises Unusable."""
        hidden = self._mask_file(one)
        provenance = Provenance(
            self.generator.card.name,
            self.generator.sha256,
            self.text,
            self.seed,
            quality=(self.quality or QUALITY) if format_.lossy else None,
            version=__version__,
            source=one.path.name if one.path is not None else "stdin",
            source_sha256=sha256(data).hexdigest(),
            mask="alpha" if self.mask_alpha else None if hidden is None else sha256(hidden).hexdigest(),
            tile=self.tile,
        )
        return provenance, lambda: self.turned(data, hidden).packed(format_, provenance)

    def turned(self, data: bytes, hidden: bytes | None) -> Turned:
        """What is made of a file's bytes, and of those of its mask. Raises Unusable."""
        picture = unpacked(data)
        source = self.generator.card.source
        assert source is not None
        height, width = picture.pixels.shape[:2]
        if height * width * source.scale**2 > MOST_MADE:
            raise Unusable(f"{width} x {height} pixels {source.scale} times as large are more than {MOST_MADE:,}")
        alpha, mask = picture.alpha, None
        if self.mask_alpha:
            mask = np.zeros((height, width), np.uint8) if alpha is None else (alpha < 128).astype(np.uint8)
            alpha = None  # what was transparent has been filled
        elif hidden is not None:
            try:
                mask = marked(hidden)
            except Unusable as error:
                raise Unusable(f"its mask: {error}") from None
            if mask.shape != (height, width):
                raise Unusable(f"its mask is {mask.shape[1]} x {mask.shape[0]}, and it is {width} x {height}")
        (made,) = self.generator.translate(
            [picture.pixels], label=self.label, seeds=self.seed, mask=None if mask is None else [mask], tile=self.tile
        )
        return Turned(made, alpha, source.scale)

    def _mask_file(self, one: Given) -> bytes | None:
        if self.mask is None:
            return None
        path = self.mask
        if path.is_dir():
            stem = path / one.name
            there = sorted(stem.parent.iterdir()) if stem.parent.is_dir() else []
            fits = [other for other in there if other.stem == stem.name and other.suffix.lower() in SUFFIXES]
            if len(fits) != 1:
                raise Unusable(f"there {'is no mask' if not fits else 'are several masks'} {stem}.*")
            path = fits[0]
        try:
            return read_source(Given(path, path.stem), None)
        except Unusable as error:
            raise Unusable(f"its mask {path}: {error}") from None
