"""A worker that trains a preset with ``cganx.training.train``: the real loop with all that it writes down.

    cganx_steps.py DATA PRESET STEPS

A turn is one stretch of STEPS steps between two lines of stats.jsonl; a checkpoint falls into it where one is due.
"""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from collections.abc import Callable
from queue import SimpleQueue

from side_by_side import serve

from cganx import networks, training
from cganx.training import Status
from cganx.training.presets import find_preset

FOREVER = 10**9


class Stretches:
    """The loop, held after every line of its statistics until it is asked for the next."""

    def __init__(self, data: str, preset: str, steps: int) -> None:
        self.steps = steps
        self._asked: SimpleQueue[None] = SimpleQueue()
        self._taken: SimpleQueue[float] = SimpleQueue()
        self._resumed = time.perf_counter()
        threading.Thread(target=self._train, args=(data, preset), daemon=True).start()
        self._taken.get()  # the first stretch loads and warms up

    def turn(self, count: int) -> float:
        """Seconds of ``count`` steps, which must be a whole number of stretches."""
        stretches, rest = divmod(count, self.steps)
        if rest:
            raise ValueError(f"{count} steps are not a whole number of stretches of {self.steps}")
        total = 0.0
        for _ in range(stretches):
            self._asked.put(None)
            total += self._taken.get()
        return total

    def _train(self, data: str, preset: str) -> None:
        with tempfile.TemporaryDirectory() as folder:
            training.train(
                data,
                preset,
                folder,
                steps=FOREVER,
                settings={"log_every": self.steps},
                device="cpu",
                progress=self._hold,
            )

    def _hold(self, _: Status) -> None:
        self._taken.put(time.perf_counter() - self._resumed)
        self._asked.get()
        self._resumed = time.perf_counter()


def parameters(preset: str) -> dict[str, int]:
    """How many numbers each of the preset's networks learns, on 28 x 28 grey pictures of ten classes."""
    recipe = find_preset(preset)
    shape = networks.ImageShape(1, *(recipe.fixed_size or (28, 28)))
    labels = tuple(str(number) for number in range(10))
    classes = len(recipe.settings.classes(labels))
    known = len(recipe.settings.taught(labels)) or classes
    players = {"generator": recipe.generator(shape, classes), "discriminator": recipe.discriminator(shape, known)}
    return {name: sum(one.numel() for one in module.parameters()) for name, module in players.items()}


if __name__ == "__main__":
    turn: Callable[[int], float] = Stretches(sys.argv[1], sys.argv[2], int(sys.argv[3])).turn
    serve(turn, {"parameters": parameters(sys.argv[2])})
