"""CUDA: what its provider is told, and runs by captured graphs. Where a file runs is decided in backend.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from cganx.errors import RequestError
from cganx.runtime.sessions import OwnSession

if TYPE_CHECKING:
    from cganx.runtime.backend import Options

__all__ = ["GraphedSession", "cuda_options"]

Array: TypeAlias = "np.ndarray[Any, Any]"
_TYPES: Mapping[str, type[np.generic]] = {"tensor(float)": np.float32, "tensor(uint8)": np.uint8}


def cuda_options(index: int, options: Options) -> dict[str, str]:
    """What onnxruntime's CUDA provider is told."""
    chosen = {
        "cudnn_conv_algo_search": "HEURISTIC",  # the default tries every algorithm, again for every new size
        "arena_extend_strategy": "kSameAsRequested",
    }
    if index:  # where it is told, onnxruntime (1.31) looks for a plugin first and warns on stderr; without it takes the first
        chosen["device_id"] = str(index)
    if options.precise:
        chosen["use_tf32"] = "0"
    if options.cuda_graphs:
        chosen["enable_cuda_graph"] = "1"
    return chosen


@dataclass(frozen=True)
class _Graph:
    inputs: Mapping[str, Any]
    binding: Any
    run_options: Any


class GraphedSession(OwnSession):
    """Runs by CUDA graphs: captured once for the outputs that are asked for, then replayed on the same places of memory.

    A session that captures takes one run at a time, all of ``batch`` rows. Outputs are copied from the GPU as they are:
    ``pixels`` a byte a value.
    """

    def __init__(self, onnxruntime: ModuleType, session: Any, index: int, batch: int) -> None:
        super().__init__(session)
        self._onnxruntime = onnxruntime
        self._index = index
        self._batch = batch
        self._graphs: dict[tuple[str, ...], _Graph] = {}
        self._running = Lock()

    def run(self, names: Sequence[str], feed: Mapping[str, Array], /) -> Sequence[Array]:
        """Replay the graph of these outputs, or capture it where it is the first run that asks for them."""
        with self._running:
            graph = self._graphs.get(tuple(names))
            if graph is None:
                graph = self._graphs[tuple(names)] = self._bound(names, feed)
            for name, value in feed.items():
                graph.inputs[name].update_inplace(np.ascontiguousarray(value))
            self._session.run_with_iobinding(graph.binding, graph.run_options)
            outputs: Sequence[Array] = graph.binding.copy_outputs_to_cpu()
            return outputs

    def _bound(self, names: Sequence[str], feed: Mapping[str, Array]) -> _Graph:
        value = self._onnxruntime.OrtValue
        inputs = {name: value.ortvalue_from_numpy(np.ascontiguousarray(row), "cuda", self._index) for name, row in feed.items()}
        binding = self._session.io_binding()
        for name, held in inputs.items():
            binding.bind_ortvalue_input(name, held)
        declared = {one.name: one for one in self._session.get_outputs()}
        for name in names:
            dtype, sizes = _TYPES[declared[name].type], list(declared[name].shape[1:])
            if not all(isinstance(size, int) for size in sizes):
                raise RequestError(f"cuda_graphs needs a file that declares the sizes of {name!r}; leave the option out")
            place = value.ortvalue_from_shape_and_type([self._batch, *sizes], dtype, "cuda", self._index)
            binding.bind_ortvalue_output(name, place)
        run_options = self._onnxruntime.RunOptions()
        run_options.add_run_config_entry("gpu_graph_id", str(len(self._graphs) + 1))  # one graph for each set of outputs
        return _Graph(inputs, binding, run_options)
