"""``--class`` -> labels of one generator, each with the folder that its pictures go to; ``--code`` -> its codes."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import click
import numpy as np

from cganx.card import GeneratorCard
from cganx.errors import LabelError, RequestError
from cganx.runtime.labels import NONE, Labels, weight_text
from cganx_cli.names import file_names

__all__ = ["Choice", "Chooser", "Codes", "asked_for", "choices", "codes_of"]

UNCONDITIONAL = "unconditional"
ALL = "all"
_WEIGHTED = re.compile(r"(?P<name>.+?)=(?P<weight>[0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]+\.)(?:,|$)", re.DOTALL)


@dataclass(frozen=True)
class Choice:
    """A label as the runtime takes it, its text, and the name of its folder."""

    label: str | Mapping[str | int, float] | None
    text: str
    folder: str


@dataclass(frozen=True)
class Codes:
    """A generator's codes, one value each, and what of them was asked for: ``continuous-0=1.5``."""

    values: tuple[float, ...]
    text: str

    @property
    def array(self) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        """As the runtime takes them."""
        return np.array(self.values)


def codes_of(card: GeneratorCard, given: Iterable[str]) -> Codes | None:
    """What ``--code`` sets, the others at 0; None where nothing is given.

    Raises RequestError with the nearest name, or with what is wrong about the value.
    """
    set_: dict[str, float] = {}
    for text in given:
        name, _, value = text.rpartition("=")
        if not card.codes:
            raise RequestError(f"{card.name} has no codes: leave --code out")
        if not name:
            raise RequestError(f"--code {text!r} names no value: write it as NAME=VALUE, such as {card.codes[0]}=1.5")
        if name not in card.codes:
            near = difflib.get_close_matches(name, card.codes, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"it has: {', '.join(card.codes)}"
            raise RequestError(f"{card.name} has no code {name!r}; {hint}")
        if name in set_:
            raise RequestError(f"the code {name!r} is given twice; give it once")
        try:
            set_[name] = float(value)
        except ValueError:
            set_[name] = math.nan
        if not math.isfinite(set_[name]):
            raise RequestError(f"the code {name!r} is {value!r}, not a number; in training they were -1 to 1")
    if not set_:
        return None
    return Codes(
        tuple(set_.get(name, 0.0) for name in card.codes),
        ",".join(f"{name}={repr(set_[name]).removesuffix('.0')}" for name in card.codes if name in set_),
    )


def asked_for(card: GeneratorCard, classes: Iterable[str], codes: Iterable[str]) -> tuple[tuple[Choice, ...], Codes | None]:
    """What ``--class`` and ``--code`` say; click.BadParameter, a wrong use of the command, where the generator lacks it."""
    try:
        chosen = choices(card, classes)
    except LabelError as error:
        raise click.BadParameter(str(error), param_hint="'--class'") from None
    try:
        return chosen, codes_of(card, codes)
    except RequestError as error:
        raise click.BadParameter(str(error), param_hint="'--code'") from None


def choices(card: GeneratorCard, given: Iterable[str]) -> tuple[Choice, ...]:
    """What ``--class`` names, in that order, each once; where nothing is given all classes, or no attribute and each alone.

    ``all`` is the same as nothing, unless a class is called so. A text is tried whole first (exact name, casefolded name, id),
    then read as a blend ``sneaker=0.7,bag=0.3``. Of attributes
    ``none`` switches all off, and ``smiling=1,hat=1`` two on.

    Raises LabelError.
    """
    chooser = Chooser(card)
    if not card.classes:
        if list(given):
            raise LabelError(f"{card.name} has no classes: leave --class out")
        return (chooser.one(None),)
    made = [one for text in given for one in chooser.several(text)] or list(chooser.every)
    return tuple({choice.folder: choice for choice in reversed(made)}.values())[::-1]


class Chooser:
    """Labels of one generator -> choices, one at a time: for requests that come by the million."""

    def __init__(self, card: GeneratorCard) -> None:
        self._name = card.name
        self._labels = Labels(card)
        self._folders = file_names(card.classes)
        classes = tuple(Choice(name, name, self._folders[name]) for name in card.classes)
        self.every = ((_none(self._labels, self._folders),) if self._labels.several else ()) + classes
        self._all = not any(name.casefold() == ALL for name in card.classes)
        self._named = lru_cache(maxsize=4096)(self._by_text)

    def several(self, text: str) -> tuple[Choice, ...]:
        """What one ``--class`` names: ``all`` is more than one."""
        return self.every if self._all and text.casefold() == ALL else (self._named(text),)

    def one(self, label: str | int | Mapping[str | int, float] | None) -> Choice:
        """The choice of one label: a text as :func:`choices` takes it, an id, ``{name: weight}``, None without classes.

        Raises LabelError.
        """
        if not self._labels.classes:
            if label is not None:
                raise LabelError(f"{self._name} has no classes: leave the label out")
            return Choice(None, UNCONDITIONAL, UNCONDITIONAL)
        if isinstance(label, str):
            return self._named(label)
        if isinstance(label, Mapping):
            named: dict[str | int, float] = {
                self._labels.classes[self._labels.index(name)]: weight for name, weight in label.items()
            }
            if len(named) < len(label):
                raise LabelError("a blend names a class twice; name it once")
            return _blended(named, self._labels, self._folders)
        if label is None:
            raise LabelError(f"a label is missing; {self._name} makes {', '.join(self._labels.classes[:12])}")
        name = self._labels.classes[self._labels.index(label)]
        return Choice(name, name, self._folders[name])

    def _by_text(self, text: str) -> Choice:
        return _choice(text, self._labels, self._folders)


def _choice(text: str, labels: Labels, folders: Mapping[str, str]) -> Choice:
    try:
        name = labels.classes[labels.index(text)]
    except LabelError:
        wrong = _wrong_weight(text, labels)
        if wrong is not None:
            raise LabelError(wrong) from None
        blend = _blend(text, labels)
        if labels.several and text.casefold() == NONE:
            return _none(labels, folders)
        if blend is None:
            raise
        return _blended(blend, labels, folders)
    return Choice(name, name, folders[name])


def _wrong_weight(text: str, labels: Labels) -> str | None:
    """What is wrong with the first weight that is no number, in a text that is classes and something each; else None."""
    wrong = None
    for part in text.split(","):
        name, _, weight = part.rpartition("=")
        try:
            name = labels.classes[labels.index(name)]
        except LabelError:
            return None
        if wrong is None and not _WEIGHTED.fullmatch(part):
            wrong = f"the weight {weight!r} of {name!r} in {text!r} is no number from 0 to 1"
    return wrong


def _none(labels: Labels, folders: Mapping[str, str]) -> Choice:
    return _blended(dict.fromkeys(labels.classes, 0.0), labels, folders)


def _blend(text: str, labels: Labels) -> dict[str | int, float] | None:
    """``sneaker=0.7,bag=0.3`` -> canonical names and weights; None where it is not written so."""
    weights: dict[str | int, float] = {}
    end = 0
    for match in _WEIGHTED.finditer(text):
        if match.start() != end:
            return None
        end = match.end()
        name = labels.classes[labels.index(match["name"])]
        if name in weights:
            raise LabelError(f"the blend {text!r} names {name!r} twice")
        weights[name] = float(match["weight"])
    return weights if weights and end == len(text) and not text.endswith(",") else None


def _blended(blend: Mapping[str | int, float], labels: Labels, folders: Mapping[str, str]) -> Choice:
    rows = labels.many(blend)
    assert rows is not None
    weights = {str(name): np.float32(weight) for name, weight in blend.items() if weight}
    if not weights:
        taken = any(folder.casefold() == NONE for folder in folders.values())
        return Choice(blend, NONE, f"={NONE}" if taken else NONE)  # no name's folder has a =, it is spelt %3D
    name, weight = next(iter(weights.items()))
    if len(weights) == 1 and weight == 1:
        return Choice(name, name, folders[name])
    folder = ",".join(sorted(f"{folders[name]}={weight_text(weight)}" for name, weight in weights.items()))
    return Choice(blend, labels.text(rows[0]) or "", folder)
