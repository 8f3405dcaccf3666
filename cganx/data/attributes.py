"""Attributes as sources spell them, 0 and 1 or -1 and 1, as uint8 [n, attributes] of 0 and 1."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cganx.errors import DataError

__all__ = ["switches"]


def switches(values: NDArray[np.int8], names: tuple[str, ...], where: str) -> NDArray[np.uint8]:
    """``values`` [n, attributes] of -1, 0 and 1, where -1 (CelebA's spelling) and 0 both mean that it has not.

    Raises DataError for a column that holds both: -1 may be meant for unknown there.
    """
    mixed = np.flatnonzero((values == -1).any(axis=0) & (values == 0).any(axis=0))
    if len(mixed):
        raise DataError(f"{where}: the attribute {names[mixed[0]]!r} holds both -1 and 0: write 0 and 1 (or -1 and 1) alone")
    switched: NDArray[np.uint8] = (values == 1).astype(np.uint8)
    return switched
