"""What was asked for, beside the pictures themselves; and what came of it."""

from __future__ import annotations

from dataclasses import dataclass

from cganx_cli.seeds import Seeds

__all__ = ["Count", "Settings"]


@dataclass(frozen=True)
class Settings:
    """The options of a command that say how pictures are finished and written."""

    existing: str
    shards: int | None
    shard: Seeds | None
    mirror: bool
    size: tuple[int, int] | None
    filter: str
    quality: int | None
    batch_size: int
    encoders: int | None
    quiet: bool


@dataclass
class Count:
    """Pictures that were written, and that were there; files that were there but not whole, and were written again."""

    written: int = 0
    skipped: int = 0
    mended: int = 0

    def add(self, other: Count) -> None:
        """Count those of another piece of the work too."""
        self.written += other.written
        self.skipped += other.skipped
        self.mended += other.mended
