"""The labels that fakes are drawn of, and that sample grids show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from cganx.data import Labels

__all__ = ["MOST_COMBINATIONS", "LabelTable", "combination_table", "combinations_of", "shown_labels"]

MOST_COMBINATIONS = 4096
SHOWN_CLASSES, SHOWN_COMBINATIONS = 100, 8


@dataclass(frozen=True, eq=False)
class LabelTable:
    """Labels ``rows``, uint8 [m, classes] of 0 and 1, each drawn as often as its number in ``counts``, float64 [m], says."""

    rows: Tensor
    counts: Tensor

    @classmethod
    def of_classes(cls, counts: Sequence[int]) -> LabelTable:
        """One-hot labels."""
        return cls(torch.eye(len(counts), dtype=torch.uint8), torch.tensor(counts, dtype=torch.float64))

    @classmethod
    def of_attributes(cls, labels: Labels) -> LabelTable:
        """The combinations that come in labels uint8 [n, attributes], each as often as it does."""
        rows, counts = np.unique(labels, axis=0, return_counts=True)
        return cls(torch.from_numpy(rows), torch.from_numpy(counts).to(torch.float64))


def combinations_of(labels: Labels, random: torch.Generator) -> dict[str, int]:
    """``{"0101": 340}``: how often each combination of attributes comes, the commonest first.

    Where there are more than 4,096, it is counted among as many labels drawn without replacement.
    """
    table = LabelTable.of_attributes(labels)
    if len(table.counts) > MOST_COMBINATIONS:
        chosen = torch.randperm(len(labels), generator=random)[:MOST_COMBINATIONS]
        table = LabelTable.of_attributes(labels[chosen.numpy()])
    texts = ["".join(map(str, row)) for row in table.rows.tolist()]
    counted = zip(texts, map(int, table.counts.tolist()), strict=True)
    return dict(sorted(counted, key=lambda one: (-one[1], one[0])))


def combination_table(combinations: Mapping[str, int]) -> LabelTable:
    """The table that `combinations_of` was made of."""
    rows = torch.tensor([[int(digit) for digit in text] for text in combinations], dtype=torch.uint8)
    return LabelTable(rows, torch.tensor(list(combinations.values()), dtype=torch.float64))


def shown_labels(classes: Sequence[str], combinations: Mapping[str, int]) -> list[tuple[str, Tensor]]:
    """The rows of a sample grid: a name and label weights [classes] for each.

    The classes, a hundred at most. Of attributes none, each alone, and the commonest combinations of several.
    """
    alone = list(zip(classes, torch.eye(len(classes))[:SHOWN_CLASSES], strict=False))
    if not combinations:
        return alone
    several = [text for text in combinations if text.count("1") > 1][:SHOWN_COMBINATIONS]
    rows = [torch.tensor([float(digit) for digit in text]) for text in several]
    names = [", ".join(name for name, digit in zip(classes, text, strict=True) if digit == "1") for text in several]
    return [("none", torch.zeros(len(classes))), *alone, *zip(names, rows, strict=True)]
