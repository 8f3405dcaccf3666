"""Labels as weights that can be moved between, float32 [classes], whatever the file takes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cganx.errors import LabelError, RequestError
from cganx.latent.points import Floats
from cganx.runtime import Generator
from cganx.runtime.labels import Label, Labels

__all__ = ["require_blends", "weights_of"]


def weights_of(generator: Generator, labels: Label | Sequence[Label]) -> Floats | None:
    """One label or several as weights [n, classes]; None where there are no classes. Raises LabelError."""
    rows = Labels(generator.card).many(labels)
    if rows is None:
        return None
    if rows.ndim == 1:  # ids, of a file that takes one class by index
        rows = np.eye(len(generator.card.classes))[rows]
    return rows.astype(np.float32)


def require_blends(generator: Generator) -> None:
    """Raise where labels cannot be moved between: no classes, or a file that takes one class by index."""
    card = generator.card
    if not card.classes:
        raise RequestError(f"{card.name} has no classes to move between")
    if card.label is not None and card.label.input == "index":
        raise LabelError(f"{card.name} takes one class by index, so classes cannot be blended; export it with label weights")
