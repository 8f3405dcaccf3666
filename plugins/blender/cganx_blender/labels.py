# SPDX-License-Identifier: GPL-3.0-or-later
"""Classes as Blender's enums have them, and labels as the runtime takes them."""

from __future__ import annotations

from cganx.runtime import GeneratorCard

from .refusal import Refusal

Item = tuple[str, str, str, int]
Label = str | dict[str, float] | None
NO_CLASSES = ("-", "(no classes)", "This generator makes pictures without classes", 0)
NO_BLEND = ("-", "(none)", "One class alone", -1)
SHOWN = 60  # characters of a name in a menu


def class_items(card: GeneratorCard) -> list[Item]:
    """(identifier, name, description, number) of each class: the identifier is its whole name, the number its place."""
    if not card.classes:
        return [NO_CLASSES]
    return [(name, _short(name), name if len(name) > SHOWN else "", place) for place, name in enumerate(card.classes)]


def other_items(card: GeneratorCard) -> list[Item]:
    """The same for a second class, which may be none."""
    if not card.classes:
        return [NO_BLEND]
    return [NO_BLEND, *class_items(card)]


def label_of(card: GeneratorCard, name: str, other: str = "", amount: float = 0.0) -> Label:
    """What the runtime is given for a class, or for a blend of two: ``amount`` of the other one. Raises Refusal."""
    if not card.classes:
        return None
    _known(card, name)
    if not other or other == NO_BLEND[0] or other == name or amount <= 0:
        return name
    _known(card, other)
    if card.kind == "attributes":
        return {name: 1.0, other: amount}
    return other if amount >= 1 else {name: 1.0 - amount, other: amount}


def label_from_text(card: GeneratorCard, text: str) -> Label:
    """The label that the runtime wrote as ``text``: a class's name, or a blend as ``bag=0.3,sneaker=0.7``. Raises Refusal."""
    if not card.classes:
        return None
    if text in card.classes:
        return text
    try:
        return {name: float(weight) for name, _, weight in (part.rpartition("=") for part in text.split(","))}
    except ValueError:
        raise Refusal(f"This generator has no class {text!r}") from None


def plainest(card: GeneratorCard) -> str:
    """The class that is chosen where nobody has chosen one."""
    return card.classes[0] if card.classes else NO_CLASSES[0]


def _known(card: GeneratorCard, name: str) -> None:
    if name not in card.classes:
        raise Refusal(f"{card.name!r} has no class {name!r}: choose one of its own")


def _short(name: str) -> str:
    return name if len(name) <= SHOWN else f"{name[: SHOWN - 1]}…"


__all__ = ["NO_BLEND", "NO_CLASSES", "Label", "class_items", "label_from_text", "label_of", "other_items", "plainest"]
