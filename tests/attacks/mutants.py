"""Files that are one change away from good ones, by number: the same file for the same number, on every machine.

A third are damaged as bytes. The others are changed as messages (numbers replaced, fields dropped, doubled, swapped, moved,
grown) or as cards, and sealed again, so that the hash does not hide what the other checks let through.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import numpy as np
from good_files import good_files
from wire import FIXED32, FIXED64, GRAPH, LENGTH, VARINT, digest, entry, field, fields, parts, raw_field

from cganx import runtime
from cganx.card import CARD_KEY, HASH_KEY

NUMBERS = (
    0,
    1,
    2,
    3,
    4,
    7,
    8,
    15,
    16,
    17,
    64,
    255,
    256,
    1 << 15,
    1 << 16,
    1 << 20,
    1 << 31,
    1 << 32,
    1 << 62,
    -1,
    -2,
    -16,
    -(1 << 31),
    -(1 << 63),
)
# Inside a graph: which fields of which message are messages themselves.
_INSIDE: dict[int, Any] = {1: {5: {5: {}}}, 5: {}, 11: None, 12: None, 13: None}
WORDS = ("Add", "Resize", "Conv", "ConvTranspose", "Expand", "Gather", "Slice", "Pad", "Div", "Tile", "Loop", "Softmax", "")
CARD_VALUES: tuple[Any, ...] = (
    *(None, True, 0, 1, -1, 2, 16, 1 << 40, 0.5, "", "x", "\n", "class", "index"),
    *([], [1], ["a"], ["a", "a"], ["disc", "cross"], {}, {"size": 8}, {"input": True}),
)


def mutant(index: int) -> bytes:
    """The file of that number."""
    chance = random.Random(index)
    data = chance.choice(list(good_files().values()))
    kind = chance.randrange(6)
    if kind == 0:
        return _bytes(data, chance)
    if kind == 1:
        return _sealed(data, lambda graph, card: (_bytes(graph, chance), card))
    if kind == 2:
        return _sealed(data, lambda graph, card: (graph, _card(card, chance)))
    times = chance.choice((1, 1, 1, 2, 3))
    return _sealed(data, lambda graph, card: (_changed(graph, chance, times), card))


def _sealed(data: bytes, change: Callable[[bytes, bytes], tuple[bytes, bytes]]) -> bytes:
    graph, card = change(*parts(data))
    head = b"".join(raw_field(*one[:3]) for one in fields(data) if one.number not in (GRAPH, 14))
    return head + field(GRAPH, graph) + entry(CARD_KEY, card) + entry(HASH_KEY, digest(card, graph))


def _bytes(data: bytes, chance: random.Random) -> bytes:
    """Bits flipped, bytes replaced, a piece cut out, doubled or moved."""
    made = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        at = chance.randrange(len(made))
        length = chance.choice((1, 1, 2, 4, 8, 64))
        what = chance.randrange(5)
        if what == 0:
            made[at] ^= 1 << chance.randrange(8)
        elif what == 1:
            made[at] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
        elif what == 2:
            del made[at : at + length]
        elif what == 3:
            made[at:at] = made[at : at + length]
        else:
            other = chance.randrange(len(made))
            made[at : at + length] = made[other : other + length]
        if not made:
            return b""
    return bytes(made)


Part = tuple[int, int, Any]


def _changed(graph: bytes, chance: random.Random, times: int) -> bytes:
    for _ in range(times):
        graph = _changed_message(graph, chance, _INSIDE)
    return graph


def _changed_message(data: bytes, chance: random.Random, inside: dict[int, Any] | None) -> bytes:
    """One field of a message, or of a message in it, is another."""
    found: list[Part] = [one[:3] for one in fields(data)]
    if not found:
        return data
    numbers = sorted({number for number, _, _ in found})
    wanted = chance.choice(numbers)
    at = chance.choice([index for index, one in enumerate(found) if one[0] == wanted])
    number, wire, value = found[at]
    if wire == LENGTH and chance.random() < 0.75 and _is_message(bytes(value), number, inside):
        deeper = None if inside is None else inside[number]
        found[at] = number, wire, _changed_message(bytes(value), chance, deeper)
    else:
        _change_field(found, at, chance)
    return b"".join(raw_field(*one) for one in found)


def _is_message(value: bytes, number: int, inside: dict[int, Any] | None) -> bool:
    """Where the tables do not know, whatever reads as a message."""
    if inside is not None and number not in inside:
        return False
    try:
        return len(list(fields(value))) > 0
    except ValueError:
        return False


def _change_field(found: list[Part], at: int, chance: random.Random) -> None:
    number, wire, value = found[at]
    what = chance.randrange(8)
    if what == 0:
        del found[at]
    elif what == 1:
        found.insert(chance.randrange(len(found) + 1), found[at])
    elif what == 2:
        other = chance.randrange(len(found))
        found[at], found[other] = found[other], found[at]
    elif what == 3:  # the value of another field of its kind
        found[at] = number, wire, chance.choice([one[2] for one in found if one[1] == wire])
    elif wire == VARINT:
        found[at] = number, wire, chance.choice((*NUMBERS, value + 1, max(value, 1) - 1, chance.randrange(1 << 16)))
    elif wire in (FIXED32, FIXED64):
        patterns = (0.0, -1.0, 1e-30, 1e30, float("nan"), float("inf"), chance.uniform(-10, 10))
        found[at] = number, wire, np.array(chance.choice(patterns), "<f4" if wire == FIXED32 else "<f8").tobytes()
    else:
        found[at] = number, wire, _changed_bytes(bytes(value), chance)


def _changed_bytes(value: bytes, chance: random.Random) -> bytes:
    what = chance.randrange(5)
    if what == 0:
        return chance.choice(WORDS).encode()
    if what == 1:
        return value * chance.choice((2, 3, 100))
    if what == 2 and len(value) >= 8 and len(value) % 8 == 0:  # whole numbers of a size, or floats
        made = bytearray(value)
        at = 8 * chance.randrange(len(value) // 8)
        made[at : at + 8] = (chance.choice(NUMBERS) % (1 << 64)).to_bytes(8, "little")
        return bytes(made)
    return _bytes(value, chance) if value else b"x"


def _card(card: bytes, chance: random.Random) -> bytes:
    """Another value of a key, of a key in it, a key less, or other bytes."""
    if chance.random() < 0.2:
        return _bytes(card, chance)
    known: dict[str, Any] = json.loads(card)
    key = chance.choice(sorted(known))
    if isinstance(known[key], dict) and known[key] and chance.random() < 0.6:
        known[key][chance.choice(sorted(known[key]))] = chance.choice(CARD_VALUES)
    elif chance.random() < 0.2:
        del known[key]
    else:
        known[key] = chance.choice(CARD_VALUES)
    return json.dumps(known, ensure_ascii=False).encode()


def faults(data: bytes) -> list[str]:
    """What is wrong with what was made of an accepted file. Raises what the runtime raises."""
    generator = runtime.load(data, device="cpu", threads=1)
    label = generator.card.classes[-1] if generator.card.classes else None
    try:
        made = generator.generate(label, seeds=range(3))
    except runtime.NotAGenerator as error:  # a lookup that is only now out of range
        return [] if "cannot run it" in str(error) else [str(error)]
    found = []
    if made.dtype != np.uint8 or made.shape != (3, *generator.picture_shape):
        found.append(f"made {made.dtype} {made.shape}, not three pictures {generator.picture_shape}")
    if not np.array_equal(made, generator.generate(label, seeds=range(3))):
        found.append("made other pictures of the same seeds")
    return found
