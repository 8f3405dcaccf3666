"""A module of another maker as the contract calls it: float inputs with a batch, one image [n, c, h, w] in -1..1."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from cganx.card import GeneratorCard
from cganx.errors import ExportError
from cganx.runtime.backend import first_line
from cganx_export.arguments import Inputs, Open, Size, Space
from cganx_export.convention import Convention
from cganx_export.parity import TOLERANCE
from cganx_export.substitution import Draw, Substitution, Watch, place_of

__all__ = ["BATCH", "Adapted", "adapted", "example", "inputs_of", "own_module"]

BATCH = 3  # of one it would be taken for a constant
MOST_COMPARED = 64  # classes whose pictures are held to those of the module's own index


@dataclass(frozen=True)
class _Seen:
    """What a call showed: how the label is taken, the lookups it goes into, the draws, and whether groups hold the batch."""

    label: Literal["weights", "index", "none"]
    lookups: frozenset[int] = frozenset()
    draws: tuple[Draw, ...] = ()
    folds: bool = False


Given = dict[str, Tensor]
"""Arguments by the names of the file's inputs, in their order."""
_NO_MASK = " (a mask too with Convention(mask=True))"


class Adapted(nn.Module):
    """Called with the file's inputs: ``source[, mask][, label], *noise`` or ``latent[, label][, code][, truncation], *noise``.

    ``inputs`` tells them, with the shapes of its draws as their noise. Where ``lookups`` is empty, a module that takes an index
    is given the one whose weight is largest.
    """

    def __init__(self, module: nn.Module, inputs: Inputs, convention: Convention, seen: _Seen) -> None:
        super().__init__()
        self.module, self.inputs, self.convention, self.seen = module, inputs, convention, seen

    @property
    def takes_index(self) -> bool:
        """Whether its label is int64 [n]: a class index that goes into more than lookups."""
        return self.seen.label == "index" and not self.seen.lookups

    def forward(self, *arguments: Tensor) -> Tensor:
        """The image, float32 [n, channels, height, width]."""
        noise = arguments[len(arguments) - len(self.inputs.noise) :]
        given = dict(zip(self.inputs.shapes(), arguments[: len(arguments) - len(noise)], strict=False))
        weights = None
        if "label" in given and self.seen.label == "index":
            label = given["label"]
            weights = label if label.is_floating_point() else None
            if self.seen.lookups:
                given["label"] = label.new_zeros(label.shape[0], dtype=torch.int64)
            elif weights is not None:
                given["label"] = weights.argmax(1)
        with Substitution(noise, weights, self.seen.lookups):
            image: Tensor = _to_contract(self.module(*_to_module(given, self.convention)), self.convention)
        return image


def own_module(module: nn.Module) -> nn.Module:
    """The maker's module in an adapted one."""
    return module.module if isinstance(module, Adapted) else module


def inputs_of(module: nn.Module, card: GeneratorCard, convention: Convention) -> Inputs:
    """What a module takes as far as its card, the convention and its attribute ``takes_mask`` say: all but its noise.

    Raises ExportError where something else than a picture is to be filled.
    """
    said = getattr(module, "takes_mask", None)
    mask = convention.mask if convention.mask is not None else said is True
    if mask and card.source is None:
        raise ExportError("a mask says where a source is to be filled, and the card has no source; give it one, or no mask")
    return Inputs(card, mask)


def adapted(module: nn.Module, inputs: Inputs, convention: Convention) -> nn.Module:
    """``module`` as the contract calls it; itself where it is called so already. It must be in eval mode, on the CPU.

    Raises ExportError where it cannot be called, draws what cannot be an input, or its class index goes into more than
    lookups while the card wants weights.
    """
    card = inputs.card
    given = dict(zip(inputs.shapes(), example(inputs), strict=True))
    seen = _seen(module, inputs, convention, given)
    if replace(convention, mask=None) == Convention() and seen == _Seen("weights" if card.classes else "none"):
        return module
    drawing = replace(inputs, noise=_noise(module, inputs, convention, seen))
    made = Adapted(module, drawing, convention, seen)
    if seen.label == "index" and card.label is not None:
        trouble = _blend_trouble(made, given)
        if trouble is None:
            return made
        if card.label.input == "weights":
            raise ExportError(trouble)
        return Adapted(module, drawing, convention, _Seen("index", draws=seen.draws, folds=seen.folds))
    return made


def example(inputs: Inputs, space: Space | None = None) -> tuple[Tensor, ...]:
    """Arguments of BATCH pictures, label weights among them, where the source has that space; nominal when not given."""
    given = inputs.drawn(np.random.default_rng(0), BATCH, space=space)
    return tuple(torch.from_numpy(values) for values in given.values())


def _to_module(given: Given, convention: Convention) -> list[Tensor]:
    """The contract's arguments with the shapes, range and layout that the module wants."""
    made = dict(given)
    if "latent" in made and convention.latent:
        made["latent"] = made["latent"].reshape(-1, *convention.latent)
    if "source" in made and (convention.low, convention.high) != (-1.0, 1.0):
        made["source"] = (made["source"] + 1) * ((convention.high - convention.low) / 2) + convention.low
    for name in ("source", "mask"):
        if name in made and convention.channels_last:
            made[name] = made[name].permute(0, 2, 3, 1)
    return list(made.values())


def _to_contract(made: Any, convention: Convention) -> Any:
    """The image with the contract's layout and range; what is no image is given on, for the caller to refuse."""
    if not isinstance(made, Tensor) or made.ndim != 4:
        return made
    image = made.permute(0, 3, 1, 2) if convention.channels_last else made
    if (convention.low, convention.high) == (-1.0, 1.0):
        return image
    return (image - convention.low) * (2 / (convention.high - convention.low)) - 1


def _draw_anew(number: int, shape: torch.Size) -> Tensor:
    """The same values at every call: a comparison is of the module, not of its noise."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(number))


def _watched(module: nn.Module, convention: Convention, given: Given, index: Tensor | None) -> Watch:
    watch = Watch(module, BATCH, index, _draw_anew)
    with torch.no_grad(), watch:
        module(*_to_module(given, convention))
    return watch


def _seen(module: nn.Module, inputs: Inputs, convention: Convention, given: Given) -> _Seen:
    card = inputs.card
    try:
        watch = _watched(module, convention, given, None)
        return _Seen("weights" if card.classes else "none", draws=tuple(watch.draws), folds=watch.folds)
    except ExportError:
        raise
    except Exception as error:
        if not card.classes or card.kind == "attributes":
            raise _cannot_be_called(module, inputs, given, error) from error
        refused = error
    # Two different orders, so that a table whose rows are looked up by place is not taken for the label's.
    orders = [torch.arange(BATCH).roll(turn) % len(card.classes) for turn in (1, 2)]
    try:
        first, second = (_watched(module, convention, given | {"label": order}, order) for order in orders)
    except ExportError:
        raise
    except Exception as error:
        raise _cannot_be_called(module, inputs, given, refused, error) from error
    return _Seen("index", frozenset(first.lookups & second.lookups), tuple(first.draws), first.folds)


def _noise(module: nn.Module, inputs: Inputs, convention: Convention, seen: _Seen) -> tuple[tuple[Size, ...], ...]:
    """The shapes of the draws; open where they go with an open height or width of the source."""
    shapes = tuple(draw.shape for draw in seen.draws)
    if not shapes or not inputs.open or inputs.space is None or inputs.card.source is None:
        return shapes
    height, width = inputs.space
    step = inputs.card.source.multiple
    by_axis = []
    for space in ((height + step, width), (height, width + step)):
        given = dict(zip(inputs.shapes(), example(inputs, space), strict=True))
        if seen.label == "index":
            given["label"] = given["label"].argmax(1)
        by_axis.append([draw.shape for draw in _watched(module, convention, given, None).draws])
    return tuple(
        tuple(
            _open_size((size, taller[place], wider[place]), inputs.space, step, draw) for place, size in enumerate(draw.shape)
        )
        for draw, taller, wider in zip(seen.draws, *by_axis, strict=True)
    )


def _open_size(found: tuple[int, int, int], space: Space, step: int, draw: Draw) -> Size:
    """What a size is: at the nominal space, and at one that is a step taller or wider."""
    size, taller, wider = found
    if size == taller == wider:
        return size
    axis = 0 if taller != size else 1
    made = Open(axis, Fraction((taller, wider)[axis] - size, step))
    plain = 1 in (made.times.numerator, made.times.denominator) and made.times > 0
    if (size not in (taller, wider)) or not plain or made.at(space) != size:
        raise ExportError(
            f"{draw.function}{draw.place} draws {list(draw.shape)} for a source of {space[0]} x {space[1]}, whose sizes are no "
            "whole multiples or parts of the source's; give the card a fixed height and width"
        )
    return made


def _cannot_be_called(module: nn.Module, inputs: Inputs, given: Given, *errors: Exception) -> ExportError:
    """By weights, and by class numbers where there is a second error."""
    card = inputs.card
    shapes = " and ".join(str(list(argument.shape)) for argument in given.values())
    said = dict.fromkeys(f"{first_line(error)}{place_of(module, error)}" for error in errors)
    number = " Where it wants its truncation as one number, fix that in a wrapper." if card.truncates else ""
    order = "(latent, label, codes, truncation) as far as the card has them"
    if card.source is not None:
        order = f"(source{', mask' * inputs.mask}{', label' * bool(card.classes)}){'' if inputs.mask else _NO_MASK}"
    return ExportError(
        f"the module fails when it is called with float32 {shapes}: {'; with class numbers: '.join(said)}. It must take "
        f"{order}, label weights [n, classes] or class numbers int64 "
        f"[n]; for another order or other names wrap it, see docs/export-any.md.{number}"
    )


def _blend_trouble(made: Adapted, given: Given) -> str | None:
    """Why one-hot weights do not give what the class's index gives; None where they do, for up to MOST_COMPARED classes."""
    classes = len(made.inputs.card.classes)
    for start in range(0, min(classes, MOST_COMPARED), BATCH):
        index = (torch.arange(BATCH) + start) % classes
        watch = Watch(made.module, BATCH, index, _draw_anew)
        with torch.no_grad(), watch:
            wanted = _to_contract(made.module(*_to_module(given | {"label": index}, made.convention)), made.convention)
        noise = [_draw_anew(number, torch.Size((BATCH, *draw.shape))) for number, draw in enumerate(made.seen.draws)]
        weights = torch.nn.functional.one_hot(index, classes).float()
        try:
            with torch.no_grad():
                image = made(*(given | {"label": weights}).values(), *noise)
            same = bool(made.seen.lookups) and torch.allclose(image, wanted, rtol=0, atol=TOLERANCE)
        except Exception:
            same = False
        if not same:
            met = ", ".join(dict.fromkeys(watch.met)) or "nothing that looks rows up"
            return (
                f"the module takes a class number, which goes into {met}: weights that blend classes can stand "
                "for lookups alone (nn.Embedding, one_hot, table[label]). Export with label_input='index'"
            )
    return None
