"""Calls of torch functions that a file cannot hold as they stand, watched and replaced while a module runs.

Random draws become inputs, looking up a class's row becomes a product with the label's weights, and a convolution that
folds the batch into its groups becomes products of matrices.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import sqrt
from traceback import walk_stack, walk_tb
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode, resolve_name

from cganx.errors import ExportError
from cganx_export.unfolding import UNFOLDED

__all__ = ["Draw", "Substitution", "Watch", "place_of"]

Drawn = Callable[[Tensor], Tensor]


def _even(normal: Tensor) -> Tensor:
    """N(0, 1) -> even in 0..1, by its distribution function."""
    return 0.5 + 0.5 * torch.erf(normal / sqrt(2))


def _randn(drawn: Drawn, *size: Any, generator: Any = None, **kind: Any) -> Tensor:
    del generator
    return drawn(torch.empty(*size, **kind))


def _rand(drawn: Drawn, *size: Any, generator: Any = None, **kind: Any) -> Tensor:
    del generator
    return _even(drawn(torch.empty(*size, **kind)))


def _randn_like(drawn: Drawn, like: Tensor, **kind: Any) -> Tensor:
    return drawn(torch.empty_like(like, **kind))


def _rand_like(drawn: Drawn, like: Tensor, **kind: Any) -> Tensor:
    return _even(drawn(torch.empty_like(like, **kind)))


def _normal(drawn: Drawn, mean: Any, std: Any = 1.0, size: Any = None, *, generator: Any = None, **kind: Any) -> Tensor:
    del generator
    like = torch.empty(size, **kind) if size is not None else torch.empty_like(mean + torch.as_tensor(std))
    made: Tensor = drawn(like) * std + mean
    return made


def _normal_in_place(drawn: Drawn, values: Tensor, mean: Any = 0.0, std: Any = 1.0, **_: Any) -> Tensor:
    return values.copy_(drawn(values) * std + mean)


def _uniform_in_place(drawn: Drawn, values: Tensor, *ends: float, **named: Any) -> Tensor:
    low, high = ends if len(ends) == 2 else (named.get("from", ends[0] if ends else 0.0), named.get("to", 1.0))
    return values.copy_(_even(drawn(values)) * (high - low) + low)


_RANDOM: dict[Any, Callable[..., Tensor]] = {
    torch.randn: _randn,
    torch.rand: _rand,
    torch.randn_like: _randn_like,
    torch.rand_like: _rand_like,
    torch.normal: _normal,
    Tensor.normal_: _normal_in_place,
    Tensor.uniform_: _uniform_in_place,
}


class _Lookup(NamedTuple):
    """Rows of ``table`` picked by ``index``; of no table, one-hot rows of so many columns."""

    index: Any
    table: Any = None
    columns: int = -1


def _embedding(index: Any, weight: Any, *_: Any, **__: Any) -> _Lookup:
    return _Lookup(index, weight)


def _one_hot(tensor: Any, num_classes: int = -1) -> _Lookup:
    return _Lookup(tensor, columns=num_classes)


def _row(table: Any, index: Any) -> _Lookup:
    return _Lookup(index, table)


_LOOKUPS: dict[Any, Callable[..., _Lookup]] = {
    F.embedding: _embedding,
    F.one_hot: _one_hot,
    Tensor.__getitem__: _row,
}


class Draw(NamedTuple):
    """A random draw in forward: the function's name, the part of the module that draws, and the shape for one picture."""

    function: str
    place: str
    shape: tuple[int, ...]


class Watch(TorchFunctionMode):
    """One call of a module at an example batch, to learn what it draws and what its label meets.

    ``lookups`` are the places, in the order of all lookups, where rows are picked by ``index``; ``met`` names what else is
    called with it. ``folds`` tells whether a convolution has the batch in its groups. Draws are numbered ``draws``; they
    take what ``noise`` gives by number and shape.
    """

    def __init__(self, module: nn.Module, batch: int, index: Tensor | None, noise: Callable[[int, torch.Size], Tensor]) -> None:
        super().__init__()
        self.module, self.batch, self.index, self.noise = module, batch, index, noise
        self.draws: list[Draw] = []
        self.lookups: set[int] = set()
        self.met: list[str] = []
        self.folds = False
        self._looked = 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func in _RANDOM:
            name = _name(func)
            return _RANDOM[func](lambda like: self._drawn(name, like), *args, **kwargs)
        if func in _LOOKUPS:
            self._look(_LOOKUPS[func](*args, **kwargs))
        elif any(one is self.index for one in args) and not _is_property(func):
            self.met.append(_name(func) + place_of(self.module))
        if func in UNFOLDED and _groups(args, kwargs) > 1 and args[0].shape[0] != self.batch:
            self.folds = True
        return func(*args, **kwargs)

    def _look(self, lookup: _Lookup) -> None:
        index = lookup.index
        whole = isinstance(index, Tensor) and not index.is_floating_point() and index.numel() == self.batch
        if whole and self.index is not None and torch.equal(index.reshape(-1).long(), self.index):
            self.lookups.add(self._looked)
        self._looked += 1

    def _drawn(self, name: str, like: Tensor) -> Tensor:
        place = place_of(self.module)
        if like.ndim < 2 or like.shape[0] not in (1, self.batch):
            raise ExportError(
                f"{name}{place} draws random numbers of the shape {list(like.shape)} for {self.batch} pictures, and not some "
                "for each; draw [n, ...], or take the noise from the latent"
            )
        self.draws.append(Draw(name, place, tuple(like.shape[1:])))
        return self.noise(len(self.draws) - 1, torch.Size((self.batch, *like.shape[1:]))).to(like.dtype)


class Substitution(TorchFunctionMode):
    """One call of a module with ``noise`` in the place of its draws and ``weights`` in that of its ``lookups``."""

    def __init__(self, noise: Sequence[Tensor], weights: Tensor | None, lookups: Iterable[int]) -> None:
        super().__init__()
        self.noise, self.weights, self.lookups = iter(noise), weights, frozenset(lookups)
        self._looked = 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func in _RANDOM:
            return _RANDOM[func](lambda like: next(self.noise).to(like.dtype), *args, **kwargs)
        if func in _LOOKUPS:
            self._looked += 1
            if self.weights is not None and self._looked - 1 in self.lookups:
                return _blended(_LOOKUPS[func](*args, **kwargs), self.weights)
        # Only while a graph is traced: with a batch of known size it is left as it is, for parity to compare with.
        if func in UNFOLDED and not isinstance(_groups(args, kwargs), int):
            return UNFOLDED[func](*args, **kwargs)
        return func(*args, **kwargs)


def _blended(lookup: _Lookup, weights: Tensor) -> Tensor:
    """What the lookup gives where ``weights`` [n, classes] are one-hot, and a blend of rows where they are not."""
    classes, index = weights.shape[1], lookup.index
    if lookup.table is None:
        return F.pad(weights, (0, max(lookup.columns - classes, 0))).reshape(*index.shape, -1)
    rows: Tensor = lookup.table[:classes]
    return (weights @ rows.reshape(classes, -1)).reshape(*index.shape, *rows.shape[1:])


def _groups(args: Any, kwargs: Any) -> Any:
    """The groups of a call of conv2d or conv_transpose2d: the seventh argument of both."""
    return kwargs.get("groups", args[6] if len(args) > 6 else 1)


def _name(func: Any) -> str:
    return str(resolve_name(func) or getattr(func, "__name__", func))


def _is_property(func: Any) -> bool:
    return getattr(func, "__name__", "") == "__get__"


def place_of(module: nn.Module, error: BaseException | None = None) -> str:
    """`` in `blocks.1.noise` (Noise)``: the innermost part of the module that runs now, or that the error came through."""
    names = {id(part): name for name, part in module.named_modules() if name}
    frames = [frame for frame, _ in walk_stack(None)][::-1] if error is None else []
    while error is not None:
        frames += [frame for frame, _ in walk_tb(error.__traceback__)]
        error = error.__cause__ or error.__context__
    parts = [part for part in (frame.f_locals.get("self") for frame in frames) if id(part) in names]
    return f" in `{names[id(parts[-1])]}` ({type(parts[-1]).__name__})" if parts else ""
