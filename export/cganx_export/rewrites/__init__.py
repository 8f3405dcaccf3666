"""The same function in another form. Each pass is exact on paper; what is written is held to parity with torch afterwards."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import onnx

from cganx_export.rewrites.folding import fold
from cganx_export.rewrites.phases import pack_phases, split_phases
from cganx_export.rewrites.transposing import batch_invariant, transpose_few_channels

__all__ = ["CANDIDATES", "PASSES", "Form", "batch_invariant", "forms"]

Pass = Callable[[onnx.GraphProto], onnx.GraphProto | None]
FOLDED, FEW, SPLIT, PACKED = "nodes-folded", "few-channel-conv-transposed", "phases-split", "phases-packed"

PASSES: Mapping[str, Pass] = MappingProxyType(
    {FOLDED: fold, SPLIT: split_phases, PACKED: pack_phases, FEW: transpose_few_channels}
)
# The simpler ones first: of two that are equally fast the earlier one is taken.
CANDIDATES = ((FOLDED, FEW), (FOLDED, SPLIT, FEW), (FOLDED, PACKED, FEW))


@dataclass(frozen=True)
class Form:
    """A graph, and the names of the passes that made it from the plain one."""

    rewrites: tuple[str, ...]
    graph: onnx.GraphProto


def forms(graph: onnx.GraphProto) -> list[Form]:
    """The plain graph and every other form that the candidates give it."""
    made = [Form((), graph)]
    for names in CANDIDATES:
        applied, form = [], graph
        for name in names:
            after = PASSES[name](form)
            if after is not None:
                applied.append(name)
                form = after
        if all(form != other.graph for other in made):
            made.append(Form(tuple(applied), form))
    return made
