"""A module of another maker as the contract calls it: float inputs with a batch, one image [n, c, h, w] in -1..1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from cganx.card import GeneratorCard
from cganx.errors import ExportError
from cganx.runtime.backend import first_line
from cganx_export import parity
from cganx_export.convention import Convention
from cganx_export.substitution import Draw, Substitution, Watch, place_of

__all__ = ["Adapted", "adapted", "example", "own_module"]

BATCH = 3  # of one it would be taken for a constant
MOST_COMPARED = 64  # classes whose pictures are held to those of the module's own index


@dataclass(frozen=True)
class _Seen:
    """What a call showed: how the label is taken, the lookups it goes into, the draws, and whether groups hold the batch."""

    label: Literal["weights", "index", "none"]
    lookups: frozenset[int] = frozenset()
    draws: tuple[Draw, ...] = ()
    folds: bool = False


class Adapted(nn.Module):
    """Called as ``(latent[, label][, code][, truncation], *noise)``, in the order of the file's inputs.

    ``noise`` are the shapes of its draws for one picture. Where ``lookups`` is empty, a module that takes an index is given
    the one whose weight is largest.
    """

    def __init__(self, module: nn.Module, card: GeneratorCard, convention: Convention, seen: _Seen) -> None:
        super().__init__()
        self.module, self.convention, self.seen = module, convention, seen
        self.noise = tuple(draw.shape for draw in seen.draws)
        self.labelled = bool(card.classes)

    @property
    def takes_index(self) -> bool:
        """Whether its label is int64 [n]: a class index that goes into more than lookups."""
        return self.seen.label == "index" and not self.seen.lookups

    def forward(self, *inputs: Tensor) -> Tensor:
        """The image, float32 [n, channels, height, width]."""
        given = list(inputs[: len(inputs) - len(self.noise)])
        given[0] = _shaped(given[0], self.convention)
        weights = None
        if self.labelled and self.seen.label == "index":
            label = given[1]
            weights = label if label.is_floating_point() else None
            if self.seen.lookups:
                given[1] = label.new_zeros(label.shape[0], dtype=torch.int64)
            elif weights is not None:
                given[1] = weights.argmax(1)
        with Substitution(inputs[len(inputs) - len(self.noise) :], weights, self.seen.lookups):
            image: Tensor = _to_contract(self.module(*given), self.convention)
        return image


def own_module(module: nn.Module) -> nn.Module:
    """The maker's module in an adapted one."""
    return module.module if isinstance(module, Adapted) else module


def adapted(module: nn.Module, card: GeneratorCard, convention: Convention) -> nn.Module:
    """``module`` as the contract calls it; itself where it is called so already. It must be in eval mode, on the CPU.

    Raises ExportError where it cannot be called, draws what cannot be an input, or its class index goes into more than
    lookups while the card wants weights.
    """
    given = example(card)
    seen = _seen(module, card, convention, given)
    if convention == Convention() and seen == _Seen("weights" if card.classes else "none"):
        return module
    made = Adapted(module, card, convention, seen)
    if seen.label == "index" and card.label is not None:
        trouble = _blend_trouble(made, card, given)
        if trouble is None:
            return made
        if card.label.input == "weights":
            raise ExportError(trouble)
        return Adapted(module, card, convention, _Seen("index", draws=seen.draws, folds=seen.folds))
    return made


def example(card: GeneratorCard) -> tuple[Tensor, ...]:
    """Latent, label weights, codes and truncation of BATCH pictures, as far as the card has them."""
    generator = np.random.default_rng(0)
    arguments = [torch.from_numpy(parity.latents(card, generator, BATCH))]
    if card.classes:
        arguments.append(torch.eye(len(card.classes))[torch.arange(BATCH) % len(card.classes)])
    if card.codes:
        arguments.append(torch.from_numpy(parity.codes(card, generator, BATCH)))
    if card.truncates:
        arguments.append(torch.from_numpy(parity.truncations(generator, BATCH)))
    return tuple(arguments)


def _shaped(latent: Tensor, convention: Convention) -> Tensor:
    return latent.reshape(-1, *convention.latent) if convention.latent else latent


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


def _watched(module: nn.Module, convention: Convention, given: tuple[Tensor, ...], index: Tensor | None) -> Watch:
    watch = Watch(module, BATCH, index, _draw_anew)
    with torch.no_grad(), watch:
        module(_shaped(given[0], convention), *given[1:])
    return watch


def _seen(module: nn.Module, card: GeneratorCard, convention: Convention, given: tuple[Tensor, ...]) -> _Seen:
    try:
        watch = _watched(module, convention, given, None)
        return _Seen("weights" if card.classes else "none", draws=tuple(watch.draws), folds=watch.folds)
    except ExportError:
        raise
    except Exception as error:
        if card.kind != "class":
            raise _cannot_be_called(module, card, given, error) from error
        refused = error
    # Two different orders, so that a table whose rows are looked up by place is not taken for the label's.
    orders = [torch.arange(BATCH).roll(turn) % len(card.classes) for turn in (1, 2)]
    try:
        first, second = (_watched(module, convention, (given[0], order, *given[2:]), order) for order in orders)
    except ExportError:
        raise
    except Exception as error:
        raise _cannot_be_called(module, card, given, refused, error) from error
    return _Seen("index", frozenset(first.lookups & second.lookups), tuple(first.draws), first.folds)


def _cannot_be_called(module: nn.Module, card: GeneratorCard, given: tuple[Tensor, ...], *errors: Exception) -> ExportError:
    """By weights, and by class numbers where there is a second error."""
    shapes = " and ".join(str(list(argument.shape)) for argument in given)
    said = dict.fromkeys(f"{first_line(error)}{place_of(module, error)}" for error in errors)
    number = " Where it wants its truncation as one number, fix that in a wrapper." if card.truncates else ""
    return ExportError(
        f"the module fails when it is called with float32 {shapes}: {'; with class numbers: '.join(said)}. It must take "
        "(latent, label, codes, truncation) as far as the card has them, label weights [n, classes] or class numbers int64 "
        f"[n]; for another order or other names wrap it, see docs/export-any.md.{number}"
    )


def _blend_trouble(made: Adapted, card: GeneratorCard, given: tuple[Tensor, ...]) -> str | None:
    """Why one-hot weights do not give what the class's index gives; None where they do, for up to MOST_COMPARED classes."""
    classes = len(card.classes)
    for start in range(0, min(classes, MOST_COMPARED), BATCH):
        index = (torch.arange(BATCH) + start) % classes
        watch = Watch(made.module, BATCH, index, _draw_anew)
        with torch.no_grad(), watch:
            wanted = _to_contract(made.module(_shaped(given[0], made.convention), index, *given[2:]), made.convention)
        noise = [_draw_anew(number, torch.Size((BATCH, *shape))) for number, shape in enumerate(made.noise)]
        weights = torch.nn.functional.one_hot(index, classes).float()
        try:
            with torch.no_grad():
                image = made(given[0], weights, *given[2:], *noise)
            same = bool(made.seen.lookups) and torch.allclose(image, wanted, rtol=0, atol=parity.TOLERANCE)
        except Exception:
            same = False
        if not same:
            met = ", ".join(dict.fromkeys(watch.met)) or "nothing that looks rows up"
            return (
                f"the module takes a class number, which goes into {met}: weights that blend classes can stand "
                "for lookups alone (nn.Embedding, one_hot, table[label]). Export with label_input='index'"
            )
    return None
