"""A torch module -> the ONNX graph that computes it, without the exporter's noise."""

from __future__ import annotations

import contextlib
import copy
import io
import logging
import warnings
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Any

import onnx
import torch
from torch import nn
from torch._dynamo.exc import UserError
from torch.export.dynamic_shapes import refine_dynamic_shapes_from_suggested_fixes
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils import remove_spectral_norm, remove_weight_norm
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm
from torch.utils._pytree import tree_leaves

from cganx.errors import ExportError
from cganx.networks.folding import settle
from cganx_export.adapting import Adapted, own_module
from cganx_export.arguments import Open, Size
from cganx_export.substitution import place_of

__all__ = ["OPSET", "prepared", "silence", "trace"]

# The opset that the exporter itself writes: nothing is converted, and onnxruntime has had it since 1.14.
OPSET = 18
_OPEN = ". Height and width are open: where forward is tied to one size, give the card's source that height and width"
MOST_TRIED = 1024  # pictures in a batch; no branch beyond matters to a generator


def prepared(module: nn.Module) -> nn.Module:
    """A copy on the CPU, in float32 and eval mode, with parametrisations (spectral norm, weight norm) made plain."""
    # What a hook computed for the last forward hangs on its graph, and deepcopy refuses such tensors.
    kept = [one for part in module.modules() for one in vars(part).values()]
    computed = [one for one in kept if isinstance(one, torch.Tensor) and not one.is_leaf]
    try:
        copied = copy.deepcopy(module, {id(one): one.detach().clone() for one in computed})
        copied = copied.cpu().float().eval().requires_grad_(False)
    except Exception as error:
        raise ExportError(
            f"the module cannot be copied ({_first_line(error)}); detach tensors it keeps from a graph"
        ) from error
    for name, part in list(copied.named_modules()):
        settle(part)
        _drop_weight_hooks(part)
        if isinstance(part, _BatchNorm) and part.running_mean is None:
            raise ExportError(
                f"`{name}` ({type(part).__name__}) keeps no running statistics, so that a picture would depend on its batch; "
                "give it track_running_stats=True and fill them by some batches in train mode"
            )
    return copied


def _drop_weight_hooks(part: nn.Module) -> None:
    """Spectral norm and weight norm of the old kind, by hooks: what they would compute becomes a plain parameter."""
    for hook in list(part._forward_pre_hooks.values()):
        if isinstance(hook, SpectralNorm):
            remove_spectral_norm(part, hook.name)
        elif isinstance(hook, WeightNorm):
            remove_weight_norm(part, hook.name)


Shapes = Sequence[tuple[Size, ...]]


def trace(module: nn.Module, arguments: tuple[torch.Tensor, ...], shapes: Shapes = (), multiple: int = 1) -> onnx.GraphProto:
    """The graph of ``module`` with inputs ``/0``, ``/1`` ... and output ``/image``, open in its first dimension.

    ``arguments`` are examples with a batch of two or more, and a height and width of two or more times the ``multiple``. In
    ``shapes``, those of the arguments for one picture, more sizes may be open. Raises ExportError where the module draws random
    numbers, depends on the values it is given, or ties itself to one size.
    """
    names = [f"/{index}" for index in range(len(arguments))]
    with silence():
        try:
            program = _program(module, arguments, _open_sizes(arguments, shapes, multiple))
        except Exception as error:
            raise ExportError(
                f"torch.export cannot follow the module{place_of(own_module(module), error)}: {_first_line(error)}. "
                "Keep forward free of branches on tensor values and of fixed batch sizes (reshape with -1, and x.shape[0] "
                f"for len(x)){_OPEN if any(isinstance(size, Open) for shape in shapes for size in shape) else ''}"
            ) from error
        _refuse_random(program)
        _refuse_other_batches(program, module, arguments)
        try:
            exported = torch.onnx.export(
                program, (), dynamo=True, input_names=names, output_names=["/image"], opset_version=OPSET, verbose=False
            )
        except Exception as error:
            raise ExportError(
                f"torch cannot write the module as ONNX: {_first_line(error)}. Replace the operator by ones that ONNX has"
            ) from error
    assert exported is not None
    graph = exported.model_proto.graph
    if isinstance(module, Adapted):
        _plain_names(graph)
    if len(graph.output) != 1:
        raise ExportError(f"the module returns {len(graph.output)} values; it must return one image")
    return graph


def _refuse_random(program: torch.export.ExportedProgram) -> None:
    for node in program.graph.nodes:
        if torch.Tag.nondeterministic_seeded not in getattr(node.target, "tags", ()):
            continue
        # Dropout carries the tag even where it is switched off, alone and inside attention.
        if "dropout" in str(node.target) and len(node.args) > 2 and node.args[2] is False:
            continue
        probability = node.args[4] if len(node.args) > 4 else node.kwargs.get("dropout_p", 0.0)
        if "scaled_dot_product_attention" in str(node.target) and probability == 0:
            continue
        raise ExportError(
            f"the module draws random numbers in forward ({node.target}{_part_of(node)}), and only randn, rand, normal and "
            "uniform can be inputs of the file. Take the noise from the latent, or switch it off in eval mode"
        )


def _open_sizes(arguments: tuple[torch.Tensor, ...], shapes: Shapes, multiple: int) -> tuple[dict[int, Any], ...]:
    """The open sizes of each argument by axis. Height and width are so many times the multiple, and all goes with that."""
    batch, steps = torch.export.Dim("batch"), (torch.export.Dim("rows"), torch.export.Dim("columns"))

    def dimension(size: Open) -> Any:
        times = int(size.times * multiple)
        return steps[size.axis] * times if times > 1 else steps[size.axis]

    return tuple(
        {0: batch} | {axis: dimension(size) for axis, size in enumerate(shape, 1) if isinstance(size, Open)}
        for _, shape in zip_longest(arguments, shapes, fillvalue=())
    )


def _program(
    module: nn.Module, arguments: tuple[torch.Tensor, ...], open_sizes: tuple[dict[int, Any], ...]
) -> torch.export.ExportedProgram:
    """The module as a graph with these open sizes; bounded, where forward looks whether there is more than so much."""
    dynamic: Any = open_sizes
    if isinstance(module, Adapted):  # its arguments are one, *arguments
        dynamic = (dynamic,)
    try:
        return torch.export.export(module, arguments, dynamic_shapes=dynamic, strict=False)
    except UserError as error:
        said = str(error).partition("\n\n")[0]  # what follows is no fix, and not expected
        try:
            bounded = refine_dynamic_shapes_from_suggested_fixes(said, dynamic)
        except Exception:
            raise error from None
        if any(isinstance(one, int) for one in tree_leaves(bounded)):
            raise
        return torch.export.export(module, arguments, dynamic_shapes=bounded, strict=False)


def _refuse_other_batches(
    program: torch.export.ExportedProgram, module: nn.Module, arguments: tuple[torch.Tensor, ...]
) -> None:
    """Raise ExportError where forward makes other pictures of a batch that is larger than the graph was made for."""
    batch = _batch_symbol(program)
    most = min(
        (int(bounds.upper) for name, bounds in program.range_constraints.items() if name == batch and bounds.upper.is_Integer),
        default=0,
    )
    if not 0 < most <= MOST_TRIED:
        return
    many = tuple(one[torch.arange(most + 1) % len(one)] for one in arguments)
    with torch.no_grad():
        made = module(*many)[: len(arguments[0])]
        if torch.allclose(made, module(*arguments), rtol=0, atol=1e-5):
            return
    raise ExportError(
        f"the module makes other pictures in a batch of more than {most}; keep forward free of branches on the batch's size"
    )


def _batch_symbol(program: torch.export.ExportedProgram) -> Any:
    """What the graph calls the batch."""
    given = set(program.graph_signature.user_inputs)
    first = next(node for node in program.graph.nodes if node.op == "placeholder" and node.name in given)
    size = first.meta["val"].shape[0]
    return size.node.expr if isinstance(size, torch.SymInt) else None


def _plain_names(graph: onnx.GraphProto) -> None:
    """Weights by the names that they have in the maker's module."""
    names = {tensor.name: tensor.name.removeprefix("module.") for tensor in graph.initializer}
    for tensor in graph.initializer:
        tensor.name = names[tensor.name]
    for node in graph.node:
        for index, name in enumerate(node.input):
            node.input[index] = names.get(name, name)


def _part_of(node: torch.fx.Node) -> str:
    """`` in `blocks.1` (Noise)``: the innermost part of the module whose forward made the node."""
    stack = list(node.meta.get("nn_module_stack", {}).values())
    name, kind = stack[-1] if stack else ("", "")
    name = name.removeprefix("module").removeprefix(".")
    return f" in `{name}` ({str(kind).rpartition('.')[2]})" if name else ""


def _first_line(error: Exception) -> str:
    # The exporter's own errors are pages; the cause they were raised from says it in a line.
    while isinstance(error.__cause__, Exception):
        error = error.__cause__
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0][:300]}" if lines else type(error).__name__


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Exporters talk on stdout, stderr, through warnings and loggers; what matters comes out as an exception."""
    disabled = logging.root.manager.disable
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        logging.disable(logging.WARNING)
        try:
            yield
        finally:
            logging.disable(disabled)
