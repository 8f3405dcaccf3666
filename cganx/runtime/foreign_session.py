"""A session that a host built: what its metadata and its inputs and outputs say of the file behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from cganx.card import CARD_KEY, HASH_KEY, GeneratorCard
from cganx.errors import CardMismatch, NotAGenerator, RequestError
from cganx.runtime.backend import CPU, CUDA, Device, Options
from cganx.runtime.model import Value
from cganx.runtime.operators import Fact
from cganx.runtime.reader import Ends, ModelFile, batched, described
from cganx.runtime.sessions import FixedBatch, OwnSession, Session
from cganx.runtime.tensors import Tensors

__all__ = ["adopt"]

_TYPES: Mapping[str, np.dtype[Any]] = {
    "tensor(float)": np.dtype("<f4"),
    "tensor(uint8)": np.dtype("u1"),
    "tensor(int64)": np.dtype("<i8"),
    "tensor(int32)": np.dtype("<i4"),
}
_BATCH = 2  # what the reader holds shapes against


def adopt(
    session: Any, card: GeneratorCard | None, tensors: Tensors | None, known: ModelFile | None, options: Options
) -> tuple[ModelFile, Session, Device]:
    """What a session says of its file, the session as the runtime runs it, and its device.

    ``known`` is the file where its bytes are at hand. Raises CardMismatch, NotAGenerator, RequestError.
    """
    if tensors is not None and card is None:
        raise RequestError("the names of foreign tensors need a card that says what they hold: give card=... too")
    if not hasattr(session, "get_modelmeta"):
        raise RequestError(f"from_session takes a session that onnxruntime built, not {type(session).__name__}")
    metadata = session.get_modelmeta().custom_metadata_map
    text = metadata.get(CARD_KEY)
    if text is None and card is None:
        raise NotAGenerator(f"the session's model has no {CARD_KEY} in its metadata; for another maker's give card=...")
    chosen = card or GeneratorCard.from_json(text)
    file = described(chosen, _ends(session, chosen, tensors), tensors, adopted=text is None)
    if known is not None:
        if text is not None and metadata.get(HASH_KEY) != known.sha256:
            raise CardMismatch("the session was built from another file than this one", model=known.path)
        if (file.inputs, file.types) != (known.inputs, known.types):
            raise CardMismatch("the session's inputs are not those of this file", model=known.path)
    file = replace(file, sha256=known.sha256 if known else metadata.get(HASH_KEY, ""))
    if known is not None:
        file = replace(file, least=known.least, tile=known.tile, alive=known.alive)
    device = _device(session)
    runs = OwnSession(session)
    own = device.name == "cpu" or chosen.source is not None
    return file, runs if own else FixedBatch(runs, options.cuda_batch), device


def _ends(session: Any, card: GeneratorCard, tensors: Tensors | None) -> Ends:
    """The session's inputs and outputs. Sizes that an output does not declare are left to the run that proves them."""
    inputs, outputs = ([_value(one) for one in ends] for ends in (session.get_inputs(), session.get_outputs()))
    image = card.image
    sizes = (image.height, image.width, image.channels)
    known = tensors or Tensors()
    wanted = {known.image: known.shape(image.channels, image.height, image.width), "pixels": sizes}
    facts = {}
    for value in inputs:
        dtype, shape = batched(value)
        facts[value.name] = Fact(dtype, (_BATCH, *(size if isinstance(size, int) else 1 for size in shape[1:])))
    for value in outputs:
        if value.dtype is None or not value.shape:
            raise NotAGenerator(f"output {value.name!r} has no type or shape that a generator's has")
        asked = wanted.get(value.name, ())
        rest = value.shape[1:]
        if len(rest) == len(asked):
            rest = tuple(said if isinstance(said, int) else size for said, size in zip(rest, asked, strict=True))
        batch = value.shape[0] if isinstance(value.shape[0], int) else _BATCH
        facts[value.name] = Fact(value.dtype, (batch, *(size if isinstance(size, int) else 1 for size in rest)))
    return Ends(tuple(inputs), tuple(outputs), facts)


def _value(one: Any) -> Value:
    return Value(one.name, _TYPES.get(one.type), tuple(one.shape))


def _device(session: Any) -> Device:
    """What the session's first provider runs on; one that is neither CUDA nor the CPU by its own name."""
    provider = session.get_providers()[0]
    if provider == CUDA:
        name = f"cuda:{session.get_provider_options()[CUDA].get('device_id', '0')}"
    else:
        name = "cpu" if provider == CPU else provider.removesuffix("ExecutionProvider").lower()
    return Device(name, name)
