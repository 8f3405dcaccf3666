"""A card for a file of another maker, from what its graph says."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np

from cganx.card import GeneratorCard, Image, Label, Latent
from cganx.errors import CardMismatch, ModelError
from cganx.runtime.reader import LIMITS, Limits, follow
from cganx.runtime.tensors import Tensors

__all__ = ["card_of"]


def card_of(
    source: str | os.PathLike[str] | bytes,
    tensors: Tensors,
    *,
    name: str,
    classes: Sequence[str] = (),
    distribution: str = "normal",
    limits: Limits = LIMITS,
) -> GeneratorCard:
    """The card with which :func:`load` adopts a file: sizes from its graph, names from the caller.

    Args:
        source: the file's path, or its bytes.
        tensors: what the file calls its latent, label and image. The label is looked at only where there are classes: whole
            numbers are an index, anything else is weights.
        name: what to call the generator.
        classes: names in the order of the label's columns or numbers; none where no class can be asked for.
        distribution: what the latent was drawn from in training, ``normal`` or ``uniform`` (-1..1).
        limits: what the file may ask for, as :func:`load` takes them.

    Raises ModelError as :func:`read` does; CardMismatch where the file has no such tensor or the names do not fit it.

    >>> from cganx import runtime
    >>> from cganx.runtime import testing
    >>> tensors = runtime.Tensors(latent="latent", label="label", image="image")
    >>> card = runtime.card_of(testing.TINY, tensors, name="mine", classes=("round", "crossed"))
    >>> card.latent.size, card.label.input, card.image.width
    (8, 'weights', 16)
    >>> runtime.load(testing.TINY, "cpu", card=card, tensors=tensors).generate("round", seeds=[1, 2]).shape
    (2, 16, 16, 1)
    """
    path = None if isinstance(source, bytes) else os.fspath(source)
    try:
        graph, facts = follow(source, latent=tensors.latent, limits=limits)
        inputs = {value.name for value in graph.inputs} - graph.initializers.keys()
        outputs = {value.name for value in graph.outputs}
        for kind, wanted, there in (
            ("input", tensors.latent, inputs),
            *([("input", tensors.label, inputs)] if classes else []),
            ("output", tensors.image, outputs),
        ):
            if wanted not in there:
                raise CardMismatch(f"it has no {kind} {wanted!r}; it has {', '.join(sorted(there)) or 'none'}")
        shape = facts[tensors.image].shape[1:]
        if len(shape) != 3:
            raise CardMismatch(f"its output {tensors.image!r} is no picture: it has the shape {('batch', *shape)}")
        height, width, channels = shape if tensors.channels_last else (*shape[1:], shape[0])
        if channels not in (1, 3):
            other = "NCHW" if tensors.channels_last else "NHWC"
            raise CardMismatch(
                f"its output {tensors.image!r} {('batch', *shape)} has {channels} channels; say if it is {other}"
            )
        label = None
        if classes:
            fact = facts[tensors.label]
            label = Label(input="index" if np.issubdtype(fact.dtype, np.integer) else "weights")
            if label.input == "weights" and fact.elements // fact.shape[0] != len(classes):
                columns = fact.elements // fact.shape[0]
                raise CardMismatch(
                    f"its input {tensors.label!r} has {columns} columns, and there are {len(classes)} class names"
                )
        latent = facts[tensors.latent]
        return GeneratorCard(
            name=name,
            kind="class" if classes else "unconditional",
            classes=tuple(classes),
            label=label,
            latent=Latent(size=latent.elements // latent.shape[0], distribution=distribution),
            image=Image(height=height, width=width, channels=channels),
        )
    except ModelError as error:
        raise type(error)(error.message, model=path) from None
