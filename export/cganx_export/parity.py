"""Whether the file does what the torch module does: every class or attribute, batches and sizes, value by value."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from cganx.card import GeneratorCard
from cganx.errors import ExportError
from cganx.runtime.backend import first_line, open_session
from cganx_export.arguments import Inputs, Space
from cganx_export.head import pixels_of
from cganx_export.report import Parity, Rounding

__all__ = [
    "BATCHES",
    "MOST_FAR",
    "TOLERANCE",
    "Forms",
    "check",
    "check_rounding",
    "session_of",
]

TOLERANCE = 1e-4
# What the runtime promises between machines: at most one level apart in 99.9 % of the values.
MOST_FAR = 1e-3
BATCHES = (1, 2, 7)
# Pixels of all sources of a batch: large pictures are compared in smaller ones, but by twos at least.
MOST_PIXELS = 3 * 256 * 256
MOST_CLASSES = 1000
ADVICE = "Check that the module gives the same image twice in eval mode, and that forward does not depend on the batch size"
_MEND = (
    "It was made for other sizes: keep forward free of branches on height and width, or give the card's source a larger "
    "multiple, where small pictures are the trouble (instance norm of a few places), or a fixed height and width"
)
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class _Case:
    """Pictures that are made together: what each is, the arguments by name, and the space of the sources."""

    said: tuple[str, ...]
    given: Mapping[str, Floats]
    space: Space | None

    @property
    def batch(self) -> int:
        return len(self.said)

    @property
    def of(self) -> str:
        """`` of 64 x 96 pixels``, where there are sources."""
        return "" if self.space is None else f" of {self.space[0]} x {self.space[1]} pixels"

    def arguments(self) -> list[torch.Tensor]:
        """What the module takes, in its order."""
        return [torch.from_numpy(one) for one in self.given.values()]


@dataclass(frozen=True, kw_only=True)
class Forms:
    """One function as three models: with its full weights, with them rounded to half, and with them stored as halves."""

    full: bytes
    rounded: bytes
    halved: bytes


def session_of(model: bytes) -> Any:
    """An onnxruntime session on the CPU."""
    return open_session(model, "cpu", None)[0]


def check(model: bytes, reference: nn.Module, inputs: Inputs) -> Parity:
    """Compare onnxruntime on ``model`` with torch on ``reference``, whose image is clipped to -1..1.

    Where height and width are open, at sizes and aspects that were not traced too.

    Raises ExportError with batch, class, value and difference where they are more than TOLERANCE apart, where the image
    is not finite, and where ``pixels`` is not its formula applied to onnxruntime's own ``image``.
    """
    session = session_of(model)
    largest, pictures, sizes = 0.0, 0, dict[Space, None]()
    for case in _cases(inputs, _spaces(inputs, reference)):
        advice = _MEND if inputs.open and case.space != inputs.space else ADVICE
        try:
            image, pixels = session.run(["image", "pixels"], inputs.feeds(case.given))
            wanted = _made(reference, case)
        except Exception as error:  # onnxruntime's errors share no base, and a module may raise anything
            raise ExportError(
                f"the file or the module fails at a batch of {case.batch}{case.of}: {first_line(error)}. {advice}"
            ) from error
        expected = (case.batch, *inputs.sizes(inputs.image(), case.space))
        if not image.shape == wanted.shape == expected:
            raise ExportError(
                f"at a batch of {case.batch}{case.of} the file gives {image.shape} and the module {wanted.shape}, where "
                f"{expected} is expected. {advice}"
            )
        largest = max(largest, _compare(case, image, pixels, wanted, advice))
        pictures += case.batch
        if case.space is not None:
            sizes[case.space] = None
    return Parity(
        max_difference=largest,
        tolerance=TOLERANCE,
        batches=_batches(inputs),
        pictures=pictures,
        batch_invariant=_batch_difference(session, inputs) == 0.0,
        sizes=tuple(sizes),
    )


def _made(module: nn.Module, case: _Case) -> Floats:
    with torch.inference_mode():
        image: Floats = module(*case.arguments()).numpy()
    return image


def check_rounding(forms: Forms, inputs: Inputs, found: Parity) -> Parity:
    """What ``found`` says of the full model, with what rounding its weights to half changes.

    Raises ExportError where the halved model is more than TOLERANCE from the rounded one, which is the same function,
    or more than MOST_FAR of its pixel values are over one level from those of the full one.
    """
    full, rounded, halved = (session_of(model) for model in (forms.full, forms.rounded, forms.halved))
    largest, levels = 0.0, np.zeros(256, np.int64)  # how many pixel values are so many levels apart
    for case in _cases(inputs, found.sizes[1:]):
        given = inputs.feeds(case.given)
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
    return replace(found, batch_invariant=_batch_difference(halved, inputs) == 0.0, rounding=rounding)


def _compare(case: _Case, image: Floats, pixels: NDArray[np.uint8], wanted: Floats, advice: str) -> float:
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
            f"{difference[place]:.2g} apart where {TOLERANCE:g} is allowed. {advice}"
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
        f"the file fails its check at batch {case.batch}{case.of}, {case.said[place[0]]}, value {list(place[1:])} of picture "
        f"{place[0]}:"
    )


def _batches(inputs: Inputs) -> tuple[int, ...]:
    """The batches that are tried; smaller ones where pictures are large."""
    if inputs.space is None:
        return BATCHES
    most = max(2, MOST_PIXELS // (inputs.space[0] * inputs.space[1]))
    return tuple(sorted({min(batch, most) for batch in BATCHES}))


def _spaces(inputs: Inputs, module: nn.Module) -> tuple[Space, ...]:
    """Where height and width are open, sizes and aspects beside the nominal one, from the smallest that the module takes.

    Networks that mirror edges, or norm each picture by itself, do without the smallest.
    """
    if not inputs.open or inputs.space is None or inputs.card.source is None:
        return ()
    step = inputs.card.source.multiple
    rows, columns = (side // step for side in inputs.space)
    near, far = -(-64 // step), -(-96 // step)
    wanted = [(1, 2), (3, 2), (near, far), (rows, columns + 1), (max(1, rows // 2), columns)]
    least = 1
    while least < min(rows, columns) and not _takes(module, inputs, (least * step, least * step)):
        least += 1
    blocks = dict.fromkeys([(least, least), *((max(one, least), max(other, least)) for one, other in wanted)])
    spaces = [(one * step, other * step) for one, other in blocks]
    most = max(inputs.space[0] * (inputs.space[1] + step), 128 * 128)
    return tuple(space for space in spaces if space[0] * space[1] <= most and space != inputs.space)


def _takes(module: nn.Module, inputs: Inputs, space: Space) -> bool:
    """Whether it runs at that size, with rounding that leaves room for a comparison: a norm over four places multiplies it."""
    given = inputs.drawn(np.random.default_rng(3), 1, space=space)
    case = _Case(("",), given, space)
    try:
        made = _made(module, case)
    except Exception:  # a module may raise anything
        return False
    try:
        with torch.inference_mode():
            exact = copy.deepcopy(module).double()(*(one.double() for one in case.arguments())).numpy()
    except Exception:  # one that computes in single precision alone is compared all the same
        return True
    return bool(np.abs(made - exact).max() <= TOLERANCE / 4)


def _cases(inputs: Inputs, spaces: tuple[Space, ...]) -> Iterator[_Case]:
    random, card = np.random.default_rng(0), inputs.card
    classes = len(card.classes)
    names, rows = _asked(card) if classes else (["no class"], None)

    def case(said: tuple[str, ...], weights: Floats | None, space: Space | None = inputs.space) -> _Case:
        return _Case(said, inputs.drawn(random, len(said), weights, space), space)

    for batch in _batches(inputs):
        if rows is None:
            for _ in range(3 if inputs.space is None else 1):
                yield case(("no class",) * batch, None)
            continue
        for first in range(0, len(names), batch):
            chosen = [(first + place) % len(names) for place in range(batch)]
            yield case(tuple(names[one] for one in chosen), rows[chosen])
        if card.label is not None and card.label.input == "weights":
            weights = random.dirichlet(np.ones(classes), batch).astype(np.float32)
            if card.kind == "attributes":
                weights = random.uniform(0, 1, (batch, classes)).astype(np.float32)
            yield case(("a blend of classes",) * batch, weights)
    for number, space in enumerate(spaces):
        chosen = [(number + place) % len(names) for place in range(1 + number % 2)]
        yield case(tuple(names[one] for one in chosen), None if rows is None else rows[chosen], space)


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


def _batch_difference(session: Any, inputs: Inputs) -> float:
    """How far apart pictures are that are made alone, by threes and all together; ExportError above TOLERANCE."""
    n = 16 if inputs.space is None else max(_batches(inputs))
    given = inputs.feeds(inputs.drawn(np.random.default_rng(1), n))

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
