"""Whether the file does what the torch module does: every class or attribute, several batches, value by value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from cganx.card import GeneratorCard
from cganx.errors import ExportError
from cganx.runtime.backend import first_line, open_session
from cganx_export.head import pixels_of
from cganx_export.report import Parity, Rounding

__all__ = [
    "BATCHES",
    "TOLERANCE",
    "Forms",
    "check",
    "check_rounding",
    "codes",
    "feeds",
    "latents",
    "more",
    "session_of",
    "truncations",
]

TOLERANCE = 1e-4
# What the runtime promises between machines: at most one level apart in 99.9 % of the values.
MOST_FAR = 1e-3
BATCHES = (1, 2, 7)
MOST_CLASSES = 1000
ADVICE = "Check that the module gives the same image twice in eval mode, and that forward does not depend on the batch size"
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class _Case:
    batch: int
    said: tuple[str, ...]
    latent: Floats
    weights: Floats | None
    code: Floats | None
    more: Mapping[str, Floats]

    def feeds(self, card: GeneratorCard) -> dict[str, NDArray[Any]]:
        """What the file takes."""
        return feeds(card, self.latent, self.weights, self.code, self.more)

    def arguments(self) -> list[torch.Tensor]:
        """What the module takes, in its order."""
        given = (self.latent, self.weights, self.code, *self.more.values())
        return [torch.from_numpy(one) for one in given if one is not None]


@dataclass(frozen=True, kw_only=True)
class Forms:
    """One function as three models: with its full weights, with them rounded to half, and with them stored as halves."""

    full: bytes
    rounded: bytes
    halved: bytes


def session_of(model: bytes) -> Any:
    """An onnxruntime session on the CPU."""
    return open_session(model, "cpu", None)[0]


def latents(card: GeneratorCard, generator: np.random.Generator, n: int) -> Floats:
    """``n`` random points of the card's distribution, float32 [n, latent]."""
    assert card.latent is not None
    if card.latent.distribution == "uniform":
        return generator.uniform(-1, 1, (n, card.latent.size)).astype(np.float32)
    return generator.standard_normal((n, card.latent.size), np.float32)


def codes(card: GeneratorCard, generator: np.random.Generator, n: int) -> Floats:
    """``n`` random codes as in training and beyond, even over -2..2, float32 [n, codes]."""
    return generator.uniform(-2, 2, (n, len(card.codes))).astype(np.float32)


def truncations(generator: np.random.Generator, n: int) -> Floats:
    """``n`` random bounds, even over 0.1..1, float32 [n, 1]."""
    return generator.uniform(0.1, 1, (n, 1)).astype(np.float32)


def more(session: Any, generator: np.random.Generator, n: int) -> dict[str, Floats]:
    """What else the session's file takes for ``n`` pictures: its truncation and noise, in its order."""
    given: dict[str, Floats] = {}
    for one in session.get_inputs():
        if one.name == "truncation":
            given[one.name] = truncations(generator, n)
        elif one.name.startswith("noise."):
            given[one.name] = generator.standard_normal((n, *one.shape[1:]), np.float32)
    return given


def feeds(
    card: GeneratorCard,
    latent: Floats,
    weights: Floats | None = None,
    code: Floats | None = None,
    more: Mapping[str, Floats] = MappingProxyType({}),
) -> dict[str, NDArray[Any]]:
    """What the file takes for these latents, label weights, codes and what else it has."""
    given: dict[str, NDArray[Any]] = {"latent": latent}
    if weights is not None and card.label is not None:
        given["label"] = weights.argmax(1).astype(np.int64) if card.label.input == "index" else weights
    if code is not None:
        given["code"] = code
    return {**given, **more}


def check(model: bytes, reference: nn.Module, card: GeneratorCard) -> Parity:
    """Compare onnxruntime on ``model`` with torch on ``reference``, whose image is clipped to -1..1.

    Raises ExportError with batch, class, value and difference where they are more than TOLERANCE apart, where the image
    is not finite, and where ``pixels`` is not its formula applied to onnxruntime's own ``image``.
    """
    session = session_of(model)
    largest, pictures = 0.0, 0
    for case in _cases(card, session):
        try:
            image, pixels = session.run(["image", "pixels"], case.feeds(card))
            with torch.inference_mode():
                wanted = reference(*case.arguments()).numpy()
        except Exception as error:  # onnxruntime's errors share no base, and a module may raise anything
            raise ExportError(
                f"the file or the module fails at a batch of {case.batch}: {first_line(error)}. {ADVICE}"
            ) from error
        expected = (case.batch, card.image.channels, card.image.height, card.image.width)
        if not image.shape == wanted.shape == expected:
            raise ExportError(
                f"at a batch of {case.batch} the file gives {image.shape} and the module {wanted.shape}, where {expected} is "
                f"expected. {ADVICE}"
            )
        largest = max(largest, _compare(case, image, pixels, wanted))
        pictures += case.batch
    return Parity(
        max_difference=largest,
        tolerance=TOLERANCE,
        batches=BATCHES,
        pictures=pictures,
        batch_invariant=_batch_difference(session, card) == 0.0,
    )


def check_rounding(forms: Forms, card: GeneratorCard, found: Parity) -> Parity:
    """What ``found`` says of the full model, with what rounding its weights to half changes.

    Raises ExportError where the halved model is more than TOLERANCE from the rounded one, which is the same function,
    or more than MOST_FAR of its pixel values are over one level from those of the full one.
    """
    full, rounded, halved = (session_of(model) for model in (forms.full, forms.rounded, forms.halved))
    largest, levels = 0.0, np.zeros(256, np.int64)  # how many pixel values are so many levels apart
    for case in _cases(card, full):
        given = case.feeds(card)
        image, pixels = halved.run(["image", "pixels"], given)
        full_image, full_pixels = full.run(["image", "pixels"], given)
        apart = float(np.abs(image - rounded.run(["image"], given)[0]).max())
        if not apart <= TOLERANCE:  # also where it is not a number
            raise ExportError(
                f"onnxruntime is {apart:.2g} apart between weights stored as float16 and the same values as float32, where "
                f"{TOLERANCE:g} is allowed; export with float32 weights"
            )
        _check_output(case, image, pixels)
        largest = max(largest, float(np.abs(image - full_image).max()))
        levels += np.bincount(np.abs(pixels.astype(np.int16) - full_pixels).reshape(-1), minlength=256)
    shares = levels / levels.sum()
    rounding = Rounding(max_difference=largest, pixels_changed=float(shares[1:].sum()), pixels_far=float(shares[2:].sum()))
    if rounding.pixels_far > MOST_FAR:
        raise ExportError(
            f"with float16 weights {rounding.pixels_far:.2%} of the pixel values are more than one level from those with "
            f"float32 weights, where {MOST_FAR:.1%} may be; export with float32 weights"
        )
    return replace(found, batch_invariant=_batch_difference(halved, card) == 0.0, rounding=rounding)


def _compare(case: _Case, image: Floats, pixels: NDArray[np.uint8], wanted: Floats) -> float:
    if not np.isfinite(wanted).all():
        raise ExportError(
            f"{_where(case, wanted, ~np.isfinite(wanted))} torch itself gives a value that is not finite; train anew"
        )
    wanted = np.clip(wanted, -1, 1)
    difference = np.abs(image - wanted)
    if not (difference <= TOLERANCE).all():  # also where it is not a number
        wrong = ~(difference <= TOLERANCE)
        place = np.unravel_index(np.argmax(np.where(np.isfinite(difference), difference, np.inf)), difference.shape)
        raise ExportError(
            f"{_where(case, image, wrong)} onnxruntime gives {image[place]:.6g} and torch {wanted[place]:.6g}, "
            f"{difference[place]:.2g} apart where {TOLERANCE:g} is allowed. {ADVICE}"
        )
    _check_output(case, image, pixels)
    return float(difference.max())


def _check_output(case: _Case, image: Floats, pixels: NDArray[np.uint8]) -> None:
    if np.abs(image).max() > 1:
        raise ExportError(f"{_where(case, image, np.abs(image) > 1)} the image is outside -1..1. End the module in tanh")
    formula = pixels_of(image)
    if not np.array_equal(pixels, formula):
        raise ExportError(
            f"{_where(case, pixels, pixels != formula)} `pixels` is not its formula applied to `image`; "
            "this onnxruntime rounds differently, so export with another version of it"
        )


def _where(case: _Case, values: NDArray[Any], wrong: NDArray[np.bool_]) -> str:
    place = tuple(int(one) for one in np.unravel_index(np.argmax(wrong), values.shape))
    return (
        f"the file fails its check at batch {case.batch}, {case.said[place[0]]}, value {list(place[1:])} of picture {place[0]}:"
    )


def _cases(card: GeneratorCard, session: Any) -> Iterator[_Case]:
    generator = np.random.default_rng(0)
    classes = len(card.classes)

    def case(said: tuple[str, ...], weights: Floats | None) -> _Case:
        n = len(said)
        latent, code = latents(card, generator, n), codes(card, generator, n) if card.codes else None
        return _Case(n, said, latent, weights, code, more(session, generator, n))

    for batch in BATCHES:
        if not classes:
            for _ in range(3):
                yield case(("no class",) * batch, None)
            continue
        names, rows = _asked(card)
        for first in range(0, len(names), batch):
            chosen = [(first + place) % len(names) for place in range(batch)]
            yield case(tuple(names[one] for one in chosen), rows[chosen])
        if card.label is not None and card.label.input == "weights":
            weights = generator.dirichlet(np.ones(classes), batch).astype(np.float32)
            if card.kind == "attributes":
                weights = generator.uniform(0, 1, (batch, classes)).astype(np.float32)
            yield case(("a blend of classes",) * batch, weights)


def _asked(card: GeneratorCard) -> tuple[list[str], Floats]:
    """Every class, of many MOST_CLASSES from first to last; of attributes each alone, none and all together.

    What each is called, and weights [n, classes].
    """
    if card.kind != "attributes":
        chosen = np.unique(np.linspace(0, len(card.classes) - 1, MOST_CLASSES).astype(int))
        rows = np.zeros((len(chosen), len(card.classes)), np.float32)
        rows[np.arange(len(chosen)), chosen] = 1
        return [f"class {card.classes[one]!r}" for one in chosen], rows
    one_hot = np.eye(len(card.classes), dtype=np.float32)
    names = [*(f"attribute {name!r}" for name in card.classes), "no attribute", "all attributes"]
    return names, np.concatenate([one_hot, np.zeros_like(one_hot[:1]), np.ones_like(one_hot[:1])])


def _batch_difference(session: Any, card: GeneratorCard, n: int = 16) -> float:
    """How far apart pictures are that are made alone, by threes and all together; ExportError above TOLERANCE."""
    generator = np.random.default_rng(1)
    latent = latents(card, generator, n)
    weights = np.eye(len(card.classes), dtype=np.float32)[np.arange(n) % len(card.classes)] if card.classes else None
    code = codes(card, generator, n) if card.codes else None
    given = feeds(card, latent, weights, code, more(session, generator, n))

    def run(places: NDArray[np.intp]) -> Floats:
        image: Floats = session.run(["image"], {name: values[places] for name, values in given.items()})[0]
        return image

    order = np.arange(n)
    together = run(order)
    parts = (np.concatenate([run(order[first : first + batch]) for first in range(0, n, batch)]) for batch in (1, 3))
    largest = max(float(np.abs(together - part).max()) for part in (run(order[::-1])[::-1], *parts))
    if largest > TOLERANCE:
        raise ExportError(
            f"a picture depends on the batch it is made in: values differ by up to {largest:.2g}. Take statistics over the "
            "batch out of forward; batch norm goes by its running statistics in eval mode"
        )
    return largest
