"""Labels as people give them -> what the file's ``label`` input takes, and the text that names each.

A label is a string (the exact name, else the one that matches under casefold, else a decimal id), an int id, a
``{name: weight}`` mapping, a float array of weights, or None where there are no classes. Labels are checked here, in
Python: on CUDA an index out of range makes a wrong picture in silence.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from cganx.card import GeneratorCard
from cganx.errors import LabelError

__all__ = ["NONE", "SUM_TOLERANCE", "Label", "Labels", "weight_text"]

# A Mapping takes its keys as they are: a dict[str, float] is no Mapping[str | int, float].
Weights: TypeAlias = "Mapping[str, float] | Mapping[int, float] | Mapping[str | int, float]"
Label: TypeAlias = "str | int | Weights | np.ndarray[Any, Any] | None"
SUM_TOLERANCE = 1e-4
NONE = "none"  # the text of a label with no attribute on


class Labels:
    """The labels of one generator. Immutable; safe to share between threads."""

    def __init__(self, card: GeneratorCard) -> None:
        self.classes = card.classes
        self.index_input = card.label is not None and card.label.input == "index"
        self.several = card.kind == "attributes"
        self._exact = {name: index for index, name in enumerate(card.classes)}
        self._folded: dict[str, list[int]] = {}
        for index, name in enumerate(card.classes):
            self._folded.setdefault(name.casefold(), []).append(index)

    def index(self, label: str | int) -> int:
        """The id of a class by name or id. Raises LabelError, which names near ones."""
        if isinstance(label, str):
            return self._by_name(str(label))
        if isinstance(label, (bool, np.bool_)) or not isinstance(label, (int, np.integer)):
            raise LabelError(f"{label!r} is not a class: give its name or its id")
        if not 0 <= label < len(self.classes):
            raise LabelError(f"there is no class {int(label)}: ids are 0 to {len(self.classes) - 1}")
        return int(label)

    def _by_name(self, name: str) -> int:
        exact = self._exact.get(name)
        if exact is not None:
            return exact
        folded = self._folded.get(name.casefold(), [])
        if len(folded) == 1:
            return folded[0]
        if folded:
            raise LabelError(f"{name!r} could be {' or '.join(repr(self.classes[index]) for index in folded)}: spell it so")
        if name.isascii() and name.isdecimal():
            return self.index(int(name)) if len(name) < 20 else self.index(2**63)
        raise LabelError(f"there is no class {name!r}. {self._near(name)}")

    def _near(self, name: str) -> str:
        from difflib import get_close_matches

        near = get_close_matches(name.casefold(), list(self._folded), n=3, cutoff=0.5)
        if near:
            return f"Did you mean {' or '.join(repr(self.classes[self._folded[one][0]]) for one in near)}?"
        shown = ", ".join(repr(one) for one in self.classes[:12])
        return f"The classes are {shown}{', ...' if len(self.classes) > 12 else ''}"

    def many(self, labels: Label | Sequence[Label] | Iterable[Label]) -> np.ndarray[Any, Any] | None:
        """Float32 [n, classes] weights or int64 [n] ids as the file takes them; one label gives n = 1.

        None where the generator has no classes.
        """
        if not self.classes:
            if labels is None or (isinstance(labels, (list, tuple)) and all(label is None for label in labels)):
                return None
            raise LabelError("this generator has no classes: leave the label out")
        if labels is None:
            raise LabelError(f"this generator makes pictures by class: name one of {', '.join(self.classes[:12])}")
        if isinstance(labels, (str, int, np.integer, np.bool_, Mapping)):
            return np.expand_dims(self._one(labels), 0)
        if isinstance(labels, np.ndarray):
            return self._array(labels)
        if isinstance(labels, (bytes, bytearray, memoryview)):
            raise LabelError(f"{labels!r} is not a label: a name is a str")
        try:
            each = list(labels)
        except TypeError:
            raise LabelError(f"{labels!r} is not a label") from None
        return self._each(each)

    def _each(self, labels: list[Label]) -> np.ndarray[Any, Any]:
        if all(isinstance(label, (str, int)) for label in labels):
            return self._chosen(np.array([self.index(label) for label in labels], np.int64))  # type: ignore[arg-type]
        return np.stack([self._one(label) for label in labels])

    def _one(self, label: Label) -> np.ndarray[Any, Any]:
        if isinstance(label, Mapping):
            weights = np.zeros(len(self.classes), np.float64)
            named: set[int] = set()
            for name, weight in label.items():
                index = self.index(name)
                if index in named:
                    raise LabelError(f"a blend names {self.classes[index]!r} twice")
                named.add(index)
                weights[index] = self._weight(name, weight)
            return self._weights(weights[None])[0, ...]
        if isinstance(label, np.ndarray):
            if label.dtype.kind == "f" and label.ndim == 1:
                return self._weights(label[None])[0, ...]
            if label.ndim:
                raise LabelError(f"an array of type {label.dtype} and shape {label.shape} is not one label")
            label = label.item()
        if label is None:
            raise LabelError(f"this generator makes pictures by class: name one of {', '.join(self.classes[:12])}")
        if not isinstance(label, (str, int, np.integer)):
            raise LabelError(f"{label!r} is not a label: give a name, an id, a {{name: weight}} mapping or an array of weights")
        row: np.ndarray[Any, Any] = self._chosen(np.array([self.index(label)], np.int64))[0, ...]
        return row

    def _chosen(self, ids: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        if self.index_input:
            return ids
        weights = np.zeros((len(ids), len(self.classes)), np.float32)
        weights[np.arange(len(ids)), ids] = 1.0
        return weights

    @staticmethod
    def _weight(name: object, weight: object) -> float:
        if isinstance(weight, (bool, np.bool_)):
            return float(weight)
        if not isinstance(weight, (int, float, np.integer, np.floating)):
            raise LabelError(f"the weight of {name!r} is {weight!r}, not a number")
        try:
            return float(weight)
        except OverflowError:
            raise LabelError(f"the weight of {name!r} is too large a number") from None

    def _array(self, labels: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        if labels.dtype.kind in "iu" and labels.ndim <= 1:
            ids = np.atleast_1d(labels)
            if ids.size and not 0 <= int(ids.min()) <= int(ids.max()) < len(self.classes):
                raise LabelError(f"ids are 0 to {len(self.classes) - 1}; the array holds {int(ids.min())} to {int(ids.max())}")
            return self._chosen(ids.astype(np.int64))
        if labels.dtype.kind == "f" and labels.ndim in (1, 2):
            return self._weights(np.atleast_2d(labels))
        if labels.dtype.kind in "UO" and labels.ndim <= 1:
            return self._each(np.atleast_1d(labels).tolist())
        raise LabelError(
            f"an array of type {labels.dtype} and shape {labels.shape} is neither ids [n] nor weights [n, classes]"
        )

    def _weights(self, weights: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        if weights.shape[1] != len(self.classes):
            raise LabelError(f"weights are for {weights.shape[1]} classes, but there are {len(self.classes)}")
        if weights.size and not (np.isfinite(weights).all() and weights.min() >= 0.0):
            raise LabelError("weights must be finite and not negative")
        if weights.size and not self.several and weights.max() > 2.0:  # before they are added up, for they may be huge
            raise LabelError(f"the weights of a blend must sum to 1; one of these is {weights.max():.6g}")
        if self.several:
            if weights.size and weights.max() > 1.0:
                raise LabelError("attributes are switched from 0 to 1; a weight is over 1")
            return weights.astype(np.float32)
        sums = weights.sum(axis=1, dtype=np.float64)
        if weights.size and np.abs(sums - 1.0).max() > SUM_TOLERANCE:
            worst = sums[np.abs(sums - 1.0).argmax()]
            raise LabelError(f"the weights of a blend must sum to 1; these sum to {worst:.6g}")
        if self.index_input:
            if weights.size and np.abs(weights.max(axis=1) - 1.0).max() > SUM_TOLERANCE:
                raise LabelError(
                    "this file takes one class by index, so classes cannot be blended; export it with label weights"
                )
            ids: np.ndarray[Any, Any] = weights.argmax(axis=1).astype(np.int64)
            return ids
        return weights.astype(np.float32)

    def text(self, row: np.ndarray[Any, Any] | None) -> str | None:
        """The canonical text of one row of :meth:`many`: a name, or a blend as ``bag=0.3,sneaker=0.7``.

        Of attributes ``hat=1,smiling=1``, and ``none`` where none is on.
        """
        if row is None:
            return None
        if self.index_input:
            return self.classes[int(row)]
        chosen = np.flatnonzero(row)
        if len(chosen) == 1 and row[chosen[0]] == 1.0:
            return self.classes[int(chosen[0])]
        if len(chosen) == 0:
            return NONE
        return ",".join(sorted(f"{self.classes[int(index)]}={weight_text(row[index])}" for index in chosen))


def weight_text(weight: np.float32) -> str:
    """A weight as a label's text has it: the shortest that gives the same float32, a whole 1 without its point."""
    return "1" if weight == 1 else str(weight)
